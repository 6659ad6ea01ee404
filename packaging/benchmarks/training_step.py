"""Times a training step beside transformers' SegFormer, and the whole loop beside a plain script.

python packaging/benchmarks/training_step.py [--json] [--variants b0 b2] [--size 256] [--batch 8] [--rounds 3]

speed_vs_transformers: images a second, ours divided by theirs; peak_memory_vs_transformers: growth of the
process (GPU: allocated memory) above its start, ours divided by theirs; loop_vs_script: images a second of
`segstudio train`, with decoding, augmentation, average and events, divided by those of a script that trains
our network on one batch that never changes. Every side runs in processes of its own, in turns, with the same
allocator settings, threads, precision, optimiser and loss; ratios are of medians.
"""

import argparse
import json
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import torch
from torch import Tensor, nn

from segstudio.jobs import JobContext
from segstudio.networks.architecture import Architecture
from segstudio.networks.mit import HEADS, MLP_RATIO, REDUCTIONS
from segstudio.networks.segformer import SegFormer
from segstudio.networks.variants import MIT_VARIANTS
from segstudio.training.events import read_events
from segstudio.training.loop import train
from segstudio.training.losses import cross_entropy, upsample
from segstudio.training.process import keep_freed_memory, limit_threads
from segstudio.training.spec.load import spec_from_dict

CLASSES = 19
WARM_UP = 3
SIDES = ("ours", "transformers", "loop")


class Logits(nn.Module):
    """transformers' network with logits as its only answer."""

    def __init__(self, variant: str) -> None:
        super().__init__()
        import transformers

        shape = MIT_VARIANTS[variant]
        config = transformers.SegformerConfig(
            hidden_sizes=list(shape.dims),
            depths=list(shape.depths),
            decoder_hidden_size=shape.embed_dim,
            num_attention_heads=list(HEADS),
            sr_ratios=list(REDUCTIONS),
            mlp_ratios=[MLP_RATIO] * len(HEADS),
            num_labels=CLASSES,
        )
        self.inner = transformers.SegformerForSemanticSegmentation(config)

    def forward(self, images: Tensor) -> Tensor:
        """Normalised images [N,3,H,W] to logits [N,K,H/4,W/4]."""
        logits: Tensor = self.inner(pixel_values=images).logits
        return logits


def memory(device: torch.device) -> float:
    """The most memory in use so far, MiB."""
    if device.type == "cuda":
        return torch.cuda.max_memory_allocated() / 2**20
    with open("/proc/self/status", encoding="ascii") as status:
        return next(int(line.split()[1]) for line in status if line.startswith("VmHWM")) / 1024


def script(network: nn.Module, options: argparse.Namespace) -> dict[str, float]:
    """A plain loop on one batch: median images a second and the growth of memory."""
    device = torch.device("cuda" if torch.cuda.is_available() else "cpu")
    images = torch.randn(options.batch, 3, options.size, options.size, device=device)
    target = torch.randint(0, CLASSES, (options.batch, options.size, options.size), device=device)
    before = memory(device)
    network.to(device).train()
    optimiser = torch.optim.AdamW(network.parameters(), lr=1e-4)
    seconds = []
    for _ in range(WARM_UP + options.steps):
        began = time.perf_counter()
        with torch.autocast(device.type, torch.bfloat16, enabled=options.precision == "bf16-mixed"):
            logits = network(images)
        loss = cross_entropy(upsample(logits.float(), (options.size, options.size)), target)
        optimiser.zero_grad(set_to_none=True)
        torch.autograd.backward([loss])
        optimiser.step()
        float(loss.detach())
        seconds.append(time.perf_counter() - began)
    return {
        "speed": options.batch / statistics.median(seconds[WARM_UP:]),
        "memory": memory(device) - before,
    }


def loop(variant: str, options: argparse.Namespace) -> dict[str, float]:
    """`segstudio train` on drawn scenes: images a second between its last two progress events."""
    stage = {"height": options.size, "width": options.size, "batch": options.batch}
    with tempfile.TemporaryDirectory() as folder:
        spec = spec_from_dict(
            {
                "results_dir": folder,
                "model": {"backbone": {"type": variant}},
                "studio": {
                    "max_steps": 40,
                    "threads": options.threads,
                    "precision": options.precision,
                    "sources": [{"kind": "scenes", "count": 8, "height": 360, "width": 480}],
                    "crops": [stage],
                },
                "train": {"checkpoint_interval": 1000, "checkpoint_interval_unit": "step"},
            }
        )
        train(spec, JobContext())
        steps = [event for event in read_events(Path(folder)) if event["kind"] == "step"]
    return {"speed": steps[-1]["images_per_second"]}


def child(side: str, variant: str, options: argparse.Namespace) -> dict[str, float]:
    """One measurement in this process."""
    keep_freed_memory()
    limit_threads(options.threads)
    torch.manual_seed(0)
    if side == "loop":
        return loop(variant, options)
    network = SegFormer(Architecture(variant, CLASSES)) if side == "ours" else Logits(variant)
    return script(network, options)


def measure(variant: str, options: argparse.Namespace, arguments: list[str]) -> dict[str, float | None]:
    """Runs every side in turns and forms the ratios."""
    figures: dict[str, list[dict[str, float]]] = {side: [] for side in SIDES}
    for _ in range(options.rounds):
        for side in SIDES:
            command = [sys.executable, __file__, "--child", side, "--variants", variant, *arguments]
            answer = subprocess.run(command, capture_output=True, text=True, check=True)
            figures[side].append(json.loads(answer.stdout.splitlines()[-1]))
    median = {
        (side, key): statistics.median(entry[key] for entry in entries)
        for side, entries in figures.items()
        for key in entries[0]
    }
    for (side, key), value in median.items():
        print(f"{variant} {side} {key}: {value:.1f}", file=sys.stderr)
    return {
        "speed_vs_transformers": round(median["ours", "speed"] / median["transformers", "speed"], 3),
        "peak_memory_vs_transformers": round(median["ours", "memory"] / median["transformers", "memory"], 3),
        "loop_vs_script": round(median["loop", "speed"] / median["ours", "speed"], 3),
    }


def main() -> int:
    """Prints the ratios of every variant."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--json", action="store_true")
    parser.add_argument("--variants", nargs="+", default=["b0"])
    parser.add_argument("--size", type=int, default=256)
    parser.add_argument("--batch", type=int, default=8)
    parser.add_argument("--steps", type=int, default=12)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--threads", type=int, default=0, help="0: torch's default")
    parser.add_argument("--precision", default="32-true", choices=("32-true", "bf16-mixed"))
    parser.add_argument("--child", choices=SIDES, help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.child:
        print(json.dumps(child(options.child, options.variants[0], options)))
        return 0
    arguments = [
        f"--{name}={getattr(options, name)}" for name in ("size", "batch", "steps", "threads", "precision")
    ]
    figures = {
        name: measure(name if name.startswith("mit_") else f"mit_{name}", options, arguments)
        for name in options.variants
    }
    if options.json:
        print(json.dumps(figures))
    else:
        for name, values in figures.items():
            print(name, *(f"{key}: {value}" for key, value in values.items()), sep="\n  ")
    return 0


if __name__ == "__main__":
    sys.exit(main())
