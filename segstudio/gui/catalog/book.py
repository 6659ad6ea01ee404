"""Changes of the catalog as Jobs: each one tells how it went, and what can be undone offers that."""

from collections.abc import Callable, Sequence
from typing import TypeVar

from PySide6.QtCore import QObject, Signal

from segstudio.errors import SegstudioError
from segstudio.gui.job_bridge import Replies
from segstudio.gui.lanes import MEASURE_LANE
from segstudio.gui.message import INFO, WARNING, Message
from segstudio.gui.session import Session
from segstudio.inference import model_changes
from segstudio.inference.catalog import ModelEntry
from segstudio.inference.model_notes import tags_of
from segstudio.project.sample import Changes
from segstudio.workflows.model_disk import Freeable, free
from segstudio.workflows.model_facts import ModelFacts
from segstudio.workflows.model_use import follow_renames, note_weights, roll_back

T = TypeVar("T")
TOPIC = "catalog"
# Short, and waited for when the window closes.
LANE = "project"
CHOSEN = "chosen among the models"
# Folders that a question names.
LISTED = 3


class CatalogBook(QObject):
    """`moved` carries the name of a model that changed, "" where it is none any more."""

    moved = Signal(str)

    def __init__(self, session: Session) -> None:
        super().__init__()
        self._session = session
        # The model that was promoted last, as the page read it.
        self.promoted = ""

    @property
    def used(self) -> str:
        """The model in use: the project's own, or what the window predicts with."""
        return self.promoted or self._session.predictions.current

    def rename(self, name: str, new: str) -> None:
        """Gives a model another name."""
        project = self._session.project

        def work() -> Changes:
            model_changes.rename(name, new)
            return follow_renames(project) if project is not None else Changes()

        def done(changes: Changes) -> None:
            if self.promoted == name:
                self.promoted = new
            if self._session.predictions.current == name:
                self._session.predictions.take_up(new)
            self._tell(f"{name} is {new} now", lambda: self.rename(new, name))
            if project is self._session.project:
                self._session.note(changes)
            self._moved(new)

        # Where it fails, the page shows the name that it has.
        self._start(f"Rename {name}", work, done, otherwise=lambda: self._moved(name))

    def tag(self, name: str, words: str) -> None:
        """Sets tags that are written with commas between them."""
        self._start(
            f"Tag {name}",
            lambda: model_changes.set_tags(name, tags_of(words)),
            lambda _: self._moved(name),
            otherwise=lambda: self._moved(name),
        )

    def write(self, name: str, text: str) -> None:
        """Sets the user's notes."""
        self._start(
            f"Note on {name}", lambda: model_changes.set_text(name, text), lambda _: self._moved(name)
        )

    def archive(self, name: str, archived: bool) -> None:
        """Hides a model from choosers, or shows it again."""
        used = (self.used, self._session.predictions.current)

        def done(_: ModelEntry) -> None:
            text = f"{name} is archived" if archived else f"{name} is shown again"
            self._tell(text, lambda: self.archive(name, not archived))
            self._moved(name)

        self._start(f"Archive {name}", lambda: model_changes.set_archived(name, archived, used), done)

    def delete(self, facts: ModelFacts, *, force: bool = False) -> None:
        """Moves a model to the trash; others that were made from it are told first."""
        name, project = facts.name, self._session.project
        if facts.children and not force:
            children = ", ".join(facts.children)
            text, hint = f"{children} came from {name}", "They work without it, but cannot go back to it"
            self._offer(WARNING, text, hint, "Delete all the same", lambda: self.delete(facts, force=True))
            return
        # Children are forced, use is not.
        used = (self.used, self._session.predictions.current)

        def work() -> None:
            if name in used:
                raise SegstudioError(f"{name} is in use", hint="use another model first")
            if project is not None:
                note_weights(project, facts.entry)
            model_changes.delete(name, force=force)

        def done(_: None) -> None:
            self._tell(f"{name} is in the trash", lambda: self.restore(name))
            self._moved("")

        self._start(f"Delete {name}", work, done)

    def restore(self, name: str) -> None:
        """Takes the last deleted model of a name back."""
        self._start(
            f"Restore {name}",
            lambda: model_changes.restore(name),
            lambda entry: self._moved(entry.name),
        )

    def use(self, facts: ModelFacts) -> None:
        """Makes a model the one that the project uses."""
        project = self._session.project
        if project is None:
            return
        self._start(
            f"Use {facts.name}",
            lambda: project.promotions.promote(facts.name, facts.fingerprint, reason=CHOSEN),
            self._promoted,
        )

    def roll_back(self, to: int = 0) -> None:
        """Goes back to the model before, or to a line of the project's history."""
        project = self._session.project
        if project is not None:
            self._start("Roll back", lambda: roll_back(project, to=to), self._promoted)

    def free(self, what: Freeable) -> None:
        """Frees disk space."""

        def done(size: int) -> None:
            said = "are in the trash now" if what is Freeable.EXPORTS else "are free again"
            self._session.message.emit(Message(INFO, f"{size / 1e6:.1f} MB {said}", topic=TOPIC))
            self._moved("")

        self._start("Free disk space", lambda: free(what), done, lane=MEASURE_LANE)

    def discard_exports(self, folders: Sequence[str]) -> None:
        """Moves exports that were made again since to the trash, once somebody has seen which."""
        more = f" and {len(folders) - LISTED} more" if len(folders) > LISTED else ""
        count = f"{len(folders)} exports were" if len(folders) > 1 else "1 export was"
        text = f"{count} made again since, in the same way: {', '.join(folders[:LISTED])}{more}"
        hint = "They lie in the trash until you empty it"
        self._offer(WARNING, text, hint, "Move to the trash", lambda: self.free(Freeable.EXPORTS))

    def _promoted(self, changes: Changes) -> None:
        self._session.note(changes)
        self._moved("")
        if changes.model:
            text = "Another model is in use"
            hint = "Samples that nobody worked on have their predictions of before"
            self._offer(INFO, text, hint, "Re-predict…", self._session.repredict_asked.emit)

    def _moved(self, name: str) -> None:
        self._session.predictions.refresh()
        self.moved.emit(name)

    def _tell(self, text: str, undo: Callable[[], None]) -> None:
        self._offer(INFO, text, "", "Undo", undo)

    def _offer(self, level: str, text: str, hint: str, action: str, act: Callable[[], None]) -> None:
        def do() -> None:
            # What was offered is done once.
            self._session.resolved.emit(TOPIC)
            act()

        self._session.message.emit(Message(level, text, hint, TOPIC, action, do))

    def _start(
        self,
        title: str,
        work: Callable[[], T],
        done: Callable[[T], None],
        otherwise: Callable[[], None] = lambda: None,
        lane: str = LANE,
    ) -> None:
        def failed(error: SegstudioError) -> None:
            self._session.explain(error)
            otherwise()

        replies = Replies(done=done, failed=failed)
        self._session.bridge.start(title, lambda _: work(), lane=lane, replies=replies)
