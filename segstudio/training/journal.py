"""What a run tells: events for its job and its file, status.json for TAO's tools, curves for TensorBoard."""

import importlib.util
from collections.abc import Mapping
from contextlib import ExitStack
from pathlib import Path
from typing import TYPE_CHECKING, Any, Self

from segstudio.errors import SpecError
from segstudio.jobs import JobContext
from segstudio.training.events import EventWriter
from segstudio.training.spec.schema import ExperimentSpec
from segstudio.training.status import StatusWriter, task_status

if TYPE_CHECKING:
    from torch.utils.tensorboard import SummaryWriter

TITLE = "SegFormer train"


def check_tensorboard(spec: ExperimentSpec) -> None:
    """Refuses curves for TensorBoard where it is not installed.

    Raises:
        SpecError: see above.
    """
    if spec.train.tensorboard.enabled and importlib.util.find_spec("tensorboard") is None:
        raise SpecError(
            "train.tensorboard.enabled is true, and tensorboard is not installed",
            hint="pip install tensorboard, or leave it out: the curves are in events.jsonl too",
        )


class Journal:
    """Hands events out and writes them; in every process but the first it keeps silent.

    Used as a context, it opens and closes the files, and ends status.json with success or failure.
    """

    def __init__(self, folder: Path, context: JobContext, spec: ExperimentSpec, *, silent: bool) -> None:
        self._folder, self._context, self._silent = folder, context, silent
        self._curves_wanted = spec.train.tensorboard
        self._open = ExitStack()
        self._events: EventWriter | None = None
        self._curves: SummaryWriter | None = None
        self._points = 0
        self.status = StatusWriter(None)

    def __enter__(self) -> Self:
        if not self._silent:
            self._events = self._open.enter_context(EventWriter(self._folder))
            self.status = self._open.enter_context(task_status(self._folder, TITLE))
            if self._curves_wanted.enabled:
                from torch.utils.tensorboard import SummaryWriter

                self._curves = SummaryWriter(str(self._folder))
        return self

    def __exit__(self, *details: Any) -> None:
        if self._curves:
            self._curves.close()
        self._open.__exit__(*details)

    def tell(self, kind: str, **values: object) -> None:
        """Writes an event and hands it to the job."""
        if self._events:
            self._context.event(self._events.write(kind, **values))

    def progress(self, done: int, total: int, text: str) -> None:
        """Tells the job how far the run is."""
        if not self._silent:
            self._context.progress(done, total, text)

    def plot(self, values: Mapping[str, float], step: int, *, every: bool = False) -> None:
        """Adds points to TensorBoard's curves: of log entries every so many, of validations every one."""
        if self._curves is None:
            return
        self._points += not every
        if every or self._points % max(1, self._curves_wanted.infrequent_logging_frequency) == 0:
            for name, value in values.items():
                self._curves.add_scalar(name, value, step)
