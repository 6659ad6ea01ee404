"""Stands in for TensorRT and CUDA: records calls, refuses what they refuse, and answers by ONNX Runtime.

An engine of it is a line of JSON with the ONNX file behind it; GPU memory is memory of this process.
"""

import ctypes
import itertools
import json
import sys
import weakref
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from enum import Enum, IntEnum
from types import SimpleNamespace
from typing import Any

import numpy as np
import onnx
import onnxruntime
import pytest
from onnx import TensorProto

GPU = "Fake RTX"
FLOATS = (TensorProto.FLOAT, TensorProto.FLOAT16)
NAMES = {TensorProto.FLOAT: "FLOAT", TensorProto.UINT8: "UINT8", TensorProto.INT64: "INT64"}


Status = Enum("Status", ["cudaSuccess", "cudaErrorMemoryAllocation"])
FREEING = ("cudaFree", "cudaFreeHost", "cudaStreamDestroy", "cudaGraphDestroy", "cudaGraphExecDestroy")


@dataclass
class Machine:
    """What happened, what is alive, and what is to fail.

    Attributes:
        version: of TensorRT; from 11 on there is no flag for strongly typed networks.
        gpu: the name of the GPU.
        failing: a function of CUDA that has no memory left, and after how many calls.
        log_on_build: an error that TensorRT writes while it refuses to build.
        refused: an operator that the parser does not know.
        capturable: whether work can be recorded.
        calls: names of CUDA's functions, in order.
        alive: addresses, streams and recordings that were not given back.
        objects: builders, engines, contexts ... that something still holds.
        built: what each build was asked for.
        executed: how many times an engine ran.
    """

    version: str = "10.13.0.35"
    gpu: str = GPU
    failing: tuple[str, int] | None = None
    log_on_build: str = ""
    refused: str = ""
    capturable: bool = True
    calls: list[str] = field(default_factory=list)
    alive: dict[int, Any] = field(default_factory=dict)
    objects: "weakref.WeakSet[Any]" = field(default_factory=weakref.WeakSet)
    built: list[dict[str, Any]] = field(default_factory=list)
    executed: int = 0
    recording: list[Callable[[], None]] | None = None
    spoilt: bool = False

    def do(self, work: Callable[[], None]) -> None:
        """Does it, or writes it down."""
        if self.recording is None:
            work()
        else:
            self.recording.append(work)


def install(patch: pytest.MonkeyPatch, **values: Any) -> Machine:
    """Puts both fakes where the real packages would be imported from."""
    machine = Machine(**values)
    patch.setitem(sys.modules, "tensorrt", tensorrt_module(machine))
    patch.setitem(sys.modules, "cuda.bindings.runtime", Runtime(machine))
    return machine


class Runtime:
    """cuda.bindings.runtime: each function gives a tuple that begins with a status."""

    def __init__(self, machine: Machine) -> None:
        self._machine, self._numbers = machine, itertools.count(1)
        self.cudaError_t = Status
        self.cudaStreamNonBlocking, self.cudaHostAllocDefault = 1, 0
        self.cudaMemcpyKind = SimpleNamespace(cudaMemcpyHostToDevice=1, cudaMemcpyDeviceToHost=2)
        self.cudaStreamCaptureMode = SimpleNamespace(cudaStreamCaptureModeThreadLocal=1)

    def __getattr__(self, name: str) -> Callable[..., tuple[Any, ...]]:
        machine = self._machine
        function = getattr(type(self), "_free" if name in FREEING else f"_{name}")

        def call(*arguments: Any) -> tuple[Any, ...]:
            machine.calls.append(name)
            failing, after = machine.failing or ("", 0)
            if failing == name and machine.calls.count(name) > after:
                return Status.cudaErrorMemoryAllocation, None
            return Status.cudaSuccess, *function(self, *arguments)

        return call

    def _keep(self, value: Any, number: int = 0) -> tuple[int]:
        number = number or next(self._numbers)
        self._machine.alive[number] = value
        return (number,)

    def _free(self, number: int) -> tuple[()]:
        del self._machine.alive[number]
        return ()

    def _cudaGetErrorString(self, _status: Status) -> tuple[bytes]:
        return (b"out of memory",)

    def _cudaGetDeviceCount(self) -> tuple[int]:
        return (1,)

    def _cudaSetDevice(self, _device: int) -> tuple[()]:
        return ()

    def _cudaGetDeviceProperties(self, _device: int) -> tuple[Any]:
        name = self._machine.gpu.encode()
        return (SimpleNamespace(name=name, major=8, minor=6, totalGlobalMem=8 << 30),)

    def _cudaMemGetInfo(self) -> tuple[int, int]:
        return 1 << 30, 8 << 30

    def _cudaMalloc(self, size: int) -> tuple[int]:
        block = (ctypes.c_uint8 * size)()
        return self._keep(block, ctypes.addressof(block))

    def _cudaHostAlloc(self, size: int, _flags: int) -> tuple[int]:
        return self._cudaMalloc(size)

    def _cudaStreamCreateWithFlags(self, _flags: int) -> tuple[int]:
        return self._keep("stream")

    def _cudaMemcpyAsync(self, target: int, source: int, size: int, _kind: int, _stream: int) -> tuple[()]:
        def move() -> None:
            ctypes.memmove(target, source, size)

        self._machine.do(move)
        return ()

    def _cudaStreamSynchronize(self, _stream: int) -> tuple[()]:
        assert self._machine.recording is None, "waiting for what is only written down"
        return ()

    def _cudaStreamBeginCapture(self, _stream: int, _mode: int) -> tuple[()]:
        self._machine.recording, self._machine.spoilt = [], not self._machine.capturable
        return ()

    def _cudaStreamEndCapture(self, _stream: int) -> tuple[int]:
        work, self._machine.recording = self._machine.recording, None
        return self._keep(work)

    def _cudaGraphInstantiate(self, graph: int, _flags: int) -> tuple[int]:
        return self._keep(self._machine.alive[graph])

    def _cudaGraphLaunch(self, recording: int, _stream: int) -> tuple[()]:
        for work in self._machine.alive[recording]:
            work()
        return ()


