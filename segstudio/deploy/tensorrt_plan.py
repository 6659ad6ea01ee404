"""What an engine is to be, what one became (engine.json beside it), and where built ones are kept."""

import dataclasses
import hashlib
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal, get_args

import onnx

from segstudio import paths
from segstudio.deploy.cuda import Gpu
from segstudio.errors import BackendError, ModelError
from segstudio.images import atomic_write

FILE = "engine.json"
ENGINE_FILE = "model.engine"
EnginePrecision = Literal["fp32", "fp16", "bf16", "int8"]
ENGINE_PRECISIONS: tuple[EnginePrecision, ...] = get_args(EnginePrecision)
# The smallest, usual and largest length of an axis.
Span = tuple[int, int, int]
# For axes that an ONNX file leaves free and nobody gives a span for.
USUAL_BATCH: Span = (1, 1, 1)
USUAL_SIDE: Span = (1, 1024, 2048)


@dataclass(frozen=True)
class EnginePlan:
    """How an engine is built.

    Attributes:
        precision: fp16 and bf16 convert the ONNX graph (`onnx_half`); int8 needs one that is quantized.
        tf32: lets fp32 products round their factors to 10 bits, as PyTorch and TAO do on their GPUs.
        workspace_mb: megabytes of GPU memory that kernels may use while they are tried and run; 0: all.
        batch: images a call: smallest, usual, largest; None: what the file fixes, else USUAL_BATCH.
        height: of the input in pixels; None: what the file fixes, else USUAL_SIDE.
        width: as height.
        keep: names of nodes that stay float32 in fp16 and bf16; `*` is any text.
        timing_cache: a file that makes later builds quicker; made if it is not there.
        verbose: hands out TensorRT's log as events.
        device: number of the GPU.
    """

    precision: EnginePrecision = "fp32"
    tf32: bool = False
    workspace_mb: int = 0
    batch: Span | None = None
    height: Span | None = None
    width: Span | None = None
    keep: tuple[str, ...] = ()
    timing_cache: Path | None = None
    verbose: bool = False
    device: int = 0


@dataclass(frozen=True)
class EngineFacts:
    """What an engine is bound to and was made from.

    Attributes:
        gpu: name of the device; engines run on no other kind.
        capability: its compute capability, such as 8.6.
        tensorrt: version that built it; no other one reads it.
        onnx_sha256: of the file that it was built from, see `digest`.
        precision: fp32, fp16, bf16 or int8.
        tf32: whether fp32 products rounded their factors.
        keep: names of nodes that stayed float32.
        profile: smallest, usual and largest shape of each input.
        outputs: type and shape of each output; -1 is a free axis.
        bytes: of the engine's file.
        seconds: that the build took.
    """

    gpu: str
    capability: str
    tensorrt: str
    onnx_sha256: str
    precision: str
    tf32: bool
    keep: tuple[str, ...]
    profile: Mapping[str, tuple[tuple[int, ...], ...]]
    outputs: Mapping[str, tuple[str, tuple[int, ...]]] = field(default_factory=dict)
    bytes: int = 0
    seconds: float = 0.0

    @property
    def plan(self) -> EnginePlan:
        """A plan that builds such an engine again.

        Raises:
            BackendError: it was not made by segstudio, or from no image.
        """
        precision = next((known for known in ENGINE_PRECISIONS if known == self.precision), None)
        spans = [spans for spans in self.profile.values() if all(len(shape) == 4 for shape in spans)]
        if precision is None or len(spans) != 1 or len(spans[0]) != 3:
            raise BackendError("the engine's facts name no image or precision", hint="build it again")
        least, usual, most = spans[0]
        axes = zip(least, usual, most, strict=True)
        batch, *others = [(low, middle, high) for low, middle, high in axes]
        # Channels are the last axis of our graphs and the second of TAO's.
        height, width = others[:2] if others[2] == (3, 3, 3) else others[1:]
        return EnginePlan(precision, self.tf32, batch=batch, height=height, width=width, keep=self.keep)

    def misfit(self, gpu: Gpu, tensorrt: str) -> str:
        """Why the engine cannot run on a GPU with a version of TensorRT; empty if it can."""
        if (self.gpu, self.capability) != (gpu.name, gpu.capability):
            return f"it was built on {self.gpu} ({self.capability}), this is {gpu.name} ({gpu.capability})"
        return (
            f"it was built by TensorRT {self.tensorrt}, this is {tensorrt}"
            if self.tensorrt != tensorrt
            else ""
        )


def save_facts(facts: EngineFacts, engine: Path) -> None:
    """Writes engine.json beside an engine."""
    text = json.dumps(dataclasses.asdict(facts), indent=2, ensure_ascii=False) + "\n"
    atomic_write(engine.with_name(FILE), text.encode())


def load_facts(engine: Path) -> EngineFacts:
    """What engine.json beside an engine says.

    Raises:
        BackendError: it is missing, unreadable, or about another file.
    """
    path = engine.with_name(FILE)
    hint = "build the engine again: segstudio gen_trt_engine"
    try:
        values: dict[str, Any] = json.loads(path.read_text(encoding="utf-8"))
        values["profile"] = {name: _shapes(spans) for name, spans in values["profile"].items()}
        values["outputs"] = {name: (kind, tuple(shape)) for name, (kind, shape) in values["outputs"].items()}
        facts = EngineFacts(**{**values, "keep": tuple(values["keep"])})
    except OSError as error:
        raise BackendError(f"{path} cannot be read: {error.strerror}", hint=hint) from error
    except (ValueError, TypeError, KeyError, AttributeError) as error:
        raise BackendError(f"{path} does not describe an engine: {error}", hint=hint) from error
    if not engine.is_file() or engine.stat().st_size != facts.bytes:
        raise BackendError(f"{path} is not about {engine.name} beside it", hint=hint)
    return facts


def digest(path: Path) -> str:
    """SHA-256 of an ONNX file and of the files beside it that hold its weights.

    Raises:
        ModelError: one of them cannot be read.
    """
    try:
        model = onnx.load_model(path, format="protobuf", load_external_data=False)
        aside = {
            entry.value
            for tensor in model.graph.initializer
            for entry in tensor.external_data
            if entry.key == "location"
        }
        found = hashlib.sha256()
        for name in (path.name, *sorted(aside)):
            with open(path.parent / name, "rb") as stream:
                found.update(hashlib.file_digest(stream, "sha256").digest())
    except OSError as error:
        raise ModelError(f"{path} cannot be read: {error.strerror}", hint="give an ONNX file") from error
    return found.hexdigest()


def cached_engine(onnx_sha256: str, gpu: Gpu, tensorrt: str, plan: EnginePlan) -> Path:
    """Where the engine of a file is kept for a machine and a plan, whether it is there or not."""
    parts = (onnx_sha256, gpu.name, gpu.capability, tensorrt, plan.precision, plan.tf32, *plan.keep)
    spans = (plan.batch, plan.height, plan.width)
    key = hashlib.sha256(repr((parts, spans)).encode()).hexdigest()[:32]
    return paths.user_cache_dir() / "tensorrt" / key / ENGINE_FILE


def _shapes(spans: Sequence[Sequence[int]]) -> tuple[tuple[int, ...], ...]:
    return tuple(tuple(shape) for shape in spans)
