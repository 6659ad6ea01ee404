"""Presets of a retraining by machine: crops, batch, precision and threads, each with a line of reason."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from segstudio.jobs import cores
from segstudio.workflows.machine import Gpu, gpus, memory_bytes

CPU_FACTS = Path("/proc/cpuinfo")
# A processor without these computes bf16 by way of float32, and slower than that.
BF16_FLAGS = ("avx512_bf16", "amx_bf16")
# Compute capability from which a GPU has bf16.
AMPERE = 8.0


@dataclass(frozen=True)
class MachineFacts:
    """What decides the preset: cores, bytes of memory (0 unknown), NVIDIA GPUs, bf16 in the processor."""

    cores: int
    memory: int
    gpus: tuple[Gpu, ...] = ()
    cpu_bf16: bool = False


@dataclass(frozen=True)
class Stage:
    """Crops from a share of the run on: height and width in pixels, samples a step and process."""

    start: float
    height: int
    width: int
    batch: int


@dataclass(frozen=True)
class Preset:
    """How a machine trains.

    Attributes:
        key: names it in choices and on the command line.
        title: for people.
        reason: one line, why it is so.
        accelerator: cpu or cuda.
        processes: GPUs or, on the CPU, one.
        precision: of the spec.
        threads: of torch; 0 leaves its choice.
        workers: processes that prepare samples.
        stages: crops over the run.
        most_short_side: the largest shorter side at which images are scored, in pixels.
        backbone: from random weights.
        pixels_per_second: what a b0 learns from in a second, as a first guess; see estimate.py.
    """

    key: str
    title: str
    reason: str
    accelerator: str
    processes: int
    precision: str
    threads: int
    workers: int
    stages: tuple[Stage, ...]
    most_short_side: int
    backbone: str
    pixels_per_second: float

    def spec(self) -> dict[str, Any]:
        """The keys of an experiment that the preset sets."""
        last = self.stages[-1]
        return {
            "dataset": {
                "segment": {
                    "img_size": max(last.height, last.width),
                    "batch_size": last.batch,
                    "workers": self.workers,
                }
            },
            "train": {"num_gpus": self.processes, "gpu_ids": list(range(self.processes))},
            "studio": {
                "accelerator": self.accelerator,
                "precision": self.precision,
                "threads": self.threads,
                "crops": [
                    {"start": stage.start, "height": stage.height, "width": stage.width, "batch": stage.batch}
                    for stage in self.stages
                ],
            },
        }

    @property
    def pixels_per_step(self) -> float:
        """Pixels that a step of all processes sees, averaged over the run."""
        ends = [stage.start for stage in self.stages[1:]] + [1.0]
        mean = sum(
            (end - stage.start) * stage.height * stage.width * stage.batch
            for stage, end in zip(self.stages, ends, strict=True)
        )
        return mean * self.processes


def this_machine_facts() -> MachineFacts:
    """The facts of the machine that this process runs on; looks at the driver, never at torch."""
    return MachineFacts(cores(), memory_bytes(), gpus(), _cpu_has_bf16())


def presets_for(machine: MachineFacts) -> tuple[Preset, ...]:
    """The presets that a machine can run, the proposed one first."""
    found = [cpu_preset(machine)]
    if machine.gpus:
        found.insert(0, gpu_preset(machine, machine.gpus[:1]))
    if len(machine.gpus) > 1:
        found.insert(0, gpu_preset(machine, machine.gpus))
    return tuple(found)


def cpu_preset(machine: MachineFacts) -> Preset:
    """Small crops that grow: most steps in a few minutes."""
    # Two threads of one core share its units: one is as fast, and leaves the other to the window.
    threads = max(1, machine.cores // 2)
    bf16 = "bf16 as this processor has it" if machine.cpu_bf16 else "float32 as this processor has no bf16"
    return Preset(
        "cpu", "CPU minutes",
        f"no GPU needed: small crops first, {bf16}, {threads} thread{'s' * (threads > 1)} of {machine.cores}"
        " so that the window stays fluid",
        "cpu", 1, "bf16-mixed" if machine.cpu_bf16 else "32-true", threads, 1,
        (Stage(0.0, 256, 320, 8), Stage(0.6, 320, 416, 6)), 512, "mit_b0",
        (0.65e6 if machine.cpu_bf16 else 0.4e6) * threads,
    )  # fmt: skip


def gpu_preset(machine: MachineFacts, used: Sequence[Gpu]) -> Preset:
    """Large crops and batches on one GPU, or the same on each of several."""
    several, least = len(used) > 1, min((gpu.memory for gpu in used), default=0)
    batch = 16 if least >= 20_000 else 8 if least >= 10_000 else 4
    bf16 = all(_capability(gpu) >= AMPERE for gpu in used)
    name = f"{len(used)} GPUs" if several else used[0].name
    return Preset(
        "gpus" if several else "gpu", "Several GPUs" if several else "One GPU",
        f"{name}: crops of 512 pixels, {batch} a step{' and GPU' if several else ''},"
        f" {'bf16' if bf16 else 'fp16 with scaled gradients'}, as {least / 1024:.0f} GiB of memory hold them",
        "cuda", len(used), "bf16-mixed" if bf16 else "16-mixed", 0,
        max(1, min(8, machine.cores // len(used) - 1)),
        (Stage(0.0, 512, 512, batch),), 1024, "mit_b2", 40e6 * len(used),
    )  # fmt: skip


def _capability(gpu: Gpu) -> float:
    try:
        return float(gpu.capability)
    except ValueError:
        return 0.0


def _cpu_has_bf16(facts: Path = CPU_FACTS) -> bool:
    try:
        text = facts.read_text(encoding="ascii", errors="replace")
    except OSError:
        return False
    flags: Mapping[str, None] = dict.fromkeys(
        word for line in text.splitlines() if line.startswith("flags") for word in line.split()
    )
    return any(flag in flags for flag in BF16_FLAGS)
