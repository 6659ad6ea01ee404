"""What a retraining starts from: a model of the catalog, weights, or nothing; found without torch."""

import hashlib
import json
from dataclasses import dataclass
from pathlib import Path

from segstudio.annotation.palette import Palette, mapping
from segstudio.errors import ModelError, PaletteError
from segstudio.inference.catalog import find_model
from segstudio.inference.spec import ResizeRule
from segstudio.networks.architecture import NORM_EPS, Architecture, architecture_from_dict
from segstudio.workflows.model_palette import palette_of_model
from segstudio.workflows.retrain.choice import RetrainChoice

ARCHITECTURE_KEY = "architecture"
# The length of a safetensors header, in front of it, and the most that is believed.
HEADER_BYTES, LONGEST_HEADER = 8, 1 << 26
IMAGENET = ((0.485, 0.456, 0.406), (0.229, 0.224, 0.225))
Triple = tuple[float, float, float]


@dataclass(frozen=True)
class Start:
    """Where a training starts.

    Attributes:
        name: the model's name, or what else to call it.
        weights: the file; None for random weights.
        architecture: of the weights; None for random ones.
        palette: its classes, where it says them.
        resize: how it looks at images; None where it does not say.
        mean, std: of pixels 0-1.
        sha256: of the file; "" without one.
    """

    name: str
    weights: Path | None = None
    architecture: Architecture | None = None
    palette: Palette | None = None
    resize: ResizeRule | None = None
    mean: Triple = IMAGENET[0]
    std: Triple = IMAGENET[1]
    sha256: str = ""

    @property
    def norm_eps(self) -> str:
        """The producer whose LayerNorms the weights have, as studio.network.norm_eps names it."""
        if self.architecture is None:
            return "nvlabs"
        eps = (self.architecture.block_eps, self.architecture.embed_eps)
        return next((name for name, known in NORM_EPS.items() if known == eps), "nvlabs")


def find_start(choice: RetrainChoice) -> Start:
    """Looks the start of a choice up; the file's hash is left for when it is used.

    Raises:
        ModelError: there is no such model or file, or nothing can be trained from it.
    """
    if choice.from_scratch:
        return Start("scratch")
    if choice.model:
        return _of_model(choice.model)
    path = Path(choice.start)
    if not path.is_file():
        raise ModelError(f"{path} is no file", hint="give a model's name, weights, or scratch")
    return Start(path.stem, path.resolve(), _architecture(path))


def keeps_classes(start: Start, palette: Palette, choice: RetrainChoice) -> bool:
    """Whether the network has the start's classes rather than the project's.

    With "auto" it has where every class of the project has a counterpart of its own there: then the model
    forgets nothing, and old and new can be compared class by class.
    """
    if start.palette is None or choice.classes == "project":
        return False
    if choice.classes == "model" or start.palette.classes == palette.classes:
        return True
    found = [int(mapping(palette, start.palette)[entry.id]) for entry in palette.classes]
    return 255 not in found and len(set(found)) == len(found)


def file_hash(path: Path) -> str:
    """SHA-256 of a file."""
    with path.open("rb") as stream:
        return hashlib.file_digest(stream, "sha256").hexdigest()


def _of_model(name: str) -> Start:
    folder, spec = find_model(name)
    if "weights" not in spec.files or not spec.network:
        raise ModelError(
            f"model {spec.name} has no weights to train from, only a graph",
            hint="import its checkpoint: segstudio models import CHECKPOINT",
        )
    try:
        palette: Palette | None = palette_of_model(spec)
    except PaletteError:
        # It is of another machine; the project's classes are trained then.
        palette = None
    return Start(
        spec.name, spec.file(folder, "weights").resolve(), architecture_from_dict(spec.network), palette,
        spec.resize, spec.mean, spec.std, spec.weights_sha256,
    )  # fmt: skip


def _architecture(path: Path) -> Architecture:
    """The architecture that one of our own weight files names in its header.

    Raises:
        ModelError: it is another file.
    """
    try:
        with path.open("rb") as stream:
            length = int.from_bytes(stream.read(HEADER_BYTES), "little")
            header = json.loads(stream.read(length)) if length < LONGEST_HEADER else {}
        values = json.loads(header["__metadata__"][ARCHITECTURE_KEY])
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise ModelError(
            f"{path} does not say what network it is of",
            hint=f"import it first: segstudio models import {path}",
        ) from error
    return architecture_from_dict(values)
