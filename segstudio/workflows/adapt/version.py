"""Makes a model of an adaptation: the parent's graph with another classifier, proved to answer so."""

import dataclasses
import hashlib
import itertools
import json
import re
import time
from pathlib import Path
from typing import Any

import numpy as np

from segstudio.deploy.model_folder import (
    ONNX_FILE,
    WEIGHTS_FILE,
    folder_in_the_making,
    parity_images,
    write_proved,
)
from segstudio.deploy.parity import ParityReport, backend_names, compare_backend
from segstudio.errors import ModelError
from segstudio.images import atomic_write, mask_bytes
from segstudio.inference.catalog import ModelEntry, free_folder, taken_names
from segstudio.inference.classifier import Classifier, with_classifier
from segstudio.inference.spec import ModelSpec
from segstudio.jobs import JobContext
from segstudio.training.data.manifest import FILE as MANIFEST_FILE
from segstudio.training.data.manifest import FrozenSample, Manifest, write_text
from segstudio.workflows.adapt.adapter import Adaptation, Adapter
from segstudio.workflows.adapt.confirmed import ConfirmedSample

RECORD_FILE = "adaptation.json"
MASKS = "masks"
# Of a model's own files, those that an adaptation replaces or copies; all others show the parent's numbers.
KEPT = {"onnx", "weights", "palette"}
LAST = re.compile(r"-a\d+$")
LONGEST_STEM = 58


@dataclasses.dataclass(frozen=True)
class AdaptedModel:
    """A model that was made: its entry in the catalog, the proof, and what the user should know."""

    entry: ModelEntry
    parity: tuple[ParityReport, ...]
    notes: tuple[str, ...]


def proposed_name(parent: str) -> str:
    """A free name for a version of a model: street-b0-a1, then street-b0-a2."""
    stem = LAST.sub("", parent)[:LONGEST_STEM]
    taken = taken_names()
    return next(name for name in (f"{stem}-a{number}" for number in itertools.count(1)) if name not in taken)


def keep(
    adaptation: Adaptation, adapter: Adapter, name: str = "", context: JobContext | None = None
) -> AdaptedModel:
    """Makes a model folder among the user's models; nothing is left of one that does not prove itself.

    It holds the ONNX file, the weights where the parent has some of the same classifier, the confirmed masks
    with their manifest, and what the adaptation did. Engines, OpenVINO files and measured figures are the
    parent's and are not carried over.

    Args:
        adaptation: what to keep.
        adapter: what made it.
        name: "" for the proposed one.
        context: progress and cancellation.

    Raises:
        ModelError: the name is taken or not allowed, the disk refuses, or the file answers otherwise.
        Cancelled: nothing was made.
    """
    context = context or JobContext()
    parent, name = adaptation.spec, name or proposed_name(adaptation.spec.name)
    out = free_folder(name)
    source = parent.file(adaptation.folder, "onnx")
    notes: list[str] = []
    with folder_in_the_making(out, new=True) as folder:
        context.progress(0, 3, "writing the model")
        weights = _adapted_weights(adaptation)
        classifier = adaptation.classifier
        files = {"onnx": ONNX_FILE}
        if weights is None:
            if "weights" in parent.files:
                notes.append("the parent's weights file has another classifier and is not carried over")
        else:
            tensors, classifier = weights
            _save_weights(tensors, folder / WEIGHTS_FILE)
            files["weights"] = WEIGHTS_FILE
        (folder / ONNX_FILE).write_bytes(with_classifier(source, classifier))
        if "palette" in parent.files:
            content = parent.file(adaptation.folder, "palette").read_bytes()
            (folder / "palette.yaml").write_bytes(content)
            files["palette"] = "palette.yaml"
        left = sorted(set(parent.files) - KEPT)
        if left:
            notes.append(f"not carried over, for they hold the parent's numbers: {', '.join(left)}")
        _write_samples(adaptation, folder)
        record = f"{json.dumps(adaptation.to_json(), indent=1, ensure_ascii=False)}\n"
        atomic_write(folder / RECORD_FILE, record.encode())
        spec = _spec(adaptation, name, files, folder)
        context.check()
        context.progress(1, 3, "proving the model")
        reports = _proof(adapter, classifier, spec, folder)
        context.check()
        write_proved(spec, reports, folder)
    return AdaptedModel(ModelEntry(name, out, False, spec), tuple(reports), tuple(notes))


