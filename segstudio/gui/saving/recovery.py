"""Finishes what a crash interrupted: writes journals into their masks, or puts them aside, in a worker."""

from collections.abc import Sequence

from segstudio.errors import SegstudioError
from segstudio.gui.job_bridge import Replies
from segstudio.gui.message import SUCCESS, WARNING, Message
from segstudio.gui.session import Session
from segstudio.jobs import JobContext
from segstudio.project.project import Project
from segstudio.project.sample import Changes
from segstudio.project.versions import VersionNote, Why

TOPIC = "recovery"
RECOVERED = VersionNote(Why.RECOVERED)


def recover(session: Session, keys: Sequence[str]) -> None:
    """Saves each sample's mask with its journal's edits in it."""
    project = session.project
    if project is None:
        return

    def done(outcome: tuple[Changes, list[str]]) -> None:
        changes, problems = outcome
        if project is not session.project:
            return
        session.pending -= changes.masks
        session.note(changes)
        session.reopen(changes.masks)
        count = len(changes.masks)
        text = f"Recovered {count} sample{'s' if count != 1 else ''}"
        level = WARNING if problems else SUCCESS
        session.message.emit(Message(level, text, "  ".join(problems), TOPIC))

    session.bridge.start(
        "Recover edits",
        lambda context: _recover(project, list(keys), context),
        lane="project",
        replies=Replies(done=done, failed=session.explain),
    )


def discard(session: Session, keys: Sequence[str]) -> None:
    """Puts the journals aside; they are kept as `.old` files until the next crash."""
    project = session.project
    if project is None:
        return

    def work(_: JobContext) -> None:
        for key in keys:
            project.recovery.discard(key)

    def done(_: None) -> None:
        if project is session.project:
            session.pending -= set(keys)
            session.reopen(keys)

    replies = Replies(done=done, failed=session.explain)
    session.bridge.start("Discard edits", work, lane="project", replies=replies)


def _recover(project: Project, keys: list[str], context: JobContext) -> tuple[Changes, list[str]]:
    changes, problems = Changes(), []
    for number, key in enumerate(keys):
        context.progress(number, len(keys), key)
        try:
            # The file is what the crash left; the journal was checked against it.
            changes |= project.save_mask(key, project.recovery.mask(key), note=RECOVERED, force=True)
            project.recovery.discard(key)
        except SegstudioError as error:
            problems.append(f"{key}: {error}")
    return changes, problems
