"""Runs a model through TensorRT: finds or builds the engine that fits the machine and the images."""

import dataclasses
import logging
import tempfile
from collections.abc import Callable
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from segstudio.deploy.cuda import Cuda
from segstudio.deploy.tensorrt_build import build_engine
from segstudio.deploy.tensorrt_here import require_tensorrt
from segstudio.deploy.tensorrt_plan import (
    USUAL_BATCH,
    USUAL_SIDE,
    EnginePlan,
    Span,
    cached_engine,
    digest,
    load_facts,
)
from segstudio.deploy.tensorrt_runner import EngineRunner
from segstudio.errors import BackendError
from segstudio.inference.backend import (
    Backend,
    Confidence,
    Ids,
    NotBuiltError,
    Options,
    open_backend,
)
from segstudio.inference.core import Kind, LazyCore
from segstudio.inference.spec import ModelSpec
from segstudio.jobs import JobContext

LOG = logging.getLogger(__name__)
ENGINE, ONNX = "engine", "onnx"
OUTPUTS = ("ids", "confidence")
# The network's own sizes begin at one patch of its deepest level.
CORE_SIDE: Span = (32, 512, 1024)
CORE_BATCH: Span = (1, 1, 4)
CHANNELS = 3
# Engines of different sizes that are open at a time.
OPEN = 3
# From a plan to one that takes a shape of input.
Adapt = Callable[[EnginePlan, tuple[int, ...]], EnginePlan]


class TensorrtBackend:
    """The engines of a model, and when scores are asked for those of its core.

    Where the network's size follows from the aspect of an image each size has an engine of its own: TensorRT
    plans memory and kernels for lengths between the ends of a span, and such sizes do not lie between them.
    """

    name = "tensorrt"
    lanes = 1

    def __init__(self, folder: Path, spec: ModelSpec, device: str, options: Options) -> None:
        self.device, self._options = device.upper(), options
        self._folder, self._spec = folder, spec
        # Without an engine the ONNX file must be there.
        source = spec.file(folder, ONNX) if ONNX in spec.files or ENGINE not in spec.files else None
        given = spec.file(folder, ENGINE) if ENGINE in spec.files else None
        adapt = one_size if spec.resize.mode == "short_side" else wide_enough
        self._whole = Engines(source, given, EnginePlan(options.precision), options, adapt)
        self._core = LazyCore(source) if source else None
        self._scores: Engines | None = None
        self._other: Backend | None = None
        self._owner = ExitStack()
        self._owner.callback(self._whole.close)

    def run(self, images: NDArray[np.uint8]) -> tuple[Ids, Confidence]:
        """See `Backend.run`."""
        try:
            answer = self._whole.run(np.ascontiguousarray(images))
        except NotBuiltError as error:
            return self._instead(error).run(images)
        if not set(OUTPUTS) <= answer.keys():
            raise BackendError(
                f"the engine is of no deployment graph: it gives {', '.join(answer)}",
                hint="export the model again",
            )
        return answer[OUTPUTS[0]], answer[OUTPUTS[1]]

    def core_kind(self) -> Kind | None:
        """See `Backend.core_kind`."""
        return self._core.kind if self._core else None

    def scores(self, pixels: NDArray[np.float32]) -> NDArray[np.float32]:
        """See `Backend.scores`."""
        assert self._core is not None, "asked for scores of a model that has none"
        core = self._core.get()
        if self._scores is None:
            folder = Path(self._owner.enter_context(tempfile.TemporaryDirectory()))
            source = folder / "core.onnx"
            source.write_bytes(core.content)
            plan = dataclasses.replace(self._whole.plan, batch=CORE_BATCH, height=CORE_SIDE, width=CORE_SIDE)
            self._scores = Engines(source, None, plan, self._options, wide_enough)
            self._owner.callback(self._scores.close)
        try:
            found: NDArray[np.float32] = self._scores.run(np.ascontiguousarray(pixels))[core.output]
        except NotBuiltError as error:
            return self._instead(error).scores(pixels)
        return found

    def close(self) -> None:
        """Frees the engines."""
        self._owner.close()

    def _instead(self, reason: NotBuiltError) -> Backend:
        """Another backend, for what no engine was built for and none may be."""
        if self._other is None:
            LOG.warning("%s Another backend answers.", reason)
            files = {kind: name for kind, name in self._spec.files.items() if kind != ENGINE}
            spec = dataclasses.replace(self._spec, files=files)
            self._other = open_backend(self._folder, spec, options=self._options)
            self._owner.callback(self._other.close)
        return self._other


