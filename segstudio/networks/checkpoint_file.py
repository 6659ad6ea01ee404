"""Reads a network's tensors from a file, a folder or the Hugging Face hub, safely, whoever wrote them."""

import dataclasses
import json
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import torch
from safetensors import SafetensorError, safe_open
from safetensors.torch import load_file
from torch import Tensor

from segstudio.errors import ModelError
from segstudio.inference.spec import FILE as MODEL_FILE
from segstudio.inference.spec import load_spec, spec_to_dict
from segstudio.networks.checkpoint_facts import (
    Facts,
    Rgb,
    Triple,
    facts_of_huggingface,
    facts_of_pickle,
    read_json,
)
from segstudio.networks.quantised import dequantised, floating, quantised_class
from segstudio.networks.safe_pickle import DAMAGES, LEGACY_START, ZIP_START, Inert, read_untrusted

SAFETENSORS = ".safetensors"
SUFFIXES = (".pth", ".pt", ".bin", ".ckpt", ".tlt", ".etlt", ".tar", SAFETENSORS)
ENCRYPTED_SUFFIXES = (".tlt", ".etlt")
# Where a state dict lies in a file, first come first served; a file with none of them is one itself.
WRAPPERS = ("state_dict", "model", "model_state_dict", "average", "network", "state_dict_ema")
ENCRYPTED_KEY = "state_dict_encrypted"
CONFIG, PREPROCESSOR = "config.json", "preprocessor_config.json"
INDEX = ".index.json"
HUGGINGFACE_WEIGHTS = (
    "model.safetensors", f"model.safetensors{INDEX}", "pytorch_model.bin", f"pytorch_model.bin{INDEX}",
)  # fmt: skip
# The weights of a folder: Hugging Face's, those of a model of ours, those of a run of ours.
FOLDER_WEIGHTS = (*HUGGINGFACE_WEIGHTS, "weights.safetensors", "best.safetensors", "latest.safetensors")
HUB_ID = re.compile(r"[A-Za-z0-9][\w.-]*/[A-Za-z0-9][\w.-]*")
HUB_SAFETENSORS = (CONFIG, PREPROCESSOR, "model*.safetensors", f"model.safetensors{INDEX}")
HUB_PICKLES = ("pytorch_model*.bin", f"pytorch_model.bin{INDEX}")
ARCHITECTURE = "architecture"
EXPORT_HINT = "train or save it again in TAO without an encryption key, and give the plain .pth"
# What a file of another kind begins with.
FOREIGN = (
    (b"version https://git-lfs", "is only a git-lfs pointer to the weights", "fetch them: git lfs pull"),
    (b"<!doctype html", "is a web page, not weights", "download the file itself, signed in if need be"),
    (b"<html", "is a web page, not weights", "download the file itself, signed in if need be"),
)


@dataclass(frozen=True)
class CheckpointFile:
    """The content of a file of weights.

    Attributes:
        tensors: by the names of the file, without the wrapper.
        origin: path or hub id.
        classes, palette: names and RGB colours by id, () where the file does not say.
        mean, std: normalisation of pixels 0-1, None where the file does not say.
        size: height and width of the images that it was made for.
        config: other settings: Hugging Face's config.json (its preprocessor under "preprocessor"), TAO's
            experiment, our model.json; "architecture" where we wrote the file.
    """

    tensors: dict[str, Tensor]
    origin: str = "the file"
    classes: tuple[str, ...] = ()
    palette: tuple[Rgb, ...] = ()
    mean: Triple | None = None
    std: Triple | None = None
    size: tuple[int, int] | None = None
    config: dict[str, Any] = field(default_factory=dict)


def read_checkpoint_file(source: str | Path) -> CheckpointFile:
    """Reads a file, a folder, or a repository of the Hugging Face hub (`owner/name`).

    Nothing that a file holds is executed, whatever its format.

    Raises:
        ModelError: there is nothing there, or nothing usable; says what it is instead.
    """
    path = Path(source)
    if path.is_dir():
        return read_folder(path)
    if path.is_file():
        beside = path.parent / CONFIG
        if path.name in HUGGINGFACE_WEIGHTS and beside.is_file():
            return with_config(tensors_of(path), path.parent, str(path))
        return read_file(path)
    if HUB_ID.fullmatch(str(source)) and path.suffix.lower() not in SUFFIXES:
        return dataclasses.replace(read_folder(download(str(source))), origin=str(source))
    raise ModelError(f"{source}: there is no such file or folder", hint="check the path of the weights")


