"""Changes of many masks at once, recorded on disk before each mask is written, so that all can be undone.

A batch is a folder: `batch.json` says what it is and how far it came, and one file a sample holds the pixels
from before with digests of the mask before and after. Undoing reads nothing else, so it works after a crash
at any moment: a mask that is as before needs nothing, one that is as the batch left it gets its pixels back,
and any other was edited since and is left alone.
"""

import hashlib
import json
import shutil
import time
from collections.abc import Iterator
from dataclasses import asdict, dataclass
from enum import Enum
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from segstudio.annotation.history import Edit
from segstudio.annotation.rect import Rect
from segstudio.errors import ProjectError
from segstudio.images import atomic_write

Mask = NDArray[np.uint8]
FACTS = "batch.json"
SUFFIX = ".step"
KEPT = 20
# Batches that a message names.
NAMED = 3


class BatchState(Enum):
    """How far a batch came; a crash leaves one at RUNNING or UNDOING."""

    RUNNING = "running"
    DONE = "done"
    UNDOING = "undoing"
    UNDONE = "undone"

    @property
    def is_unfinished(self) -> bool:
        """Whether something stopped in the middle of it."""
        return self in (BatchState.RUNNING, BatchState.UNDOING)


@dataclass(frozen=True)
class BatchFacts:
    """What a batch is: its folder's name, what it did, when (local ISO time), for how many samples."""

    name: str
    title: str
    when: str
    samples: int
    state: BatchState


@dataclass(frozen=True)
class BatchStep:
    """What a batch did to the mask of one sample.

    Attributes:
        key: the sample.
        before, after: what identifies the whole mask's pixels; see `pixels_digest`.
        edit: the change.
    """

    key: str
    before: str
    after: str
    edit: Edit

    @classmethod
    def of(cls, key: str, mask: Mask, edit: Edit) -> "BatchStep":
        """The step that an edit of a mask, which is as before it, is going to be."""
        changed = mask.copy()
        edit.put_after(changed)
        return cls(key, pixels_digest(mask), pixels_digest(changed), edit)


class Batch:
    """One batch on disk, while it is made or undone."""

    def __init__(self, folder: Path, facts: BatchFacts) -> None:
        """Use `begin_batch` or `open_batch`."""
        self._folder = folder
        self.facts = facts
        self._count = len(list(folder.glob(f"*{SUFFIX}"))) if folder.is_dir() else 0

    def record(self, step: BatchStep) -> None:
        """Keeps a step; call it before the mask is written.

        Raises:
            ImageError: the disk refuses; then the mask must stay.
        """
        edit = step.edit
        head = {
            "key": step.key,
            "before": step.before,
            "after": step.after,
            "title": edit.title,
            "rect": asdict(edit.rect),
            "pixels": edit.pixels,
            "written": edit.written,
        }
        content = json.dumps(head).encode() + b"\n" + edit.packed
        atomic_write(self._folder / f"{self._count:06d}{SUFFIX}", content)
        self._count += 1

    def steps(self) -> Iterator[BatchStep]:
        """The steps in their order.

        Raises:
            ProjectError: one cannot be read.
        """
        for path in sorted(self._folder.glob(f"*{SUFFIX}")):
            yield _read_step(path)

    def end(self) -> str:
        """Ends a batch that was made; returns its name, or "" after forgetting one without any step.

        Raises:
            ImageError: the disk refuses.
        """
        if not self._count:
            shutil.rmtree(self._folder, ignore_errors=True)
            return ""
        self.set_state(BatchState.DONE)
        return self.facts.name

    def set_state(self, state: BatchState) -> None:
        """Notes how far it came.

        Raises:
            ImageError: the disk refuses.
        """
        facts = self.facts
        self.facts = BatchFacts(facts.name, facts.title, facts.when, max(facts.samples, self._count), state)
        values = {**asdict(self.facts), "state": state.value}
        atomic_write(self._folder / FACTS, json.dumps(values, indent=2).encode())


def begin_batch(root: Path, title: str) -> Batch:
    """A new batch below a project's folder of batches; the oldest beyond 20 are forgotten.

    Raises:
        ImageError: the disk refuses.
    """
    for old in list_batches(root)[KEPT - 1 :]:
        shutil.rmtree(root / old.name, ignore_errors=True)
    now = time.time_ns()
    name = time.strftime("%Y%m%d-%H%M%S", time.localtime(now / 1e9)) + f"-{now % 10**9 // 1000:06d}"
    when = time.strftime("%Y-%m-%dT%H:%M:%S", time.localtime(now / 1e9))
    batch = Batch(root / name, BatchFacts(name, title, when, 0, BatchState.RUNNING))
    batch.set_state(BatchState.RUNNING)
    return batch


def open_batch(root: Path, name: str) -> Batch:
    """A batch that was made before.

    Raises:
        ProjectError: there is none of that name, or it cannot be read.
    """
    facts = _read_facts(root / name)
    if facts is None:
        known = ", ".join(facts.name for facts in list_batches(root)[:NAMED]) or "none"
        raise ProjectError(f"there is no batch {name!r} in {root}", hint=f"the last ones: {known}")
    return Batch(root / name, facts)


def list_batches(root: Path) -> list[BatchFacts]:
    """All batches, newest first; those without readable facts are left out."""
    folders = sorted(root.iterdir(), reverse=True) if root.is_dir() else []
    found = [_read_facts(folder) for folder in folders if folder.is_dir()]
    return [facts for facts in found if facts is not None]


def pixels_digest(mask: Mask) -> str:
    """What identifies the pixels of a mask, uint8 [H,W]: SHA-256 of its size and bytes."""
    digest = hashlib.sha256(f"{mask.shape}".encode())
    digest.update(np.ascontiguousarray(mask).data)
    return digest.hexdigest()


def _read_facts(folder: Path) -> BatchFacts | None:
    try:
        values = json.loads((folder / FACTS).read_text(encoding="utf-8"))
        state = BatchState(values["state"])
        return BatchFacts(
            folder.name, str(values["title"]), str(values["when"]), int(values["samples"]), state
        )
    except (OSError, ValueError, KeyError, TypeError):
        return None


def _read_step(path: Path) -> BatchStep:
    try:
        head, _, packed = path.read_bytes().partition(b"\n")
        values = json.loads(head)
        rect = Rect(**values["rect"])
        edit = Edit(values["title"], rect, packed, int(values["pixels"]), values["written"])
        return BatchStep(values["key"], values["before"], values["after"], edit)
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise ProjectError(
            f"{path} cannot be read: {error}", hint="the masks are as they are; undo them one by one"
        ) from error
