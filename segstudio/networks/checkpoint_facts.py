"""What a checkpoint says besides its tensors: classes, colours, normalisation, input size."""

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from segstudio.networks.safe_pickle import Inert

Rgb = tuple[int, int, int]
Triple = tuple[float, float, float]
DEPTH = 40
IGNORED_ID = 255
# transformers names classes so when nobody else did.
UNNAMED = re.compile(r"LABEL_\d+")
NUMBERS = r"\s*=\s*[\[(]([-0-9., \n]+)[\])]"
# mmcv's settings are a text of Python; these are the only values that are looked for in it.
MEAN_TEXT, STD_TEXT = re.compile(rf"\bmean{NUMBERS}"), re.compile(rf"\bstd{NUMBERS}")


@dataclass(frozen=True)
class Facts:
    """What was found; empty or None where the file does not say.

    Attributes:
        classes: names by id.
        palette: colours by id.
        mean, std: of pixels 0-1.
        size: height and width of the images that it was made for.
    """

    classes: tuple[str, ...] = ()
    palette: tuple[Rgb, ...] = ()
    mean: Triple | None = None
    std: Triple | None = None
    size: tuple[int, int] | None = None


def plain(value: Any, depth: int = 0) -> Any:
    """Plain values out of inert settings objects (OmegaConf's, mmengine's); None for all that is unknown."""
    if depth > DEPTH:
        return None
    if isinstance(value, Inert):
        state = value.state if isinstance(value.state, Mapping) else {}
        for key in ("_content", "_val"):
            if key in state:
                return plain(state[key], depth + 1)
        return plain(value.entries or value.elements or None, depth + 1)
    if isinstance(value, Mapping):
        return {str(plain(key, depth + 1)): plain(entry, depth + 1) for key, entry in value.items()}
    if isinstance(value, list | tuple):
        return [plain(entry, depth + 1) for entry in value]
    return value if isinstance(value, str | int | float | bool) else None


def part(values: Any, *path: str) -> Any:
    """The value at the end of a path of keys, or None."""
    for key in path:
        values = values.get(key) if isinstance(values, Mapping) else None
    return values


def names(values: Any) -> tuple[str, ...]:
    """A list of texts, or ()."""
    fits = isinstance(values, list | tuple) and all(isinstance(name, str) for name in values)
    return tuple(values) if fits else ()


def colours(values: Any) -> tuple[Rgb, ...]:
    """A list of RGB triples 0-255, or ()."""
    if not isinstance(values, list | tuple):
        return ()
    found = []
    for entry in values:
        rgb = triple(entry)
        if rgb is None or not all(0 <= channel <= 255 for channel in rgb):
            return ()
        found.append((int(rgb[0]), int(rgb[1]), int(rgb[2])))
    return tuple(found)


def triple(values: Any) -> Triple | None:
    """Three numbers, or None."""
    if not isinstance(values, list | tuple) or len(values) != 3:
        return None
    if not all(isinstance(value, int | float) for value in values):
        return None
    return float(values[0]), float(values[1]), float(values[2])


def facts_of_pickle(values: Mapping[Any, Any]) -> tuple[Facts, dict[str, Any]]:
    """Facts and settings beside a pickled state dict: mmseg's `meta`, or TAO's hyper-parameters."""
    settings = plain(values.get("hyper_parameters")) or {}
    spec = part(settings, "experiment_spec") or settings
    if part(spec, "dataset", "segment"):
        return facts_of_tao(spec), spec
    meta = plain(values.get("meta")) or {}
    described = part(meta, "dataset_meta") or {}
    text = next((meta[key] for key in ("config", "cfg") if isinstance(part(meta, key), str)), "")
    facts = Facts(
        classes=names(part(meta, "CLASSES") or part(described, "classes")),
        palette=colours(part(meta, "PALETTE") or part(described, "palette")),
        mean=numbers_in(MEAN_TEXT, text),
        std=numbers_in(STD_TEXT, text),
    )
    return facts, {key: value for key, value in meta.items() if isinstance(value, str | int | float)}


def numbers_in(pattern: re.Pattern[str], text: str) -> Triple | None:
    """The first triple that a pattern finds, for pixels 0-1 where it is for 0-255 there."""
    found = pattern.search(text)
    try:
        values = (
            triple([float(number) for number in found[1].split(",") if number.strip()]) if found else None
        )
    except ValueError:
        return None
    if values and max(values) > 1:
        return values[0] / 255, values[1] / 255, values[2] / 255
    return values


def facts_of_tao(spec: Mapping[str, Any]) -> Facts:
    """Facts of the settings that TAO's Lightning generation trains with."""
    segment = part(spec, "dataset", "segment")
    rows: dict[int, Mapping[str, Any]] = {}
    for row in part(segment, "palette") or []:
        identity = part(row, "label_id")
        if isinstance(identity, int) and identity != IGNORED_ID:
            rows.setdefault(identity, row)
    ordered = [rows[identity] for identity in sorted(rows)] if sorted(rows) == list(range(len(rows))) else []
    side = part(segment, "img_size")
    return Facts(
        classes=names([part(row, "seg_class") for row in ordered]),
        palette=colours([part(row, "rgb") for row in ordered]),
        mean=triple(part(segment, "augmentation", "mean")),
        std=triple(part(segment, "augmentation", "std")),
        size=(side, side) if isinstance(side, int) else None,
    )


def facts_of_huggingface(config: Mapping[str, Any], preprocessor: Mapping[str, Any]) -> Facts:
    """Facts of a Hugging Face folder's two settings files."""
    by_id = part(config, "id2label")
    classes: tuple[str, ...] = ()
    if isinstance(by_id, Mapping) and all(str(number) in by_id for number in range(len(by_id))):
        classes = names([by_id[str(number)] for number in range(len(by_id))])
    if all(UNNAMED.fullmatch(name) for name in classes):
        classes = ()
    size = part(preprocessor, "size")
    if isinstance(size, Mapping):
        size = (size.get("height", size.get("shortest_edge")), size.get("width", size.get("shortest_edge")))
    elif isinstance(size, int):
        size = (size, size)
    sides = isinstance(size, tuple) and all(isinstance(side, int) for side in size)
    return Facts(
        classes=classes,
        palette=colours(part(config, "palette")),
        mean=triple(part(preprocessor, "image_mean")),
        std=triple(part(preprocessor, "image_std")),
        size=size if sides else None,
    )


def read_json(text: str) -> dict[str, Any]:
    """A JSON object; {} for every other text."""
    try:
        values = json.loads(text)
    except ValueError:
        return {}
    return values if isinstance(values, dict) else {}
