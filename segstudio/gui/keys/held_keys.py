"""Keys that Qt's shortcuts cannot serve: held keys, tools held for a moment, and digits by their place."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from time import monotonic

from PySide6.QtCore import QEvent, QObject, Qt
from PySide6.QtGui import QGuiApplication, QKeyEvent
from PySide6.QtWidgets import QApplication, QWidget

from segstudio.gui.keys.key_map import key_of
from segstudio.gui.keys.physical_keys import KeyPress, class_slot, key_place
from segstudio.gui.keys.text_focus import is_writing

# A tool key tapped shorter than this switches the tool for good; held longer, the tool is lent.
LENT_AFTER_SECONDS = 0.25


@dataclass(frozen=True)
class Hold:
    """What a held key does when it goes down and when it comes up."""

    press: Callable[[], None]
    release: Callable[[], None]


class HeldKeys(QObject):
    """An event filter of the window: it sees the keys that the focused widget did not want.

    So typing in a text field is never touched. A key that Qt repeats counts once.
    """

    def __init__(
        self,
        window: QWidget,
        choose_slot: Callable[[int], None],
        clock: Callable[[], float] = monotonic,
    ) -> None:
        super().__init__(window)
        self._holds: Mapping[Qt.Key, Hold] = {}
        self._tools: Mapping[Qt.Key, Callable[[], Callable[[], None] | None]] = {}
        self._resting: frozenset[str] = frozenset()
        self._choose_slot = choose_slot
        self.clock = clock
        self._down: dict[tuple[str, int], Hold] = {}
        self._lent: tuple[tuple[str, int], float, Callable[[], None]] | None = None
        window.installEventFilter(self)

    def bind(
        self,
        holds: Mapping[Qt.Key, Hold],
        tools: Mapping[Qt.Key, Callable[[], Callable[[], None] | None]],
        resting: frozenset[str],
    ) -> None:
        """Serves these keys from now on.

        Tools map a key to a function that tells how to go back to the tool used before, or None. `resting`
        are the shortcuts that are left to a text field while it has the keyboard.
        """
        self.release_all()
        self._holds, self._tools, self._resting = holds, tools, resting

    def eventFilter(self, watched: QObject, event: QEvent) -> bool:
        """Takes the keys that are ours; everything else goes on."""
        kind = event.type()
        if kind == QEvent.Type.WindowDeactivate:
            self.release_all()
        if not isinstance(event, QKeyEvent):
            return False
        if kind == QEvent.Type.ShortcutOverride:
            return self._claimed(event)
        if kind == QEvent.Type.KeyPress:
            return self._pressed(event)
        if kind == QEvent.Type.KeyRelease and not event.isAutoRepeat():
            return self._released(event)
        return False

    def release_all(self) -> None:
        """Lets go of every held key: the window lost the keyboard and will not hear of their release."""
        for hold in self._down.values():
            hold.release()
        self._down.clear()
        self._lent = None

    def _claimed(self, event: QKeyEvent) -> bool:
        """Keeps a key from the shortcuts where text is typed; else notes which tool it may lend."""
        if is_writing(QApplication.focusWidget()):
            if key_of(event) in self._resting:
                event.accept()
                return True
        elif not event.isAutoRepeat():
            self._remember_tool(event)
        return False

    def _remember_tool(self, event: QKeyEvent) -> None:
        if event.modifiers() != Qt.KeyboardModifier.NoModifier:
            return
        tool = self._tools.get(Qt.Key(event.key()))
        go_back = tool() if tool else None
        if go_back is not None:
            self._lent = (key_place(plain_press(event)), self.clock(), go_back)

    def _pressed(self, event: QKeyEvent) -> bool:
        hold = self._holds.get(Qt.Key(event.key()))
        if hold is not None and event.modifiers() == Qt.KeyboardModifier.NoModifier:
            place = key_place(plain_press(event))
            if not event.isAutoRepeat() and place not in self._down:
                self._down[place] = hold
                hold.press()
            return True
        slot = class_slot(plain_press(event))
        other = event.modifiers() & ~(Qt.KeyboardModifier.ShiftModifier | Qt.KeyboardModifier.KeypadModifier)
        if slot is None or other or event.modifiers() & Qt.KeyboardModifier.KeypadModifier:
            return False
        if not event.isAutoRepeat():
            self._choose_slot(slot)
        return True

    def _released(self, event: QKeyEvent) -> bool:
        place = key_place(plain_press(event))
        hold = self._down.pop(place, None)
        if hold is not None:
            hold.release()
            return True
        if self._lent is not None and self._lent[0] == place:
            _, since, go_back = self._lent
            self._lent = None
            if self.clock() - since >= LENT_AFTER_SECONDS:
                go_back()
        return False


def plain_press(event: QKeyEvent) -> KeyPress:
    """What `physical_keys` needs to know of a press."""
    return KeyPress(
        platform=QGuiApplication.platformName(),
        scan_code=event.nativeScanCode(),
        virtual_key=event.nativeVirtualKey(),
        key=event.key(),
        shift=bool(event.modifiers() & Qt.KeyboardModifier.ShiftModifier),
    )
