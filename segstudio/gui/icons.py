"""Icons by name from the Phosphor font, recoloured when the theme changes."""

import weakref
from typing import Protocol

import qtawesome
import shiboken6
from PySide6.QtCore import QObject
from PySide6.QtGui import QIcon

from segstudio.gui.theme import ThemeSwitch


class TakesIcon(Protocol):
    """A button or action that shows an icon."""

    def setIcon(self, icon: QIcon, /) -> None:
        """Shows the icon."""


class Icons(QObject):
    """Makes icons in the colours of the current theme and keeps bound ones up to date."""

    def __init__(self, switch: ThemeSwitch) -> None:
        super().__init__()
        self._switch = switch
        self._bound: list[tuple[weakref.ref[TakesIcon], str, str]] = []
        self._made: dict[tuple[str, str], QIcon] = {}
        switch.changed.connect(self._recolour)

    def icon(self, name: str, role: str = "text") -> QIcon:
        """An icon by its Phosphor name, such as "paint-brush".

        Args:
            name: the name in the Phosphor set, without prefix.
            role: the theme's colour for the plain state; checked and disabled have their own.
        """
        made = self._made.get((name, role))
        if made is None:
            colours = self._switch.current.colours
            made = qtawesome.icon(
                f"ph.{name}",
                color=colours[role],
                color_disabled=colours["disabled"],
                color_on=colours["accent"] if role == "text" else colours[role],
            )
            self._made[name, role] = made
        return made

    def bind(self, target: TakesIcon, name: str, role: str = "text") -> None:
        """Gives a button or action an icon that follows the theme for as long as it lives."""
        self._bound = [entry for entry in self._bound if entry[0]() not in (None, target)]
        self._bound.append((weakref.ref(target), name, role))
        target.setIcon(self.icon(name, role))

    def _recolour(self) -> None:
        self._made.clear()
        alive = []
        for reference, name, role in self._bound:
            target = reference()
            # Qt may have deleted what Python still holds.
            if target is not None and shiboken6.isValid(target):
                target.setIcon(self.icon(name, role))
                alive.append((reference, name, role))
        self._bound = alive