def read_folder(folder: Path) -> CheckpointFile:
    """Reads a Hugging Face folder, a model or a run of ours, or a folder with a single file of weights."""
    chosen = next((folder / name for name in FOLDER_WEIGHTS if (folder / name).is_file()), None)
    if chosen is None:
        found = sorted(path for path in folder.iterdir() if path.suffix.lower() in SUFFIXES)
        if not found:
            raise ModelError(f"{folder} holds no weights", hint=f"looked for: {', '.join(SUFFIXES)}")
        if len(found) > 1:
            shown = ", ".join(path.name for path in found[:5])
            raise ModelError(
                f"{folder} holds {len(found)} files of weights: {shown}", hint="name one of them"
            )
        (chosen,) = found
    if chosen.name in HUGGINGFACE_WEIGHTS:
        return with_config(tensors_of(chosen), folder, str(folder))
    file = read_file(chosen)
    if not (folder / MODEL_FILE).is_file():
        return file
    spec = load_spec(folder)
    return dataclasses.replace(
        file,
        origin=str(folder),
        classes=spec.classes,
        mean=spec.mean,
        std=spec.std,
        config={**spec_to_dict(spec), **file.config},
    )


def with_config(tensors: dict[str, Tensor], folder: Path, origin: str) -> CheckpointFile:
    """Tensors with what Hugging Face's settings files say."""
    config, preprocessor = settings(folder / CONFIG), settings(folder / PREPROCESSOR)
    facts = facts_of_huggingface(config, preprocessor)
    if preprocessor:
        config["preprocessor"] = preprocessor
    return made(tensors, origin, facts, config)


def settings(path: Path) -> dict[str, Any]:
    """A JSON object of a file; {} if there is none."""
    try:
        return read_json(path.read_text(encoding="utf-8"))
    except FileNotFoundError:
        return {}
    except (OSError, UnicodeDecodeError) as error:
        raise ModelError(f"{path} cannot be read: {error}") from error


def made(tensors: dict[str, Tensor], origin: str, facts: Facts, config: dict[str, Any]) -> CheckpointFile:
    """Tensors and facts together."""
    values = {entry.name: getattr(facts, entry.name) for entry in dataclasses.fields(facts)}
    return CheckpointFile(tensors, origin, config=config, **values)


def tensors_of(path: Path) -> dict[str, Tensor]:
    """The tensors of a file, or of all the files that an index names."""
    if not path.name.endswith(INDEX):
        return read_file(path).tensors
    names = settings(path).get("weight_map")
    if not isinstance(names, dict) or not names:
        raise ModelError(f"{path} lists no files of weights", hint="download the whole folder again")
    tensors: dict[str, Tensor] = {}
    for name in sorted({str(name) for name in names.values()}):
        if Path(name).name != name:
            raise ModelError(f"{path} names a file outside its folder: {name}")
        if not (path.parent / name).is_file():
            raise ModelError(f"{path.parent / name} is missing", hint="download the whole folder again")
        tensors |= read_file(path.parent / name).tensors
    return tensors


def read_file(path: Path) -> CheckpointFile:
    """Reads one file of weights.

    Raises:
        ModelError: it is something else, encrypted, damaged, or holds no tensors.
    """
    refuse_foreign(path)
    if path.suffix.lower() == SAFETENSORS:
        return read_safetensors(path)
    values = entries(read_pickled(path))
    if values.get(ENCRYPTED_KEY):
        raise ModelError(f"{path} is encrypted by TAO", hint=EXPORT_HINT)
    facts, config = facts_of_pickle(values)
    if isinstance(config.get(ARCHITECTURE), str):
        config[ARCHITECTURE] = read_json(config[ARCHITECTURE])
    return made(state_dict_of(values, path), str(path), facts, config)


def refuse_foreign(path: Path) -> None:
    """Names what is no file of weights by its first bytes.

    Raises:
        ModelError: it is empty, a text, a web page, a pointer, or encrypted.
    """
    try:
        with path.open("rb") as stream:
            start = stream.read(512)
    except OSError as error:
        raise ModelError(f"{path} cannot be read: {error.strerror or error}") from error
    if not start:
        raise ModelError(f"{path} is empty", hint="download or copy it again")
    for sign, problem, hint in FOREIGN:
        if start.lstrip().lower().startswith(sign):
            raise ModelError(f"{path} {problem}", hint=hint)
    if path.suffix.lower() in ENCRYPTED_SUFFIXES and not start.startswith((ZIP_START, LEGACY_START)):
        raise ModelError(f"{path} is encrypted by TAO", hint=EXPORT_HINT)
    # Every format of weights has bytes below the space in its first line; a text has but white space there.
    if all(byte >= 32 or byte in b"\t\n\r\f" for byte in start):
        raise ModelError(f"{path} is a text, not weights", hint="give the file of weights itself")


