"""Times `segstudio train` beside the training script that most people would write with transformers.

python packaging/benchmarks/training_run.py [--json] [--frames FOLDER] [--variants b0] [--size 256]

FOLDER has images/train and masks/train (TAO's layout, ids in the masks); without it, street scenes are
drawn into a temporary one. speed_vs_script: images a second of our whole loop (decoding, augmentation,
averaged weights, log), divided by those of a plain script: transformers' network and loss, torch's
DataLoader with as many workers, random scale, crop, flip and colours with OpenCV, AdamW. wait_share: the
share of our loop's time that it waits for samples. Both sides run in processes of their own, in turns, with
the same threads, precision and allocator settings; ratios are of medians; the one with stock_allocator is
against the script without those settings.
"""

import argparse
import json
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import cv2
import numpy as np
import torch
from torch import Tensor
from torch.nn import functional as F
from torch.utils.data import DataLoader, Dataset

from segstudio.annotation.palette import load_palette
from segstudio.images import write_image, write_mask
from segstudio.jobs import JobContext
from segstudio.networks.mit import HEADS, MLP_RATIO, REDUCTIONS
from segstudio.networks.variants import MIT_VARIANTS
from segstudio.scenes.street import draw_scene
from segstudio.training.events import read_events
from segstudio.training.loop import train
from segstudio.training.process import keep_freed_memory, limit_threads
from segstudio.training.spec.load import spec_from_dict

CLASSES = 19
MEAN = np.array([0.485, 0.456, 0.406], np.float32)
STD = np.array([0.229, 0.224, 0.225], np.float32)
SIDES = ("ours", "script", "stock")
LOG_EVERY = 5
WARM_UP = 2


class PlainSamples(Dataset[tuple[Tensor, Tensor]]):
    """What a script does for each sample: read, scale, crop, flip, recolour, normalise."""

    def __init__(self, frames: Path, size: int, count: int) -> None:
        self._images = sorted((frames / "images" / "train").iterdir())
        self._masks = sorted((frames / "masks" / "train").iterdir())
        self._size, self._count = size, count

    def __len__(self) -> int:
        """Samples of the whole measurement."""
        return self._count

    def __getitem__(self, number: int) -> tuple[Tensor, Tensor]:
        """Float [3,size,size] and int64 [size,size]."""
        chance, size = np.random.default_rng(number), self._size
        position = int(chance.integers(len(self._images)))
        stored = cv2.imread(str(self._images[position]))
        mask = cv2.imread(str(self._masks[position]), cv2.IMREAD_UNCHANGED)
        assert stored is not None
        assert mask is not None
        image = cv2.cvtColor(stored, cv2.COLOR_BGR2RGB)
        scale = max(float(chance.uniform(0.5, 2.0)), size / min(mask.shape))
        image = cv2.resize(image, None, fx=scale, fy=scale)
        mask = cv2.resize(mask, None, fx=scale, fy=scale, interpolation=cv2.INTER_NEAREST)
        top, left = (int(chance.integers(side - size + 1)) for side in mask.shape)
        image, mask = image[top : top + size, left : left + size], mask[top : top + size, left : left + size]
        if chance.random() < 0.5:
            image, mask = image[:, ::-1], mask[:, ::-1]
        pixels = image.astype(np.float32) / 255 * chance.uniform(0.7, 1.3) + chance.uniform(-0.2, 0.2)
        grey = pixels.mean(2, keepdims=True)
        pixels = np.clip(grey + (pixels - grey) * chance.uniform(0.7, 1.3), 0, 1)
        pixels = (pixels - MEAN) / STD
        channels_first = np.ascontiguousarray(pixels.transpose(2, 0, 1), np.float32)
        return torch.from_numpy(channels_first), torch.from_numpy(mask.astype(np.int64))


def script(variant: str, options: argparse.Namespace) -> dict[str, float]:
    """Images a second of the plain script."""
    import transformers

    shape = MIT_VARIANTS[variant]
    network = transformers.SegformerForSemanticSegmentation(
        transformers.SegformerConfig(
            hidden_sizes=list(shape.dims), depths=list(shape.depths), decoder_hidden_size=shape.embed_dim,
            num_attention_heads=list(HEADS), sr_ratios=list(REDUCTIONS), mlp_ratios=[MLP_RATIO] * len(HEADS),
            num_labels=CLASSES,
        )
    )  # fmt: skip
    device = torch.device("cuda" if torch.cuda.is_available() else "cpu")
    network.to(device).train()
    optimiser = torch.optim.AdamW(network.parameters(), lr=6e-5)
    samples = PlainSamples(options.frames, options.size, options.batch * options.steps)
    loader = DataLoader(samples, options.batch, num_workers=1)
    seconds, since = [], time.perf_counter()
    for images, target in loader:
        with torch.autocast(device.type, torch.bfloat16, enabled=options.precision == "bf16-mixed"):
            logits = network(pixel_values=images.to(device)).logits
        logits = F.interpolate(logits.float(), size=target.shape[1:], mode="bilinear", align_corners=False)
        loss = F.cross_entropy(logits, target.to(device), ignore_index=255)
        optimiser.zero_grad()
        torch.autograd.backward([loss])
        optimiser.step()
        float(loss.detach())
        seconds.append(time.perf_counter() - since)
        since = time.perf_counter()
    return {"speed": options.batch / statistics.median(seconds[LOG_EVERY * WARM_UP :])}


