"""Whether TensorRT can be used on this machine; its log, shapes and types in Python's own words."""

import sys
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import numpy as np

from segstudio.deploy.cuda import PACKAGE, Cuda
from segstudio.errors import BackendError

if TYPE_CHECKING:
    import tensorrt as trt

OLDEST = 10
INSTALL = f"{sys.executable} -m pip install tensorrt {PACKAGE}"

# By the names of TensorRT's types.
NUMPY_TYPES: dict[str, type[np.generic]] = {
    "FLOAT": np.float32,
    "HALF": np.float16,
    "INT8": np.int8,
    "INT32": np.int32,
    "INT64": np.int64,
    "BOOL": np.bool_,
    "UINT8": np.uint8,
}


def status() -> tuple[bool, str, str]:
    """(whether it can be used, the GPU, the reason and what to do when it cannot)."""
    try:
        require_tensorrt()
        return True, f"CUDA ({Cuda().gpu.name})", ""
    except BackendError as error:
        return False, "", f"{error.message}: {error.hint or 'see `nvidia-smi`'}"


def require_tensorrt() -> str:
    """The version of TensorRT.

    Raises:
        BackendError: it is not installed, broken or too old; the hint is the line that installs it.
    """
    try:
        import tensorrt
    except (ImportError, OSError) as error:
        raise BackendError(f"tensorrt cannot be imported ({error})", hint=INSTALL) from error
    # Where only its types are installed, an empty package can be imported.
    if not hasattr(tensorrt, "Builder"):
        raise BackendError("tensorrt is not installed", hint=f"with an NVIDIA GPU and its driver: {INSTALL}")
    version = str(tensorrt.__version__)
    if int(version.partition(".")[0]) < OLDEST:
        raise BackendError(f"tensorrt {version} is too old", hint=f"{INSTALL} --upgrade")
    return version


@dataclass
class Words:
    """What TensorRT said: its errors, and all lines to whoever wants them."""

    errors: list[str] = field(default_factory=list)
    on_line: Callable[[str], None] | None = None

    @property
    def reason(self) -> str:
        """The errors on one line; those that only follow from the first stand behind it."""
        text = " ".join(" ".join(self.errors).split())
        return text[:400] or "it does not say why"

    @property
    def memory_ran_out(self) -> bool:
        """Whether an error is about memory."""
        text = self.reason.lower().replace(" ", "")
        return any(word in text for word in ("outofmemory", "insufficientmemory", "allocationfailure"))


def make_log(words: Words) -> "trt.ILogger":
    """TensorRT's logger that writes into `words`; to be kept as long as what was made with it."""
    import tensorrt as trt

    severity_of = trt.ILogger
    failures = (severity_of.INTERNAL_ERROR, severity_of.ERROR)

    class Log(trt.ILogger):
        """Called from several threads."""

        def __init__(self) -> None:
            super().__init__()

        def log(self, severity: trt.ILogger.Severity, msg: str) -> None:
            if severity in failures:
                words.errors.append(msg)
            if words.on_line is not None:
                words.on_line(msg)

    return Log()


def sides(dims: "trt.Dims") -> tuple[int, ...]:
    """A shape; -1 is a free axis."""
    return tuple(int(dims[axis]) for axis in range(len(dims)))


def numpy_type(kind: "trt.DataType") -> type[np.generic]:
    """The type of a tensor's elements.

    Raises:
        BackendError: numpy has none such.
    """
    if kind.name not in NUMPY_TYPES:
        raise BackendError(
            f"the engine takes or gives {kind.name}", hint="export the ONNX file with float32 ends"
        )
    return NUMPY_TYPES[kind.name]
