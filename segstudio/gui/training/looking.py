"""Looks at the runs of a project in a worker: cheap enough to be done twice a second while one trains."""

import logging
from dataclasses import dataclass, field, replace
from pathlib import Path

from segstudio import paths
from segstudio.errors import SegstudioError
from segstudio.project.project import Project
from segstudio.workflows.retrain.chain import ChainResult, chain_result
from segstudio.workflows.retrain.folder import RunFolder, RunNote, list_runs
from segstudio.workflows.retrain.placed_model import placed_model, weights_of
from segstudio.workflows.retrain.runs import RunState, RunStatus, RunWatch, places
from segstudio.workflows.training import EVENTS, RunCurves, RunReader

LOG = logging.getLogger(__name__)
# Readers that are kept: going back and forth between a few runs reads none of them again.
KEPT_READERS = 4


@dataclass(frozen=True)
class Look:
    """The runs of a project at one moment.

    Attributes:
        statuses: living ones first, then those that wait in their order, then the others, newest first.
        curves: of the run that was asked for, None without one.
        note: what it was made with, None where another program made it.
        result: what followed its training, None before there is a model.
    """

    statuses: tuple[RunStatus, ...] = ()
    curves: RunCurves | None = None
    note: RunNote | None = None
    result: ChainResult | None = None

    def of(self, path: Path | None) -> RunStatus | None:
        """The run of a folder."""
        return next((status for status in self.statuses if status.run.path == path), None)

    def result_of(self, path: Path) -> ChainResult | None:
        """What followed the training of a run, where that run was asked for."""
        return self.result if self.curves is not None and self.curves.folder == path else None

    @property
    def living(self) -> tuple[RunStatus, ...]:
        """Those that have a process."""
        return tuple(status for status in self.statuses if status.state.alive)

    @property
    def waiting(self) -> tuple[RunStatus, ...]:
        """Those that wait for their turn, the next one first."""
        return tuple(status for status in self.statuses if status.state is RunState.QUEUED)


@dataclass
class RunLooker:
    """Keeps what was read, so that a look reads only what came since; for one worker."""

    project: Project
    _watches: dict[Path, RunWatch] = field(default_factory=dict)
    _known: dict[Path, tuple[object, RunStatus]] = field(default_factory=dict)
    _results: dict[Path, tuple[object, ChainResult | None]] = field(default_factory=dict)
    _readers: dict[Path, RunReader] = field(default_factory=dict)

    def look(self, chosen: Path | None) -> Look:
        """All runs, and the curves of one of them."""
        runs = list_runs(self.project)
        self._watches = {run.path: self._watches.get(run.path) or RunWatch(run) for run in runs}
        order = places(runs)
        found = ((run, self._status(run)) for run in runs)
        statuses = [replace(one, place=order.get(run.path, 0)) for run, one in found if one is not None]
        statuses.sort(key=lambda status: _rank(status, order))
        if chosen is None or chosen not in self._watches:
            return Look(tuple(statuses))
        run = RunFolder(chosen)
        return Look(tuple(statuses), self._curves(chosen), run.note(), self._result(run))

    def _status(self, run: RunFolder) -> RunStatus | None:
        """The status of a run; the last one known where it cannot be read, None without."""
        # Whatever ends, starts or queues a run makes or deletes a file in its folder; one of another program
        # may talk again after a long silence.
        stamp = _stamp(run.path), _stamp(run.train / EVENTS)
        known = self._known.get(run.path)
        if known is not None and known[0] == stamp and not known[1].state.alive:
            return known[1]
        try:
            status, _ = self._watches[run.path].look()
        except (OSError, SegstudioError):
            LOG.warning("the run %s cannot be looked at", run.path, exc_info=True)
            return known[1] if known is not None and stamp[0] else None
        self._known[run.path] = stamp, status
        return status

    def _result(self, run: RunFolder) -> ChainResult | None:
        """What followed the training, by the model's name of today; None where the model is gone.

        None too where the run has learnt on since: its weights are another model.
        """
        result, weights = chain_result(run), weights_of(run)
        if result is None or weights is None:
            return None
        stamp = _stamp(weights), _stamp(run.chain), _stamp(paths.user_models_dir())
        known = self._results.get(run.path)
        if known is None or known[0] != stamp:
            try:
                placed = placed_model(run)
            except OSError:
                # The run, or its samples, are gone.
                return None
            known = stamp, replace(result, model=placed.name) if placed is not None else None
            self._results[run.path] = known
        return known[1]

    def _curves(self, path: Path) -> RunCurves:
        reader = self._readers.pop(path, None) or RunReader(path)
        self._readers[path] = reader
        while len(self._readers) > KEPT_READERS:
            del self._readers[next(iter(self._readers))]
        return reader.read()


def _stamp(path: Path) -> tuple[int, int] | None:
    """What changes with a file or folder; None without it."""
    try:
        found = path.stat()
    except OSError:
        return None
    return found.st_mtime_ns, found.st_size


def _rank(status: RunStatus, order: dict[Path, int]) -> tuple[int, float]:
    if status.state.alive:
        return 0, 0.0
    if status.state is RunState.QUEUED:
        return 1, order.get(status.run.path, 0)
    return 2, -status.pace.last_time
