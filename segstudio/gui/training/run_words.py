"""Runs in words: states, times and figures as the list, the page and the status bar say them."""

from datetime import datetime

from segstudio.gui.message import INFO, SUCCESS, WARNING, Message
from segstudio.workflows.labelling import duration
from segstudio.workflows.retrain.runs import RunState, RunStatus
from segstudio.workflows.training import RunCurves

NONE = "–"
# What a state is called, and the theme's colour of its sign.
STATES = {
    RunState.QUEUED: ("Waiting", "muted"),
    RunState.STARTING: ("Starting", "accent"),
    RunState.RUNNING: ("Training", "accent"),
    RunState.PAUSED: ("Paused", "warning"),
    RunState.SILENT: ("Silent", "warning"),
    RunState.READY: ("Ready", "muted"),
    RunState.STOPPED: ("Stopped", "muted"),
    RunState.FINISHED: ("Finished", "success"),
    RunState.FAILED: ("Failed", "danger"),
    RunState.CANCELLED: ("Cancelled", "muted"),
}
ENDED = (RunState.FINISHED, RunState.FAILED, RunState.CANCELLED)
# While it may come, and once it cannot.
NO_VALIDATION = {False: "no validation yet", True: "this run made no validation"}
TRAINING_WORDS = ("training", "preparing", "paused")


def state_text(status: RunStatus) -> str:
    """The state, or what else the run does at present."""
    return STATES[status.state][0]


def state_role(status: RunStatus) -> str:
    """The theme's colour of its sign."""
    return STATES[status.state][1]


def percent_text(share: float | None) -> str:
    """A fraction as percent with one digit."""
    return NONE if share is None else f"{share * 100:.1f} %"


def progress_text(status: RunStatus) -> str:
    """How far a run is, in a few words for a row of a list."""
    pace, state = status.pace, status.state
    if state is RunState.QUEUED:
        return "next in the queue" if status.place <= 1 else f"place {status.place} in the queue"
    if state.alive:
        words = [] if status.doing in TRAINING_WORDS else [status.doing]
        if pace.steps:
            words.append(f"{100 * pace.step / pace.steps:.0f} %")
        if pace.seconds_left and state is RunState.RUNNING:
            words.append(f"{duration(pace.seconds_left)} left")
        return "  ·  ".join(words)
    best = "" if pace.best_miou is None else f"mIoU {percent_text(pace.best_miou)}"
    when = f"{datetime.fromtimestamp(pace.last_time):%d %b %H:%M}" if pace.last_time else ""
    return "  ·  ".join(filter(None, (best, when)))


def figures(status: RunStatus, curves: RunCurves | None) -> dict[str, tuple[str, str]]:
    """The figures of a run with a remark each, by the keys of the page's tiles."""
    pace = status.pace
    alive = status.state.alive
    left = duration(pace.seconds_left) if alive and pace.seconds_left else NONE
    took = duration(curves.seconds) if curves and curves.seconds else NONE
    speed = curves.steps_per_second if curves else 0.0
    loss = NONE if pace.loss is None else f"{pace.loss:.3f}"
    steps = f"of {pace.steps:,} steps" if pace.steps else "steps"
    has_ended = status.state in ENDED
    last = curves.miou[-1] if curves and curves.miou else None
    remark = f"last {percent_text(last[1])}, step {last[0]:,}" if last else NO_VALIDATION[has_ended]
    return {
        "step": (f"{pace.step:,}", steps),
        "time": (left, f"left, {took} so far")
        if alive
        else (took, "from start to end" if pace.steps else "not begun"),
        "miou": (percent_text(pace.best_miou), remark),
        "loss": (loss, "mean of the last steps"),
        "speed": (
            speed_text(speed),
            f"{curves.images_per_second:.1f} images a second" if curves and curves.images_per_second else "",
        ),
    }


def speed_text(steps_per_second: float) -> str:
    """Steps a second, or seconds a step where these are more."""
    if not steps_per_second:
        return NONE
    return (
        f"{steps_per_second:.1f} steps/s" if steps_per_second >= 1 else f"{1 / steps_per_second:.1f} s each"
    )


def end_message(status: RunStatus) -> Message | None:
    """What the window says when a run has ended; None for what the user did."""
    name, topic = status.run.name, f"run {status.run.path}"
    if status.state is RunState.FINISHED:
        best = status.pace.best_miou
        text = f"{name} has finished training" + ("" if best is None else f": mIoU {percent_text(best)}")
        return Message(SUCCESS, text, topic=topic)
    if status.state is RunState.FAILED:
        reason = status.reason
        text = f"{name} ended early: {reason.message}" if reason else f"{name} ended early"
        return Message(WARNING, text, reason.hint if reason else "", topic)
    if status.state is RunState.STOPPED:
        text = f"{name} has stopped at step {status.pace.step:,}; it can go on from there"
        return Message(INFO, text, topic=topic)
    return None


def found_again_message(status: RunStatus) -> Message:
    """What the window says of a run that went on while it was closed."""
    words = progress_text(status)
    text = f"{status.run.name} went on training" + (f": {words}" if words else "")
    return Message(INFO, text, topic=f"run {status.run.path}")
