"""Keeps torch out of a process that shows windows, as the program does: the test that imports it fails."""

import sys
import traceback
from collections.abc import Iterator, Sequence
from importlib.abc import MetaPathFinder
from importlib.machinery import ModuleSpec
from types import ModuleType

import pytest

REASON = (
    "the window's process never imports torch: let a child process do it, or put the test "
    "outside tests/gui and tests/e2e/window (and run these apart from the others)"
)


class Refusal(MetaPathFinder):
    """Refuses torch, and remembers where it was asked for: a library may go on without it."""

    def __init__(self) -> None:
        self.asked: list[str] = []

    def find_spec(
        self, name: str, path: Sequence[str] | None, target: ModuleType | None = None
    ) -> ModuleSpec | None:
        """Nothing for any other module; raises ModuleNotFoundError for torch."""
        if name != "torch":
            return None
        self.asked.append("".join(traceback.format_stack()[:-1]))
        raise ModuleNotFoundError(REASON, name=name)


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
