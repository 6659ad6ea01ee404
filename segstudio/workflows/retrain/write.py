"""Writes the folder of a run: frozen samples, start weights, experiment and note; nothing trains yet."""

import itertools
import os
import re
import shutil
import time
from dataclasses import replace
from pathlib import Path

import yaml

from segstudio.errors import InputError, SegstudioError
from segstudio.images import atomic_write
from segstudio.inference.catalog import taken_names
from segstudio.inference.spec import NAME_PATTERN
from segstudio.jobs import JobContext
from segstudio.project.project import Project
from segstudio.project.sample import SampleStatus
from segstudio.training.spec.load import spec_from_dict
from segstudio.workflows.freeze import PALETTE_FILE, freeze
from segstudio.workflows.retrain.choice import RetrainChoice
from segstudio.workflows.retrain.disk import require_space
from segstudio.workflows.retrain.folder import RunFolder, RunNote
from segstudio.workflows.retrain.plan import START_FILE, Plan, experiment_values, make_plan
from segstudio.workflows.retrain.samples import TRAIN, VALIDATION, choose_samples
from segstudio.workflows.retrain.start import file_hash

DROPPED = re.compile(r"[^A-Za-z0-9._-]+")


def write_run(project: Project, choice: RetrainChoice, context: JobContext) -> RunFolder:
    """Freezes the chosen samples and writes everything that a run needs, below the project's runs_dir.

    Nothing of it changes when the project, the model or the spec do later. What fails or is cancelled on the
    way leaves no folder.

    Returns:
        The run, in the state "ready": `supervise.start` or `supervise.queue_up` is next.

    Raises:
        ProjectError: no sample is left to learn from. ModelError: the start cannot be used.
        SpecError: the edited spec is wrong. InputError: the name is taken or not allowed.
        SegstudioError: the disk is full. Cancelled: the context was cancelled.
    """
    chosen = choose_samples(project, choice)
    plan = make_plan(project, choice, len(chosen.validation))
    text = choice.spec or plan.text
    run = RunFolder(project.runs_dir / run_name(project, choice, plan))
    beside = project.runs_dir / f".{run.name}.part"
    shutil.rmtree(beside, ignore_errors=True)
    try:
        beside.mkdir(parents=True)
        require_space(beside, _data_bytes(project, (*chosen.train, *chosen.validation)))
        statuses = [SampleStatus(status) for status in choice.statuses]
        frozen = freeze(project, beside / "data", context, statuses=statuses, use=chosen.splits)
        if not frozen.splits.get(TRAIN):
            raise InputError("none of the samples to learn from can be read", hint=str(frozen.skipped[0][1]))
        if chosen.validation and not frozen.splits.get(VALIDATION):
            raise InputError("none of the samples to score can be read", hint=str(frozen.skipped[0][1]))
        weights = plan.start.weights
        if weights is not None:
            _bring(weights, beside / START_FILE)
        values = experiment_values(project, text, run.path)
        _use_frozen_palette(values, project, run)
        spec_from_dict(_at(values, run.path, beside), "spec")
        atomic_write(beside / run.spec_file.name, _yaml(values))
        RunFolder(beside).write_note(RunNote(
            run.name, round(time.time(), 3), replace(choice, name=run.name),
            plan.start.name if weights else "", file_hash(weights) if weights else "",
            file_hash(beside / "data" / "manifest.json"), str(project.root),
            measured_steps=not choice.spec, preset=plan.preset.key,
        ))  # fmt: skip
        beside.rename(run.path)
    except OSError as error:
        shutil.rmtree(beside, ignore_errors=True)
        raise SegstudioError(f"{run.path} cannot be written: {error.strerror or error}") from error
    except BaseException:
        shutil.rmtree(beside, ignore_errors=True)
        raise
    return run


def run_name(project: Project, choice: RetrainChoice, plan: Plan) -> str:
    """The name of a run: the chosen one, or one of its start with the first free number.

    Raises:
        InputError: the chosen one is taken or not allowed.
    """
    # The model that becomes of it is to have the same name.
    taken = taken_names()
    if choice.name:
        if not NAME_PATTERN.fullmatch(choice.name):
            raise InputError(
                f"{choice.name!r} is no name for a run", hint="use letters, digits, dots, dashes, underscores"
            )
        if (project.runs_dir / choice.name).exists():
            raise InputError(f"there is a run {choice.name!r} already", hint="choose another name")
        if choice.name in taken:
            raise InputError(f"there is, or was, a model {choice.name!r}", hint="choose another name")
        return choice.name
    base = DROPPED.sub("-", re.sub(r"-\d+$", "", plan.start.name)).strip("-.")[:48] or "run"
    names = (f"{base}-{number}" for number in itertools.count(1))
    return next(name for name in names if not (project.runs_dir / name).exists() and name not in taken)


def _bring(weights: Path, target: Path) -> None:
    """A second name of the file costs nothing; on another disk it is copied."""
    try:
        os.link(weights, target)
    except OSError:
        shutil.copyfile(weights, target)


def _use_frozen_palette(values: dict[str, object], project: Project, run: RunFolder) -> None:
    """The project's own palette may change later: the run keeps the one that was frozen."""
    segment = values.get("dataset", {})
    inner = segment.get("segment") if isinstance(segment, dict) else None
    if isinstance(inner, dict) and str(inner.get("palette", "")).startswith(str(project.facts_dir)):
        inner["palette"] = str(run.data / PALETTE_FILE)


def _at(values: dict[str, object], folder: Path, other: Path) -> dict[str, object]:
    """The same values with the paths of a folder that is yet to be moved into its place."""
    moved = yaml.safe_load(_yaml(values).decode().replace(str(folder), str(other)))
    assert isinstance(moved, dict)
    return moved


def _yaml(values: dict[str, object]) -> bytes:
    return yaml.safe_dump(values, sort_keys=False, allow_unicode=True, width=100).encode()


def _data_bytes(project: Project, keys: tuple[str, ...]) -> int:
    return sum(project.mask_path(key).stat().st_size for key in keys)
