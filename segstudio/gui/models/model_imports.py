"""Inspects and imports models in child processes, as Jobs; the window itself never reads their weights."""

import re
from collections.abc import Callable, Mapping
from enum import Enum
from pathlib import Path
from typing import Any

from PySide6.QtCore import QMimeData, QObject, QUrl, Signal

from segstudio.annotation.palette import Palette, load_palette
from segstudio.errors import SegstudioError
from segstudio.gui.job_bridge import JobBridge, Replies
from segstudio.gui.models.child_commands import command, in_window, result_of
from segstudio.gui.models.predictions import Predictions
from segstudio.inference.spec import FILE
from segstudio.jobs import Job, JobContext
from segstudio.project.layout import FACTS_DIR
from segstudio.workflows.model_source import ImportChoices, Imported, SourceFacts, facts_from_dict

# Of its own: predictions go on while a model is imported, and an import does not wait for them.
LANE = "models"
SUFFIXES = (".pth", ".pt", ".ckpt", ".bin", ".safetensors", ".onnx", ".tlt", ".etlt")
HUB = "https://huggingface.co/"


def import_arguments(source: str, choices: ImportChoices) -> list[str]:
    """The words that import a source with the user's choices; what is as suggested is left out."""
    arguments = ["models", "import", source, "--json-events", "--name", choices.name]
    if choices.palette:
        arguments += ["--palette", choices.palette]
    for option, values in (("--mean", choices.mean), ("--std", choices.std)):
        if values is not None:
            arguments += [option, ",".join(str(value) for value in values)]
    if choices.short_side:
        arguments += ["--short-side", str(choices.short_side)]
    return arguments


def imported_from_dict(values: Mapping[str, Any]) -> Imported:
    """The imported model that a JSON object describes."""
    fields: dict[str, Any] = {
        key: tuple(value) if isinstance(value, list) else value for key, value in values.items()
    }
    return Imported(**fields)


def clean_source(text: str) -> str:
    """What a typed or dropped text names: without quotes, the page of a model as its id, ~ as the home."""
    text = text.strip().strip("\"'")
    if text.startswith(HUB):
        return "/".join(re.split(r"[/?#]", text[len(HUB) :])[:2])
    if text.startswith("file://"):
        return QUrl(text).toLocalFile()
    return str(Path(text).expanduser()) if text.startswith("~") else text


def dropped_source(mime: QMimeData) -> str:
    """The file, folder or id that a drag carries, or ""."""
    local = [url.toLocalFile() for url in mime.urls() if url.isLocalFile()]
    return local[0] if local else clean_source(mime.text())


def is_model_file(path: Path) -> bool:
    """Whether the name is that of a file of weights; the disk is not asked."""
    return path.suffix.lower() in SUFFIXES


def is_model_folder(path: Path) -> bool:
    """Whether a folder holds a model rather than images."""
    try:
        if not path.is_dir() or (path / FACTS_DIR).is_dir():
            return False
        if (path / FILE).is_file():
            return True
        return (path / "config.json").is_file() and any(is_model_file(entry) for entry in path.iterdir())
    except OSError:
        return False


class DroppedKind(Enum):
    """What lies at a path."""

    MODEL = "model"
    FOLDER = "folder"
    FILE = "file"


def dropped_kind(path: Path) -> DroppedKind:
    """Looks what a path is; for a worker, as the disk may be slow."""
    if is_model_folder(path):
        return DroppedKind.MODEL
    return DroppedKind.FOLDER if path.is_dir() else DroppedKind.FILE


class ModelImports(QObject):
    """Inspects one source or imports one model at a time, and tells how it ends."""

    progressed = Signal(object)
    inspected = Signal(object)
    imported = Signal(object)
    failed = Signal(object)
    stopped = Signal()
    names_found = Signal(object)

    def __init__(self, bridge: JobBridge, predictions: Predictions) -> None:
        super().__init__()
        self._bridge = bridge
        self._predictions = predictions
        self._job: Job[Any] | None = None
        bridge.progressed.connect(self._progressed)
        predictions.models_changed.connect(lambda: self.names_found.emit(self.taken))

    def inspect(self, source: str) -> None:
        """Finds out what a file, folder or hub id holds; what is under way is given up."""

        def work(context: JobContext) -> SourceFacts:
            return facts_from_dict(result_of(command("models", "inspect", source, "--json-events"), context))

        self._start(f"Inspect {Path(source).name}", work, self.inspected.emit)

    def import_model(self, source: str, choices: ImportChoices) -> None:
        """Imports a source; the new model is chosen for predictions."""

        def work(context: JobContext) -> Imported:
            return imported_from_dict(result_of(command(*import_arguments(source, choices)), context))

        def done(model: Imported) -> None:
            self._predictions.take_up(model.name)
            self.imported.emit(model)

        self._start(f"Import {choices.name}", work, done)

    def stop(self) -> None:
        """Asks what is under way to end; `stopped` says when it did."""
        if self._job is not None:
            self._job.cancel()

    def forget(self) -> None:
        """Ends what is under way without a word."""
        self.stop()
        self._job = None

    def find_names(self) -> None:
        """Looks which names are taken; `names_found` carries them."""
        self._predictions.refresh()

    @property
    def taken(self) -> frozenset[str]:
        """Names that a new model cannot have; the name of a shipped model is free."""
        shipped = {entry.name for entry in self._predictions.models if entry.bundled}
        return self._predictions.taken - shipped

    def read_palette(
        self, path: str, done: Callable[[Palette], None], failed: Callable[[SegstudioError], None]
    ) -> None:
        """Reads a palette's file, which may lie on a slow disk."""
        replies = Replies(done=done, failed=failed)
        self._bridge.start(f"Read {Path(path).name}", lambda _: load_palette(path), replies=replies)

    def _start(self, title: str, work: Callable[[JobContext], Any], done: Callable[[Any], None]) -> None:
        self.forget()

        def if_current(tell: Callable[..., None]) -> Callable[..., None]:
            def reply(*values: object) -> None:
                if self._job is job:
                    self._job = None
                    tell(*values)

            return reply

        replies = Replies(
            done=if_current(done),
            failed=if_current(lambda error: self.failed.emit(in_window(error))),
            cancelled=if_current(self.stopped.emit),
        )
        job = self._bridge.start(title, work, lane=LANE, replies=replies)
        self._job = job

    def _progressed(self, job: Job[Any]) -> None:
        if job is self._job:
            self.progressed.emit(job)