def read_safetensors(path: Path) -> CheckpointFile:
    """Reads safetensors, and what we wrote in its header."""
    try:
        tensors = load_file(path)
        with safe_open(path, "pt") as opened:
            header = opened.metadata() or {}
    except (OSError, SafetensorError) as error:
        raise ModelError(
            f"{path} is no readable safetensors file: {error}", hint="download or copy it again"
        ) from error
    architecture = read_json(header.get(ARCHITECTURE, ""))
    return CheckpointFile(tensors, str(path), config={ARCHITECTURE: architecture} if architecture else {})


def read_pickled(path: Path) -> Any:
    """What a file of `torch.save` holds.

    Raises:
        ModelError: it cannot be read.
    """
    try:
        return torch.load(path, map_location="cpu", weights_only=True)
    except DAMAGES:
        # PyTorch says in one way that a file is damaged and that it holds more than tensors.
        pass
    try:
        return read_untrusted(path)
    except (*DAMAGES, RecursionError) as error:
        raise ModelError(
            f"{path} is damaged, incomplete or not saved by PyTorch", hint="download or copy it again"
        ) from error


def state_dict_of(values: Mapping[Any, Any], path: Path) -> dict[str, Tensor]:
    """The tensors by name, out of their wrapper.

    Raises:
        ModelError: there are none.
    """
    inner = values
    for _ in range(2):
        inside = (entries(inner.get(name)) for name in WRAPPERS)
        inner = next((found for found in inside if holds_tensors(found)), inner)
    tensors = {
        str(name): dequantised(value.detach()) for name, value in inner.items() if isinstance(value, Tensor)
    }
    for name, value in inner.items():
        if quantised_class(value):
            tensors[str(name)] = floating(value, f"{path}: {name}")
    if tensors:
        return tensors
    if any(isinstance(values.get(name), Inert) for name in WRAPPERS) or not values:
        problem, hint = "holds a whole pickled network or program", "save network.state_dict() instead"
    else:
        shown = ", ".join(str(name) for name in list(values)[:6])
        problem, hint = f"holds no tensors, only: {shown}", "give a file of weights"
    raise ModelError(f"{path} {problem}", hint=hint)


def entries(value: Any) -> Mapping[Any, Any]:
    """What a dict holds, or an object of a class like a dict; {} for all else."""
    if isinstance(value, Inert):
        return value.entries
    return value if isinstance(value, Mapping) else {}


def holds_tensors(values: Mapping[Any, Any]) -> bool:
    """Whether this is a state dict, or a wrapper of one."""
    return any(
        isinstance(value, Tensor | Mapping) or bool(quantised_class(value)) for value in values.values()
    )


def download(name: str) -> Path:
    """The folder of a hub repository's weights and settings, from the cache where it is complete.

    Raises:
        ModelError: no such repository, no right to it, or no connexion.
    """
    from huggingface_hub import snapshot_download
    from huggingface_hub.errors import GatedRepoError, HfHubHTTPError, RepositoryNotFoundError

    try:
        folder = Path(snapshot_download(name, allow_patterns=list(HUB_SAFETENSORS)))
        if not any((folder / file).is_file() for file in HUGGINGFACE_WEIGHTS[:2]):
            folder = Path(snapshot_download(name, allow_patterns=[*HUB_SAFETENSORS, *HUB_PICKLES]))
    except GatedRepoError as error:
        raise ModelError(
            f"{name} needs its owner's permission", hint="ask for it on the hub, then run: hf auth login"
        ) from error
    except RepositoryNotFoundError as error:
        raise ModelError(
            f"there is no file or folder {name} here and no such repository on the Hugging Face hub",
            hint="check the name; for a private one run: hf auth login",
        ) from error
    except (HfHubHTTPError, OSError, ValueError) as error:
        raise ModelError(
            f"there is no file or folder {name} here and the Hugging Face hub cannot be reached",
            hint="check the path and the connexion, or give a downloaded folder",
        ) from error
    return folder


def architecture_note(values: Mapping[str, Any]) -> dict[str, str]:
    """What our files say of the network that they are of, in a header or among other notes."""
    return {ARCHITECTURE: json.dumps(dict(values))}
