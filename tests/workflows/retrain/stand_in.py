"""The process of a run whose training is played: the real worker, without torch and in no time.

`behaviour.json` in the run's folder says what happens: `steps`, `seconds` a step, and at which step memory
runs out ("memory"), the disk is full ("disk"), the loss is no number ("loss"), it crashes ("crash"), or it
waits until it is killed ("hang").
"""

import errno
import os
import sys
from pathlib import Path

from segstudio.errors import SegstudioError, SpecError
from segstudio.training.events import EventWriter
from segstudio.workflows.retrain import worker
from segstudio.workflows.retrain.control import ControlledContext
from segstudio.workflows.retrain.folder import RunFolder, read_json
from segstudio.workflows.retrain.runs import pace_of

COMMAND = (sys.executable, "-m", "tests.workflows.retrain.stand_in")
BEHAVIOUR = "behaviour.json"
SAVED_EVERY = 4


def play(run: RunFolder, context: ControlledContext) -> bool:
    """A training that steps, saves, waits and stops like the real one; says whether it was stopped."""
    plan = {"steps": 8, "seconds": 0.0, **read_json(run.path / BEHAVIOUR)}
    with EventWriter(run.train) as events:
        done = pace_of(run).saved_step
        events.write("start", step=done, steps=plan["steps"], classes=["road", "sky"])
        for step in range(done + 1, plan["steps"] + 1):
            if context.paused:
                wait(events, context, step - 1)
            if context.cancelled:
                events.write("saved", step=step - 1)
                events.write("end", step=step - 1, stopped=True, best_miou=0.5)
                return True
            fail(plan, step, context)
            events.write("step", step=step, loss=1 / step, lr=1e-4, eta=float(plan["steps"] - step))
            if step % SAVED_EVERY == 0:
                events.write(
                    "validation", step=step, miou=step / 100, aacc=0.5, iou={"road": 0.5, "sky": None}
                )
                events.write("saved", step=step)
            context.wait_cancelled(plan["seconds"])
        events.write("end", step=plan["steps"], stopped=False, best_miou=plan["steps"] / 100)
    return False


def wait(events: EventWriter, context: ControlledContext, step: int) -> None:
    events.write("saved", step=step)
    events.write("paused", step=step)
    while context.paused and not context.cancelled:
        context.wait_cancelled(0.02)
    events.write("resumed", step=step)


def fail(plan: dict[str, float], step: int, context: ControlledContext) -> None:
    if plan.get("memory") == step:
        raise MemoryError
    if plan.get("disk") == step:
        full = OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
        raise SegstudioError("latest.pth cannot be written: No space left on device") from full
    if plan.get("loss") == step:
        raise SpecError(f"the loss is nan at step {step} (samples a, b)", hint="lower train.optim.lr")
    if plan.get("crash") == step:
        raise ZeroDivisionError("a bug")
    while plan.get("hang") == step and not context.cancelled:
        context.wait_cancelled(0.05)


if __name__ == "__main__":
    worker.__dict__["_train"] = play
    sys.exit(0 if worker.work(RunFolder(Path(sys.argv[1])), command=COMMAND) else 2)
