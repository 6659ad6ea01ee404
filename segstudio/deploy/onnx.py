"""Writes the deployment graph as one self-contained ONNX file with free batch, height and width."""

import json
import tempfile
import warnings
from pathlib import Path

import numpy as np
import onnx
import torch
from onnx import TensorProto, helper, numpy_helper

from segstudio.deploy.graph import FoldedNetwork
from segstudio.deploy.onnx_ends import OPSET, Nodes, add_after, add_before
from segstudio.deploy.onnx_graph import save_onnx
from segstudio.inference.spec import ModelSpec, spec_to_dict

SAMPLE = (1, 3, 64, 96)
# Smaller constants are not worth a node.
SMALLEST_CAST = 1024


def export_onnx(network: FoldedNetwork, spec: ModelSpec, path: Path) -> list[str]:
    """Writes the deployment graph of a folded network; returns names of files beside it that it needs.

    Inputs: `images` uint8 [N,H,W,3] RGB. Outputs: `ids` and `confidence`, uint8 [N,H,W]. The resize rule,
    the normalisation, the bilinear restore, argmax and the largest probability are inside.

    Raises:
        ModelError: the resize rule cannot be written as a graph.
    """
    core = _core(network)
    nodes = Nodes()
    add_before(nodes, spec)
    after = Nodes()
    add_after(after, "logits", len(spec.classes))
    weights, casts = _stored_small(core)
    graph = helper.make_graph(
        [*casts, *nodes.nodes, *core.graph.node, *after.nodes],
        spec.name,
        [helper.make_tensor_value_info("images", TensorProto.UINT8, ["batch", "height", "width", 3])],
        [
            helper.make_tensor_value_info(name, TensorProto.UINT8, ["batch", "height", "width"])
            for name in ("ids", "confidence")
        ],
        [*weights, *nodes.constants, *after.constants],
    )
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", OPSET)], ir_version=9)
    # The model has copies of them, which for a large network are gigabytes.
    del core, weights, graph
    model.producer_name = "segstudio"
    helper.set_model_props(model, {"segstudio": json.dumps(spec_to_dict(spec))})
    beside = save_onnx(model, path)
    onnx.checker.check_model(str(path), full_check=True)
    return beside


def _core(network: FoldedNetwork) -> onnx.ModelProto:
    axes = {0: "batch", 2: "rows", 3: "columns"}
    with tempfile.TemporaryDirectory() as folder, warnings.catch_warnings():
        traced = Path(folder) / "core.onnx"
        # The tracer warns that sizes become constants where they do not; parity at other sizes is checked.
        warnings.simplefilter("ignore")
        torch.onnx.export(
            network,
            (torch.zeros(SAMPLE),),
            str(traced),
            dynamo=False,
            opset_version=OPSET,
            input_names=["normalised"],
            output_names=["logits"],
            dynamic_axes={"normalised": axes, "logits": axes},
        )
        return onnx.load_model(traced)


def _stored_small(core: onnx.ModelProto) -> tuple[list[onnx.TensorProto], list[onnx.NodeProto]]:
    """Weights as float16 with a cast behind them, where that loses nothing; the rest as it is."""
    weights, casts = [], []
    for tensor in core.graph.initializer:
        values = numpy_helper.to_array(tensor)
        if values.dtype == np.float32 and values.size >= SMALLEST_CAST:
            half = values.astype(np.float16)
            if np.array_equal(half.astype(np.float32), values):
                weights.append(numpy_helper.from_array(half, f"{tensor.name}.half"))
                casts.append(
                    helper.make_node("Cast", [f"{tensor.name}.half"], [tensor.name], to=TensorProto.FLOAT)
                )
                continue
        weights.append(tensor)
    return weights, casts
