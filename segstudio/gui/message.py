"""What the window tells its user, and how loudly."""

from collections.abc import Callable
from dataclasses import dataclass

from segstudio.errors import SegstudioError

INFO, SUCCESS, WARNING, ERROR = LEVELS = ("info", "success", "warning", "error")


@dataclass(frozen=True)
class Message:
    """Something to tell the user.

    Attributes:
        level: one of LEVELS.
        text: what happened and where.
        hint: what to do about it.
        topic: messages of one topic replace each other; "" stands for the text itself.
        action: text of the button, "" for none.
        act: what the button does.
        lasting: it stays until it is solved; no later message pushes it out, and nobody can close it.
    """

    level: str
    text: str
    hint: str = ""
    topic: str = ""
    action: str = ""
    act: Callable[[], None] | None = None
    lasting: bool = False

    @property
    def key(self) -> str:
        """What makes two messages the same."""
        return self.topic or self.text


def from_error(error: SegstudioError, *, level: str = ERROR, topic: str = "") -> Message:
    """An error's message and hint as they are shown."""
    return Message(level, error.message, error.hint, topic)
