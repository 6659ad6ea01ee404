"""The errors that segstudio explains to its user; every other exception is a bug."""

import re


class SegstudioError(Exception):
    """A problem with a message for the user (what and where) and a hint (what to do)."""

    def __init__(self, message: str, *, hint: str = "") -> None:
        super().__init__(message)
        self.message = message
        self.hint = hint

    def __str__(self) -> str:
        """One line: the message, then the hint when there is one."""
        parts = [_ended(part) for part in (self.message, self.hint) if part.strip()]
        return " ".join(" ".join(parts).split())


def in_sentences(message: str, hint: str = "", *, between: str = " ") -> str:
    """Message and hint as whole sentences."""
    return between.join(sentence(part) for part in (message, hint) if part.strip())


def sentence(text: str) -> str:
    """Starts with a capital, unless with a file's or tensor's name, and ends as a sentence does."""
    text = text.strip()
    if re.match(r"[a-z]+[,:;]?( |$)", text):
        text = text[:1].upper() + text[1:]
    return _ended(text) if text else ""


def _ended(text: str) -> str:
    """With a full stop where it has no end."""
    text = text.strip().rstrip(".")
    return text if text.endswith(("?", "!")) else f"{text}."


class InputError(SegstudioError):
    """Something that the user gave cannot be used; the command line exits with 2."""


class ImageError(InputError):
    """An image or video cannot be read or written."""


class MaskError(InputError):
    """A mask cannot be read, or does not fit its image or palette."""


class PaletteError(InputError):
    """A palette is missing, malformed, or lacks a class."""


class ProjectError(InputError):
    """A project cannot be opened or changed as asked."""


class ModelError(InputError):
    """A model folder or its weights cannot be used."""


class BackendError(InputError):
    """A backend is not available on this machine or refuses a model."""


class SpecError(InputError):
    """An experiment spec has a wrong key, type or value."""


class Cancelled(SegstudioError):  # noqa: N818 - being cancelled is no error
    """Raised inside a Job's work once its cancellation was asked for."""
