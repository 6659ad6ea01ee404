"""Says where a model's time goes, stage by stage, in a pass of its own that leaves the timed one alone."""

import json
import tempfile
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from segstudio.inference.backend import Options
from segstudio.inference.core import RESIZED, SCORES
from segstudio.inference.openvino_ import HINTS
from segstudio.inference.spec import ModelSpec

Images = NDArray[np.uint8]
Milliseconds = dict[str, float]
NORMALISED = "normalised"
# In the order of the graph; network is backbone and head where the names in the file do not tell them apart.
STAGES = ("preprocess", "backbone", "network", "head", "restore")
# What is in no stage: constants that are computed anew, copies that a runtime puts at the ends.
OTHER = "other"
BACKBONE_WORDS = ("backbone", "encoder")
RUNS = 4
NODE_EVENT, NODE_SUFFIX = "Node", "_kernel_time"


@dataclass(frozen=True)
class Step:
    """One node as a runtime executes it.

    Attributes:
        name: in the runtime's own graph.
        known_as: names of what it was in the file, as far as the runtime still knows.
        after: names of the nodes whose results it reads.
    """

    name: str
    known_as: tuple[str, ...]
    after: tuple[str, ...]


def profile_stages(
    folder: Path, spec: ModelSpec, backend: str, device: str, options: Options, images: Images
) -> dict[str, float] | None:
    """The share of each stage, 0-1, in the time of all nodes; None where a backend does not tell honestly.

    OpenVINO tells on every device, ONNX Runtime on the CPU alone: elsewhere it times the start of the work.

    Args:
        folder, spec: the model.
        backend, device: as the opened backend names them.
        options: as it was opened with.
        images: RGB uint8 [N,H,W,3].

    Raises:
        ModelError: the model has no ONNX file.
    """
    profiler = PROFILERS.get(backend)
    if profiler is None or "onnx" not in spec.files or (backend == "onnx" and device != "CPU"):
        return None
    path = spec.file(folder, "onnx")
    steps, times = profiler(path, device, options, np.ascontiguousarray(images))
    return shares_of(steps, times, stages_in_file(path))


def shares_of(
    steps: Sequence[Step], times: Mapping[str, float], known: Mapping[str, str]
) -> dict[str, float] | None:
    """The shares, 0-1, of the stages, in their order; None without any time.

    A node that its runtime made up is in the latest stage of those that it reads.

    Args:
        steps: every node behind those that it reads.
        times: by name of the node, in any unit.
        known: stages by name of a node or tensor of the file.
    """
    found: dict[str, str] = {}
    spent = dict.fromkeys((*STAGES, OTHER), 0.0)
    for step in steps:
        stages = {known[name] for name in step.known_as if name in known}
        stages = stages or {found[name] for name in step.after if name in found}
        if stages:
            found[step.name] = max(stages, key=STAGES.index)
        spent[found.get(step.name, OTHER)] += times.get(step.name, 0.0)
    total = sum(spent.values())
    if not total:
        return None
    return {stage: round(value / total, 4) for stage, value in spent.items() if value}


def stages_in_file(path: Path) -> dict[str, str]:
    """The stage of each node and tensor of a deployment graph, by its name."""
    import onnx

    nodes = onnx.load_model(path, load_external_data=False).graph.node
    makers = {tensor: node for node in nodes for tensor in node.output}
    before = _behind(makers, NORMALISED if NORMALISED in makers else RESIZED)
    inner = _behind(makers, makers[SCORES].input[0]) - before if SCORES in makers else set()
    backbone = {name for name in inner if any(word in name for word in BACKBONE_WORDS)}
    after_backbone = set(backbone)
    stages = {}
    for node in nodes:
        if not inner.isdisjoint(node.output) and not after_backbone.isdisjoint(node.input):
            after_backbone.update(node.output)
        for tensor in node.output:
            if tensor in before:
                stage = "preprocess"
            elif tensor in backbone:
                stage = "backbone"
            elif tensor not in inner:
                stage = "restore"
            elif not backbone:
                stage = "network"
            elif tensor in after_backbone:
                stage = "head"
            else:
                continue
            stages[tensor] = stage
            if node.name:
                stages[node.name] = stage
    return stages


