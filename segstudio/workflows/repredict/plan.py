"""What another model would say of samples that nobody touched: kept aside, to be looked at before it counts.

A plan is a folder below the project's facts: `plan.json`, the new answers, and once it is applied the old
ones, so that it can be taken back. Masks are never written by any of this.
"""

import json
import shutil
import time
from contextlib import suppress
from dataclasses import dataclass, replace
from enum import Enum
from pathlib import Path
from typing import Any

from segstudio.errors import ProjectError
from segstudio.project.answers import read_answer
from segstudio.project.cache_file import write_cache
from segstudio.project.project import Project
from segstudio.project.sample import Sample, SampleStatus, StoredPrediction
from segstudio.workflows.retrain.locks import HeldLock, take

FOLDER = "repredictions"
FACTS = "plan.json"
SUFFIX = ".answer"
LOCK = ".lock"
KEPT = 3
UNTOUCHED = (SampleStatus.UNLABELLED, SampleStatus.PREDICTED)
Pair = tuple[int, int, int]
# Locks of the plans that this process made.
OWN: dict[Path, HeldLock] = {}


class PlanState(Enum):
    """How far a plan came; a crash while it is applied leaves it at APPLIED, which can be undone."""

    MADE = "made"
    APPLIED = "applied"
    UNDONE = "undone"


@dataclass(frozen=True)
class PlannedSample:
    """What would change in the prediction of one sample.

    Attributes:
        key: the sample.
        pixels: of its image.
        changed: pixels with another class; 0 for a first prediction.
        pairs: (class before, class after, pixels), the most pixels first; some of them.
        before: what identifies the ids of now, "" for a sample without a prediction; see `pixels_digest`.
        after: what identifies the new ones.
    """

    key: str
    pixels: int
    changed: int
    pairs: tuple[Pair, ...]
    before: str
    after: str

    @property
    def is_first(self) -> bool:
        """Whether there is no prediction yet."""
        return not self.before

    @property
    def share(self) -> float:
        """Share of the pixels with another class, 0-1."""
        return self.changed / max(self.pixels, 1)


@dataclass(frozen=True)
class RepredictPlan:
    """A plan.

    Attributes:
        folder: where it lies.
        model: the model that would predict.
        samples: what would change, the largest share first; first predictions last.
        totals: (class before, class after, pixels) of all samples, the most pixels first.
        touched: samples that stay as they are, for people worked on them.
        skipped: samples that could not be predicted, and why.
        state: how far it came.
        fingerprint: of the model's weights, see `fingerprint_of`; "" where it is not known.
    """

    folder: Path
    model: str
    samples: tuple[PlannedSample, ...]
    totals: tuple[Pair, ...]
    touched: int
    skipped: tuple[tuple[str, str], ...] = ()
    state: PlanState = PlanState.MADE
    fingerprint: str = ""

    @property
    def changing(self) -> list[PlannedSample]:
        """Samples whose prediction would change, or be the first one."""
        return [sample for sample in self.samples if sample.changed or sample.is_first]

    @property
    def share(self) -> float:
        """Share of all predicted pixels that would change, 0-1."""
        known = [sample for sample in self.samples if not sample.is_first]
        return sum(one.changed for one in known) / max(sum(one.pixels for one in known), 1)

    def answer(self, key: str) -> StoredPrediction:
        """What the model says of a sample.

        Raises:
            ProjectError: it is gone or damaged.
        """
        return read_answer(self.new_path(key))

    def new_path(self, key: str) -> Path:
        """Where the new answer of a sample is."""
        return self.folder / "new" / f"{key}{SUFFIX}"

    def old_path(self, key: str) -> Path:
        """Where the answer of before is, once the plan is applied."""
        return self.folder / "old" / f"{key}{SUFFIX}"

    def save(self) -> None:
        """Writes what is known of it.

        Raises:
            ImageError: the disk refuses.
        """
        values = {
            "model": self.model,
            "fingerprint": self.fingerprint,
            "state": self.state.value,
            "touched": self.touched,
            "totals": self.totals,
            "skipped": self.skipped,
            "samples": [vars(sample) for sample in self.samples],
        }
        write_cache(self.folder / FACTS, json.dumps(values, ensure_ascii=False).encode())

    def moved_to(self, state: PlanState) -> "RepredictPlan":
        """The same, at another state, which is written.

        Raises:
            ImageError: the disk refuses.
        """
        moved = replace(self, state=state)
        moved.save()
        return moved

    def drop(self) -> None:
        """Throws it away; what the project predicts stays as it is."""
        _throw_away(self.folder)


