"""Keeps torch out of a process that shows windows, as the program does: the test that imports it fails."""

import sys
import traceback
from collections.abc import Iterator, Sequence
from importlib.abc import Loader, MetaPathFinder
from importlib.machinery import ModuleSpec, PathFinder
from types import ModuleType

import pytest

REASON = (
    "the window's process never imports torch: let a child process do it, or put the test "
    "outside tests/gui and tests/e2e/window (and run these apart from the others)"
)


class Refusal(MetaPathFinder, Loader):
    """Finds torch where it is installed, but refuses to load it and remembers who asked for it."""

    def __init__(self) -> None:
        # A library may go on without torch, so the refusal alone may be seen by nobody.
        self.asked: list[str] = []

    def find_spec(
        self, name: str, path: Sequence[str] | None, target: ModuleType | None = None
    ) -> ModuleSpec | None:
        """Where torch is, to be loaded by this; nothing for any other module."""
        found = PathFinder.find_spec(name, path) if name == "torch" else None
        return found and ModuleSpec(name, self, origin=found.origin)

    def create_module(self, spec: ModuleSpec) -> ModuleType | None:
        """Raises ImportError."""
        self.asked.append("".join(traceback.format_stack()[:-1]))
        raise ImportError(REASON, name=spec.name)

    def exec_module(self, module: ModuleType) -> None:
        """Never reached: no module is created."""


REFUSAL = Refusal()


def refuse_torch() -> None:
    """From now on. Where one run of pytest has loaded torch for other tests already, nothing is refused."""
    if "torch" not in sys.modules and REFUSAL not in sys.meta_path:
        sys.meta_path.insert(0, REFUSAL)


@pytest.fixture(autouse=True)
def torch_is_not_asked_for() -> Iterator[None]:
    """Fails the test during which something tried to import torch."""
    REFUSAL.asked.clear()
    yield
    if REFUSAL.asked:
        pytest.fail(f"{REFUSAL.asked[0]}{REASON}", pytrace=False)
