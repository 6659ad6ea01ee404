"""Models of fixed shape beside the one for any shape: made when a shape comes again, and not without end."""

import os
import threading
from pathlib import Path
from typing import Any, cast

import numpy as np
import pytest
from numpy.typing import NDArray

from segstudio.deploy.export import Exported
from segstudio.inference.backend import Options, open_backend
from segstudio.inference.openvino_shapes import (
    LARGEST_FIXED,
    SHAPES,
    Requests,
    Shaped,
    drop_idle_resizes,
    prune_cache,
)
from tests.inference.conftest import SHORT_SIDE, noise

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


def test_others_go_on_with_the_common_model_while_one_makes_a_new_one() -> None:
    recorded = Recorded()
    began, may_end = threading.Event(), threading.Event()

    def slow(shape: Shape | None) -> Requests:
        if shape is not None:
            began.set()
            assert may_end.wait(60)
        return recorded.compiled(shape)

    shaped = Shaped(slow)
    shaped.run(image(4), ("ids",))
    maker = threading.Thread(target=shaped.run, args=(image(4), ("ids",)))
    maker.start()
    assert began.wait(60)
    shaped.run(image(4), ("ids",))
    assert recorded.ran == [None, None]
    may_end.set()
    maker.join()
    assert recorded.ran[-1] == (1, 4, 4, 3)
    assert recorded.made == [None, (1, 4, 4, 3)]


def test_a_resize_to_the_same_size_is_taken_out(tiny_model: Exported) -> None:
    import openvino

    model = openvino.Core().read_model(str(tiny_model.spec.file(tiny_model.folder, "onnx")))

    def resizes() -> int:
        return sum(node.get_type_name() == "Interpolate" for node in model.get_ordered_ops())

    before = resizes()
    # At its short side the network sees the image as it is.
    model.reshape({"images": [1, SHORT_SIDE, 2 * SHORT_SIDE, 3]})
    drop_idle_resizes(model)
    assert resizes() == before - 1
    model.validate_nodes_and_infer_types()


def test_the_oldest_compiled_models_leave_the_disk_first(tmp_path: Path) -> None:
    for number in range(4):
        path = tmp_path / f"{number}.blob"
        path.write_bytes(bytes(100))
        os.utime(path, (number, number))
    (tmp_path / "other.txt").write_text("stays")
    prune_cache(tmp_path, most=250)
    assert sorted(path.name for path in tmp_path.iterdir()) == ["2.blob", "3.blob", "other.txt"]
    prune_cache(tmp_path / "nowhere")
