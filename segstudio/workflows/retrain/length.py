"""Settles how many steps fit into a run's minutes, by what a step takes on this very machine."""

from typing import Any

import yaml

from segstudio.errors import SpecError
from segstudio.images import atomic_write
from segstudio.training.data.manifest import read_manifest
from segstudio.training.spec.load import merge
from segstudio.workflows.retrain.estimate import SPEED_FILE, timetable
from segstudio.workflows.retrain.folder import RunFolder, write_json
from segstudio.workflows.retrain.plan import timetable_values
from segstudio.workflows.retrain.samples import VALIDATION


def settle_length(run: RunFolder) -> None:
    """Measures a step and rewrites the timetable of the run's experiment, once, before its first step.

    An experiment that the user edited stays as it is. Imports torch.

    Raises:
        SpecError: the experiment cannot be read. RuntimeError: memory ran out.
    """
    note = run.note()
    if note is None or not note.measured_steps or (run.path / SPEED_FILE).is_file():
        return
    from segstudio.training.data.plan import crop_stages
    from segstudio.training.pace import measure_tempo
    from segstudio.training.spec.load import load_spec

    spec = load_spec(run.spec_file).spec
    samples = read_manifest(run.manifest).samples
    scored = [sample for sample in samples if sample.split == VALIDATION]
    usual = (scored or list(samples))[0]
    tempo = measure_tempo(spec, usual.height, usual.width)
    plan = timetable(note.choice.minutes * 60, tempo.step, tempo.scored, len(scored))
    values = merge(_read(run), timetable_values(plan, len(scored), str(run.manifest)))
    atomic_write(run.spec_file, yaml.safe_dump(values, sort_keys=False, allow_unicode=True).encode())
    stages = crop_stages(spec)
    ends = [stage.start for stage in stages[1:]] + [1.0]
    pixels = sum(
        max(0.0, end - stage.start) * stage.height * stage.width * stage.batch
        for stage, end in zip(stages, ends, strict=True)
    )
    write_json(run.path / SPEED_FILE, {
        "preset": note.preset, "backbone": spec.model.backbone.type,
        "frozen": note.choice.freeze_backbone,
        "pixels_per_second": pixels * spec.train.num_gpus / tempo.step,
        "seconds_per_step": tempo.step, "seconds_per_scored": tempo.scored, "steps": plan.steps,
    })  # fmt: skip


def _read(run: RunFolder) -> dict[str, Any]:
    values = yaml.safe_load(run.spec_file.read_text(encoding="utf-8"))
    if not isinstance(values, dict):
        raise SpecError(f"{run.spec_file} holds no keys", hint="make a new run")
    return values