def _behind(makers: Mapping[str, Any], tensor: str) -> set[str]:
    """A tensor and all that it is computed from."""
    found: set[str] = set()
    open_ends = [tensor]
    while open_ends:
        name = open_ends.pop()
        if name in makers and name not in found:
            found.update(makers[name].output)
            open_ends.extend(makers[name].input)
    return found


def _with_onnx_runtime(
    path: Path, device: str, options: Options, images: Images
) -> tuple[list[Step], Milliseconds]:
    import onnx
    import onnxruntime

    with tempfile.TemporaryDirectory() as scratch:
        wishes = onnxruntime.SessionOptions()
        wishes.intra_op_num_threads = options.threads_here
        wishes.inter_op_num_threads = 1
        wishes.log_severity_level = 3
        wishes.enable_profiling = True
        wishes.profile_file_prefix = str(Path(scratch) / "profile")
        # The nodes that run are those of the optimised graph.
        wishes.optimized_model_filepath = str(Path(scratch) / "optimised.onnx")
        session = onnxruntime.InferenceSession(str(path), wishes, providers=["CPUExecutionProvider"])
        given = session.get_inputs()[0].name
        for _ in range(RUNS):
            session.run(None, {given: images})
        events = json.loads(Path(session.end_profiling()).read_text(encoding="utf-8"))
        graph = onnx.load_model(scratch + "/optimised.onnx", load_external_data=False).graph
    nodes = graph.node
    makers = {tensor: node.name for node in nodes for tensor in node.output}
    steps = [
        Step(
            node.name,
            (node.name, *node.output),
            tuple(makers[tensor] for tensor in node.input if tensor in makers),
        )
        for node in nodes
    ]
    return steps, _node_times(events)


def _node_times(events: Iterable[Mapping[str, Any]]) -> Milliseconds:
    """Milliseconds by node, without the first run, which also makes room."""
    times: dict[str, list[float]] = {}
    for event in events:
        if event.get("cat") == NODE_EVENT and str(event["name"]).endswith(NODE_SUFFIX):
            name = str(event["name"]).removesuffix(NODE_SUFFIX)
            times.setdefault(name, []).append(float(event["dur"]) / 1000)
    return {name: float(np.mean(spent[1:] or spent)) for name, spent in times.items()}


def _with_openvino(
    path: Path, device: str, options: Options, images: Images
) -> tuple[list[Step], Milliseconds]:
    import openvino

    settings: dict[str, str | int] = {
        "PERF_COUNT": "YES",
        "PERFORMANCE_HINT": "LATENCY",
        "INFERENCE_PRECISION_HINT": HINTS[options.precision],
    }
    if device == "CPU":
        settings["INFERENCE_NUM_THREADS"] = options.threads_here
    compiled = openvino.Core().compile_model(str(path), device, settings)
    request = compiled.create_infer_request()
    times: dict[str, list[float]] = {}
    for _ in range(RUNS):
        request.infer([images])
        for node in request.get_profiling_info():
            times.setdefault(node.node_name, []).append(node.real_time.total_seconds() * 1000)
    steps = [_executed(operation) for operation in compiled.get_runtime_model().get_ordered_ops()]
    return steps, {name: float(np.mean(spent[1:])) for name, spent in times.items()}


def _executed(operation: Any) -> Step:
    facts = operation.get_rt_info()
    known = facts["originalLayersNames"].astype(str) if "originalLayersNames" in facts else ""
    after = tuple(
        operation.input_value(number).get_node().get_friendly_name()
        for number in range(operation.get_input_size())
    )
    return Step(operation.get_friendly_name(), tuple(known.split(",")), after)


Profiler = Callable[[Path, str, Options, Images], tuple[list[Step], Milliseconds]]
PROFILERS: Mapping[str, Profiler] = {"onnx": _with_onnx_runtime, "openvino": _with_openvino}
