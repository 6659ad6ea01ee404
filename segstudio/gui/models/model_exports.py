"""Exports a model in a child process, as a Job; the window itself never loads what makes the formats."""

import csv
import tempfile
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from PySide6.QtCore import QObject, Signal

from segstudio.annotation.palette_choice import save_palette
from segstudio.deploy.gate import INT8, Limits
from segstudio.errors import SegstudioError
from segstudio.gui.dialogs.export_facts import Pair, divided, machine_lacks, surveyed
from segstudio.gui.dialogs.export_results import Finished, finished_from_dict
from segstudio.gui.dialogs.import_form import free_name
from segstudio.gui.job_bridge import JobBridge, Replies
from segstudio.gui.models.child_commands import command, in_window, result_of
from segstudio.inference.catalog import ModelEntry, import_model, taken_names
from segstudio.jobs import Job, JobContext
from segstudio.project.project import Project
from segstudio.project.sample import Sample
from segstudio.workflows.exports.formats import PAGE_FILE

# Of its own: predictions and imports go on while a model is exported.
LANE = "exports"


@dataclass(frozen=True)
class Folders:
    """Images and masks below two folders; "" for none."""

    images: str = ""
    masks: str = ""


@dataclass(frozen=True)
class ProjectSamples:
    """Samples of a project as they were when the export began."""

    project: Project
    samples: tuple[Sample, ...]


@dataclass(frozen=True)
class ExportOrder:
    """What the user chose.

    Attributes:
        model: its name in the catalog.
        out: the folder to make.
        formats: keys of FORMATS.
        judge: images to judge by; None: drawn scenes.
        calibration: images to calibrate on; None: half of those to judge by.
        palette: of the masks in folders; "" for the model's own.
        batch, size: fixed ones, size as WIDTHxHEIGHT; 0 and "" for any.
        limits: of int8.
        deepstream: output of DeepStream's bundle.
    """

    model: str
    out: Path
    formats: tuple[str, ...]
    judge: Folders | ProjectSamples | None = None
    calibration: Folders | ProjectSamples | None = None
    palette: str = ""
    batch: int = 0
    size: str = ""
    limits: Limits = field(default=INT8)
    deepstream: str = "argmax"


@dataclass(frozen=True)
class Ended:
    """An export that came to its end: every format, and the page to read."""

    model: str
    out: Path
    finished: tuple[Finished, ...]
    page: Path | None


def export_arguments(order: ExportOrder, scratch: Path) -> list[str]:
    """The words that export as ordered; lists and palettes of a project are written to `scratch`."""
    words = ["export", order.model, "--out", str(order.out), "--as", ",".join(order.formats), "--json-events"]
    palette = order.palette
    judge, calibration = order.judge, order.calibration
    if isinstance(judge, ProjectSamples):
        name = judge.project.root.name or "project"
        words += ["--images", str(_write_list(scratch / f"{name}-judge.csv", divided(judge.samples).judge))]
        palette = str(scratch / f"{judge.project.palette.name}.yaml")
        save_palette(judge.project.palette, Path(palette))
    elif judge is not None:
        words += ["--images", judge.images, *(["--masks", judge.masks] if judge.masks else [])]
    if isinstance(calibration, ProjectSamples):
        pairs = divided(calibration.samples).calibration
        # Beside masks in folders, which may be of another palette, images alone are given.
        alone = not isinstance(judge, ProjectSamples)
        name = f"{calibration.project.root.name or 'project'}-calibration.csv"
        words += ["--calibration", str(_write_list(scratch / name, pairs, alone=alone))]
    elif calibration is not None:
        words += ["--calibration", calibration.images]
    return words + (["--palette", palette] if palette else []) + _numbers(order)


def _numbers(order: ExportOrder) -> list[str]:
    limits = order.limits
    words = [
        "--miou-loss", f"{limits.miou_loss * 100:g}", "--class-loss", f"{limits.class_loss * 100:g}",
        "--agreement", f"{limits.agreement * 100:g}", "--deepstream-output", order.deepstream,
    ]  # fmt: skip
    if order.batch:
        words += ["--batch", str(order.batch)]
    return words + (["--size", order.size] if order.size else [])


