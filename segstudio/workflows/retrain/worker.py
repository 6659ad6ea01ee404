"""The process of a run: trains, then does what follows, holds the run's lock, and says how it ended."""

import os
import time
from collections.abc import Mapping
from typing import Any

from segstudio.errors import Cancelled, SegstudioError
from segstudio.jobs import JobContext, lower_priority
from segstudio.workflows.retrain import control
from segstudio.workflows.retrain.chain import run_chain
from segstudio.workflows.retrain.control import ControlledContext
from segstudio.workflows.retrain.folder import RunFolder, read_json, write_json
from segstudio.workflows.retrain.locks import take
from segstudio.workflows.retrain.reasons import reason_of_error
from segstudio.workflows.retrain.runs import RunState, RunWatch
from segstudio.workflows.retrain.supervise import start_next_below

LOCK_PATIENCE = 5.0


def work(run: RunFolder) -> bool:
    """Trains a run from its last checkpoint on, and does what follows; then starts the next in the queue.

    Imports torch. Ends in ended.json, whatever happens, unless the process is killed.

    Returns:
        False where another process works on the run already.

    Raises:
        Exception: a bug, after it was noted as the run's end.
    """
    # Before any thread is there: threads inherit it.
    lower_priority(os.getpid())
    held = take(run.lock, patience=LOCK_PATIENCE)
    if held is None:
        return False
    try:
        run.queued.unlink(missing_ok=True)
        _note_end(run, _worked(run))
    except BaseException as error:
        reason = reason_of_error(error, run, _saved_step(run))
        _note_end(run, {"state": RunState.FAILED.value, "message": reason.message, "hint": reason.hint,
                        "kind": reason.kind})  # fmt: skip
        if not isinstance(error, SegstudioError | MemoryError | OSError):
            raise
    finally:
        held.release()
    start_next_below(run.path.parent)
    return True


def _worked(run: RunFolder) -> dict[str, Any]:
    """Trains and does what follows; returns what to note as the end."""
    context = ControlledContext(run)
    if not _is_trained(run):
        stopped = _train(run, context)
        if stopped:
            cancelled = context.word == control.CANCEL
            return {"state": (RunState.CANCELLED if cancelled else RunState.STOPPED).value}
    note = run.note()
    if note is None:
        return {"state": RunState.FINISHED.value}
    try:
        found = run_chain(run, ControlledContext(run, pauses=False))
    except Cancelled:
        return {"state": RunState.STOPPED.value, "message": "stopped before all that follows was done",
                "hint": "start it again to go on there", "kind": "stopped"}  # fmt: skip
    return {"state": RunState.FINISHED.value, **found.to_json()}


def _is_trained(run: RunFolder) -> bool:
    """Whether the training came to its end in an earlier session."""
    pace = RunWatch(run).look()[0].pace
    return pace.kind == "end" and 0 < pace.steps <= pace.step


def _train(run: RunFolder, context: JobContext) -> bool:
    """Trains; says whether it was stopped before its end."""
    from segstudio.training.loop import train
    from segstudio.training.spec.load import load_spec

    loaded = load_spec(run.spec_file)
    return train(loaded.spec, context, notes=loaded.notes).stopped


def _saved_step(run: RunFolder) -> int:
    return RunWatch(run).look()[0].pace.saved_step


def _note_end(run: RunFolder, values: Mapping[str, Any]) -> None:
    chain = read_json(run.chain)
    if chain.get("doing"):
        write_json(run.chain, {**chain, "doing": ""})
    write_json(run.ended, {"time": round(time.time(), 3), **values})
