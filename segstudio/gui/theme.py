"""Light and dark: named colours, the style sheet made from them, and the switch between them."""

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from types import MappingProxyType

from PySide6.QtCore import QObject, Qt, Signal
from PySide6.QtGui import QColor, QFont, QPalette
from PySide6.QtWidgets import QApplication

from segstudio import paths
from segstudio.errors import InputError

STYLE_FILE = "style/studio.qss"

# The first of these that the system has is used; each is made for small sizes on a screen.
FAMILIES = ("Inter", "Segoe UI Variable", "Segoe UI", "SF Pro Text", "Cantarell", "Noto Sans", "DejaVu Sans")
BASE_PIXELS = 13


@dataclass(frozen=True)
class Theme:
    """A set of colours by role; `#rrggbb` each."""

    name: str
    dark: bool
    colours: Mapping[str, str]

    def colour(self, role: str) -> QColor:
        """The colour of a role, such as "text" or "accent"."""
        return QColor(self.colours[role])

    @cached_property
    def palette(self) -> QPalette:
        """The same colours for whatever Qt draws without the style sheet."""
        palette = QPalette()
        roles = {
            QPalette.ColorRole.Window: "window",
            QPalette.ColorRole.WindowText: "text",
            QPalette.ColorRole.Base: "field",
            QPalette.ColorRole.AlternateBase: "panel",
            QPalette.ColorRole.Text: "text",
            QPalette.ColorRole.Button: "raised",
            QPalette.ColorRole.ButtonText: "text",
            QPalette.ColorRole.ToolTipBase: "raised",
            QPalette.ColorRole.ToolTipText: "text",
            QPalette.ColorRole.Highlight: "selection",
            QPalette.ColorRole.HighlightedText: "text",
            QPalette.ColorRole.PlaceholderText: "muted",
            QPalette.ColorRole.Link: "accent",
            QPalette.ColorRole.Mid: "border",
        }
        for role, name in roles.items():
            palette.setColor(role, self.colour(name))
        for role in (QPalette.ColorRole.Text, QPalette.ColorRole.ButtonText, QPalette.ColorRole.WindowText):
            palette.setColor(QPalette.ColorGroup.Disabled, role, self.colour("disabled"))
        return palette


DARK = Theme(
    "dark",
    True,
    MappingProxyType(
        {
            "window": "#17181b",
            "panel": "#1e1f23",
            "raised": "#2a2c31",
            "field": "#16171a",
            "hover": "#2b2d33",
            "pressed": "#35373e",
            "border": "#303239",
            "edge": "#43464f",
            "text": "#e8e9ed",
            "muted": "#a3a6b1",
            "disabled": "#666974",
            "accent": "#7ba4ff",
            "primary": "#3b6fe6",
            "primary-hover": "#3363d2",
            "on-primary": "#ffffff",
            "selection": "#2a3b61",
            "focus": "#7ba4ff",
            "canvas": "#2c2c2c",
            "success": "#67c08a",
            "warning": "#e3b341",
            "danger": "#f07f7f",
            "violet": "#b79cf5",
            "success-back": "#1d3327",
            "warning-back": "#3a2f14",
            "danger-back": "#40211f",
            "info-back": "#1f2d4a",
        }
    ),
)

LIGHT = Theme(
    "light",
    False,
    MappingProxyType(
        {
            "window": "#f3f3f5",
            "panel": "#fbfbfc",
            "raised": "#ffffff",
            "field": "#ffffff",
            "hover": "#ececf0",
            "pressed": "#e0e1e7",
            "border": "#dddee4",
            "edge": "#c3c5cf",
            "text": "#1d1e23",
            "muted": "#5b5e69",
            "disabled": "#a2a5b0",
            "accent": "#2a5bd7",
            "primary": "#2f62e0",
            "primary-hover": "#2555cc",
            "on-primary": "#ffffff",
            "selection": "#dfe8fd",
            "focus": "#2f62e0",
            "canvas": "#bdbdbd",
            "success": "#1c7a43",
            "warning": "#8a5a00",
            "danger": "#bf2f2f",
            "violet": "#6b46c1",
            "success-back": "#e2f4e8",
            "warning-back": "#fdf1d6",
            "danger-back": "#fce4e3",
            "info-back": "#e3ecfe",
        }
    ),
)


def contrast(first: str, second: str) -> float:
    """The contrast ratio of two `#rrggbb` colours, 1-21 (WCAG 2.2, relative luminance)."""

    def luminance(colour: str) -> float:
        channels = [int(colour[i : i + 2], 16) / 255 for i in (1, 3, 5)]
        linear = [c / 12.92 if c <= 0.04045 else ((c + 0.055) / 1.055) ** 2.4 for c in channels]
        return 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2]

    low, high = sorted((luminance(first), luminance(second)))
    return (high + 0.05) / (low + 0.05)


def stylesheet(theme: Theme, scale: float = 1.0) -> str:
    """The application's style sheet with `@role` and `@font-*` words replaced.

    Args:
        theme: the colours.
        scale: size of the interface's text, 1.0 = 13 px.

    Raises:
        InputError: the style file is missing (a damaged installation).
    """
    path = paths.resource(STYLE_FILE)
    try:
        text = path.read_text(encoding="utf-8")
    except OSError as error:
        raise InputError(f"{path} cannot be read: {error}", hint="install segstudio again") from error
    words = dict(theme.colours)
    for name, factor in (("small", 0.85), ("body", 1.0), ("large", 1.25), ("title", 1.85)):
        words[f"font-{name}"] = f"{round(BASE_PIXELS * scale * factor)}px"
    words["style"] = path.parent.as_posix()
    words["name"] = theme.name
    # Longest first, so that @primary does not eat the start of @primary-hover.
    for word in sorted(words, key=len, reverse=True):
        text = text.replace(f"@{word}", words[word])
    return text


class ThemeSwitch(QObject):
    """Holds the theme in use and applies it to the application."""

    changed = Signal(object)

    def __init__(self, application: QApplication, choice: str = "system", scale: float = 1.0) -> None:
        super().__init__()
        self._application = application
        self.scale = scale
        self.choice = choice
        self.current = self._wanted()
        application.setStyle("Fusion")
        self._set_font()
        application.styleHints().colorSchemeChanged.connect(self._system_changed)
        self._apply()

    def choose(self, choice: str) -> None:
        """Switches to "system", "light" or "dark"."""
        self.choice = choice
        self._refresh()

    def set_scale(self, scale: float) -> None:
        """Sets the size of the interface's text, 1.0 = 13 px."""
        self.scale = scale
        self._set_font()
        self._apply()
        self.changed.emit(self.current)

    def _set_font(self) -> None:
        font = QFont()
        font.setFamilies(list(FAMILIES))
        font.setPixelSize(round(BASE_PIXELS * self.scale))
        self._application.setFont(font)

    def _wanted(self) -> Theme:
        if self.choice == "system":
            scheme = self._application.styleHints().colorScheme()
            return DARK if scheme == Qt.ColorScheme.Dark else LIGHT
        return DARK if self.choice == "dark" else LIGHT

    def _system_changed(self) -> None:
        if self.choice == "system":
            self._refresh()

    def _refresh(self) -> None:
        wanted = self._wanted()
        if wanted is not self.current:
            self.current = wanted
            self._apply()
            self.changed.emit(wanted)

    def _apply(self) -> None:
        self._application.setPalette(self.current.palette)
        self._application.setStyleSheet(stylesheet(self.current, self.scale))
