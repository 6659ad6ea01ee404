"""The folder of a run: where its files are, and what run.json says of it."""

import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass, fields
from pathlib import Path
from typing import Any

from segstudio.errors import InputError
from segstudio.images import atomic_write
from segstudio.project.project import Project
from segstudio.workflows.retrain.choice import RetrainChoice, choice_from_json

NOTE_FILE, SPEC_FILE = "run.json", "experiment.yaml"
TRAIN, DATA, WATCH = "train", "data", "watch"
VERSION = 1


@dataclass(frozen=True)
class RunNote:
    """What is noted when a run is written.

    Attributes:
        name: of the run.
        created: seconds since 1970.
        choice: what the user chose.
        start: name of the model that it starts from; "" for random weights.
        start_sha256: of its weights.
        manifest_sha256: of the frozen manifest.
        project: the project's folder.
        measured_steps: whether the number of steps is to be measured for the minutes when the run starts.
        preset: key of the machine's preset.
    """

    name: str
    created: float
    choice: RetrainChoice
    start: str = ""
    start_sha256: str = ""
    manifest_sha256: str = ""
    project: str = ""
    measured_steps: bool = False
    preset: str = ""


@dataclass(frozen=True)
class RunFolder:
    """A folder below the project's runs_dir."""

    path: Path

    @property
    def name(self) -> str:
        """The run's name: that of its folder."""
        return self.path.name

    @property
    def spec_file(self) -> Path:
        """The experiment that was written, to be read by people and the trainer."""
        return self.path / SPEC_FILE

    @property
    def train(self) -> Path:
        """What the training writes: events.jsonl, weights, checkpoints."""
        return self.path / TRAIN

    @property
    def data(self) -> Path:
        """The frozen samples."""
        return self.path / DATA

    @property
    def manifest(self) -> Path:
        """The frozen manifest."""
        return self.data / "manifest.json"

    @property
    def watched(self) -> Path:
        """Predictions of a few validation samples over time; see watched.py."""
        return self.train / WATCH

    @property
    def checkpoint(self) -> Path:
        """What a run goes on from."""
        return self.train / "latest.pth"

    @property
    def best_weights(self) -> Path:
        """The weights of the best validation."""
        return self.train / "best.safetensors"

    @property
    def latest_weights(self) -> Path:
        """The weights of the last checkpoint."""
        return self.train / "latest.safetensors"

    @property
    def lock(self) -> Path:
        """Held while the run's process lives."""
        return self.path / "run.lock"

    @property
    def control(self) -> Path:
        """What the training is asked to do."""
        return self.path / "control"

    @property
    def queued(self) -> Path:
        """There while the run waits for its turn."""
        return self.path / "queued.json"

    @property
    def starting(self) -> Path:
        """There from the word to start until the run's process has its lock."""
        return self.path / "starting"

    @property
    def process(self) -> Path:
        """The number of the process that was started last, for people: the lock says whether it lives."""
        return self.path / "process.json"

    @property
    def ended(self) -> Path:
        """How the last session ended; gone while one runs."""
        return self.path / "ended.json"

    @property
    def chain(self) -> Path:
        """What of the steps after the training is done."""
        return self.path / "chain.json"

    @property
    def output(self) -> Path:
        """What the process printed."""
        return self.path / "output.txt"

    @property
    def complaints(self) -> Path:
        """What the process printed on stderr."""
        return self.path / "errors.txt"

    @property
    def is_written(self) -> bool:
        """Whether `write_run` made it; else `segstudio train` did."""
        return (self.path / NOTE_FILE).is_file()

    def note(self) -> RunNote | None:
        """What run.json says; None for a run that another program started here."""
        values = read_json(self.path / NOTE_FILE)
        if not values:
            return None
        known = {field.name for field in fields(RunNote)}
        given = {key: value for key, value in values.items() if key in known}
        given["choice"] = choice_from_json(given.get("choice") or {})
        return RunNote(**given)

    def write_note(self, note: RunNote) -> None:
        """Writes run.json."""
        write_json(self.path / NOTE_FILE, {"version": VERSION, **asdict(note)})


def list_runs(project: Project) -> list[RunFolder]:
    """All runs of a project, oldest first; those that `segstudio train` started there too."""
    return runs_below(project.runs_dir)


def runs_below(root: Path) -> list[RunFolder]:
    """See `list_runs`; a hidden folder is a run in the making."""
    if not root.is_dir():
        return []
    found = [
        RunFolder(path)
        for path in root.iterdir()
        if not path.name.startswith(".")
        and ((path / NOTE_FILE).is_file() or (path / TRAIN / "events.jsonl").is_file())
    ]
    return sorted(found, key=lambda run: (created(run), run.name))


def find_run(project: Project, name: str = "") -> RunFolder:
    """A run by its name; "" is the newest.

    Raises:
        InputError: there is none.
    """
    runs = list_runs(project)
    for run in reversed(runs):
        if name in ("", run.name):
            return run
    named = ", ".join(run.name for run in runs) or "none yet"
    wanted = f"no run {name!r}" if name else "no run"
    raise InputError(f"{project.root} has {wanted}", hint=f"it has: {named}; segstudio retrain makes one")


def created(run: RunFolder) -> float:
    """When a run was made, seconds since 1970."""
    values = read_json(run.path / NOTE_FILE)
    when = values.get("created")
    if isinstance(when, int | float):
        return float(when)
    try:
        return run.path.stat().st_mtime
    except FileNotFoundError:
        # It was removed meanwhile.
        return 0.0


def read_json(path: Path) -> dict[str, Any]:
    """A JSON object of a file; empty where the file is missing or damaged."""
    try:
        values = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return {}
    return values if isinstance(values, dict) else {}


def write_json(path: Path, values: Mapping[str, Any]) -> None:
    """Writes a JSON object in one step.

    Raises:
        ImageError: the disk refuses.
    """
    atomic_write(path, (json.dumps(values, ensure_ascii=False, indent=1) + "\n").encode())
