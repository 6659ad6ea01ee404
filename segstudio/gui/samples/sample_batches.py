"""What is done to many samples at once: status, split, person, prediction; in a worker, undone by a click."""

from collections import defaultdict
from collections.abc import Callable, Collection, Hashable, Iterable, Mapping
from typing import TypeVar

from PySide6.QtCore import QObject

from segstudio.gui.job_bridge import Replies
from segstudio.gui.message import INFO, Message
from segstudio.gui.session import Session
from segstudio.metrics.tables import counted
from segstudio.project.project import Project
from segstudio.project.sample import Changes, Sample, SampleStatus
from segstudio.project.sample_query import USUAL_SPLITS

T = TypeVar("T", bound=Hashable)
TOPIC = "sample batch"


class SampleBatches(QObject):
    """Acts on samples by key; the message that tells what was done offers to take it back."""

    def __init__(self, session: Session) -> None:
        super().__init__(session)
        self._session = session

    def set_status(self, keys: Collection[str], status: SampleStatus, reason: str = "") -> None:
        """Moves samples by the rules of review, after their unsaved edits are in the files."""
        self._session.set_status(keys, status, reason)

    def set_split(self, keys: Collection[str], split: str) -> None:
        """Puts samples into a split; "" is none."""
        before = _by_value(self._samples(keys), lambda sample: sample.split)

        def told(changes: Changes) -> None:
            text = f"{counted(len(changes.samples), 'sample')} now in " + (split or "no split")
            self._tell(text, lambda: self._restore(before, _with_split))

        self._run(lambda project: project.set_split(keys, split), told)

    def assign(self, keys: Collection[str], person: str) -> None:
        """Gives samples to a person to label; "" is nobody."""
        before = _by_value(self._samples(keys), lambda sample: sample.assignee)

        def told(changes: Changes) -> None:
            text = f"{counted(len(changes.samples), 'sample')} assigned to {person or 'nobody'}"
            self._tell(text, lambda: self._restore(before, _with_assignee))

        self._run(lambda project: project.review.assign(keys, person), told)

    def predict(self, keys: Collection[str]) -> None:
        """Predicts samples with the chosen model."""
        if self._session.project is not None:
            self._session.predictions.predict(self._session.project, self._samples(keys))

    def splits(self) -> list[str]:
        """The splits that there are, and the usual ones."""
        found = {sample.split for sample in self._session.book.samples} - {""}
        return [*USUAL_SPLITS, *sorted(found - set(USUAL_SPLITS))]

    def _samples(self, keys: Iterable[str]) -> list[Sample]:
        found = (self._session.book.get(key) for key in keys)
        return [sample for sample in found if sample is not None]

    def _restore(
        self, before: Mapping[T, list[str]], change: Callable[[Project, list[str], T], Changes]
    ) -> None:
        def work(project: Project) -> Changes:
            changes = Changes()
            for value, keys in before.items():
                changes |= change(project, keys, value)
            return changes

        self._run(work, lambda _: self._session.resolved.emit(TOPIC))

    def _run(self, work: Callable[[Project], Changes], told: Callable[[Changes], None]) -> None:
        session, project = self._session, self._session.project
        if project is None:
            return

        def done(changes: Changes) -> None:
            if project is session.project:
                session.note(changes)
                told(changes)

        session.bridge.start(
            "Change samples",
            lambda _: work(project),
            lane="project",
            replies=Replies(done=done, failed=session.explain),
        )

    def _tell(self, text: str, undo: Callable[[], None]) -> None:
        self._session.message.emit(Message(INFO, text, topic=TOPIC, action="Undo", act=undo))


def _with_split(project: Project, keys: list[str], split: str) -> Changes:
    return project.set_split(keys, split)


def _with_assignee(project: Project, keys: list[str], person: str) -> Changes:
    return project.review.assign(keys, person)


def _by_value(samples: Iterable[Sample], value: Callable[[Sample], T]) -> dict[T, list[str]]:
    found: dict[T, list[str]] = defaultdict(list)
    for sample in samples:
        found[value(sample)].append(sample.key)
    return dict(found)
