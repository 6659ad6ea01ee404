"""What a user says of a model: tags, notes, whether it is archived; and the names that it had before."""

import json
import logging
from dataclasses import asdict, dataclass
from pathlib import Path

from segstudio.errors import ModelError
from segstudio.images import atomic_write

LOG = logging.getLogger(__name__)
# Not in model.json: that says what the weights are and never changes, this changes as often as one likes.
FILE = "catalog.json"
MOST_LETTERS = 32


@dataclass(frozen=True)
class ModelNotes:
    """The user's words on a model.

    Attributes:
        tags: in the order of the alphabet, each once.
        archived: whether lists and choosers leave it out.
        text: free text.
        former_names: what it was called before; no other model takes them while this one is there.
    """

    tags: tuple[str, ...] = ()
    archived: bool = False
    text: str = ""
    former_names: tuple[str, ...] = ()


def tags_of(words: str) -> tuple[str, ...]:
    """Tags that are written with commas between them, in order, each once.

    Raises:
        ModelError: one is too long.
    """
    found = sorted({" ".join(word.split()) for word in words.split(",")} - {""})
    for tag in found:
        if len(tag) > MOST_LETTERS:
            raise ModelError(
                f"the tag {tag[:MOST_LETTERS]}… is too long", hint=f"use at most {MOST_LETTERS} letters"
            )
    return tuple(found)


def load_notes(folder: Path) -> ModelNotes:
    """What is said of the model in a folder; nothing where no file is.

    Raises:
        ModelError: the file is damaged.
    """
    path = folder / FILE
    try:
        values = json.loads(path.read_text(encoding="utf-8"))
        return ModelNotes(
            tuple(str(tag) for tag in values.get("tags", ())),
            bool(values.get("archived", False)),
            str(values.get("text", "")),
            tuple(str(name) for name in values.get("former_names", ())),
        )
    except FileNotFoundError:
        return ModelNotes()
    except (OSError, ValueError, TypeError, AttributeError) as error:
        raise ModelError(f"{path} cannot be read: {error}", hint="correct it, or delete it") from error


def readable_notes(folder: Path) -> ModelNotes:
    """Like `load_notes`, but damaged ones are logged and say nothing: the model itself can be used."""
    try:
        return load_notes(folder)
    except ModelError as error:
        LOG.warning("%s", error)
        return ModelNotes()


def save_notes(notes: ModelNotes, folder: Path) -> None:
    """Writes what is said of the model in a folder, in one step.

    Raises:
        ImageError: the disk refuses.
    """
    text = json.dumps(asdict(notes), indent=2, ensure_ascii=False) + "\n"
    atomic_write(folder / FILE, text.encode())
