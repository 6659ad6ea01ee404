"""Turns the action table into Qt actions, menus and buttons, and keeps what is enabled and ticked in step."""

from collections.abc import Callable

from PySide6.QtCore import QObject, QSize, Qt
from PySide6.QtGui import QAction, QActionGroup, QKeySequence
from PySide6.QtWidgets import QMenu, QMenuBar, QToolButton, QWidget

from segstudio.gui.actions.action_spec import MENUS, ActionSpec, Needs
from segstudio.gui.actions.table import ACTIONS
from segstudio.gui.icons import Icons
from segstudio.gui.keys.key_book import KeyBook
from segstudio.gui.keys.key_map import CANVAS_ONLY, distinct

ICON = QSize(20, 20)


class ActionSet(QObject):
    """All actions of the window as QActions, by id."""

    def __init__(
        self, window: QWidget, icons: Icons, keys: KeyBook, run: Callable[[ActionSpec], None]
    ) -> None:
        super().__init__(window)
        self.keys = keys
        self._icons = icons
        self._run = run
        self._groups: dict[str, QActionGroup] = {}
        self.actions = {spec.id: self._make(window, spec) for spec in ACTIONS}
        keys.changed.connect(self._bind_keys)
        self._bind_keys()

    def __getitem__(self, action_id: str) -> QAction:
        return self.actions[action_id]

    def _make(self, window: QWidget, spec: ActionSpec) -> QAction:
        action = QAction(spec.text, window)
        action.setObjectName(spec.id)
        action.setStatusTip("")
        action.setCheckable(spec.ticks)
        action.setAutoRepeat(spec.repeats)
        if spec.icon:
            self._icons.bind(action, spec.icon)
        if spec.choice:
            group = self._groups.setdefault(spec.group, QActionGroup(self))
            group.addAction(action)
        action.triggered.connect(lambda _=False, spec=spec: self._run(spec))
        window.addAction(action)
        return action

    def _bind_keys(self) -> None:
        for spec in ACTIONS:
            action, keys = self.actions[spec.id], self.keys.keys(spec.id)
            action.setToolTip(self.keys.tip(spec.id))
            if not spec.hold:
                shortcuts = [key for key in distinct(keys) if key not in CANVAS_ONLY]
                action.setShortcuts([QKeySequence(key) for key in shortcuts])

    def fill(self, bar: QMenuBar) -> dict[str, QMenu]:
        """Builds the menus; returns them by path, for those that get entries of their own."""
        menus = {name: bar.addMenu(f"&{name}") for name in MENUS}
        for spec in ACTIONS:
            if not spec.menu:
                continue
            if spec.menu not in menus:
                parent, _, name = spec.menu.rpartition("/")
                menus[spec.menu] = menus[parent].addMenu(name)
            if spec.separator:
                menus[spec.menu].addSeparator()
            menus[spec.menu].addAction(self.actions[spec.id])
        return menus

    def button(self, action_id: str, *, text: bool = False) -> QToolButton:
        """A button for an action, with its icon, its key in the tooltip, and its name for screen readers."""
        button = QToolButton()
        action = self.actions[action_id]
        button.setDefaultAction(action)
        button.setIconSize(ICON)
        button.setAccessibleName(action.text().rstrip("…"))
        button.setFocusPolicy(Qt.FocusPolicy.TabFocus)
        if text:
            button.setToolButtonStyle(Qt.ToolButtonStyle.ToolButtonTextBesideIcon)
        return button

    def sync(self, available: frozenset[Needs], checked: frozenset[str]) -> None:
        """Enables what is of use now and ticks what is on, by id."""
        for spec in ACTIONS:
            action = self.actions[spec.id]
            action.setEnabled(spec.needs is Needs.NOTHING or spec.needs in available)
            if spec.ticks:
                action.setChecked(spec.id in checked)
