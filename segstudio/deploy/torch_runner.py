"""Runs the deployment graph in PyTorch: on the CPU, or on CUDA from recorded graphs and pinned buffers."""

from collections import OrderedDict
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from segstudio.deploy.graph import DeploymentGraph, FoldedNetwork
from segstudio.errors import BackendError
from segstudio.inference.backend import Confidence, Ids, Options
from segstudio.inference.core import Kind
from segstudio.inference.spec import ModelSpec
from segstudio.networks.whole import read_network

DTYPES = {"bf16": torch.bfloat16, "fp16": torch.float16}
# Each shape of a batch has a recording of its own, which keeps its memory.
RECORDINGS = 4
WARM_UPS = 3


class TorchBackend:
    """The folded network of a weights file on one device."""

    name = "torch"
    lanes = 1

    def __init__(self, weights: Path, spec: ModelSpec, device: str, options: Options) -> None:
        self.device = device.upper()
        self._place = torch.device(device)
        self._dtype = DTYPES.get(options.precision)
        require_precision(self._place, options.precision)
        if device == "cpu":
            # Of the whole process: torch knows no other.
            torch.set_num_threads(options.threads_here)
        graph = DeploymentGraph(FoldedNetwork(read_network(weights)), spec).to(self._place)
        # Convolutions read and write channels-last without turning their inputs around.
        self._graph: DeploymentGraph | None = graph.to(memory_format=torch.channels_last)  # type: ignore[call-overload]  # torch's types lack it
        self._recordings: OrderedDict[tuple[int, ...], Recording] = OrderedDict()

    def run(self, images: NDArray[np.uint8]) -> tuple[Ids, Confidence]:
        """See `Backend.run`."""
        given = torch.from_numpy(np.ascontiguousarray(images))
        if self._place.type == "cuda":
            ids, confidence = self._recording(given).replay(given)
        else:
            ids, confidence = self._answer(given)
        return ids.numpy(), confidence.numpy()

    def core_kind(self) -> Kind | None:
        """See `Backend.core_kind`."""
        return "logits"

    @torch.inference_mode()
    def scores(self, pixels: NDArray[np.float32]) -> NDArray[np.float32]:
        """See `Backend.scores`."""
        assert self._graph is not None, "closed"
        with self._cast():
            given = self._graph.normalise(torch.from_numpy(pixels).to(self._place))
            logits: Tensor = self._graph.network(given)
        return logits.float().cpu().numpy()

    def close(self) -> None:
        """Frees the network and the recordings."""
        self._recordings.clear()
        self._graph = None
        if self._place.type == "cuda":
            torch.cuda.empty_cache()

    def _answer(self, images: Tensor) -> tuple[Tensor, Tensor]:
        assert self._graph is not None, "closed"
        with self._cast():
            ids, confidence = self._graph(images)
        return ids, confidence

    def _cast(self) -> torch.autocast:
        return torch.autocast(self._place.type, self._dtype, enabled=self._dtype is not None)

    def _recording(self, images: Tensor) -> "Recording":
        shape = tuple(images.shape)
        if shape not in self._recordings:
            while len(self._recordings) >= RECORDINGS:
                self._recordings.popitem(last=False)
            self._recordings[shape] = self._recorded(images)
        self._recordings.move_to_end(shape)
        return self._recordings[shape]

    def _recorded(self, images: Tensor) -> "Recording":
        """A CUDA graph of one shape of input; its launches cost the CPU next to nothing."""
        given = torch.empty(images.shape, dtype=torch.uint8, pin_memory=True)
        there = images.to(self._place)
        stream = torch.cuda.Stream(self._place)  # type: ignore[no-untyped-call]  # torch says no types of it
        stream.wait_stream(torch.cuda.current_stream(self._place))
        with torch.cuda.stream(stream):
            # Libraries choose their kernels and take their workspaces outside of the recording.
            for _ in range(WARM_UPS):
                self._answer(there)
        torch.cuda.current_stream(self._place).wait_stream(stream)
        graph = torch.cuda.CUDAGraph()
        with torch.cuda.graph(graph):
            answer = self._answer(there)
        taken = [torch.empty(one.shape, dtype=torch.uint8, pin_memory=True) for one in answer]
        return Recording(graph, given, there, answer, (taken[0], taken[1]))


@dataclass(frozen=True)
class Recording:
    """A recorded graph with its buffers: pinned and on the device, for what goes in and comes out."""

    graph: torch.cuda.CUDAGraph
    given: Tensor
    there: Tensor
    answer: tuple[Tensor, Tensor]
    taken: tuple[Tensor, Tensor]

    def replay(self, images: Tensor) -> tuple[Tensor, Tensor]:
        """uint8 [N,H,W,3] to ids and confidence uint8 [N,H,W], all on the CPU."""
        self.given.copy_(images)
        self.there.copy_(self.given, non_blocking=True)
        self.graph.replay()
        for target, source in zip(self.taken, self.answer, strict=True):
            target.copy_(source, non_blocking=True)
        torch.cuda.current_stream(self.there.device).synchronize()
        # The buffers change with the next run.
        return self.taken[0].clone(), self.taken[1].clone()


def require_precision(place: torch.device, precision: str) -> None:
    """Refuses arithmetic that a device has no units for.

    Raises:
        BackendError: names what it has.
    """
    if precision == "fp16" and place.type == "cpu":
        raise BackendError("torch on this CPU does not compute in fp16", hint="it does in: fp32, bf16")
    if precision == "bf16" and place.type == "cuda" and not torch.cuda.is_bf16_supported():
        raise BackendError("this GPU does not compute in bf16", hint="it does in: fp32, fp16")
