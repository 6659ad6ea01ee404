"""The process of a run: trains, then does what follows, holds the run's lock, and says how it ended."""

import os
import sys
import time
import traceback
from collections.abc import Mapping, Sequence
from typing import Any

from segstudio.errors import Cancelled
from segstudio.jobs import lower_priority
from segstudio.workflows.retrain import control
from segstudio.workflows.retrain.chain import run_chain
from segstudio.workflows.retrain.control import ControlledContext
from segstudio.workflows.retrain.folder import RunFolder, read_json, write_json
from segstudio.workflows.retrain.length import settle_length
from segstudio.workflows.retrain.locks import take
from segstudio.workflows.retrain.reasons import goes_on, reason_of_error
from segstudio.workflows.retrain.runs import RunState, note_session, pace_of
from segstudio.workflows.retrain.supervise import start_next_below

LOCK_PATIENCE = 5.0


def work(run: RunFolder, *, command: Sequence[str] = ()) -> bool:
    """Trains a run from its last checkpoint on, and does what follows; then starts the next in the queue.

    Where it was asked to stop with all others, the queue waits.

    Imports torch. The end stands in ended.json, whatever happens, unless the process is killed; a crash is
    told on stderr too.

    Args:
        run: which.
        command: see `supervise.start`, for the next one.

    Returns:
        False where another process works on the run already.
    """
    # Before any thread is there: threads inherit it.
    lower_priority(os.getpid())
    held = take(run.lock, patience=LOCK_PATIENCE)
    if held is None:
        return False
    try:
        note_session(run)
        for mark in (run.queued, run.starting):
            mark.unlink(missing_ok=True)
        _note_end(run, _outcome(run))
    finally:
        held.release()
    if control.asked(run) != control.STOP_ALL:
        start_next_below(run.path.parent, command=command)
    return True


def _outcome(run: RunFolder) -> dict[str, Any]:
    """What to note as the end of the session."""
    context = ControlledContext(run)
    try:
        return _worked(run, context)
    except Cancelled:
        # While it prepared, or while a step that follows was done.
        return _stopped(run, context.word)
    # Whoever reads the run later needs the reason, whatever it was.
    except Exception as error:  # noqa: BLE001
        reason = reason_of_error(error, run, pace_of(run).saved_step)
        if reason.kind not in ("input", "loss"):
            traceback.print_exc(file=sys.stderr)
        told = {"message": reason.message, "hint": reason.hint, "kind": reason.kind}
        return {"state": RunState.FAILED.value, **told}


def _worked(run: RunFolder, context: ControlledContext) -> dict[str, Any]:
    if not _is_trained(run) and _train(run, context):
        return _stopped(run, context.word)
    if not run.is_written:
        return {"state": RunState.FINISHED.value}
    context.pauses = False
    return {"state": RunState.FINISHED.value, **run_chain(run, context).to_json()}


def _stopped(run: RunFolder, word: str) -> dict[str, Any]:
    """What to note of an end that was asked for."""
    if word == control.CANCEL:
        return {"state": RunState.CANCELLED.value}
    pace = pace_of(run)
    said = "paused" if word == control.PAUSE else "stopped"
    hint = goes_on(pace.saved_step)
    if pace.trained:
        said, hint = "stopped before all that follows was done", "resuming goes on there"
    return {"state": RunState.STOPPED.value, "message": said, "hint": hint, "kind": "stopped"}


def _is_trained(run: RunFolder) -> bool:
    """Whether the training came to its end in an earlier session."""
    return pace_of(run).trained


def _train(run: RunFolder, context: ControlledContext) -> bool:
    """Trains; says whether it was stopped before its end."""
    from segstudio.training.loop import train
    from segstudio.training.spec.load import load_spec

    settle_length(run)
    loaded = load_spec(run.spec_file)
    # The other processes of a training cannot wait for long: theirs is a stop that is taken up again.
    context.pauses = loaded.spec.train.num_gpus * loaded.spec.train.num_nodes == 1
    return train(loaded.spec, context, notes=loaded.notes).stopped


def _note_end(run: RunFolder, values: Mapping[str, Any]) -> None:
    chain = read_json(run.chain)
    if chain.get("doing"):
        write_json(run.chain, {**chain, "doing": ""})
    write_json(run.ended, {"time": round(time.time(), 3), **values})
