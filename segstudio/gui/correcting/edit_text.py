"""How edits are listed: what was done, to which class, to how many pixels."""

from collections.abc import Callable

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


def edit_text(edit: Edit, name: Callable[[int], str]) -> str:
    """One line such as "Brush: rider, 812 px"; `name` gives a class's name."""
    written = edit.written if edit.title in ONE_CLASS else None
    title = edit.title if written is None else f"{edit.title}: {name(written)}"
    return f"{title}, {edit.pixels:,} px"