def ours(variant: str, options: argparse.Namespace) -> dict[str, float]:
    """Images a second and the share of waiting of our loop, from its own log."""
    images, masks = (options.frames / kind / "train" for kind in ("images", "masks"))
    with tempfile.TemporaryDirectory() as folder:
        spec = spec_from_dict(
            {
                "results_dir": folder,
                "model": {"backbone": {"type": variant}},
                "dataset": {
                    "segment": {
                        "img_size": options.size, "batch_size": options.batch, "workers": 1,
                        "palette": "cityscapes",
                    }
                },
                "train": {"checkpoint_interval": 100000, "checkpoint_interval_unit": "step"},
                "studio": {
                    "preset": "studio", "sources": [{"images": str(images), "masks": str(masks)}],
                    "max_steps": options.steps, "threads": options.threads,
                    "precision": options.precision, "log_every": LOG_EVERY,
                },
            }
        )  # fmt: skip
        result = train(spec, JobContext())
        steps = [event for event in read_events(result.folder) if event["kind"] == "step"][WARM_UP:]
    return {
        "speed": statistics.median(event["images_per_second"] for event in steps),
        "wait": statistics.median(event["wait_share"] for event in steps),
    }


def child(side: str, variant: str, options: argparse.Namespace) -> dict[str, float]:
    """One measurement in this process."""
    if side != "stock":
        keep_freed_memory()
    limit_threads(options.threads)
    torch.manual_seed(0)
    return ours(variant, options) if side == "ours" else script(variant, options)


def measure(variant: str, options: argparse.Namespace, arguments: list[str]) -> dict[str, float]:
    """Runs every side in turns and forms the ratios."""
    figures: dict[str, list[dict[str, float]]] = {side: [] for side in SIDES}
    for _ in range(options.rounds):
        for side in SIDES:
            command = [sys.executable, __file__, "--child", side, "--variants", variant, *arguments]
            answer = subprocess.run(command, capture_output=True, text=True, check=False)
            if answer.returncode:
                raise RuntimeError(f"{side} failed: {answer.stderr[-2000:]}")
            figures[side].append(json.loads(answer.stdout.splitlines()[-1]))
    speed = {side: statistics.median(entry["speed"] for entry in figures[side]) for side in SIDES}
    for side, value in speed.items():
        print(f"{variant} {side}: {value:.1f} images/s", file=sys.stderr)
    return {
        "speed_vs_script": round(speed["ours"] / speed["script"], 3),
        "speed_vs_script_stock_allocator": round(speed["ours"] / speed["stock"], 3),
        "wait_share": round(statistics.median(entry["wait"] for entry in figures["ours"]), 4),
    }


def draw_frames(folder: Path, count: int = 24) -> None:
    """Street scenes as files, in TAO's layout."""
    colours = load_palette("cityscapes").colours()
    for number in range(count):
        scene = draw_scene(number, 360, 480)
        write_image(folder / "images" / "train" / f"{number:03d}.jpg", scene.image)
        write_mask(folder / "masks" / "train" / f"{number:03d}.png", scene.mask, colours)


def main() -> int:
    """Prints the ratios of every variant."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--json", action="store_true")
    parser.add_argument("--frames", type=Path)
    parser.add_argument("--variants", nargs="+", default=["b0"])
    parser.add_argument("--size", type=int, default=256)
    parser.add_argument("--batch", type=int, default=8)
    parser.add_argument("--steps", type=int, default=40)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--threads", type=int, default=0, help="0: torch's default")
    parser.add_argument("--precision", default="32-true", choices=("32-true", "bf16-mixed"))
    parser.add_argument("--child", choices=SIDES, help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.child:
        print(json.dumps(child(options.child, options.variants[0], options)))
        return 0
    with tempfile.TemporaryDirectory() as drawn:
        if options.frames is None:
            options.frames = Path(drawn)
            draw_frames(options.frames)
        names = ("frames", "size", "batch", "steps", "threads", "precision")
        arguments = [f"--{name}={getattr(options, name)}" for name in names]
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
