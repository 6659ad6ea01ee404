"""What a foreign model is found to be before it is imported, and what the user chooses about it."""

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any, Literal

Kind = Literal["model", "checkpoint", "onnx"]
Triple = tuple[float, float, float]
# Mean and std for pixels 0-1, by the name that people know them by.
NORMALISATIONS: dict[str, tuple[Triple, Triple]] = {
    "ImageNet": ((0.485, 0.456, 0.406), (0.229, 0.224, 0.225)),
    "-1 to 1": ((0.5, 0.5, 0.5), (0.5, 0.5, 0.5)),
    "0 to 1": ((0.0, 0.0, 0.0), (1.0, 1.0, 1.0)),
}
SHORT_SIDE = 512


@dataclass(frozen=True)
class SourceFacts:
    """What a file, folder or hub id holds.

    Attributes:
        source: as the user gave it.
        kind: a segstudio model folder, weights, or an ONNX file.
        producer: who made it.
        network: backbone and head in one line.
        classes: their number; 0 if unknown.
        class_names: empty where the file has none.
        palette: the palette that fits; "" where none does or several might.
        palette_problem: why the user has to choose a palette; "" if nothing is to be chosen.
        mean: of pixels 0-1.
        std: of pixels 0-1.
        normalisation: where mean and std are known from, or why they were guessed.
        height: the fixed input height; 0 where any size will do.
        width: the fixed input width; 0 where any size will do.
        short_side: the suggested shorter side where any size will do.
        name: a name for the model.
        notes: what else the user should know.
    """

    source: str
    kind: Kind
    producer: str
    network: str
    classes: int
    class_names: tuple[str, ...]
    palette: str
    palette_problem: str
    mean: Triple
    std: Triple
    normalisation: str
    height: int
    width: int
    short_side: int
    name: str
    notes: tuple[str, ...]

    @property
    def makes_palette(self) -> bool:
        """Whether a palette will be made from the file's own class names."""
        return bool(self.class_names) and not self.palette and not self.palette_problem


def facts_from_dict(values: Mapping[str, Any]) -> SourceFacts:
    """The facts that a JSON object holds."""
    return SourceFacts(**{key: _frozen(value) for key, value in values.items()})


def _frozen(value: Any) -> Any:
    return tuple(value) if isinstance(value, list) else value


@dataclass(frozen=True)
class ImportChoices:
    """What the user wants otherwise than the facts suggest; empty values take the suggestion.

    Attributes:
        name: the model's name in the catalog.
        palette: a name or a path.
        mean: of pixels 0-1.
        std: of pixels 0-1.
        short_side: pixels of the shorter side at which the network sees images.
        size: (height, width) to which every image is stretched instead.
        nvlabs_positions: a FAN of NVlabs' segmentation weights, whose position code differs from TAO's.
        licence: what the model card says about the licence.
    """

    name: str = ""
    palette: str = ""
    mean: Triple | None = None
    std: Triple | None = None
    short_side: int = 0
    size: tuple[int, int] | None = None
    nvlabs_positions: bool = False
    licence: str = ""


@dataclass(frozen=True)
class Imported:
    """A model that is now in the catalog.

    Attributes:
        name: its name in the catalog.
        folder: its folder.
        producer: who made the source.
        network: backbone and head in one line.
        palette: the palette of its classes.
        matched: tensors of the network that the source gave; 0 for an ONNX file.
        missing: tensors that the source lacks.
        unexpected: tensors that fit nowhere.
        notes: what else the user should know.
        parity: for each backend, the share of ids that equal the reference's.
    """

    name: str
    folder: str
    producer: str
    network: str
    palette: str
    matched: int
    missing: tuple[str, ...]
    unexpected: tuple[str, ...]
    notes: tuple[str, ...]
    parity: Mapping[str, float]

    def to_json(self) -> dict[str, Any]:
        """A JSON-ready form."""
        return asdict(self)