class Engines:
    """The engines of one file, of which the last ones used are open.

    Args:
        source: the ONNX file to build from.
        given: an engine that was built of it; at least one of both.
        plan: of engines that are built.
        options: whether any may be built, and the precision that was asked for.
        adapt: makes a plan fit an input that no open engine takes.

    Raises:
        BackendError: see `tensorrt_backend.open_model`.
    """

    def __init__(
        self, source: Path | None, given: Path | None, plan: EnginePlan, options: Options, adapt: Adapt
    ) -> None:
        self._source, self._may_build, self._adapt = source, options.may_build, adapt
        self._version, self._gpu = require_tensorrt(), Cuda(plan.device).gpu
        self.plan = plan
        self._open: list[EngineRunner] = []
        if given is not None:
            fits = self._fits(given, options.precision)
            self._open.append(EngineRunner(given, plan.device) if fits else self._from_source())

    def run(self, given: NDArray[Any]) -> dict[str, NDArray[Any]]:
        """See `EngineRunner.run`; for an input that no engine takes one is built."""
        runner = next((one for one in self._open if one.takes(given.shape)), None)
        if runner is None:
            runner = self._opened_for(given.shape)
        else:
            self._open.remove(runner)
        self._open.insert(0, runner)
        while len(self._open) > OPEN:
            self._open.pop().close()
        return runner.run(given)

    def close(self) -> None:
        """Frees the engines."""
        while self._open:
            self._open.pop().close()

    def _fits(self, engine: Path, precision: str) -> bool:
        """Whether an engine fits this machine; if another one is to be built, the user is told.

        Raises:
            BackendError: it does not, and there is nothing to build from; or it has another precision.
        """
        facts = load_facts(engine)
        if precision not in ("fp32", facts.precision):
            raise BackendError(
                f"{engine} computes in {facts.precision}, not in {precision}", hint="leave --precision out"
            )
        misfit = facts.misfit(self._gpu, self._version)
        self.plan = facts.plan
        if misfit and self._source is None:
            raise BackendError(
                f"{engine} cannot run here: {misfit}",
                hint="build it here from its ONNX file: segstudio gen_trt_engine -e SPEC",
            )
        if misfit:
            LOG.warning(
                "%s cannot run here: %s; an engine of %s takes its place", engine, misfit, self._source
            )
        return not misfit

    def _from_source(self) -> EngineRunner:
        """A runner of an engine that was built before, else of a new one."""
        assert self._source is not None, "asked to build without a file"
        path = cached_engine(digest(self._source), self._gpu, self._version, self.plan)
        if path.exists():
            try:
                load_facts(path)
                return EngineRunner(path, self.plan.device)
            except BackendError as error:
                LOG.warning("%s It is built again.", error)
        if not self._may_build:
            raise NotBuiltError(
                f"TensorRT has no engine of {self._source} for this GPU and size yet",
                hint="--backend tensorrt builds one, which takes minutes, and keeps it",
            )
        LOG.warning("building a TensorRT engine of %s: this takes minutes, once", self._source)
        build_engine(self._source, path, self.plan, JobContext())
        return EngineRunner(path, self.plan.device)

    def _opened_for(self, shape: tuple[int, ...]) -> EngineRunner:
        """A runner of an engine that takes a shape."""
        sizes = "x".join(str(side) for side in shape)
        if self._source is None:
            raise BackendError(
                f"the engine takes no input of {sizes}",
                hint="build it for that size and batch, or keep its ONNX file in the model's folder",
            )
        if self._open:
            LOG.warning("no TensorRT engine that is open takes an input of %s: another one is", sizes)
        self.plan = self._adapt(self.plan, shape)
        return self._from_source()


def one_size(plan: EnginePlan, shape: tuple[int, ...]) -> EnginePlan:
    """The plan for images [N,H,W,3] of one size, and batches up to a power of two."""
    batch, height, width, _ = shape
    return dataclasses.replace(
        plan, batch=_reaching(plan.batch or USUAL_BATCH, batch), height=(height,) * 3, width=(width,) * 3
    )


def wide_enough(plan: EnginePlan, shape: tuple[int, ...]) -> EnginePlan:
    """The plan with spans that reach from what they were to [N,H,W,3] or [N,3,H,W]."""
    height, width = shape[1:3] if shape[3] == CHANNELS else shape[2:4]
    return dataclasses.replace(
        plan,
        batch=_reaching(plan.batch or USUAL_BATCH, shape[0]),
        height=_reaching(plan.height or USUAL_SIDE, height),
        width=_reaching(plan.width or USUAL_SIDE, width),
    )


def _reaching(span: Span, length: int) -> Span:
    """A span with a length in it; its end is a power of two, so that not every input needs an engine."""
    least, usual, most = span
    if length > most:
        most = 1 << (length - 1).bit_length()
    return min(least, length), usual, most
