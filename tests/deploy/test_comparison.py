"""A changed model beside the float one: figures against references, sizes, batches, and what is closed."""

import math
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import cast

import numpy as np
import pytest
import torch
from numpy.typing import NDArray
from torchmetrics.classification import MulticlassJaccardIndex

from segstudio.deploy import comparison
from segstudio.deploy.calibration import as_seen
from segstudio.deploy.comparison import Judged, Side, Truth, compare, score_errors, timed
from segstudio.deploy.export import Exported
from segstudio.deploy.fixed import fixed
from segstudio.deploy.model_folder import ONNX_FILE
from segstudio.deploy.onnx_graph import load_onnx, save_onnx
from segstudio.errors import BackendError, Cancelled, ImageError
from segstudio.inference.backend import Backend, Options
from segstudio.inference.core import Kind
from segstudio.inference.spec import ModelSpec
from segstudio.jobs import JobContext
from tests.inference.conftest import noise

Bytes = NDArray[np.uint8]
IDENTITY = np.arange(256, dtype=np.uint8)
RANDOM = np.random.default_rng(5)


class Fixed(Backend):
    """Answers with the channel that its side has: 0 for the float model, 1 for the changed one."""

    def __init__(self, channel: int) -> None:
        self.name, self.device, self.lanes = "paper", "paper", 1
        self.channel = channel
        self.shapes: list[tuple[int, ...]] = []
        self.closed = False

    def run(self, images: Bytes) -> tuple[Bytes, Bytes]:
        self.shapes.append(images.shape)
        return images[..., self.channel].copy(), images[..., 2] // (1 + self.channel)

    def core_kind(self) -> Kind | None:
        return "logits"

    def scores(self, pixels: NDArray[np.float32]) -> NDArray[np.float32]:
        return pixels + np.float32(0.1 * self.channel)

    def close(self) -> None:
        self.closed = True


@pytest.fixture
def sides(tiny_model: Exported, monkeypatch: pytest.MonkeyPatch) -> list[Fixed]:
    """What was opened; the two sides differ in the name of their model."""
    opened: list[Fixed] = []

    def open_fixed(folder: Path, spec: ModelSpec, name: str, options: Options) -> Fixed:
        if name == "broken":
            raise BackendError("broken")
        opened.append(Fixed(int(spec.name == "changed")))
        return opened[-1]

    monkeypatch.setattr(comparison, "open_backend", open_fixed)
    return opened


def both(tiny_model: Exported) -> tuple[Side, Side]:
    before = Side(tiny_model.folder, tiny_model.spec)
    return before, replace(before, spec=replace(tiny_model.spec, name="changed"))


def picture(height: int, width: int, mask: Bytes | None = None) -> tuple[Judged, Bytes]:
    """Ids of both sides as channels, below 3; and the confidence."""
    image = RANDOM.integers(0, 3, (height, width, 3), dtype=np.uint8)
    image[..., 2] = RANDOM.integers(0, 256, (height, width))
    return Judged(f"{height}x{width}", lambda: (image, mask)), image


def test_figures_are_those_of_references(tiny_model: Exported, sides: list[Fixed]) -> None:
    sizes = ((20, 30), (8, 8), (30, 20))
    masks = [RANDOM.choice(np.array([0, 1, 255], np.uint8), size) for size in sizes]
    pairs = [picture(*size, mask) for size, mask in zip(sizes, masks, strict=True)]
    truth = Truth(("road", "sky", "train", "bus"), IDENTITY)
    found = compare(*both(tiny_model), [judged for judged, _ in pairs], truth, ("paper",), JobContext())

    images = [image for _, image in pairs]
    flat = [np.concatenate([image[..., channel].ravel() for image in images]) for channel in range(3)]
    assert (found.images, found.pixels) == (3, flat[0].size)
    assert found.agreement == pytest.approx(np.mean(flat[0] == flat[1]))
    difference = flat[2].astype(int) - flat[2] // 2
    assert found.confidence_error[0] == difference.max()
    assert found.confidence_error[1] == pytest.approx(difference.mean())
    assert found.logit_error == pytest.approx(0.1, abs=1e-6)

    index = MulticlassJaccardIndex(4, average=None, ignore_index=255)
    all_masks = torch.from_numpy(np.concatenate([mask.ravel() for mask in masks]).astype(np.int64))
    for channel, name in enumerate(("before", "after")):
        expected = index(torch.from_numpy(flat[channel].astype(np.int64)), all_masks).numpy()
        ours = [getattr(one, name) for one in found.classes]
        assert ours[:2] == pytest.approx(expected[:2])
        # Both sides claim trains, and neither knows of a bus; no mask shows one of them.
        assert all(map(math.isnan, ours[2:]))
        assert found.miou[channel] == pytest.approx(expected[:2].mean())
    assert [one.pixels for one in found.classes] == [int((all_masks == n).sum()) for n in range(4)]
    assert [one.images for one in found.classes] == [3, 3, 0, 0]
    assert all(one.closed for one in sides)


def test_a_stray_pixel_of_an_absent_class_decides_nothing(tiny_model: Exported, sides: list[Fixed]) -> None:
    image = np.zeros((4, 4, 3), np.uint8)
    image[0, 0, 0] = 2  # the float model sees a train, the changed one does not
    judged = Judged("a", lambda: (image, np.zeros((4, 4), np.uint8)))
    truth = Truth(("road", "sky", "train"), IDENTITY)
    found = compare(*both(tiny_model), [judged], truth, ("paper",), JobContext())
    assert found.miou == pytest.approx((15 / 16, 1.0))