class Dims(list[int]):
    """A shape."""


class Severity(IntEnum):
    """Of a line of the log."""

    INTERNAL_ERROR = 0
    ERROR = 1
    INFO = 3


class ILogger:
    """What TensorRT writes its log to."""

    Severity = Severity
    INTERNAL_ERROR, ERROR = Severity.INTERNAL_ERROR, Severity.ERROR

    def log(self, severity: IntEnum, msg: str) -> None:
        raise NotImplementedError


class IProgressMonitor:
    """What TensorRT tells of its steps."""


@dataclass
class Tensor:
    """An end of a network."""

    name: str
    kind: int
    shape: Dims

    @property
    def dtype(self) -> Any:
        return SimpleNamespace(name=NAMES[self.kind])


def ends_of(values: Sequence[onnx.ValueInfoProto]) -> list[Tensor]:
    """The inputs or outputs of a graph; free axes are -1."""
    found = []
    for value in values:
        kind = value.type.tensor_type
        dims = Dims(dim.dim_value if dim.HasField("dim_value") else -1 for dim in kind.shape.dim)
        found.append(Tensor(value.name, kind.elem_type, dims))
    return found


class Network:
    """What the parser writes into."""

    def __init__(self, flags: int) -> None:
        self.flags, self.content = flags, b""
        self.inputs: list[Tensor] = []
        self.outputs: list[Tensor] = []

    @property
    def num_outputs(self) -> int:
        return len(self.outputs)

    def get_input(self, number: int) -> Tensor:
        return self.inputs[number]

    def get_output(self, number: int) -> Tensor:
        return self.outputs[number]


class Parser:
    """Refuses operators that it does not know, and bytes that are made of anything but floats."""

    def __init__(self, machine: Machine, network: Network) -> None:
        self._machine, self._network = machine, network
        self._errors: list[tuple[int, onnx.NodeProto, str]] = []

    @property
    def num_errors(self) -> int:
        return len(self._errors)

    def get_error(self, number: int) -> Any:
        place, node, text = self._errors[number]
        return SimpleNamespace(
            node=lambda: place,
            node_name=lambda: node.name,
            node_operator=lambda: node.op_type,
            desc=lambda: text,
        )

    def parse_from_file(self, path: str) -> bool:
        model = onnx.shape_inference.infer_shapes(onnx.load_model(path))
        onnx.checker.check_model(model)
        graph = model.graph
        ends = (*graph.input, *graph.value_info, *graph.output)
        kinds = {end.name: end.type.tensor_type.elem_type for end in ends}
        for place, node in enumerate(graph.node):
            if node.op_type == self._machine.refused:
                self._errors.append((place, node, "no importer registered"))
            makes_bytes = node.op_type == "Cast" and node.attribute[0].i == TensorProto.UINT8
            if makes_bytes and kinds[node.input[0]] not in FLOATS:
                self._errors.append((place, node, "uint8 is made of floats alone"))
        self._network.content = model.SerializeToString()
        self._network.inputs, self._network.outputs = ends_of(graph.input), ends_of(graph.output)
        return not self._errors


