"""Opens a project in a worker: what the Session needs to show it."""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from segstudio.jobs import JobContext
from segstudio.project.project import Project
from segstudio.project.sample import Sample

# Reading 100,000 samples takes a second; the first image needs not wait for that.
AT_ONCE = 2000


@dataclass(frozen=True)
class OpenedProject:
    """What opening a folder brought.

    Attributes:
        project: open for editing.
        samples: the first ones, and the one that was open last: what can be worked on at once.
        is_whole: whether these are all.
        pending: samples with edits of before a crash.
        slots: class ids in the order of their keys.
    """

    project: Project
    samples: list[Sample]
    is_whole: bool
    pending: list[str]
    slots: tuple[int, ...]


def read_project(
    folder: Path, palette: str | None, versions_bytes: int, last: Mapping[str, str], context: JobContext
) -> OpenedProject:
    """Opens a folder for editing; see `Project.open`. `last` has the last open sample of each folder."""
    context.progress(0, 0, "reading the folder")
    project = Project.open(folder, palette=palette, editor=True, versions_bytes=versions_bytes)
    wanted = last.get(str(project.root), "")
    samples = project.first_samples(AT_ONCE, wanted)
    pending, slots = project.recovery.pending(), project.slots()
    return OpenedProject(project, samples, len(samples) < AT_ONCE, pending, slots)
