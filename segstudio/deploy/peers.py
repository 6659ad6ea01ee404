"""Other ways of running the same weights, to be timed beside ours: transformers, its plain ONNX export."""

import importlib.util
import tempfile
import warnings
from pathlib import Path
from typing import Any, Protocol

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn
from torch.nn import functional as F

from segstudio.errors import BackendError
from segstudio.inference.spec import ModelSpec, network_size

Image = NDArray[np.uint8]
OPSET = 17


class Peer(Protocol):
    """Runs a model as its users do today.

    Attributes:
        name: for messages.
    """

    name: str

    def ids(self, image: Image) -> Image:
        """RGB uint8 [H,W,3] to class ids uint8 [H,W]."""
        ...


class Transformers:
    """transformers' image processor, eager network and post-processing, as its documentation shows them.

    The processor scales to the size at which ours sees the image. It does so with antialias, so that masks
    only equal ours where nothing is reduced.

    Args:
        folder: a Hugging Face folder with the weights.
        spec: of our model.
        threads: of the CPU, for the whole process.

    Raises:
        BackendError: transformers is not installed.
    """

    name = "transformers"

    def __init__(self, folder: Path, spec: ModelSpec, threads: int) -> None:
        require_transformers()
        import transformers

        torch.set_num_threads(threads)
        # The variant on Pillow: the other one needs torchvision.
        made: Any = getattr(transformers, "SegformerImageProcessorPil", transformers.SegformerImageProcessor)
        self._processor = made(image_mean=list(spec.mean), image_std=list(spec.std), do_reduce_labels=False)
        self._network: Any = transformers.SegformerForSemanticSegmentation.from_pretrained(folder).eval()
        self._rule = spec.resize

    @torch.inference_mode()
    def ids(self, image: Image) -> Image:
        """See `Peer.ids`."""
        height, width = image.shape[:2]
        seen = network_size(self._rule, height, width)
        inputs = self._processor(
            images=image, size={"height": seen[0], "width": seen[1]}, return_tensors="pt"
        )
        answer = self._network(**inputs)
        (found,) = self._processor.post_process_semantic_segmentation(answer, [(height, width)])
        return as_ids(found)


class PlainExport:
    """transformers' network in ONNX Runtime as torch exports it; resized and restored by torch.

    Args:
        folder: a Hugging Face folder with the weights.
        spec: of our model.
        threads: of the CPU, for the whole process.

    Raises:
        BackendError: transformers is not installed.
    """

    name = "plain ONNX Runtime"

    def __init__(self, folder: Path, spec: ModelSpec, threads: int) -> None:
        require_transformers()
        import transformers

        torch.set_num_threads(threads)
        self._network: Any = transformers.SegformerForSemanticSegmentation.from_pretrained(folder).eval()
        self._spec, self._threads = spec, threads
        self._session: Any = None
        self._size = (0, 0)

    @torch.inference_mode()
    def ids(self, image: Image) -> Image:
        """See `Peer.ids`; the network is exported again when images change their size."""
        height, width = image.shape[:2]
        seen = network_size(self._spec.resize, height, width)
        if seen != self._size:
            self._session, self._size = self._exported(seen), seen
        pixels = torch.from_numpy(image).permute(2, 0, 1)[None].float() / 255
        if seen != (height, width):
            pixels = F.interpolate(pixels, seen, mode="bilinear", align_corners=False)
        mean, std = (torch.tensor(values).view(1, 3, 1, 1) for values in (self._spec.mean, self._spec.std))
        (logits,) = self._session.run(["logits"], {"images": ((pixels - mean) / std).numpy()})
        scores = F.interpolate(
            torch.from_numpy(logits), (height, width), mode="bilinear", align_corners=False
        )
        return as_ids(scores.argmax(1)[0])

    def _exported(self, size: tuple[int, int]) -> Any:
        import onnxruntime

        settings = onnxruntime.SessionOptions()
        settings.intra_op_num_threads = self._threads
        settings.log_severity_level = 3
        # Threads that spin while ours run would slow those down.
        settings.add_session_config_entry("session.intra_op.allow_spinning", "0")
        with tempfile.TemporaryDirectory() as scratch:
            path = Path(scratch) / "plain.onnx"
            export_plain(self._network, path, size)
            return onnxruntime.InferenceSession(str(path), settings, providers=["CPUExecutionProvider"])


PEERS: dict[str, type[Transformers] | type[PlainExport]] = {"hf": Transformers, "ort": PlainExport}


class _Logits(nn.Module):
    """transformers' network with a tensor as its answer."""

    def __init__(self, network: nn.Module) -> None:
        super().__init__()
        self.network = network

    def forward(self, images: Tensor) -> Tensor:
        """Normalised images [N,3,H,W] to logits [N,K,H/4,W/4]."""
        logits: Tensor = self.network(pixel_values=images).logits
        return logits


def export_plain(network: nn.Module, path: Path, size: tuple[int, int]) -> None:
    """Exports transformers' SegFormer as its users do: normalised `images` of one size to `logits`."""
    # Exporting records what inference_mode forbids to record.
    with torch.inference_mode(mode=False), warnings.catch_warnings():
        warnings.simplefilter("ignore")
        torch.onnx.export(
            _Logits(network).eval(), (torch.zeros(1, 3, *size),), str(path),
            dynamo=False, opset_version=OPSET, input_names=["images"], output_names=["logits"],
        )  # fmt: skip


def require_transformers() -> None:
    """Refuses where the peer is not installed.

    Raises:
        BackendError: says how to get it.
    """
    if importlib.util.find_spec("transformers") is None:
        raise BackendError("transformers is not installed", hint="pip install transformers")


def as_ids(found: Tensor) -> Image:
    """uint8 on the CPU."""
    ids: Image = found.to(torch.uint8).cpu().numpy()
    return ids
