"""ModelSpec: everything besides the weights that is needed to run a model, stored as model.json."""

import dataclasses
import json
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal

from segstudio.errors import ModelError
from segstudio.images import atomic_write

FILE = "model.json"
SCHEMA_VERSION = 1
NAME_PATTERN = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,63}")
HEADS = ("ids+confidence", "logits", "ids")
ResizeMode = Literal["short_side", "stretch", "native"]
RESIZE_MODES: tuple[ResizeMode, ...] = ("short_side", "stretch", "native")


@dataclass(frozen=True)
class ResizeRule:
    """How an image is brought to the network's size; always bilinear, align_corners False, no antialias.

    short_side: scaled so that the shorter side is `size`, aspect kept up to the rounding;
    stretch: to `size` x `width` exactly; native: as it is. Sides are rounded to `multiple`.
    """

    mode: ResizeMode = "short_side"
    size: int = 512
    width: int = 0
    multiple: int = 32


def network_size(rule: ResizeRule, height: int, width: int) -> tuple[int, int]:
    """(height, width) at which the network sees an image: the one definition, for all uses."""
    if rule.mode == "stretch":
        return rule.size, rule.width or rule.size
    shorter = min(height, width)
    size = rule.size if rule.mode == "short_side" else shorter

    def rounded(side: int) -> int:
        # side * size / shorter, rounded to a multiple; in integers, as the graph computes it too.
        count = (2 * side * size + shorter * rule.multiple) // (2 * shorter * rule.multiple)
        return max(1, count) * rule.multiple

    return rounded(height), rounded(width)


@dataclass(frozen=True)
class ModelSpec:
    """What a model is, needs and was measured to do; scores are fractions, mean and std for pixels 0-1."""

    name: str
    architecture: str
    classes: tuple[str, ...]
    palette: str
    files: Mapping[str, str]
    resize: ResizeRule = field(default_factory=ResizeRule)
    mean: tuple[float, float, float] = (0.485, 0.456, 0.406)
    std: tuple[float, float, float] = (0.229, 0.224, 0.225)
    head: str = "ids+confidence"
    precision: str = "fp32"
    embed_dim: int = 0
    # How torch builds the network (networks.architecture); empty where only an ONNX file is known.
    network: Mapping[str, Any] = field(default_factory=dict)
    version: str = "1"
    ignore_id: int = 255
    weights_sha256: str = ""
    trained_on: str = ""
    licence: str = ""
    parent: str = ""
    # What `weights_sha256` of the parent was: its name alone may come to mean another model.
    parent_sha256: str = ""
    created: str = ""
    metrics: Mapping[str, float] = field(default_factory=dict)
    speed: tuple[Mapping[str, Any], ...] = ()
    notes: str = ""

    def __post_init__(self) -> None:
        """Refuses what no part could work with.

        Raises:
            ModelError: names the field and the problem.
        """
        checks = {
            "name": isinstance(self.name, str) and NAME_PATTERN.fullmatch(self.name) is not None,
            "classes": 0 < len(self.classes) <= 255
            and len(set(self.classes)) == len(self.classes)
            and all(isinstance(name, str) for name in self.classes),
            "files": isinstance(self.files, Mapping),
            "network": isinstance(self.network, Mapping),
            "head": self.head in HEADS,
            "resize.mode": self.resize.mode in RESIZE_MODES,
            "resize.size": isinstance(self.resize.size, int)
            and (self.resize.size > 0 or self.resize.mode == "native"),
            "resize.width": isinstance(self.resize.width, int) and self.resize.width >= 0,
            "resize.multiple": isinstance(self.resize.multiple, int) and self.resize.multiple > 0,
            "mean": _are_three_numbers(self.mean),
            "std": _are_three_numbers(self.std) and all(value > 0 for value in self.std),
        }
        for key, right in checks.items():
            if not right:
                raise ModelError(f"model {self.name!r}: {key} is not usable", hint=f"correct {key} in {FILE}")

    def file(self, folder: Path, kind: str) -> Path:
        """The path of one of the model's files, such as "onnx".

        Raises:
            ModelError: the spec names none, it lies outside the folder, or it is missing.
        """
        if kind not in self.files:
            kinds = ", ".join(sorted(self.files)) or "none"
            raise ModelError(
                f"model {self.name} has no {kind} file (it has: {kinds})", hint=f"export it to {kind}"
            )
        path = folder / self.files[kind]
        if not path.resolve().is_relative_to(folder.resolve()):
            raise ModelError(f"model {self.name}: {self.files[kind]} lies outside its folder")
        if not path.is_file():
            raise ModelError(f"model {self.name}: {path} is missing", hint="import the model again")
        return path


def _are_three_numbers(values: Sequence[object]) -> bool:
    return len(values) == 3 and all(isinstance(value, int | float) for value in values)


def spec_to_dict(spec: ModelSpec) -> dict[str, Any]:
    """A JSON-ready form of a spec."""
    return {"schema_version": SCHEMA_VERSION, **dataclasses.asdict(spec)}


def spec_from_dict(values: Mapping[str, Any], where: str = FILE) -> ModelSpec:
    """The spec that a JSON object describes.

    Raises:
        ModelError: another schema version, a missing or unknown key, or a value of the wrong kind.
    """
    known = {entry.name: entry for entry in dataclasses.fields(ModelSpec)}
    version = values.get("schema_version")
    if version != SCHEMA_VERSION:
        raise ModelError(
            f"{where} has schema_version {version!r}, this segstudio reads {SCHEMA_VERSION}",
            hint="export the model again, or update segstudio",
        )
    given = {key: value for key, value in values.items() if key != "schema_version"}
    for key in given:
        if key not in known:
            raise ModelError(f"{where}: unknown key {key!r}", hint="remove it")
    for key, entry in known.items():
        required = entry.default is dataclasses.MISSING and entry.default_factory is dataclasses.MISSING
        if required and key not in given:
            raise ModelError(f"{where}: {key!r} is missing", hint="export the model again")
    try:
        if "resize" in given:
            given["resize"] = ResizeRule(**given["resize"])
        for key in ("classes", "mean", "std", "speed"):
            if isinstance(given.get(key), str):
                # A text is a sequence too: of letters.
                raise ModelError(f"{where}: {key} is a text", hint=f"make {key} a list")
            if key in given:
                given[key] = tuple(given[key])
        return ModelSpec(**given)
    except (TypeError, ValueError) as error:
        raise ModelError(f"{where}: {error}", hint="export the model again") from error


def load_spec(folder: Path) -> ModelSpec:
    """Reads the model.json of a model folder.

    Raises:
        ModelError: there is none, or it is not usable.
    """
    path = folder / FILE
    try:
        values = json.loads(path.read_text(encoding="utf-8"))
    except FileNotFoundError as error:
        raise ModelError(
            f"{folder} has no {FILE}", hint="give a model folder or the name of a model"
        ) from error
    except (OSError, ValueError) as error:
        raise ModelError(f"{path} cannot be read: {error}") from error
    if not isinstance(values, dict):
        raise ModelError(f"{path} is not a JSON object")
    return spec_from_dict(values, str(path))


def save_spec(spec: ModelSpec, folder: Path) -> None:
    """Writes the model.json of a model folder, atomically."""
    text = json.dumps(spec_to_dict(spec), indent=2, ensure_ascii=False) + "\n"
    atomic_write(folder / FILE, text.encode())