def is_untouched(sample: Sample) -> bool:
    """Whether nobody worked on a sample: no mask, and no status that people give."""
    return sample.status in UNTOUCHED and not sample.mask.exists()


def new_folder(project: Project) -> Path:
    """The folder of a new plan, which is this process's own.

    Plans that were never applied go, as do all but the last applied ones, and what a crash left of others;
    those stay that another process makes or shows.
    """
    applied = 0
    states = {plan.folder: plan.state for plan in list_plans(project)}
    # A crash before the first answer left a lock alone.
    locked = {path.with_name(path.name[1 : -len(LOCK)]) for path in _root(project).glob(f".*{LOCK}")}
    for folder in sorted({*_folders(project), *locked}, reverse=True):
        is_applied = states.get(folder, PlanState.MADE) is not PlanState.MADE
        applied += is_applied
        if (not is_applied or applied >= KEPT) and _own(folder):
            _throw_away(folder)
    now = time.time_ns()
    stamp = time.strftime("%Y%m%d-%H%M%S", time.localtime(now / 1e9))
    made = _root(project) / f"{stamp}-{now % 10**9:09d}"
    _own(made)
    return made


def _own(folder: Path) -> bool:
    """Takes the lock of a plan until the end of this process; False where another process has it."""
    if folder not in OWN:
        held = take(_lock_file(folder), shared_by_threads=False)
        if held is None:
            return False
        OWN[folder] = held
    return True


def _throw_away(folder: Path) -> None:
    shutil.rmtree(folder, ignore_errors=True)
    held = OWN.pop(folder, None)
    if held is not None:
        held.release()
    # On some systems a file stays that another process has open; it holds nothing.
    with suppress(OSError):
        _lock_file(folder).unlink(missing_ok=True)


def _lock_file(folder: Path) -> Path:
    """Beside the folder, so that this can be removed while the lock is held."""
    return folder.with_name(f".{folder.name}{LOCK}")


def _folders(project: Project) -> list[Path]:
    root = _root(project)
    return sorted((path for path in root.iterdir() if path.is_dir()), reverse=True) if root.is_dir() else []


def list_plans(project: Project) -> list[RepredictPlan]:
    """All plans, newest first; what cannot be read is left out."""
    plans = [_read(folder) for folder in _folders(project)]
    return [plan for plan in plans if plan is not None]


def last_applied(project: Project) -> RepredictPlan | None:
    """The newest plan that can be taken back, or None."""
    return next((plan for plan in list_plans(project) if plan.state is PlanState.APPLIED), None)


def newest_applied(project: Project) -> RepredictPlan:
    """The newest plan that can be taken back.

    Raises:
        ProjectError: there is none.
    """
    plan = last_applied(project)
    if plan is None:
        raise ProjectError("there are no new predictions to take back", hint="each plan is undone once")
    return plan


def _root(project: Project) -> Path:
    return project.facts_dir / FOLDER


def _read(folder: Path) -> RepredictPlan | None:
    try:
        values = json.loads((folder / FACTS).read_text(encoding="utf-8"))
        return RepredictPlan(
            folder,
            str(values["model"]),
            tuple(_sample(entry) for entry in values["samples"]),
            tuple(_pair(entry) for entry in values["totals"]),
            int(values["touched"]),
            tuple((str(key), str(reason)) for key, reason in values["skipped"]),
            PlanState(values["state"]),
            str(values.get("fingerprint", "")),
        )
    except (OSError, ValueError, KeyError, TypeError):
        return None


def _sample(entry: dict[str, Any]) -> PlannedSample:
    pairs = tuple(_pair(pair) for pair in entry["pairs"])
    numbers = int(entry["pixels"]), int(entry["changed"])
    return PlannedSample(str(entry["key"]), *numbers, pairs, str(entry["before"]), str(entry["after"]))


def _pair(entry: list[int]) -> Pair:
    before, after, pixels = (int(value) for value in entry)
    return before, after, pixels