class Profile:
    """The shapes of an input."""

    def __init__(self) -> None:
        self.shapes: dict[str, list[Dims]] = {}

    def set_shape(self, name: str, least: Dims, usual: Dims, most: Dims) -> None:
        assert len(least) == len(usual) == len(most)
        assert all(low <= middle <= high for low, middle, high in zip(least, usual, most, strict=True))
        self.shapes[name] = [least, usual, most]

    def get_shape(self, name: str) -> list[Dims]:
        return self.shapes[name]


class Config:
    """How to build; it has no flags for precisions and no calibrator."""

    __slots__ = ("cache", "cache_fits", "limits", "profiles", "progress_monitor", "tf32")

    def __init__(self) -> None:
        self.tf32, self.limits, self.profiles = True, dict[str, int](), list[Profile]()
        self.progress_monitor: Any = None
        self.cache: Any = None

    def set_flag(self, flag: str) -> None:
        assert flag == "TF32"
        self.tf32 = True

    def clear_flag(self, flag: str) -> None:
        assert flag == "TF32"
        self.tf32 = False

    def set_memory_pool_limit(self, pool: str, size: int) -> None:
        self.limits[pool] = size

    def add_optimization_profile(self, profile: Profile) -> int:
        self.profiles.append(profile)
        return 0

    def create_timing_cache(self, content: bytes) -> Any:
        return SimpleNamespace(content=content, serialize=lambda: content + b"timed;")

    def set_timing_cache(self, cache: Any, _ignore: bool) -> bool:
        self.cache = cache
        return not cache.content.startswith(b"foreign")


class Builder:
    """Builds what can be built, in three steps."""

    def __init__(self, machine: Machine, log: ILogger) -> None:
        self._machine, self._log = machine, log
        machine.objects.add(self)

    def create_network(self, flags: int) -> Network:
        return Network(flags)

    def create_builder_config(self) -> Config:
        return Config()

    def create_optimization_profile(self) -> Profile:
        return Profile()

    def build_serialized_network(self, network: Network, config: Config) -> bytes | None:
        shapes = dict(config.profiles[0].shapes) if config.profiles else {}
        self._machine.built.append(
            {"flags": network.flags, "tf32": config.tf32, "limits": config.limits, "shapes": shapes,
             "content": network.content, "cache": config.cache and config.cache.content}
        )  # fmt: skip
        self._log.log(Severity.INFO, "building")
        if self._machine.log_on_build:
            self._log.log(Severity.ERROR, self._machine.log_on_build)
            return None
        monitor = config.progress_monitor
        monitor.phase_start("Building", None, 3)
        for step in range(3):
            if not monitor.step_complete("Building", step):
                return None
        monitor.phase_finish("Building")
        for tensor in network.inputs:
            shapes.setdefault(tensor.name, [tensor.shape] * 3)
            assert -1 not in shapes[tensor.name][0], "a free axis without a profile"
        head = {"version": self._machine.version, "gpu": self._machine.gpu, "shapes": shapes}
        return json.dumps(head).encode() + b"\n" + network.content


class Engine:
    """What a runtime reads."""

    def __init__(self, machine: Machine, content: bytes) -> None:
        head, _, model = content.partition(b"\n")
        self.machine, self.shapes = machine, json.loads(head)["shapes"]
        graph = onnx.load_model_from_string(model).graph
        self.inputs, self.outputs = ends_of(graph.input), ends_of(graph.output)
        self.num_io_tensors = len(self.inputs) + len(self.outputs)
        options = onnxruntime.SessionOptions()
        options.log_severity_level, options.intra_op_num_threads = 4, 1
        self.session = onnxruntime.InferenceSession(model, options)
        machine.objects.add(self)

    def _tensor(self, name: str) -> Tensor:
        return next(one for one in (*self.inputs, *self.outputs) if one.name == name)

    def get_tensor_name(self, number: int) -> str:
        return (*self.inputs, *self.outputs)[number].name

    def get_tensor_mode(self, name: str) -> str:
        return "INPUT" if self._tensor(name) in self.inputs else "OUTPUT"

    def get_tensor_shape(self, name: str) -> Dims:
        return self._tensor(name).shape

    def get_tensor_dtype(self, name: str) -> Any:
        return self._tensor(name).dtype

    def get_tensor_profile_shape(self, name: str, _profile: int) -> list[Dims]:
        return [Dims(shape) for shape in self.shapes[name]]

    def create_execution_context(self, strategy: str) -> "Context":
        assert strategy == "USER_MANAGED"
        return Context(self)


