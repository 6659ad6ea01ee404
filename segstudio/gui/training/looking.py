"""Looks at the runs of a project in a worker: cheap enough to be done twice a second while one trains."""

from dataclasses import dataclass, field, replace
from pathlib import Path

from segstudio.project.project import Project
from segstudio.workflows.retrain.chain import ChainResult, chain_result
from segstudio.workflows.retrain.folder import RunFolder, RunNote, list_runs
from segstudio.workflows.retrain.runs import RunState, RunStatus, RunWatch, places
from segstudio.workflows.training import RunCurves, RunReader

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
    _known: dict[Path, tuple[int, RunStatus]] = field(default_factory=dict)
    _readers: dict[Path, RunReader] = field(default_factory=dict)

    def look(self, chosen: Path | None) -> Look:
        """All runs, and the curves of one of them."""
        runs = list_runs(self.project)
        self._watches = {run.path: self._watches.get(run.path) or RunWatch(run) for run in runs}
        order = places(runs)
        statuses = [replace(self._status(run), place=order.get(run.path, 0)) for run in runs]
        statuses.sort(key=lambda status: _rank(status, order))
        if chosen is None or chosen not in self._watches:
            return Look(tuple(statuses))
        run = RunFolder(chosen)
        return Look(tuple(statuses), self._curves(chosen), run.note(), chain_result(run))

    def _status(self, run: RunFolder) -> RunStatus:
        # Whatever ends, starts or queues a run makes or deletes a file in its folder.
        stamp = run.path.stat().st_mtime_ns
        known = self._known.get(run.path)
        if known is not None and known[0] == stamp and not known[1].state.alive:
            return known[1]
        status, _ = self._watches[run.path].look()
        self._known[run.path] = stamp, status
        return status

    def _curves(self, path: Path) -> RunCurves:
        reader = self._readers.pop(path, None) or RunReader(path)
        self._readers[path] = reader
        while len(self._readers) > KEPT_READERS:
            del self._readers[next(iter(self._readers))]
        return reader.read()


def _rank(status: RunStatus, order: dict[Path, int]) -> tuple[int, float]:
    if status.state.alive:
        return 0, 0.0
    if status.state is RunState.QUEUED:
        return 1, order.get(status.run.path, 0)
    return 2, -status.pace.last_time
