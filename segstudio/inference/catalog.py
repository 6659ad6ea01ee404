"""The catalog of models: those that ship with segstudio and those that the user imported or trained."""

import shutil
from dataclasses import dataclass, replace
from pathlib import Path

from segstudio import paths
from segstudio.annotation.palette import list_palettes
from segstudio.errors import ModelError
from segstudio.inference.spec import FILE, NAME_PATTERN, ModelSpec, load_spec, save_spec

# What a folder of somebody else's model holds.
HUGGINGFACE_CONFIG = "config.json"


@dataclass(frozen=True)
class ModelEntry:
    """One model folder; `spec` is None and `problem` says why when it cannot be used."""

    name: str
    folder: Path
    bundled: bool
    spec: ModelSpec | None
    problem: str = ""


def list_models() -> list[ModelEntry]:
    """Every model by name; a user's model hides a shipped one of the same name."""
    found: dict[str, ModelEntry] = {}
    for root, bundled in ((paths.bundled_models_dir(), True), (paths.user_models_dir(), False)):
        for folder in sorted(root.iterdir()) if root.is_dir() else []:
            # A hidden folder is a model in the making, or what a crash left of one.
            if not folder.name.startswith(".") and (folder / FILE).is_file():
                found[folder.name] = _entry(folder, bundled)
    return [found[name] for name in sorted(found)]


def find_model(name_or_path: str | Path) -> tuple[Path, ModelSpec]:
    """A model by name, or by the path of its folder.

    Raises:
        ModelError: there is none, or its model.json is not usable.
    """
    text = str(name_or_path)
    for root in (paths.user_models_dir(), paths.bundled_models_dir()):
        if NAME_PATTERN.fullmatch(text) and (root / text / FILE).is_file():
            return root / text, load_spec(root / text)
    path = Path(name_or_path)
    if (path / FILE).is_file():
        return path, load_spec(path)
    if path.is_file() or (path / HUGGINGFACE_CONFIG).is_file():
        raise ModelError(
            f"{text} is no model of the catalog", hint=f"import it: segstudio models import {text}"
        )
    names = ", ".join(entry.name for entry in list_models()) or "none yet"
    raise ModelError(f"there is no model {text!r}", hint=f"give a model folder or one of: {names}")


def import_model(folder: Path, name: str = "") -> ModelEntry:
    """Copies a model folder into the user's models; only the files that its spec names are taken.

    Raises:
        ModelError: not usable, a name that is taken or not allowed, or a file that is missing.
    """
    spec = load_spec(folder)
    chosen = name or spec.name
    target = free_folder(chosen)
    files = [spec.file(folder, kind) for kind in spec.files]
    target.mkdir(parents=True)
    try:
        for path in files:
            copy = target / path.relative_to(folder)
            copy.parent.mkdir(parents=True, exist_ok=True)
            shutil.copyfile(path, copy)
        save_spec(replace(spec, name=chosen), target)
        _bring_palette(target, spec)
    except OSError as error:
        shutil.rmtree(target, ignore_errors=True)
        raise ModelError(f"{folder} cannot be copied: {error.strerror}") from error
    return _entry(target, bundled=False)


def free_folder(name: str) -> Path:
    """Where a new model of the user's goes.

    Raises:
        ModelError: a name that is not allowed, or taken.
    """
    if not NAME_PATTERN.fullmatch(name):
        raise ModelError(f"{name!r} is no model name", hint="use letters, digits, dots, dashes, underscores")
    target = paths.user_models_dir() / name
    if target.exists():
        raise ModelError(f"there is a model {name!r} already", hint="give another name with --name")
    return target


def _bring_palette(folder: Path, spec: ModelSpec) -> None:
    """Makes the classes known of a model that brings its own."""
    if "palette" in spec.files and spec.palette not in list_palettes():
        shutil.copyfile(spec.file(folder, "palette"), paths.user_palettes_dir() / f"{spec.palette}.yaml")


def _entry(folder: Path, bundled: bool) -> ModelEntry:
    try:
        return ModelEntry(folder.name, folder, bundled, load_spec(folder))
    except ModelError as error:
        return ModelEntry(folder.name, folder, bundled, None, str(error))