class Context:
    """Runs an engine at one shape; it must know all addresses, and the memory it works in."""

    def __init__(self, engine: Engine) -> None:
        self._engine, self._machine = engine, engine.machine
        self._shapes: dict[str, Dims] = {}
        self._addresses: dict[str, int] = {}
        self._memory = 0
        self._machine.objects.add(self)

    def set_input_shape(self, name: str, shape: tuple[int, ...]) -> bool:
        least, _, most = self._engine.get_tensor_profile_shape(name, 0)
        if not all(low <= side <= high for low, side, high in zip(least, shape, most, strict=True)):
            return False
        kinds = {"FLOAT": np.float32, "UINT8": np.uint8}
        zeros = np.zeros(shape, kinds[self._engine.get_tensor_dtype(name).name])
        names = [tensor.name for tensor in self._engine.outputs]
        answers = self._engine.session.run(names, {name: zeros})
        self._shapes = {name: Dims(shape)} | {
            name: Dims(answer.shape) for name, answer in zip(names, answers, strict=True)
        }
        return True

    def infer_shapes(self) -> list[str]:
        return []

    def update_device_memory_size_for_shapes(self) -> int:
        return 512

    def set_device_memory(self, memory: int, size: int) -> None:
        assert memory in self._machine.alive
        self._memory = size

    def get_tensor_shape(self, name: str) -> Dims:
        return self._shapes[name]

    def set_tensor_address(self, name: str, memory: int) -> bool:
        assert memory in self._machine.alive
        self._addresses[name] = memory
        return True

    def execute_async_v3(self, stream: int) -> bool:
        assert self._machine.alive[stream] == "stream"
        assert self._memory == self.update_device_memory_size_for_shapes()
        if self._machine.recording is not None and self._machine.spoilt:
            return False
        self._machine.do(self._execute)
        return True

    def _execute(self) -> None:
        self._machine.executed += 1
        given = {tensor.name: self._array(tensor.name) for tensor in self._engine.inputs}
        names = [tensor.name for tensor in self._engine.outputs]
        for name, answer in zip(names, self._engine.session.run(names, given), strict=True):
            np.copyto(self._array(name), answer, casting="no")

    def _array(self, name: str) -> Any:
        kinds = {"FLOAT": np.float32, "UINT8": np.uint8, "INT64": np.int64}
        block = self._machine.alive[self._addresses[name]]
        shape = self._shapes[name]
        kind = kinds[self._engine.get_tensor_dtype(name).name]
        return np.frombuffer(block, kind, int(np.prod(shape))).reshape(shape)


class EngineReader:
    """Reads engines of the machine's version and GPU alone."""

    def __init__(self, machine: Machine, log: ILogger) -> None:
        self._machine, self._log = machine, log
        machine.objects.add(self)

    def deserialize_cuda_engine(self, content: bytes) -> Engine | None:
        try:
            head = json.loads(content.partition(b"\n")[0])
        except ValueError:
            head = {}
        if (head.get("version"), head.get("gpu")) != (self._machine.version, self._machine.gpu):
            self._log.log(Severity.ERROR, "the plan file is for another TensorRT or GPU")
            return None
        return Engine(self._machine, content)


def tensorrt_module(machine: Machine) -> Any:
    """The names that segstudio uses; any other one is an error, as in the version that lacks it."""
    flags = {} if machine.version.startswith("11") else {"STRONGLY_TYPED": 1}
    return SimpleNamespace(
        __version__=machine.version,
        ILogger=ILogger,
        IProgressMonitor=IProgressMonitor,
        Dims=Dims,
        Builder=lambda log: Builder(machine, log),
        Runtime=lambda log: EngineReader(machine, log),
        OnnxParser=lambda network, _log: Parser(machine, network),
        NetworkDefinitionCreationFlag=SimpleNamespace(**flags),
        BuilderFlag=SimpleNamespace(TF32="TF32"),
        MemoryPoolType=SimpleNamespace(WORKSPACE="WORKSPACE"),
        TensorIOMode=SimpleNamespace(INPUT="INPUT", OUTPUT="OUTPUT"),
        ExecutionContextAllocationStrategy=SimpleNamespace(USER_MANAGED="USER_MANAGED"),
    )
