"""Both changes of size outside of the graph, in pieces: for images whose scores would not fit into memory."""

from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache
from typing import Any

import numpy as np
from numpy.typing import NDArray

from segstudio.inference.core import Kind
from segstudio.inference.prediction import Prediction

Floats = NDArray[np.float32]
Bytes = NDArray[np.uint8]
OPSET, IR = 17, 9
# Scores of a strip of the image that are held at once.
STRIP_VALUES = 8 << 20


@dataclass(frozen=True)
class Places:
    """Where pixels of an axis lie between those of another length: two neighbours, and the second's share.

    Centres fall on centres (align_corners False), beyond the border the border counts.
    """

    before: NDArray[np.int64]
    after: NDArray[np.int64]
    share: Floats


def places(first: int, last: int, length: int, given: int) -> Places:
    """Where pixels first..last-1 of `length` lie among `given` ones."""
    exact = (np.arange(first, last) + 0.5) * (given / length) - 0.5
    exact = exact.clip(0, given - 1)
    before = exact.astype(np.int64)
    return Places(before, np.minimum(before + 1, given - 1), (exact - before).astype(np.float32))


def shrunk(image: Bytes, size: tuple[int, int], window: tuple[slice, slice]) -> Floats:
    """A window of an image uint8 [H,W,3] brought to `size`: float32 [3,h,w] of 0-1, bilinear, no antialias.

    Only the pixels that are read count: the image at its new size need not exist.
    """
    rows, columns = (
        places(part.start, part.stop, new, old)
        for part, new, old in zip(window, size, image.shape[:2], strict=True)
    )
    down, beside = rows.share[:, None, None], columns.share[None, :, None]

    def between(row: NDArray[np.int64]) -> Floats:
        left = image[row[:, None], columns.before[None]].astype(np.float32)
        return left + (image[row[:, None], columns.after[None]] - left) * beside

    upper = between(rows.before)
    mixed = (upper + (between(rows.after) - upper) * down) / np.float32(255)
    return np.ascontiguousarray(mixed.transpose(2, 0, 1))


class Rows:
    """The rows of a score map that comes in bands from top to bottom; what lies behind is let go.

    Args:
        bands: float32 [K,r,w], one below the other.
        height: rows of all together.
    """

    def __init__(self, bands: Iterator[Floats], height: int) -> None:
        self.height = height
        self._bands = bands
        self._held: Floats | None = None
        self._top = 0

    def take(self, first: int, last: int) -> Floats:
        """Rows first..last, float32 [K,n,w]; `first` never falls."""
        while self._held is None or self._top + self._held.shape[1] <= last:
            band = next(self._bands)
            if self._held is None:
                self._held = band
            else:
                gone = min(first - self._top, self._held.shape[1])
                self._held = np.concatenate([self._held[:, gone:], band], axis=1)
                self._top += gone
        return self._held[:, first - self._top : last + 1 - self._top]


