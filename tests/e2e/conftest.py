"""The window's fixtures, for tests that take it through whole stories."""

from tests.gui.conftest import studio, themes

__all__ = ["studio", "themes"]
