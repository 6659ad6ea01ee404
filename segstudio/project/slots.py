"""The order of a project's classes on their keys: slots.txt, one class name a line."""

from collections.abc import Sequence
from pathlib import Path

from segstudio.annotation.palette import Palette
from segstudio.errors import ImageError, ProjectError
from segstudio.images import atomic_write

FILE = "slots.txt"


def load_slots(facts: Path, palette: Palette) -> tuple[int, ...]:
    """Class ids in the order of their slots, every class once.

    Names that the palette does not have are passed over; classes that the file does not name follow in the
    palette's order. A file that is missing or cannot be read means the palette's order.
    """
    try:
        names = (facts / FILE).read_text(encoding="utf-8").splitlines()
    except (OSError, UnicodeDecodeError):
        names = []
    by_name = {entry.name: entry.id for entry in palette.classes}
    named = [by_name[name.strip()] for name in names if name.strip() in by_name]
    return tuple(dict.fromkeys([*named, *by_name.values()]))


def save_slots(facts: Path, palette: Palette, order: Sequence[int]) -> None:
    """Writes an order; the palette's own needs no file.

    Raises:
        ProjectError: the disk refuses.
    """
    path = facts / FILE
    usual = [entry.id for entry in palette.classes]
    try:
        if list(order) == usual:
            path.unlink(missing_ok=True)
        else:
            names = {entry.id: entry.name for entry in palette.classes}
            atomic_write(path, "".join(f"{names[class_id]}\n" for class_id in order).encode())
    except (OSError, ImageError) as error:
        raise ProjectError(
            f"the order of the classes cannot be kept: {error}", hint=f"check {path}"
        ) from error