def _proof(adapter: Adapter, classifier: Classifier, spec: ModelSpec, folder: Path) -> list[ParityReport]:
    """Compares the new file with the parent's features times the new numbers, in every backend."""
    images = parity_images()
    expected = []
    for image in images:
        said = adapter.restored(adapter.look(image), classifier, (image.shape[0], image.shape[1]))
        expected.append((said.ids, said.confidence))
    return [compare_backend(name, folder, spec, images, expected) for name in _cpu_backends()]


def _cpu_backends() -> list[str]:
    """Backends that need no torch: the window makes models, and its process never loads that."""
    return [name for name in backend_names() if name in ("onnx", "openvino")]


def _spec(adaptation: Adaptation, name: str, files: dict[str, str], folder: Path) -> ModelSpec:
    parent = adaptation.spec
    digest = hashlib.sha256((folder / files.get("weights", ONNX_FILE)).read_bytes()).hexdigest()
    count = len(adaptation.samples)
    where = f" of {Path(adaptation.project).name}" if adaptation.project else ""
    said = f"classifier adapted to confirmed pixels of {count} sample{'s' if count > 1 else ''}{where}"
    return dataclasses.replace(
        parent,
        name=name,
        files=files,
        version=str(int(parent.version) + 1) if parent.version.isdigit() else parent.version,
        weights_sha256=digest,
        trained_on=f"{parent.trained_on}; {said}" if parent.trained_on else said,
        parent=parent.name,
        parent_sha256=parent.weights_sha256,
        created=time.strftime("%Y-%m-%d"),
        metrics={},
        speed=(),
    )


def _adapted_weights(adaptation: Adaptation) -> tuple[dict[str, Any], Classifier] | None:
    """The parent's tensors with the new classifier, and that as it is after rounding to their kind.

    None where there are no such tensors, or where they hold another classifier than the ONNX file.
    """
    from safetensors import SafetensorError
    from safetensors.numpy import load_file

    if "weights" not in adaptation.spec.files:
        return None
    path = adaptation.spec.file(adaptation.folder, "weights")
    try:
        tensors = load_file(path)
    except (SafetensorError, TypeError) as error:
        raise ModelError(f"{path} cannot be read: {error}", hint="import the model again") from error
    old, new = adaptation.old, adaptation.classifier
    weight = _key(tensors, old.weight)
    bias = weight.removesuffix("weight") + "bias" if weight else ""
    if not weight or bias not in tensors or tensors[bias].shape != old.bias.shape:
        return None
    kept = {
        weight: new.weight.reshape(tensors[weight].shape).astype(tensors[weight].dtype),
        bias: new.bias.astype(tensors[bias].dtype),
    }
    rounded = Classifier(
        kept[weight].reshape(new.weight.shape).astype(np.float32), kept[bias].astype(np.float32)
    )
    return {**tensors, **kept}, rounded


def _key(tensors: dict[str, Any], weight: np.ndarray) -> str:
    """The name of the tensor that holds the classifier's weight; "" if none does."""
    for name, tensor in tensors.items():
        if name.endswith(".weight") and tensor.size == weight.size and len(tensor) == len(weight):
            values = tensor.reshape(weight.shape).astype(np.float32)
            if np.allclose(values, weight, rtol=1e-2, atol=1e-3):
                return name
    return ""


def _save_weights(tensors: dict[str, Any], path: Path) -> None:
    from safetensors.numpy import save_file

    save_file(tensors, path)


def _write_samples(adaptation: Adaptation, folder: Path) -> None:
    """The confirmed masks, 255 where nothing was confirmed, and the manifest of them."""
    frozen = [_freeze(one, adaptation, folder) for one in adaptation.samples]
    manifest = Manifest(adaptation.project, adaptation.palette, tuple(frozen))
    atomic_write(folder / MANIFEST_FILE, write_text(manifest).encode())


def _freeze(one: ConfirmedSample, adaptation: Adaptation, folder: Path) -> FrozenSample:
    sample = one.sample
    content = mask_bytes(one.mask, adaptation.palette.colours())
    copy = f"{MASKS}/{sample.key}.png"
    atomic_write(folder / copy, content)
    try:
        with sample.image.open("rb") as stream:
            image_digest = hashlib.file_digest(stream, "sha256").hexdigest()
    except OSError as error:
        raise ModelError(f"{sample.image} cannot be read: {error.strerror}") from error
    height, width = one.mask.shape
    return FrozenSample(
        sample.key,
        sample.image.as_posix(),
        image_digest,
        copy,
        hashlib.sha256(content).hexdigest(),
        width,
        height,
        sample.split,
        sample.status.value,
    )
