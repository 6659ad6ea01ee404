"""Makes the network part of an ONNX file compute in fp16 or bf16, or gives its weights back as float32."""

from collections.abc import Collection, Sequence
from fnmatch import fnmatchcase
from typing import Literal

import ml_dtypes
import numpy as np
import onnx
from onnx import TensorProto, helper, numpy_helper, version_converter

from segstudio.deploy.onnx_graph import GraphIndex, opset, prune, real_inputs
from segstudio.errors import ModelError
from segstudio.inference.core import SCORES, read_names
from segstudio.inference.onnx_ import runtime_errors

Half = Literal["fp16", "bf16"]
TYPES: dict[Half, int] = {"fp16": TensorProto.FLOAT16, "bf16": TensorProto.BFLOAT16}
NUMPY_TYPES: dict[Half, type] = {"fp16": np.float16, "bf16": ml_dtypes.bfloat16}
SCHEMA_TYPES: dict[Half, str] = {"fp16": "tensor(float16)", "bf16": "tensor(bfloat16)"}
LARGEST: dict[Half, float] = {"fp16": 65504.0, "bf16": 3.38e38}
SUFFIX = ".half"
START = "normalised"
# Convolutions of bf16 came with it.
BF16_OPSET = 22
# They sum up, or need more digits or a larger range than half precision has.
EXACT = frozenset(
    (
        *("LayerNormalization", "GroupNormalization", "InstanceNormalization", "Softmax", "LogSoftmax"),
        *("Pow", "Sqrt", "Reciprocal", "Exp", "Log", "CumSum", "QuantizeLinear", "DequantizeLinear", "Cast"),
    )
)
# The work that half precision is for; all else may stay exact where only exact nodes are around it.
HEAVY = frozenset(("Conv", "ConvTranspose", "MatMul", "Gemm", "Einsum"))
# Inputs that are float32 whatever the others are: roi and scales.
FIXED_INPUTS = {"Resize": (1, 2)}
# It reads tensors of any type.
SHAPE = "Shape"
SMALL = 1024


def half_precision(model: onnx.ModelProto, kind: Half = "fp16", keep: Sequence[str] = ()) -> onnx.ModelProto:
    """A copy whose network part computes in half precision, with its weights stored so.

    The network part lies between `normalised` and the logits of a deployment graph; other graphs are network
    from their first input to their outputs, which stay float32. Normalisations, softmax, reductions, what
    lies between them and nodes whose constants half precision cannot hold stay float32, too.

    Args:
        model: with float32 arithmetic; its weights may be stored as half with a cast behind them.
        kind: fp16; or bf16, for which older files are brought to opset 22.
        keep: names of nodes that stay float32, see `node_names`; `*` is any text.

    Raises:
        ModelError: a name in `keep` fits no node, or the file cannot be brought to opset 22.
    """
    made = float_weights(model)
    if kind == "bf16" and opset(made) < BF16_OPSET:
        made = _at_opset(made, BF16_OPSET)
    _Halving(made, kind, keep).apply()
    return made


def float_weights(model: onnx.ModelProto) -> onnx.ModelProto:
    """A copy in which weights that are stored as half with a cast behind them are plain float32."""
    made = onnx.ModelProto()
    made.CopyFrom(model)
    graph = made.graph
    halves = (TensorProto.FLOAT16, TensorProto.BFLOAT16)
    stored = {tensor.name: tensor for tensor in graph.initializer if tensor.data_type in halves}
    kept, wide = [], []
    for node in graph.node:
        target = next((entry.i for entry in node.attribute if entry.name == "to"), None)
        if node.op_type == "Cast" and target == TensorProto.FLOAT and node.input[0] in stored:
            values = numpy_helper.to_array(stored[node.input[0]]).astype(np.float32)
            wide.append(numpy_helper.from_array(values, node.output[0]))
        else:
            kept.append(node)
    if wide:
        del graph.node[:]
        graph.node.extend(kept)
        graph.initializer.extend(wide)
        prune(graph)
    return made


