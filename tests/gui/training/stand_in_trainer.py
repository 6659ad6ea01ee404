"""Lives like a training, as far as others can see: holds the lock, tells steps, does what it is asked to.

It makes a step whenever the file "go" in the run's folder is newer than before, so that tests decide when.
"""

import json
import sys
import time
from pathlib import Path

from segstudio.workflows.retrain.control import ControlledContext
from segstudio.workflows.retrain.folder import RunFolder, write_json
from segstudio.workflows.retrain.locks import take

STEPS = 4
SECONDS = 60.0


def main(folder: Path) -> None:
    """Until all steps are done, somebody ends it, or the test has forgotten it."""
    run = RunFolder(folder)
    held = take(run.lock, patience=5)
    assert held is not None
    run.queued.unlink(missing_ok=True)
    run.train.mkdir(exist_ok=True)
    context = ControlledContext(run)
    deadline, paused = time.monotonic() + SECONDS, False
    done = sum(1 for line in events(run) if line["kind"] == "step")
    tell(run, kind="start", step=done, steps=STEPS)
    while done < STEPS and time.monotonic() < deadline and not context.cancelled:
        if context.paused != paused:
            paused = context.paused
            tell(run, kind="paused" if paused else "resumed", step=done)
        allowed = len(list(folder.glob("go*")))
        if not paused and done < allowed:
            done += 1
            tell(run, kind="step", step=done, loss=2.0 / done, lr=0.1, eta=60.0 * (STEPS - done))
        time.sleep(0.01)
    word = context.word
    state = "finished" if done == STEPS else "cancelled" if word == "cancel" else "stopped"
    tell(run, kind="saved", step=done)
    tell(run, kind="end", step=done, stopped=state != "finished")
    write_json(run.ended, {"state": state, "time": time.time()})
    held.release()


def events(run: RunFolder) -> list[dict[str, object]]:
    """What was told before."""
    path = run.train / "events.jsonl"
    return [json.loads(line) for line in path.read_text().splitlines()] if path.exists() else []


def tell(run: RunFolder, **event: object) -> None:
    """Adds an event."""
    with (run.train / "events.jsonl").open("a", encoding="utf-8") as stream:
        stream.write(json.dumps({"time": time.time(), **event}) + "\n")


if __name__ == "__main__":
    main(Path(sys.argv[-1]))