def _write_list(path: Path, pairs: tuple[Pair, ...], *, alone: bool = False) -> Path:
    """Lines of image,mask; `alone` leaves the masks out."""
    with path.open("w", encoding="utf-8", newline="") as file:
        csv.writer(file).writerows((image, "" if alone else mask) for image, mask in pairs)
    return path


class ModelExports(QObject):
    """Exports one model at a time, and tells how each format ends and how all of it does."""

    progressed = Signal(object)
    finished_one = Signal(object)
    ended = Signal(object)
    failed = Signal(object)
    stopped = Signal()
    lacks_found = Signal(object)
    survey_done = Signal(object)
    survey_failed = Signal(object)
    added = Signal(object, str)
    add_failed = Signal(object)

    def __init__(self, bridge: JobBridge) -> None:
        super().__init__()
        self._bridge = bridge
        self._job: Job[Any] | None = None
        self._looked_at: ProjectSamples | None = None
        self.finished: list[Finished] = []
        bridge.progressed.connect(self._progressed)

    def look(self, project: ProjectSamples | None) -> None:
        """Looks what this machine lacks, and which masks of a project can be used; replaces a look."""
        self._looked_at = project
        replies = Replies(done=self.lacks_found.emit)
        self._bridge.start("Look for backends", lambda _: machine_lacks(), replies=replies)
        if project is None:
            return

        def work(context: JobContext) -> object:
            return surveyed(project.samples, project.project.palette, context)

        def if_current(tell: Callable[[Any], None]) -> Callable[[Any], None]:
            return lambda value: tell(value) if self._looked_at is project else None

        replies = Replies(done=if_current(self.survey_done.emit), failed=if_current(self.survey_failed.emit))
        # Not on the lane that images are opened on: many masks take seconds.
        self._bridge.start("Look at masks", work, lane=LANE, replaces="survey", replies=replies)

    def export(self, order: ExportOrder) -> None:
        """Exports; what is finished is told as it comes."""
        self.finished = []

        def work(context: JobContext) -> dict[str, Any]:
            with tempfile.TemporaryDirectory(prefix="segstudio-") as scratch:
                return result_of(command(*export_arguments(order, Path(scratch))), context)

        replies = Replies(
            done=self._once(lambda result: self.ended.emit(_ended(order, result))),
            failed=self._once(lambda error: self._failed(order, error)),
            cancelled=self._once(self.stopped.emit),
            event=self._event,
        )
        self._job = self._bridge.start(f"Export {order.model}", work, lane=LANE, replies=replies)

    def stop(self) -> None:
        """Asks the export to end; `stopped` says when it did."""
        if self._job is not None:
            self._job.cancel()

    def add(self, folder: Path, name: str) -> None:
        """Copies a format that this window can run into the catalog; `added` carries folder and name."""

        def work(_: JobContext) -> ModelEntry:
            # Archived models have names too.
            return import_model(folder, free_name(name, taken_names()))

        replies = Replies(
            done=lambda entry: self.added.emit(folder, entry.name),
            failed=lambda error: self.add_failed.emit(in_window(error)),
        )
        self._bridge.start(f"Add {name}", work, replies=replies)

    def _once(self, tell: Callable[..., None]) -> Callable[..., None]:
        """Tells the end of the export, after which there is none."""

        def reply(*values: object) -> None:
            self._job = None
            tell(*values)

        return reply

    def _event(self, values: dict[str, Any]) -> None:
        if values.get("kind") == "artefact":
            one = finished_from_dict(values)
            self.finished.append(one)
            self.finished_one.emit(one)

    def _failed(self, order: ExportOrder, error: SegstudioError) -> None:
        # An export that made nothing has its report all the same.
        if len(self.finished) == len(order.formats):
            self.ended.emit(Ended(order.model, order.out, tuple(self.finished), order.out / PAGE_FILE))
        else:
            self.failed.emit(in_window(error))

    def _progressed(self, job: Job[Any]) -> None:
        if job is self._job:
            self.progressed.emit(job)


def _ended(order: ExportOrder, result: dict[str, Any]) -> Ended:
    finished = tuple(finished_from_dict(one) for one in result["artefacts"])
    return Ended(order.model, order.out, finished, Path(result["page"]))
