"""What the import of a model says: facts, refusals and results in the window's words."""

import re

from segstudio.errors import SegstudioError, sentence
from segstudio.gui.message import ERROR, SUCCESS, Message
from segstudio.workflows.model_import import normalisation_name
from segstudio.workflows.model_source import Imported, SourceFacts, Triple

NAMES_SHOWN = 8
TENSORS_SHOWN = 3
TOPIC = "import"
# A place where a long name may go on in the next line; it has no width.
BREAK = "\u200b"
LONG_WORD = 40


def breakable(text: str) -> str:
    """The text with places to break inside long paths and names, which otherwise widen the dialog."""
    return re.sub(rf"\S{{{LONG_WORD},}}", lambda word: _broken(word[0]), text)


def _broken(word: str) -> str:
    marked = re.sub(r"([/\\_.:-])(?=\w)", rf"\1{BREAK}", word)
    return re.sub(r"(\w{32})(?=\w)", rf"\1{BREAK}", marked)


def first_of(names: tuple[str, ...], shown: int) -> str:
    """The first names, and how many follow."""
    more = len(names) - shown
    return ", ".join(names[:shown]) + (f" and {more:,} more" if more > 0 else "")


def classes_text(facts: SourceFacts) -> str:
    """How many classes, and which."""
    if not facts.classes:
        return "Their number is not known"
    names = f": {first_of(facts.class_names, NAMES_SHOWN)}" if facts.class_names else ", without names"
    return f"{facts.classes}{names}"


def size_text(facts: SourceFacts) -> str:
    """The size at which the network sees images."""
    if facts.height and facts.width:
        why = "as the file says" if facts.kind == "checkpoint" else "fixed by the file"
        return f"{facts.width} × {facts.height} px, {why}"
    return f"{facts.short_side} px, the shorter side"


def normalisation_text(facts: SourceFacts) -> str:
    """Mean and std by the name that people know them by."""
    return normalisation_name(facts.mean, facts.std) or "From the file"


def constants_text(mean: Triple, std: Triple) -> str:
    """Mean and std as they are written in papers."""
    first, second = (", ".join(f"{value:.4g}" for value in values) for values in (mean, std))
    return f"Mean {first} · std {second}"


def summary(model: Imported) -> str:
    """What was matched, and how far the answers are the source's: one line."""
    parts = []
    if model.matched:
        parts.append(f"{model.matched} of {model.matched + len(model.missing)} tensors")
    equal = [name for name, share in model.parity.items() if share >= 1.0]
    if equal:
        parts.append(f"ids equal in {' and '.join(equal)}")
    # Rounded down, so that what is not all is never called all.
    parts += [
        f"{int(share * 1e4) / 1e2:.2f} % of ids equal in {name}"
        for name, share in model.parity.items()
        if share < 1.0
    ]
    return ", ".join(parts)


def done_message(model: Imported) -> Message:
    """For a user who did not wait for the end."""
    return Message(SUCCESS, f"Imported {model.name}", sentence(summary(model)), TOPIC)


def refusal_message(error: SegstudioError) -> Message:
    """An error whose long paths do not widen what shows it."""
    return Message(ERROR, breakable(sentence(error.message)), breakable(sentence(error.hint)), TOPIC)