def node_names(model: onnx.ModelProto) -> tuple[str, ...]:
    """The names of the nodes of the network part, in their order: what `keep` chooses from."""
    plain = float_weights(model)
    return tuple(node.name for node in _network_part(plain.graph, _float_tensors(plain)) if node.name)


class _Halving:
    """One conversion in place. A tensor's old name means its float32 form, NAME.half the other one."""

    def __init__(self, model: onnx.ModelProto, kind: Half, keep: Sequence[str]) -> None:
        self._graph, self._kind = model.graph, kind
        self._index = GraphIndex(model.graph)
        self._floats = _float_tensors(model)
        self._version = opset(model)
        part = _network_part(model.graph, self._floats)
        _require_matches(keep, [node.name for node in part])
        exact = {
            id(node)
            for node in part
            if any(fnmatchcase(node.name, name) for name in keep) or not self._can_be_half(node)
        }
        exact |= self._between_exact(part, exact)
        self._halves = {id(node): node for node in part if id(node) not in exact}

    def apply(self) -> None:
        """Renames, casts and stores."""
        halves = self._halves.values()
        asked = {name for node in halves for name in self._halved_inputs(node)}
        weights = {name for name in asked if self._index.constant(name) is not None}
        made = {name for node in halves for name in node.output if name in self._floats}
        wide = {end.name for end in self._graph.output}
        for node in self._graph.node:
            inputs = self._halved_inputs(node) if id(node) in self._halves or node.op_type == SHAPE else ()
            wide.update(read_names(node).difference(inputs))
        to_half, to_float = asked - weights - made, made & wide
        nodes = [self._cast_down(end.name) for end in self._graph.input if end.name in to_half]
        for node in self._graph.node:
            names = list(node.output)
            if id(node) in self._halves or (node.op_type == SHAPE and node.input[0] in made):
                self._rename(node)
            nodes.append(node)
            nodes += [self._cast_down(name) for name in names if name in to_half]
            nodes += [self._cast_up(name) for name in names if name in to_float]
        # Emptying the graph ends the nodes in it.
        copies = [onnx.NodeProto.FromString(node.SerializeToString()) for node in nodes]
        stored = [self._stored(name) for name in sorted(weights)]
        del self._graph.node[:], self._graph.value_info[:]
        self._graph.node.extend(copies)
        self._graph.initializer.extend(stored)
        prune(self._graph)

    def _halved_inputs(self, node: onnx.NodeProto) -> list[str]:
        fixed = FIXED_INPUTS.get(node.op_type, ())
        return [
            name for number, name in enumerate(node.input) if name in self._floats and number not in fixed
        ]

    def _rename(self, node: onnx.NodeProto) -> None:
        fixed = FIXED_INPUTS.get(node.op_type, ())
        for number, name in enumerate(node.input):
            if name in self._floats and number not in fixed:
                node.input[number] = name + SUFFIX
        for number, name in enumerate(node.output):
            if name in self._floats:
                node.output[number] = name + SUFFIX

    def _cast_down(self, name: str) -> onnx.NodeProto:
        return helper.make_node("Cast", [name], [name + SUFFIX], name=f"halve_{name}", to=TYPES[self._kind])

    def _cast_up(self, name: str) -> onnx.NodeProto:
        return helper.make_node("Cast", [name + SUFFIX], [name], name=f"widen_{name}", to=TensorProto.FLOAT)

    def _stored(self, name: str) -> onnx.TensorProto:
        values = self._index.constant(name)
        assert values is not None, name
        return numpy_helper.from_array(values.astype(NUMPY_TYPES[self._kind]), name + SUFFIX)

    def _can_be_half(self, node: onnx.NodeProto) -> bool:
        """Whether an operator knows the type and keeps its accuracy, and its constants fit."""
        if node.op_type in EXACT or node.op_type.startswith("Reduce") or node.domain not in ("", "ai.onnx"):
            return False
        if any(entry.HasField("g") or entry.graphs for entry in node.attribute):
            return False
        schema = onnx.defs.get_schema(node.op_type, self._version, "")
        allowed = next(
            (
                entry.allowed_type_strs
                for entry in schema.type_constraints
                if entry.type_param_str == schema.inputs[0].type_str
            ),
            (),
        )
        return SCHEMA_TYPES[self._kind] in allowed and all(map(self._fits, self._halved_inputs(node)))

    def _fits(self, name: str) -> bool:
        """Whether a constant stays finite, and a lone small number, such as an epsilon, above zero."""
        values = self._index.constant(name)
        if values is None or not values.size:
            return True
        finite = np.abs(values[np.isfinite(values)])
        if finite.size and finite.max() > LARGEST[self._kind]:
            return False
        return values.size > 1 or bool(values.astype(NUMPY_TYPES[self._kind]).any() or not values.any())

    def _between_exact(self, part: Sequence[onnx.NodeProto], exact: Collection[int]) -> set[int]:
        """The light nodes around which all is exact: in half precision they would cost digits and casts."""
        inside = {id(node) for node in part}
        chosen = {id(node) for node in part if id(node) not in exact and node.op_type not in HEAVY}

        def is_wide(node: onnx.NodeProto | None) -> bool:
            return node is None or id(node) not in inside or id(node) in exact or id(node) in chosen

        def is_enclosed(node: onnx.NodeProto) -> bool:
            makers = [self._index.maker(name) for name in self._halved_inputs(node)]
            users = [user for name in node.output for user in self._index.users(name)]
            return all(map(is_wide, makers)) and all(map(is_wide, users))

        while lost := {id(node) for node in part if id(node) in chosen and not is_enclosed(node)}:
            chosen -= lost
        return chosen


