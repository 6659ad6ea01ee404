"""What the user is told about predictions that were made."""

from collections.abc import Mapping

from segstudio.errors import SegstudioError
from segstudio.gui.message import SUCCESS, WARNING, Message
from segstudio.gui.models.predictions import Outcome
from segstudio.workflows.evaluate_project import ProjectEvaluation

TOPIC = "predict"
EVALUATED = "evaluate"
UNMARKED = "unmarked"
NAMED = 3


def outcome_message(outcome: Outcome) -> Message:
    """How many samples at which speed, and which could not be read."""
    text = f"Predicted {outcome.predicted} samples at {outcome.fps:.1f} images/s"
    if outcome.predicted == 1:
        text = f"Predicted in {outcome.seconds * 1000:.0f} ms"
    if not outcome.skipped:
        return Message(SUCCESS, text, topic=TOPIC)
    names = ", ".join(outcome.skipped[:NAMED])
    hint = f"Could not be read: {names}" + (" …" if len(outcome.skipped) > NAMED else "")
    return Message(WARNING, text, hint, TOPIC)


def unmarked_message(unsaved: Mapping[str, SegstudioError]) -> Message:
    """Which samples keep their status since their masks, by key, are not saved; one at least."""
    key, error = next(iter(unsaved.items()))
    what = f"{key} keeps its status: its mask is not saved"
    if len(unsaved) > 1:
        what = f"{len(unsaved):,} samples keep their status: their masks are not saved"
    hint = f"{key}: {error.message}. Solve that, then try again"
    return Message(WARNING, what, hint, UNMARKED)


def evaluation_message(outcome: ProjectEvaluation) -> Message:
    """How many samples were measured, and which could not be."""
    if not outcome.measured and not outcome.kept and not outcome.skipped:
        return Message(WARNING, "No sample has a mask yet", "Save or import masks, then evaluate", EVALUATED)
    text = f"Evaluated {outcome.model} on {outcome.measured} samples"
    if outcome.kept:
        text += f", {outcome.kept} were known"
    if outcome.unmasked:
        text += f", {outcome.unmasked} have no mask"
    if not outcome.skipped:
        return Message(SUCCESS, text, topic=EVALUATED)
    named = "; ".join(f"{key}: {reason}" for key, reason in outcome.skipped[:NAMED])
    more = f" and {len(outcome.skipped) - NAMED} more" if len(outcome.skipped) > NAMED else ""
    return Message(WARNING, text, f"Skipped {named}{more}", EVALUATED)
