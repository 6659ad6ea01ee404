"""The classes as the user works with them: which is active, hidden, locked, alone, and on which key."""

from PySide6.QtCore import QObject, Signal

from segstudio.annotation.palette import Palette, PaletteClass, plain_name

# Classes that were active last, which the class finder lists first.
RECENT = 8


class ClassState(QObject):
    """Choices about classes; ids are those of the project's palette. Display only, except for locks."""

    changed = Signal()
    reordered = Signal()
    active_changed = Signal(int)

    def __init__(self) -> None:
        super().__init__()
        self.palette: Palette | None = None
        self.active = 0
        self.previous = 0
        self.hidden: frozenset[int] = frozenset()
        self.locked: frozenset[int] = frozenset()
        self.solo: int | None = None
        self.recent: tuple[int, ...] = ()
        self._slots: tuple[int, ...] = ()

    def set_palette(self, palette: Palette | None, slots: tuple[int, ...] = ()) -> None:
        """Starts over with the classes of a palette; slots are its ids in order, () for the palette's."""
        self.palette = palette
        self._slots = slots or (tuple(entry.id for entry in palette.classes) if palette else ())
        first = self._slots[0] if self._slots else 0
        self.active = self.previous = first
        self.recent = ()
        self.hidden = self.locked = frozenset()
        self.solo = None
        self.changed.emit()
        self.active_changed.emit(self.active)

    @property
    def classes(self) -> tuple[PaletteClass, ...]:
        """The classes in the order of their slots."""
        if self.palette is None:
            return ()
        by_id = {entry.id: entry for entry in self.palette.classes}
        return tuple(by_id[class_id] for class_id in self._slots)

    def name(self, class_id: int) -> str:
        """The class's name; the ignore value and unknown ids are named as such."""
        if self.palette is None:
            return str(class_id)
        if class_id == self.palette.ignore_id:
            return "unlabelled"
        for entry in self.palette.classes:
            if entry.id == class_id:
                return entry.name
        return f"unknown ({class_id})"

    def set_active(self, class_id: int) -> None:
        """Makes a class the one that tools paint; ids that are no class change nothing."""
        if class_id == self.active or class_id not in self._slots:
            return
        self.previous, self.active = self.active, class_id
        self._remember(self.previous)
        self._remember(class_id)
        self.active_changed.emit(class_id)
        self.changed.emit()

    def _remember(self, class_id: int) -> None:
        others = tuple(other for other in self.recent if other != class_id)
        self.recent = (class_id, *others)[:RECENT]

    def aliases(self, class_id: int) -> tuple[str, ...]:
        """What a class is called in the palettes that its own maps to."""
        if self.palette is None:
            return ()
        entry = self.palette.classes[class_id]
        names = [table.get(entry.name, "") for table in self.palette.mappings.values()]
        others = dict.fromkeys([entry.mapping_class, *names])
        return tuple(name for name in others if name and plain_name(name) != plain_name(entry.name))

    def choose_slot(self, slot: int) -> None:
        """Makes the class on a slot active; slots beyond the palette do nothing."""
        if slot < len(self._slots):
            self.set_active(self._slots[slot])

    def slot(self, class_id: int) -> int:
        """The slot of a class, counted from 0."""
        return self._slots.index(class_id)

    @property
    def slots(self) -> tuple[int, ...]:
        """Class ids in the order of their slots."""
        return self._slots

    def move(self, class_id: int, slot: int) -> None:
        """Puts a class on a slot (clipped to those there are); those between move up or down by one."""
        others = [other for other in self._slots if other != class_id]
        others.insert(min(max(slot, 0), len(others)), class_id)
        self._reorder(tuple(others))

    def reset_slots(self) -> None:
        """The classes stand in the palette's order again."""
        if self.palette is not None:
            self._reorder(tuple(entry.id for entry in self.palette.classes))

    def _reorder(self, slots: tuple[int, ...]) -> None:
        if slots != self._slots:
            self._slots = slots
            self.reordered.emit()
            self.changed.emit()

    def step(self, by: int) -> None:
        """Activates the class that stands `by` places after the active one, around the end."""
        if self._slots:
            self.set_active(self._slots[(self.slot(self.active) + by) % len(self._slots)])

    def swap(self) -> None:
        """Activates the class that was active before."""
        self.set_active(self.previous)

    def toggle_hidden(self, class_id: int) -> None:
        """Hides or shows a class."""
        self.hidden ^= {class_id}
        self.changed.emit()

    def toggle_locked(self, class_id: int) -> None:
        """Locks or unlocks a class: nothing changes a locked class's pixels."""
        self.locked ^= {class_id}
        self.changed.emit()

    def lock_others(self) -> None:
        """Locks all but the active class; when that is so already, unlocks everything."""
        others = frozenset(self._slots) - {self.active}
        self.locked = frozenset() if self.locked == others else others
        self.changed.emit()

    def unlock_all(self) -> None:
        """Unlocks every class."""
        self.locked = frozenset()
        self.changed.emit()

    def toggle_solo(self, class_id: int) -> None:
        """Shows one class alone, or all again."""
        self.solo = None if self.solo == class_id else class_id
        self.changed.emit()

    def show_all(self) -> None:
        """Shows every class."""
        self.hidden, self.solo = frozenset(), None
        self.changed.emit()
