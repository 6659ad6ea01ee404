"""What the user is told about predictions that were made."""

from segstudio.gui.message import SUCCESS, WARNING, Message
from segstudio.gui.predictions import Outcome

TOPIC = "predict"
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