def restored(
    views: list[Rows], size: tuple[int, int], kind: Kind, classes: int, *, runner_up: bool = False
) -> Prediction:
    """Brings score maps to the image's size and answers; of several views the mean probabilities count.

    Args:
        views: score maps of the same image.
        size: (height, width) of the image.
        kind: what the scores are.
        classes: K.
        runner_up: also say which class comes second, and by how much.
    """
    if classes == 1:
        return only_class(size, runner_up=runner_up)
    width, wanted = size[1], "all" if runner_up else "answer"
    found = tuple(np.empty(size, np.uint8) for _ in range(4 if runner_up else 2))
    step = max(1, STRIP_VALUES // (classes * width))
    for top in range(0, size[0], step):
        bottom = min(top + step, size[0])
        strips = [_strip(rows, top, bottom, *size) for rows in views]
        if len(strips) == 1:
            values = _session(kind, wanted).run(None, strips[0])
        else:
            shares = _session(kind, "probabilities")
            total: Floats = shares.run(None, strips[0])[0]
            for strip in strips[1:]:
                total += shares.run(None, strip)[0]
            total /= np.float32(len(strips))
            values = _session("probabilities", wanted).run(None, _unchanged(total))
        for target, value in zip(found, values, strict=True):
            target[top:bottom] = value
    return Prediction(*found)


def only_class(size: tuple[int, int], *, runner_up: bool) -> Prediction:
    """What a model of one class answers."""
    certain = np.full(size, 255, np.uint8)
    nothing = (np.full(size, 255, np.uint8), certain.copy()) if runner_up else ()
    return Prediction(np.zeros(size, np.uint8), certain, *nothing)


def _strip(rows: Rows, top: int, bottom: int, height: int, width: int) -> dict[str, Any]:
    where = places(top, bottom, height, rows.height)
    first = int(where.before[0])
    return {
        "scores": np.ascontiguousarray(rows.take(first, int(where.after[-1]))),
        "before": where.before - first,
        "after": where.after - first,
        "share": where.share[:, None],
        "width": np.array([width], np.int64),
    }


def _unchanged(scores: Floats) -> dict[str, Any]:
    """The inputs with which scores [K,n,w] stay as they are."""
    count = np.arange(scores.shape[1])
    return {
        "scores": scores,
        "before": count,
        "after": count,
        "share": np.zeros((len(count), 1), np.float32),
        "width": np.array([scores.shape[2]], np.int64),
    }


@cache
def _session(kind: Kind, wanted: str) -> Any:
    """What makes of some rows of scores: "probabilities" [K,n,W], the "answer", or "all" with the runner-up.

    It runs on the CPU and has the very operators of the deployment graph, so that the ids are the same.
    """
    import onnxruntime
    from onnx import TensorProto, helper

    value = helper.make_tensor_value_info
    ends, outputs = (
        _ends(kind, wanted),
        ("ids", "confidence", "second", "margin")[: 4 if wanted == "all" else 2],
    )
    if wanted == "probabilities":
        shown = [value(wanted, TensorProto.FLOAT, ["classes", "n", "columns"])]
    else:
        shown = [value(name, TensorProto.UINT8, ["n", "columns"]) for name in outputs]
    integers = {"first_axis": [0], "class_axis": [1], "two": [2], "three": [3]}
    graph = helper.make_graph(
        [*_rows(), *ends],
        "restore",
        [
            value("scores", TensorProto.FLOAT, ["classes", "given", "w"]),
            value("before", TensorProto.INT64, ["n"]),
            value("after", TensorProto.INT64, ["n"]),
            value("share", TensorProto.FLOAT, ["n", 1]),
            value("width", TensorProto.INT64, [1]),
        ],
        shown,
        [helper.make_tensor(name, TensorProto.INT64, [1], values) for name, values in integers.items()]
        + [helper.make_tensor("certain", TensorProto.FLOAT, [], [255.0])],
    )
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", OPSET)], ir_version=IR)
    options = onnxruntime.SessionOptions()
    options.enable_cpu_mem_arena = False
    options.log_severity_level = 3
    return onnxruntime.InferenceSession(
        model.SerializeToString(), options, providers=["CPUExecutionProvider"]
    )


def _rows() -> list[Any]:
    """From `scores` [K,given,w] to `restored` [1,K,n,W]: rows mixed as the inputs say, columns resized."""
    from onnx import helper

    return [
        helper.make_node("Gather", ["scores", "before"], ["upper"], axis=1),
        helper.make_node("Gather", ["scores", "after"], ["lower"], axis=1),
        helper.make_node("Sub", ["lower", "upper"], ["step"]),
        helper.make_node("Mul", ["step", "share"], ["part"]),
        helper.make_node("Add", ["upper", "part"], ["rows"]),
        helper.make_node("Unsqueeze", ["rows", "first_axis"], ["batch"]),
        helper.make_node("Shape", ["batch"], ["shape"]),
        helper.make_node("Slice", ["shape", "first_axis", "three"], ["kept"]),
        helper.make_node("Concat", ["kept", "width"], ["size"], axis=0),
        helper.make_node(
            "Resize", ["batch", "", "", "size"], ["restored"], mode="linear",
            coordinate_transformation_mode="half_pixel",
        ),
    ]  # fmt: skip


def _ends(kind: Kind, wanted: str) -> list[Any]:
    """From `restored` to what is wanted."""
    from onnx import TensorProto, helper

    def byte(name: str, output: str) -> list[Any]:
        return [
            helper.make_node("Mul", [name, "certain"], [f"{output}_exact"]),
            helper.make_node("Round", [f"{output}_exact"], [f"{output}_whole"]),
            helper.make_node("Cast", [f"{output}_whole"], [output], to=TensorProto.UINT8),
        ]

    shares = "restored" if kind == "probabilities" else "shares"
    nodes = [] if kind == "probabilities" else [helper.make_node("Softmax", ["restored"], [shares], axis=1)]
    if wanted == "probabilities":
        return [*nodes, helper.make_node("Squeeze", [shares, "first_axis"], [wanted])]
    if wanted == "answer":
        return [
            *nodes,
            helper.make_node("ArgMax", ["restored"], ["best"], axis=1, keepdims=0),
            helper.make_node("ReduceMax", [shares], ["largest"], axes=[1], keepdims=0),
            helper.make_node("Squeeze", ["best", "first_axis"], ["best_plane"]),
            helper.make_node("Squeeze", ["largest", "first_axis"], ["largest_plane"]),
            helper.make_node("Cast", ["best_plane"], ["ids"], to=TensorProto.UINT8),
            *byte("largest_plane", "confidence"),
        ]
    return [
        *nodes,
        # By the scores: probabilities near 1 are often equal.
        helper.make_node("TopK", ["restored", "two"], ["highest", "places"], axis=1),
        helper.make_node("GatherElements", [shares, "places"], ["values"], axis=1),
        helper.make_node("Squeeze", ["values", "first_axis"], ["pair"]),
        helper.make_node("Squeeze", ["places", "first_axis"], ["classes_of"]),
        helper.make_node("Split", ["pair"], ["one", "other"], axis=0),
        helper.make_node("Split", ["classes_of"], ["one_class", "other_class"], axis=0),
        helper.make_node("Squeeze", ["one", "first_axis"], ["largest_plane"]),
        helper.make_node("Squeeze", ["other", "first_axis"], ["next_plane"]),
        helper.make_node("Squeeze", ["one_class", "first_axis"], ["best_plane"]),
        helper.make_node("Squeeze", ["other_class", "first_axis"], ["second_plane"]),
        helper.make_node("Sub", ["largest_plane", "next_plane"], ["lead"]),
        helper.make_node("Cast", ["best_plane"], ["ids"], to=TensorProto.UINT8),
        *byte("largest_plane", "confidence"),
        helper.make_node("Cast", ["second_plane"], ["second"], to=TensorProto.UINT8),
        *byte("lead", "margin"),
    ]
