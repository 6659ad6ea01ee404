"""Serves the keys that are no ordinary shortcuts: held ones, lent tools, and those of the canvas alone."""

from collections.abc import Callable
from functools import partial

from PySide6.QtCore import QObject, Qt
from PySide6.QtGui import QKeySequence, QShortcut
from PySide6.QtWidgets import QMainWindow

from segstudio.gui.actions.action_set import ActionSet
from segstudio.gui.actions.table import ACTIONS
from segstudio.gui.commands.commands import Commands
from segstudio.gui.keys.held_keys import HeldKeys, Hold
from segstudio.gui.keys.key_book import KeyBook
from segstudio.gui.keys.key_map import CANVAS_ONLY, combination, is_plain
from segstudio.gui.view.canvas_link import CanvasLink

# What is of use while text is typed: it belongs to the window as a whole and changes no sample.
WHILE_WRITING = (
    "file.open",
    "file.rescan",
    "file.save",
    "file.quit",
    "page.editor",
    "page.samples",
    "page.classes",
    "page.failures",
    "page.speed",
    "page.runs",
    "page.models",
    "page.progress",
    "go.back",
    "view.full",
    "help.keys",
    "help.commands",
)


class KeyService(QObject):
    """Follows the key book; `held` is the event filter of the window."""

    def __init__(
        self,
        window: QMainWindow,
        book: KeyBook,
        actions: ActionSet,
        commands: Commands,
        link: CanvasLink,
        is_editor: Callable[[], bool],
    ) -> None:
        super().__init__(window)
        self._book = book
        self._actions = actions
        self._commands = commands
        self._link = link
        self._is_editor = is_editor
        self._shortcuts: list[QShortcut] = []
        self.held = HeldKeys(window, link.choose_slot)
        book.changed.connect(self._follow)
        self._follow()

    def _follow(self) -> None:
        holds: dict[Qt.Key, Hold] = {}
        tools: dict[Qt.Key, Callable[[], Callable[[], None] | None]] = {}
        resting: set[str] = set()
        for spec in ACTIONS:
            keys = self._book.keys(spec.id)
            if spec.hold:
                act = self._commands.find(spec)
                hold = Hold(partial(self._hold, spec.id, act), partial(act, False))
                holds |= {combination(key).key(): hold for key in keys}
            elif spec.strip:
                tools |= {combination(key).key(): self._way_back for key in keys if is_plain(key)}
            if spec.id not in WHILE_WRITING:
                resting |= set(keys)
        self.held.bind(holds, tools, frozenset(resting))
        self._link.canvas.pan_keys = frozenset(
            combination(key).key() for key in self._book.keys("tool.hold_pan")
        )
        self._serve_canvas()

    def _serve_canvas(self) -> None:
        for shortcut in self._shortcuts:
            shortcut.setEnabled(False)
            shortcut.deleteLater()
        self._shortcuts = []
        for spec in ACTIONS:
            for key in self._book.keys(spec.id):
                if key in CANVAS_ONLY and not spec.hold:
                    shortcut = QShortcut(QKeySequence(key), self._link.canvas)
                    shortcut.setContext(Qt.ShortcutContext.WidgetShortcut)
                    shortcut.setAutoRepeat(spec.repeats)
                    shortcut.activated.connect(self._actions[spec.id].trigger)
                    self._shortcuts.append(shortcut)

    def _hold(self, action_id: str, act: Callable[[bool], None]) -> None:
        if self._actions[action_id].isEnabled() and self._is_editor():
            act(True)

    def _way_back(self) -> Callable[[], None]:
        before = self._link.tool
        return lambda: self._link.choose_tool(before)