def test_ids_are_brought_to_the_classes_of_the_masks(tiny_model: Exported, sides: list[Fixed]) -> None:
    judged, image = picture(10, 10, np.zeros((10, 10), np.uint8))
    lookup = np.full(256, 255, np.uint8)
    lookup[2] = 0
    found = compare(*both(tiny_model), [judged], Truth(("sky",), lookup), ("paper",), JobContext())
    assert found.classes[0].before == pytest.approx(np.mean(image[..., 0] == 2))
    # No mask at all: no scores.
    bare = replace(judged, load=lambda: (image, None))
    found = compare(*both(tiny_model), [bare], Truth(("sky",), lookup), ("paper",), JobContext())
    assert found.classes == ()
    assert math.isnan(found.miou[0])


def test_images_of_one_size_are_timed(
    tiny_model: Exported, sides: list[Fixed], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(comparison, "TIMED", 4)
    images = [picture(*size)[0] for size in ((8, 8), (9, 9), (8, 8))]
    found = compare(*both(tiny_model), images, None, ("paper", "other"), JobContext())
    assert {one.backend for one in found.speeds} == {"paper", "other"}
    assert found.speeds[0].after >= found.speeds[1].after
    assert found.bytes_before == (tiny_model.folder / ONNX_FILE).stat().st_size
    timed_shapes = {shape for side in sides[2:] for shape in side.shapes}
    assert timed_shapes == {(1, 8, 8, 3)}
    assert all(one.closed for one in sides)


def test_sides_are_closed_whatever_happens(tiny_model: Exported, sides: list[Fixed]) -> None:
    before, after = both(tiny_model)
    with pytest.raises(BackendError):
        compare(before, after, [picture(8, 8)[0]], None, ("broken",), JobContext(), reference="paper")
    cancelled = JobContext()
    cancelled.cancel()
    with pytest.raises(Cancelled):
        compare(before, after, [picture(8, 8)[0]], None, ("paper",), cancelled)

    def damaged() -> tuple[Bytes, None]:
        raise ImageError("a.png is empty")

    with pytest.raises(ImageError, match=r"a\.png"):
        compare(before, after, [Judged("a", damaged)], None, ("paper",), JobContext())
    with pytest.raises(Cancelled):
        timed("paper", before, after, [np.zeros((1, 8, 8, 3), np.uint8)], cancelled)
    assert len(sides) == 7
    assert all(one.closed for one in sides)


def test_what_a_backend_raises_is_one_line(
    tiny_model: Exported, sides: list[Fixed], monkeypatch: pytest.MonkeyPatch
) -> None:
    def run(self: Fixed, images: Bytes) -> tuple[Bytes, Bytes]:
        raise RuntimeError("no memory\n for this")

    monkeypatch.setattr(Fixed, "run", run)
    with pytest.raises(BackendError, match="paper fails: no memory for this"):
        compare(*both(tiny_model), [picture(8, 8)[0]], None, ("paper",), JobContext())


def test_a_graph_of_fixed_batch_is_given_full_batches(tiny_model: Exported, tmp_path: Path) -> None:
    """One image is repeated: figures are those of one, speeds count each image."""
    graph = fixed(load_onnx(tiny_model.folder / ONNX_FILE), batch=4, size=(64, 96))
    save_onnx(graph, tmp_path / ONNX_FILE)
    side = Side(tmp_path, replace(tiny_model.spec, files={"onnx": ONNX_FILE}))
    assert side.batch == 4
    assert both(tiny_model)[0].batch == 1
    image = noise(64, 96)
    found = compare(side, side, [Judged("a", lambda: (image, None))], None, ("onnx",), JobContext())
    assert (found.images, found.pixels, found.agreement) == (1, 64 * 96, 1.0)
    assert (found.logit_error, found.logit_snr) == (0.0, math.inf)
    assert found.speeds[0].after > 0


class Silent(Fixed):
    """Gives ids alone."""

    def core_kind(self) -> Kind | None:
        return None


def test_scores_that_cannot_be_asked(tiny_model: Exported) -> None:
    judged = [picture(64, 64)[0]]
    assert all(map(math.isnan, score_errors(Fixed(0), Silent(1), judged, tiny_model.spec)))
    largest, ratio = score_errors(Fixed(0), Fixed(1), judged, tiny_model.spec)
    seen = as_seen(judged[0].load()[0], tiny_model.spec).astype(np.float64)
    assert largest == pytest.approx(0.1, abs=1e-6)
    assert ratio == pytest.approx(10 * np.log10(np.square(seen).sum() / (0.01 * seen.size)), abs=1e-3)


def test_a_judged_image_at_another_size() -> None:
    mask = np.repeat(np.array([[0, 1]], np.uint8), 4, axis=0).repeat(2, axis=1)
    image, found = Judged("a", lambda: (noise(4, 4), mask)).at_size((8, 6)).load()
    assert image.shape == (8, 6, 3)
    assert cast(Bytes, found).tolist() == [[0, 0, 0, 1, 1, 1]] * 8


def test_shapes_of_all_answers_are_used_once(sides: Sequence[Fixed]) -> None:
    """The tally takes one of the repeated images."""
    tally = comparison._Tally(None)
    answers = np.zeros((3, 2, 2), np.uint8)
    tally.add((answers, answers), (answers, answers), None)
    assert tally.evidence("paper", (0.0, 0.0)).pixels == 4
