"""Models of fixed shape beside the one for any shape: made when a shape comes again, and not without end."""

from typing import Any, cast

import numpy as np
import pytest
from numpy.typing import NDArray

from segstudio.deploy.export import Exported
from segstudio.inference.backend import Options, open_backend
from segstudio.inference.openvino_ import LARGEST_FIXED, SHAPES, Requests, Shaped
from tests.inference.conftest import noise

Shape = tuple[int, ...]


class Recorded:
    """Stands for compiled models; remembers which one ran."""

    def __init__(self) -> None:
        self.made: list[Shape | None] = []
        self.ran: list[Shape | None] = []

    def compiled(self, shape: Shape | None) -> Requests:
        self.made.append(shape)
        recorder = self

        class One:
            count = 2
            outputs = frozenset({"ids"})

            def run(self, given: NDArray[Any], names: tuple[str, ...]) -> list[NDArray[Any]]:
                recorder.ran.append(shape)
                return [given]

        return cast(Requests, One())


def image(height: int, width: int = 4) -> NDArray[np.uint8]:
    return np.zeros((1, height, width, 3), np.uint8)


def test_a_shape_gets_its_model_when_it_comes_again() -> None:
    recorded = Recorded()
    shaped = Shaped(recorded.compiled)
    for height in (4, 4, 4, 8, 4):
        shaped.run(image(height), ("ids",))
    assert recorded.made == [None, (1, 4, 4, 3)]
    assert recorded.ran == [None, (1, 4, 4, 3), (1, 4, 4, 3), None, (1, 4, 4, 3)]
    assert shaped.lanes == 2


def test_the_model_longest_unused_goes_first() -> None:
    recorded = Recorded()
    shaped = Shaped(recorded.compiled)
    heights = [*range(1, SHAPES + 1)]
    for height in (*heights, 1, SHAPES + 1):
        shaped.run(image(height), ("ids",))
        shaped.run(image(height), ("ids",))
    recorded.made.clear()
    shaped.run(image(1), ("ids",))
    shaped.run(image(2), ("ids",))
    shaped.run(image(2), ("ids",))
    assert recorded.made == [(1, 2, 4, 3)]


def test_large_images_have_no_model_of_their_own() -> None:
    recorded = Recorded()
    shaped = Shaped(recorded.compiled)
    # As large as it looks, but without the memory.
    large = np.broadcast_to(np.uint8(0), (1, 2, LARGEST_FIXED, 3))
    for _ in range(3):
        shaped.run(large, ("ids",))
    assert recorded.made == [None]


def test_a_graph_that_needs_it_has_a_model_for_every_shape() -> None:
    recorded = Recorded()
    shaped = Shaped(recorded.compiled, always_fixed=True)
    for height in (4, 8, 4):
        shaped.run(image(height), ("ids",))
    assert recorded.ran == [(1, 4, 4, 3), (1, 8, 4, 3), (1, 4, 4, 3)]


@pytest.mark.parametrize("size", [(64, 96), (70, 50)])
def test_fixed_and_free_shapes_answer_alike(tiny_model: Exported, size: tuple[int, int]) -> None:
    images = noise(*size)[None]
    backend = open_backend(tiny_model.folder, tiny_model.spec, "openvino", Options(threads=1))
    free, fixed = backend.run(images), backend.run(images)
    backend.close()
    assert np.array_equal(free[0], fixed[0])
    assert np.abs(free[1].astype(int) - fixed[1]).max() <= 1
