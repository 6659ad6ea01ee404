"""Opens a project in a worker: what the Session needs to show it."""

from dataclasses import dataclass
from pathlib import Path

from segstudio.jobs import JobContext
from segstudio.project.project import Project
from segstudio.project.sample import Sample


@dataclass(frozen=True)
class OpenedProject:
    """What opening a folder brought; `pending` are samples with edits of before a crash."""

    project: Project
    samples: list[Sample]
    pending: list[str]
    slots: tuple[int, ...]


def read_project(
    folder: Path, palette: str | None, versions_bytes: int, context: JobContext
) -> OpenedProject:
    """Opens a folder for editing; see `Project.open`."""
    context.progress(0, 0, "reading the folder")
    project = Project.open(folder, palette=palette, editor=True, versions_bytes=versions_bytes)
    return OpenedProject(project, project.samples(), project.pending_journals(), project.slots())
