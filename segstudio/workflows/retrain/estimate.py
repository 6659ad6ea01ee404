"""How many steps fit into some minutes, and what memory and disk they need: estimates, said to be such."""

import statistics
from dataclasses import dataclass
from pathlib import Path

from segstudio.workflows.retrain.presets import Preset

# Rough cost of a crop relative to that of a mit_b0, by size: a first guess, as every run measures its own.
COSTS = {
    "mit_b0": 1.0, "mit_b1": 2.3, "mit_b2": 4.6, "mit_b3": 6.6, "mit_b4": 8.8, "mit_b5": 11.0,
}  # fmt: skip
OTHER_COST = 8.0
FROZEN_COST = 0.45
# What a validation costs beside a step: forward alone, one image at a time.
VALIDATION_FACTOR = 0.45
# Importing, reading samples, building the network.
START_SECONDS = 8.0
# Share of the time that validations may take, and how many there should be.
VALIDATION_SHARE, MOST_VALIDATIONS, FEWEST_VALIDATIONS = 0.2, 16, 3
FEWEST_SCORED = 8
CHECKPOINT_SECONDS = 60.0
SPEED_FILE = "speed.json"
# Activations of a b0 in training, bytes a pixel of a crop, float32; and what torch takes by itself.
PIXEL_BYTES, OWN_BYTES = 1_500, 500_000_000


@dataclass(frozen=True)
class Estimate:
    """What a training will take, before it was measured.

    Attributes:
        steps: optimiser steps.
        seconds_per_step: mean over the run.
        seconds_per_validation: of all scored samples.
        validation_steps: from one validation to the next.
        checkpoint_steps: from one checkpoint to the next.
        validation_limit: score so many samples only; 0 scores all.
        memory_bytes: at the peak.
        measured: whether speed comes from an earlier run on this machine.
    """

    steps: int
    seconds_per_step: float
    seconds_per_validation: float
    validation_steps: int
    checkpoint_steps: int
    validation_limit: int
    memory_bytes: int
    measured: bool = False

    @property
    def seconds(self) -> float:
        """Of the whole training."""
        validations = self.steps / max(1, self.validation_steps) * bool(self.seconds_per_validation)
        return START_SECONDS + self.steps * self.seconds_per_step + validations * self.seconds_per_validation


def estimate_run(
    preset: Preset, backbone: str, minutes: float, validation_samples: int, short_side: int, *,
    frozen: bool = False, runs: Path | None = None,
) -> Estimate:  # fmt: skip
    """Estimates a training of some minutes.

    Args:
        preset: crops and speed.
        backbone: of the network.
        minutes: that it may take.
        validation_samples: to score.
        short_side: at which they are scored, in pixels.
        frozen: whether the backbone learns nothing.
        runs: the project's runs_dir, where earlier runs tell how fast this machine is.
    """
    cost = COSTS.get(backbone, OTHER_COST) * (FROZEN_COST if frozen else 1.0)
    speed = measured_speed(runs, preset, backbone, frozen=frozen) if runs else None
    pixels_per_second = speed or preset.pixels_per_second / cost
    step = preset.pixels_per_step / pixels_per_second
    one = VALIDATION_FACTOR * short_side * short_side * 4 / 3 / pixels_per_second
    memory = int(OWN_BYTES + PIXEL_BYTES * preset.pixels_per_step / preset.processes * max(1.0, cost**0.6))
    return timetable(minutes * 60, step, one, validation_samples, memory, measured=speed is not None)


def timetable(
    seconds: float, step: float, scored: float, samples: int, memory: int = 0, *, measured: bool = False
) -> Estimate:
    """Divides a time between steps and validations.

    Args:
        seconds: in all.
        step: seconds of one step.
        scored: seconds to score one sample.
        samples: to score; 0 validates never.
        memory: bytes, for the estimate.
        measured: whether the seconds were.
    """
    seconds = max(step, seconds - START_SECONDS)
    validations = max(FEWEST_VALIDATIONS, min(MOST_VALIDATIONS, int(seconds // 30)))
    limit = 0
    if samples:
        affordable = int(seconds * VALIDATION_SHARE / validations / max(scored, 1e-9))
        if affordable < samples:
            limit = min(samples, max(FEWEST_SCORED, affordable))
    validation = (limit or samples) * scored
    steps = max(FEWEST_VALIDATIONS, int((seconds - validations * validation) / step))
    # The last validation is that of the last step.
    interval = max(1, round(steps / validations))
    steps = interval * validations
    checkpoints = max(1, min(steps, int(CHECKPOINT_SECONDS / step)))
    return Estimate(
        steps, step, validation, interval, checkpoints,
        limit if limit < samples else 0, memory, measured,
    )  # fmt: skip


def measured_speed(runs: Path, preset: Preset, backbone: str, *, frozen: bool = False) -> float | None:
    """Pixels a second of the newest runs with the same preset and backbone, in this project; None without.

    With a frozen backbone a step takes less than half the time: only runs alike in that are counted.
    """
    from segstudio.workflows.retrain.folder import RunFolder, created, read_json

    found = []
    for path in runs.iterdir() if runs.is_dir() else []:
        speed = read_json(path / SPEED_FILE)
        alike = (speed.get("preset"), speed.get("backbone"), bool(speed.get("frozen")))
        if alike == (preset.key, backbone, frozen):
            value = speed.get("pixels_per_second")
            if isinstance(value, int | float) and value > 0:
                found.append((created(RunFolder(path)), float(value)))
    newest = [value for _, value in sorted(found)[-3:]]
    return statistics.median(newest) if newest else None