def _network_part(graph: onnx.GraphProto, floats: Collection[str]) -> list[onnx.NodeProto]:
    """The nodes that floats of the start reach, without those that begin at the logits."""
    makers = {name: node for node in graph.node for name in node.output}
    start = {START} if START in makers else {end.name for end in real_inputs(graph)[:1]}
    end = makers[SCORES].input[0] if SCORES in makers else ""
    reached, part = start, []
    for node in graph.node:
        if reached.intersection(node.input) and node.output[0] in floats:
            part.append(node)
            reached = reached.union(name for name in node.output if name in floats and name != end)
    return part


def _float_tensors(model: onnx.ModelProto) -> set[str]:
    """The names of float32 tensors; large constants are left out of the search, which copies the model."""
    bare = onnx.ModelProto(ir_version=model.ir_version)
    bare.opset_import.extend(model.opset_import)
    graph = bare.graph
    graph.name = "types"
    graph.node.extend(model.graph.node)
    given = {end.name for end in model.graph.input}
    graph.input.extend(model.graph.input)
    for tensor in model.graph.initializer:
        if tensor.data_type != TensorProto.FLOAT or int(np.prod(tensor.dims)) <= SMALL:
            graph.initializer.append(tensor)
        elif tensor.name not in given:
            graph.input.append(helper.make_tensor_value_info(tensor.name, tensor.data_type, tensor.dims))
    graph.output.extend(model.graph.output)
    found = onnx.shape_inference.infer_shapes(bare).graph
    ends = (*found.input, *found.value_info, *found.output)
    names = {end.name for end in ends if end.type.tensor_type.elem_type == TensorProto.FLOAT}
    return names | {tensor.name for tensor in found.initializer if tensor.data_type == TensorProto.FLOAT}


def _require_matches(keep: Sequence[str], names: Sequence[str]) -> None:
    for name in keep:
        if not any(fnmatchcase(other, name) for other in names):
            some = ", ".join([other for other in names if other][:3])
            raise ModelError(f"no node is called {name!r}", hint=f"nodes have names such as {some}")


def _at_opset(model: onnx.ModelProto, version: int) -> onnx.ModelProto:
    try:
        return version_converter.convert_version(model, version)
    except runtime_errors() as error:
        reason = " ".join(str(error).split())[:200]
        raise ModelError(
            f"the file has opset {opset(model)}, which cannot be brought to {version}: {reason}",
            hint="use fp16, or export the model again",
        ) from error
