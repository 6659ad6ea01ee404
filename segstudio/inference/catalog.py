"""The catalog of models: those that ship with segstudio and those that the user imported or trained."""

import shutil
from dataclasses import dataclass, replace
from pathlib import Path

from segstudio import paths
from segstudio.annotation.palette import list_palettes
from segstudio.errors import ModelError
from segstudio.inference.model_notes import ModelNotes, readable_notes
from segstudio.inference.spec import FILE, NAME_PATTERN, ModelSpec, load_spec, save_spec

# What a folder of somebody else's model holds.
HUGGINGFACE_CONFIG = "config.json"
NO_NOTES = ModelNotes()
# Below the models, so that a deleted one only changes its place on the same disk.
TRASH = ".trash"


@dataclass(frozen=True)
class ModelEntry:
    """One model folder; `spec` is None and `problem` says why when it cannot be used."""

    name: str
    folder: Path
    bundled: bool
    spec: ModelSpec | None
    problem: str = ""
    notes: ModelNotes = NO_NOTES


def list_models(*, archived: bool = False) -> list[ModelEntry]:
    """Every model by name; a user's model hides a shipped one of the same name.

    Archived ones are left out unless they are asked for.
    """
    found: dict[str, ModelEntry] = {}
    for root, bundled in ((paths.bundled_models_dir(), True), (paths.user_models_dir(), False)):
        for folder in sorted(root.iterdir()) if root.is_dir() else []:
            # A hidden folder is a model in the making, or what a crash left of one.
            if not folder.name.startswith(".") and (folder / FILE).is_file():
                found[folder.name] = read_entry(folder, bundled=bundled)
    return [found[name] for name in sorted(found) if archived or not found[name].notes.archived]


def find_entry(name: str) -> ModelEntry:
    """A model of the catalog by its name, also one that cannot be used.

    Raises:
        ModelError: there is none; says what it is called now if it was renamed.
    """
    models = {entry.name: entry for entry in list_models(archived=True)}
    if name not in models:
        raise _unknown(name)
    return models[name]


def _unknown(name: str) -> ModelError:
    models = list_models(archived=True)
    now = next((entry.name for entry in models if name in entry.notes.former_names), "")
    if now:
        return ModelError(f"{name} was renamed: it is {now} now", hint=f"use {now}")
    names = ", ".join(entry.name for entry in models if not entry.notes.archived) or "none yet"
    return ModelError(f"there is no model {name!r}", hint=f"give a model folder or one of: {names}")


def find_model(name_or_path: str | Path) -> tuple[Path, ModelSpec]:
    """A model by name, or by the path of its folder.

    Raises:
        ModelError: there is none, or its model.json is not usable.
    """
    text = str(name_or_path)
    for root in (paths.user_models_dir(), paths.bundled_models_dir()):
        if NAME_PATTERN.fullmatch(text) and (root / text / FILE).is_file():
            return root / text, _spec_by_folder(root / text)
    path = Path(name_or_path)
    if (path / FILE).is_file():
        return path, load_spec(path)
    if path.is_file() or (path / HUGGINGFACE_CONFIG).is_file():
        raise ModelError(
            f"{text} is no model of the catalog", hint=f"import it: segstudio models import {text}"
        )
    raise _unknown(text)


def taken_names() -> frozenset[str]:
    """Names that no new model should have: of all models, of deleted ones, and what renamed ones had."""
    models = list_models(archived=True)
    trash = trash_dir()
    deleted = [path.name.rpartition("@")[0] for path in trash.iterdir()] if trash.is_dir() else []
    names = (name for entry in models for name in (entry.name, *entry.notes.former_names))
    return frozenset((*names, *deleted)) - {""}


def trash_dir() -> Path:
    """Where deleted models are, as NAME@TIME; it need not be there."""
    return paths.user_models_dir() / TRASH


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
    return read_entry(target, bundled=False)


def free_folder(name: str, of: str = "") -> Path:
    """Where a new model of the user's goes, or the one that is called `of` until now.

    Raises:
        ModelError: a name that is not allowed or taken, or that a renamed model had: what projects know of
            that one would be taken for the new one's.
    """
    if not NAME_PATTERN.fullmatch(name):
        raise ModelError(f"{name!r} is no model name", hint="use letters, digits, dots, dashes, underscores")
    target = paths.user_models_dir() / name
    if target.exists():
        raise ModelError(f"there is a model {name!r} already", hint="give another name with --name")
    for entry in list_models(archived=True):
        if name in entry.notes.former_names and entry.name != of:
            raise ModelError(
                f"{entry.name} was called {name!r} before, and projects may know it so",
                hint="give another name with --name",
            )
    return target


def _bring_palette(folder: Path, spec: ModelSpec) -> None:
    """Makes the classes known of a model that brings its own."""
    if "palette" in spec.files and spec.palette not in list_palettes():
        shutil.copyfile(spec.file(folder, "palette"), paths.user_palettes_dir() / f"{spec.palette}.yaml")


def read_entry(folder: Path, *, bundled: bool) -> ModelEntry:
    """The model in a folder of the catalog, which is called as the folder is."""
    notes = NO_NOTES if bundled else readable_notes(folder)
    try:
        return ModelEntry(folder.name, folder, bundled, _spec_by_folder(folder), notes=notes)
    except ModelError as error:
        return ModelEntry(folder.name, folder, bundled, None, str(error), notes)


def _spec_by_folder(folder: Path) -> ModelSpec:
    """A spec under the name of its folder, should that have been renamed by hand."""
    spec = load_spec(folder)
    return replace(spec, name=folder.name) if NAME_PATTERN.fullmatch(folder.name) else spec
