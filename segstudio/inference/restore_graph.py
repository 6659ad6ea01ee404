"""The way back from scores to the image's size as an ONNX graph of its own, for some rows at a time."""

from functools import cache
from typing import Any, Literal

import numpy as np

from segstudio.inference.core import Kind

OPSET, IR = 17, 9
# Shares of all classes; class and confidence; these and the runner-up with its margin.
Wanted = Literal["probabilities", "answer", "all"]
PLANES = {"answer": ("ids", "confidence"), "all": ("ids", "confidence", "second", "margin")}


@cache
def restore_session(kind: Kind, wanted: Wanted) -> Any:
    """What makes of some rows of scores: "probabilities" [K,n,W], the "answer", or "all" with the runner-up.

    It runs in ONNX Runtime on the CPU and has the very operators of the deployment graph, so that the ids are
    the same. Inputs: `scores` float32 [K,given,w]; for each of the n rows of the result the rows `before` and
    `after` it and the `share` [n,1] of the latter; the `width` W. Planes are uint8 [n,W].
    """
    import onnxruntime
    from onnx import TensorProto, helper

    value = helper.make_tensor_value_info
    if wanted == "probabilities":
        nodes = _probabilities(kind)
        outputs = [value(wanted, TensorProto.FLOAT, ["classes", "n", "columns"])]
    else:
        nodes = [*_best(), *(_runner_up(kind) if wanted == "all" else [])]
        outputs = [value(name, TensorProto.UINT8, ["n", "columns"]) for name in PLANES[wanted]]
    integers = {"first_axis": [0], "class_axis": [1], "three": [3], "both_axes": [0, 1]}
    constants = [helper.make_tensor(name, TensorProto.INT64, [len(of)], of) for name, of in integers.items()]
    graph = helper.make_graph(
        [*_rows(), *_powers(kind), *nodes],
        "restore",
        [
            value("scores", TensorProto.FLOAT, ["classes", "given", "w"]),
            value("before", TensorProto.INT64, ["n"]),
            value("after", TensorProto.INT64, ["n"]),
            value("share", TensorProto.FLOAT, ["n", 1]),
            value("width", TensorProto.INT64, [1]),
        ],
        outputs,
        [*constants, helper.make_tensor("certain", TensorProto.FLOAT, [], [255.0])],
    )
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", OPSET)], ir_version=IR)
    options = onnxruntime.SessionOptions()
    options.enable_cpu_mem_arena = False
    options.log_severity_level = 3
    return onnxruntime.InferenceSession(
        model.SerializeToString(), options, providers=["CPUExecutionProvider"]
    )


def _node(operator: str, inputs: list[str], output: str, **attributes: object) -> Any:
    from onnx import helper

    return helper.make_node(operator, inputs, [output], **attributes)


def _rows() -> list[Any]:
    """From `scores` [K,given,w] to `restored` [1,K,n,W]: rows mixed as the inputs say, columns resized."""
    return [
        _node("Gather", ["scores", "before"], "upper", axis=1),
        _node("Gather", ["scores", "after"], "lower", axis=1),
        _node("Sub", ["lower", "upper"], "step"),
        _node("Mul", ["step", "share"], "part"),
        _node("Add", ["upper", "part"], "rows"),
        _node("Unsqueeze", ["rows", "first_axis"], "batch"),
        _node("Shape", ["batch"], "shape"),
        _node("Slice", ["shape", "first_axis", "three"], "kept"),
        _node("Concat", ["kept", "width"], "size", axis=0),
        _node(
            "Resize", ["batch", "", "", "size"], "restored", mode="linear",
            coordinate_transformation_mode="half_pixel",
        ),
    ]  # fmt: skip


def _powers(kind: Kind) -> list[Any]:
    """The largest score of a pixel, and of logits their `powers`; `sure` is the largest probability.

    Not by Softmax, which turns the classes to the last axis and back.
    """
    largest = _node("ReduceMax", ["restored"], "largest", axes=[1])
    if kind == "probabilities":
        return [largest, _node("Identity", ["largest"], "sure")]
    return [
        largest,
        _node("Sub", ["restored", "largest"], "below"),
        _node("Exp", ["below"], "powers"),
        _node("ReduceSum", ["powers", "class_axis"], "total"),
        _node("Reciprocal", ["total"], "sure"),
    ]


def _probabilities(kind: Kind) -> list[Any]:
    if kind == "probabilities":
        return [_node("Squeeze", ["restored", "first_axis"], "probabilities")]
    return [
        _node("Mul", ["powers", "sure"], "shares"),
        _node("Squeeze", ["shares", "first_axis"], "probabilities"),
    ]


def _best() -> list[Any]:
    """`ids` and `confidence`."""
    return [
        _node("ArgMax", ["restored"], "best", axis=1),
        *_class_plane("best", "ids"),
        *_share_plane("sure", "confidence"),
    ]


def _runner_up(kind: Kind) -> list[Any]:
    """`second` and `margin`, of the same scores without the best."""
    from onnx import TensorProto, helper

    least = helper.make_tensor("least", TensorProto.FLOAT, [1], [-np.inf])
    nodes = [
        _node("Shape", ["best"], "best_shape"),
        _node("ConstantOfShape", ["best_shape"], "lowest", value=least),
        _node("ScatterElements", ["restored", "best", "lowest"], "others", axis=1),
        _node("ArgMax", ["others"], "next_best", axis=1),
        _node("ReduceMax", ["others"], "next", axes=[1]),
        *_class_plane("next_best", "second"),
    ]
    if kind == "logits":
        nodes += [
            _node("Sub", ["next", "largest"], "behind"),
            _node("Exp", ["behind"], "next_power"),
            _node("Mul", ["next_power", "sure"], "next_share"),
        ]
    else:
        nodes.append(_node("Identity", ["next"], "next_share"))
    return [*nodes, _node("Sub", ["sure", "next_share"], "lead"), *_share_plane("lead", "margin")]


def _class_plane(name: str, output: str) -> list[Any]:
    """int64 [1,1,n,W] as uint8 [n,W]."""
    from onnx import TensorProto

    return [
        _node("Squeeze", [name, "both_axes"], f"{output}_plane"),
        _node("Cast", [f"{output}_plane"], output, to=TensorProto.UINT8),
    ]


def _share_plane(name: str, output: str) -> list[Any]:
    """float [1,1,n,W] of 0-1 as uint8 [n,W] of 0-255."""
    from onnx import TensorProto

    return [
        _node("Squeeze", [name, "both_axes"], f"{output}_plane"),
        _node("Mul", [f"{output}_plane", "certain"], f"{output}_exact"),
        _node("Round", [f"{output}_exact"], f"{output}_whole"),
        _node("Cast", [f"{output}_whole"], output, to=TensorProto.UINT8),
    ]
