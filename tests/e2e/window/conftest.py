"""The window's fixtures, for tests that take it through whole stories."""

from tests.gui.conftest import frozen_imports, garbage_is_collected_here, studio, themes
from tests.no_torch import torch_is_not_asked_for

__all__ = ["frozen_imports", "garbage_is_collected_here", "studio", "themes", "torch_is_not_asked_for"]
