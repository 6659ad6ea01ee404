"""How edits are listed: what was done, to which class, to how many pixels."""

import weakref
import zlib
from collections.abc import Callable

import numpy as np

from segstudio.annotation.history import Edit

# Edits that write one class of the user's choice; the others say enough in their titles.
ONE_CLASS = frozenset(
    {
        "Second choice",
        "Brush",
        "Polygon",
        "Fill",
        "Fill class",
        "Relabel",
        "Wand",
        "Fill holes",
        "Grow",
        "Merge",
        "Split",
        "Superpixels",
        "Scissors",
        "Segment",
    }
)

_written: "weakref.WeakKeyDictionary[Edit, int]" = weakref.WeakKeyDictionary()
SEVERAL = -1


def written_class(edit: Edit) -> int | None:
    """The one class that an edit wrote, or None when it wrote several."""
    found = _written.get(edit)
    if found is None:
        before = np.frombuffer(zlib.decompress(edit.before), np.uint8)
        after = np.frombuffer(zlib.decompress(edit.after), np.uint8)
        values = np.unique(after[before != after])
        found = int(values[0]) if values.size == 1 else SEVERAL
        _written[edit] = found
    return None if found == SEVERAL else found


def edit_text(edit: Edit, name: Callable[[int], str]) -> str:
    """One line such as "Brush: rider, 812 px"; `name` gives a class's name."""
    written = written_class(edit) if edit.title in ONE_CLASS else None
    title = edit.title if written is None else f"{edit.title}: {name(written)}"
    return f"{title}, {edit.pixels:,} px"
