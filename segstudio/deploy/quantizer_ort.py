"""Int8 by ONNX Runtime: Q/DQ around convolutions and products, weights by channel."""

import contextlib
import logging
import tempfile
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import onnx
from numpy.typing import NDArray

from segstudio.inference.core import RESIZED

if TYPE_CHECKING:
    from segstudio.deploy.quantization import Plan

NEEDS = "onnxruntime"
INSTALL = "pip install onnxruntime"


def quantize(core: onnx.ModelProto, inputs: Sequence[NDArray[np.float32]], plan: "Plan") -> onnx.ModelProto:
    """The core with Q/DQ nodes; see `QuantizerModule.quantize`.

    Mode "u8s8" has activations of 0-255, with which CPUs are fastest; "symmetric" has signed ones without
    zero points, and float weights in front of a Q/DQ pair of their own, as TensorRT wants both.
    """
    from onnxruntime.quantization import QuantFormat, QuantType, quantize_static

    symmetric = plan.mode == "symmetric"
    with tempfile.TemporaryDirectory() as scratch, _quiet():
        source, target = Path(scratch) / "core.onnx", Path(scratch) / "int8.onnx"
        onnx.save(onnx.shape_inference.infer_shapes(core), source)
        quantize_static(
            str(source),
            str(target),
            _Reader(inputs),
            quant_format=QuantFormat.QDQ,
            op_types_to_quantize=["Conv", "MatMul", "Gemm"],
            per_channel=True,
            activation_type=QuantType.QInt8 if symmetric else QuantType.QUInt8,
            weight_type=QuantType.QInt8,
            nodes_to_exclude=list(plan.exempt),
            extra_options={
                "ActivationSymmetric": symmetric,
                "WeightSymmetric": True,
                "AddQDQPairToWeight": symmetric,
                # As float they cost nothing and keep their digits.
                "QuantizeBias": False,
            },
        )
        return onnx.load(target)


class _Reader:
    """The inputs as ONNX Runtime reads them: one a call, then None."""

    def __init__(self, inputs: Sequence[NDArray[np.float32]]) -> None:
        self._rest: Iterator[NDArray[np.float32]] = iter(inputs)

    def get_next(self) -> dict[str, Any] | None:
        given = next(self._rest, None)
        return None if given is None else {RESIZED: given}


@contextlib.contextmanager
def _quiet() -> Iterator[None]:
    """It logs advice to everyone in the name of the whole program."""
    level = logging.root.level
    logging.root.setLevel(logging.ERROR)
    try:
        yield
    finally:
        logging.root.setLevel(level)
