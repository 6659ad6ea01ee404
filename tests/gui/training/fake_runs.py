"""Runs as trainings leave them in a project's folder, without any training."""

import json
import math
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np

from segstudio import images
from segstudio.inference.spec import ModelSpec, save_spec
from segstudio.jobs import JobContext
from segstudio.project.project import Project
from segstudio.project.sample import SampleStatus
from segstudio.training.data.manifest import read_manifest
from segstudio.workflows.freeze import freeze
from segstudio.workflows.retrain.choice import RetrainChoice
from segstudio.workflows.retrain.folder import RunFolder, RunNote, write_json
from segstudio.workflows.retrain.placed_model import note_lineage, place_model
from segstudio.workflows.retrain.start import file_hash

BEGAN = 1_795_000_000.0


def make_run(project: Project, name: str, **note: Any) -> RunFolder:
    """The folder of a run that has not begun."""
    run = RunFolder(project.runs_dir / name)
    run.train.mkdir(parents=True)
    run.write_note(RunNote(name, BEGAN, RetrainChoice(name=name), **note))
    return run


def add_events(run: RunFolder, events: Sequence[dict[str, Any]]) -> None:
    """Writes more events, a second apart unless they say when they were."""
    path = run.train / "events.jsonl"
    count = len(path.read_text(encoding="utf-8").splitlines()) if path.exists() else 0
    with path.open("a", encoding="utf-8") as stream:
        for number, event in enumerate(events):
            stream.write(json.dumps({"time": BEGAN + count + number, **event}) + "\n")


def training_events(
    names: Sequence[str], steps: int, every: int = 10, until: int | None = None, when: float | None = None
) -> list[dict[str, Any]]:
    """What a training of some steps tells: a loss that falls, classes that rise at different speeds."""
    until = steps if until is None else until
    found: list[dict[str, Any]] = [{"kind": "start", "step": 0, "steps": steps, "classes": list(names)}]
    for step in range(every, until + 1, every):
        wave = 0.15 * math.sin(step * 1.7)
        found.append(
            {"kind": "step", "step": step, "loss": 2.2 * math.exp(-3 * step / steps) + 0.3 + wave * 0.3,
             "lr": 2e-4 * (1 - step / steps), "images_per_second": 11.3, "wait_share": 0.0,
             "eta": (steps - step) * 0.7}
        )  # fmt: skip
        if step % (every * 5) == 0:
            ious = {
                name: round((0.9 - 0.7 * number / len(names)) * (1 - math.exp(-4 * step / steps)), 4)
                for number, name in enumerate(names)
            }
            miou = float(np.mean(list(ious.values())))
            found.append(
                {"kind": "validation", "step": step, "miou": miou, "aacc": 0.5 + miou / 2.2, "iou": ious}
            )
            found.append({"kind": "saved", "step": step})
    began = (time.time() if when is None else when) - len(found)
    return [event | {"time": began + number} for number, event in enumerate(found)]


def finish(run: RunFolder, steps: int) -> None:
    """Notes that the run came to its end."""
    add_events(run, [{"kind": "end", "step": steps, "stopped": False, "best_miou": 0.6}])
    write_json(run.ended, {"state": "finished", "time": BEGAN})


def fail(run: RunFolder, message: str, hint: str, kind: str = "memory") -> None:
    """Notes why the run ended early."""
    write_json(run.ended, {"state": "failed", "message": message, "hint": hint, "kind": kind, "time": BEGAN})


def add_pictures(run: RunFolder, project: Project, steps: Sequence[int]) -> list[str]:
    """Predictions of all samples that have a mask, and the manifest of their files; returns the keys."""
    freeze(project, run.data, JobContext(), statuses=tuple(SampleStatus))
    manifest = read_manifest(run.manifest)
    for number, step in enumerate(steps):
        for sample in manifest.samples:
            mask = images.read_mask(run.data / sample.mask).copy()
            # It sees more of the truth from validation to validation.
            mask[:, : mask.shape[1] * (len(steps) - 1 - number) // len(steps)] = 0
            target = run.watched / f"step_{step:05d}" / f"{sample.key}.png"
            images.write_mask(target, mask, manifest.palette.colours())
        told = [
            {"keys": [sample.key for sample in manifest.samples], "step": step, "kind": "watched",
             "images": [str(run.data / sample.image) for sample in manifest.samples],
             "masks": [str(run.data / sample.mask) for sample in manifest.samples]}
        ]  # fmt: skip
        add_events(run, told)
    return [sample.key for sample in manifest.samples]


def make_model(run: RunFolder, name: str) -> Path:
    """A model in the catalog as the chain of a run leaves it, from weights that say nothing."""
    run.data.mkdir(exist_ok=True)
    run.best_weights.write_bytes(b"weights")
    for path in (run.manifest, run.spec_file):
        path.write_bytes(path.read_bytes() if path.is_file() else b"{}")
    folder = run.path / "model"
    folder.mkdir()
    save_spec(ModelSpec(name, "mit_b0", ("road",), "road", {}), folder)
    note = run.note()
    assert note is not None
    weights = file_hash(run.best_weights)
    note_lineage(folder, run, note, weights)
    placed = place_model(folder, name)
    done = {"model": {"name": placed.name, "folder": str(placed)}}
    write_json(run.chain, {"doing": "", "weights": weights, "done": done})
    return placed


def folder_names(folder: Path) -> set[str]:
    """Names in a folder."""
    return {path.name for path in folder.iterdir()}
