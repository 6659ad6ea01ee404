"""Opens the network that a task of a spec names, whoever wrote it; says where file and spec differ."""

import hashlib
import math
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import torch

from segstudio.annotation.palette import Palette
from segstudio.annotation.palette_choice import choose_palette, make_palette
from segstudio.errors import ModelError, SpecError
from segstudio.networks.architecture import Architecture
from segstudio.networks.checkpoint_file import ARCHITECTURE, CheckpointFile, read_checkpoint_file
from segstudio.networks.key_maps import Recognised, recognise
from segstudio.networks.segformer import SegFormer
from segstudio.networks.weights import load_tensors, shortened
from segstudio.training.checkpoint import BEST_WEIGHTS, LATEST_WEIGHTS
from segstudio.training.spec.derived import architecture_of, model_palette, task_folder
from segstudio.training.spec.schema import CheckpointTask, ExperimentSpec

Triple = tuple[float, float, float]
# What a spec may say of a network, by the field of an architecture.
KEYS = {
    "backbone": "model.backbone.type",
    "classes": "dataset.segment.palette",
    "embed_dim": "model.decode_head.decoder_params.embed_dim",
    "head": "studio.network.head",
    "head_bias": "studio.network.head_bias",
    "feat_downsample": "model.backbone.feat_downsample",
}


@dataclass(frozen=True)
class Loaded:
    """A network with its weights, on the CPU.

    Attributes:
        network: ready to answer.
        source: path or hub id of the weights.
        mean, std: by channel, for pixels 0-1.
        palette: its classes.
        notes: lines for the user: what the file says otherwise than the spec, what did not match.
    """

    network: SegFormer
    source: str
    mean: Triple
    std: Triple
    palette: Palette
    notes: tuple[str, ...]

    def digest(self) -> str:
        """A hash of the weights, whatever file they came from."""
        found = hashlib.sha256()
        for name, tensor in sorted(self.network.state_dict().items()):
            found.update(name.encode())
            found.update(tensor.cpu().contiguous().numpy().tobytes())
        return found.hexdigest()


def load_network(spec: ExperimentSpec, task: str) -> Loaded:
    """The network of a task (evaluate or inference); what its file says counts more than the spec.

    Raises:
        ModelError: no weights, none of a whole SegFormer, less than half of its tensors, or classes of which
            neither file nor spec tells the names.
    """
    source = find_checkpoint(spec, task)
    file = read_checkpoint_file(source)
    found = recognise(file)
    if not found.has_head:
        raise ModelError(
            f"{source} holds the backbone {found.architecture.backbone} without a decode head",
            hint=f"{task}.checkpoint must be a whole network",
        )
    architecture = settled_architecture(spec, file, found)
    network = SegFormer(architecture)
    report = load_tensors(network, found.tensors, source)
    notes = [*found.notes, *differences(architecture_of(spec, model_palette(spec).count), architecture)]
    if report.missing:
        notes.append(
            f"{report.share:.0%} of the network's tensors match; missing: {shortened(report.missing)}"
        )
    if report.unexpected:
        notes.append(f"not used: {shortened(report.unexpected)}")
    palette = settled_palette(spec, file, architecture.classes)
    mean, std = settled_normalisation(spec, file, notes)
    shown = tuple(f"{source}: {note}" for note in notes)
    return Loaded(network.eval(), source, mean, std, palette, shown)


def find_checkpoint(spec: ExperimentSpec, task: str) -> str:
    """The weights that a task names, else the best of the spec's own training, else its latest.

    Raises:
        ModelError: none is named, and the training left none.
    """
    section: CheckpointTask = getattr(spec, task)
    if section.checkpoint:
        inside = Path(section.checkpoint) / "train"
        # The results_dir of a training stands for its weights.
        return str(inside) if inside.is_dir() else section.checkpoint
    folder = task_folder(spec, "train")
    for name in (BEST_WEIGHTS, LATEST_WEIGHTS):
        if (folder / name).is_file():
            return str(folder / name)
    raise ModelError(
        f"{task}.checkpoint is not set, and {folder} holds no weights",
        hint=f"train first, or set {task}.checkpoint to a file of weights",
    )


def settled_architecture(spec: ExperimentSpec, file: CheckpointFile, found: Recognised) -> Architecture:
    """The file's architecture; the one thing that neither its tensors nor a header show is the spec's."""
    if file.config.get(ARCHITECTURE):
        return found.architecture
    both = found.architecture.paired_waves and spec.studio.network.paired_waves
    return replace(found.architecture, paired_waves=both)


def differences(wanted: Architecture, given: Architecture) -> list[str]:
    """One line for each thing in which a file's network is another than the spec's."""
    return [
        f"{key} is {getattr(given, name)} here, {getattr(wanted, name)} in the spec: the file counts"
        for name, key in KEYS.items()
        if name != "classes" and getattr(given, name) != getattr(wanted, name)
    ]


def settled_palette(spec: ExperimentSpec, file: CheckpointFile, classes: int) -> Palette:
    """The spec's palette where it has as many classes as the network, else that of the file's class names.

    Raises:
        ModelError: the file has other classes, and no names for them.
    """
    own = model_palette(spec)
    if own.count == classes:
        return own
    if len(file.classes) == classes:
        known = choose_palette("", classes, file.classes)
        return known or make_palette("model", file.classes, file.palette)
    raise ModelError(
        f"{file.origin} has {classes} classes, the spec's palette has {own.count}",
        hint=f"set dataset.segment.palette to the {classes} classes that it was trained with",
    )


def settled_normalisation(
    spec: ExperimentSpec, file: CheckpointFile, notes: list[str]
) -> tuple[Triple, Triple]:
    """The file's mean and std where it has them, else the spec's; another value adds a note."""
    augmentation = spec.dataset.segment.augmentation
    if file.mean is None or file.std is None:
        return augmentation.mean, augmentation.std
    if not (close(file.mean, augmentation.mean) and close(file.std, augmentation.std)):
        notes.append(
            f"it was trained with mean {rounded(file.mean)} and std {rounded(file.std)}, which count;"
            f" the spec says {rounded(augmentation.mean)} and {rounded(augmentation.std)}"
        )
    return file.mean, file.std


def close(first: Sequence[float], second: Sequence[float]) -> bool:
    """Whether two triples mean the same."""
    return all(math.isclose(a, b, abs_tol=1e-3) for a, b in zip(first, second, strict=True))


def rounded(values: Sequence[float]) -> str:
    """A triple in few digits."""
    return ", ".join(f"{value:.4g}" for value in values)


def choose_device(spec: ExperimentSpec, section: CheckpointTask, rank: int = 0) -> torch.device:
    """The device of one process of a task: its entry in gpu_ids, or the CPU.

    Raises:
        SpecError: a GPU is asked for that is not there.
    """
    if spec.studio.accelerator == "cpu" or (
        spec.studio.accelerator == "auto" and not torch.cuda.is_available()
    ):
        return torch.device("cpu")
    number = section.gpu_ids[rank] if rank < len(section.gpu_ids) else rank
    if number >= torch.cuda.device_count():
        raise SpecError(
            f"there is no GPU {number} here, only {torch.cuda.device_count()}",
            hint="set num_gpus and gpu_ids to those that are here, or studio.accelerator=cpu",
        )
    return torch.device("cuda", number)
