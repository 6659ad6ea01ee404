"""Changes of the catalog: models are renamed, tagged, archived, deleted and taken back."""

import os
import shutil
from collections.abc import Collection
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from pathlib import Path

from segstudio.errors import ModelError
from segstudio.inference.catalog import (
    ModelEntry,
    find_entry,
    free_folder,
    list_models,
    read_entry,
    trash_dir,
)
from segstudio.inference.lineage import Lineage
from segstudio.inference.model_notes import ModelNotes, load_notes, save_notes
from segstudio.inference.spec import load_spec, save_spec

STAMP = "%Y%m%dT%H%M%S%fZ"


@dataclass(frozen=True)
class TrashedModel:
    """A deleted model that can still be taken back; `when` is an ISO time in UTC."""

    name: str
    when: str
    folder: Path


def own_model(name: str) -> ModelEntry:
    """A model that may be changed.

    Raises:
        ModelError: there is none of that name, or it ships with segstudio.
    """
    entry = find_entry(name)
    if entry.bundled:
        raise ModelError(
            f"{name} ships with segstudio and is read only",
            hint=f"change a copy: segstudio models import {entry.folder} --name NAME",
        )
    return entry


def rename(name: str, new: str) -> ModelEntry:
    """Gives a model another name; its children follow, and it stays known by the one it had.

    Records of projects, benches and exports name models. They find the model by its former names, which no
    other model takes while it is there.

    Raises:
        ModelError: no model of the user's, a name that is not allowed or taken, or the disk refuses.
    """
    entry = own_model(name)
    if new == name:
        return entry
    # Its own former name is no new one: it may have hidden a shipped model before.
    shipped = any(other.name == new and other.bundled for other in list_models(archived=True))
    if shipped and new not in entry.notes.former_names:
        raise ModelError(f"a model that ships with segstudio is called {new!r}", hint="give another name")
    target = free_folder(new, of=name)
    children = Lineage(list_models(archived=True)).children(entry)
    notes = _notes(entry)
    # The former name comes first: whatever ends this half-way, the children find their parent.
    former = tuple(sorted({*notes.former_names, name} - {new}))
    save_notes(replace(notes, former_names=former), entry.folder)
    try:
        os.rename(entry.folder, target)
    except OSError as error:
        save_notes(notes, entry.folder)
        raise ModelError(
            f"{name} cannot be renamed: {error.strerror}", hint="close what uses it, or check the disk"
        ) from error
    if entry.spec is not None:
        save_spec(replace(load_spec(target), name=new), target)
    for child in children:
        _name_parent(child, new, entry)
    return read_entry(target, bundled=False)


def set_tags(name: str, tags: Collection[str]) -> ModelEntry:
    """Replaces the tags of a model; see `tags_of`.

    Raises:
        ModelError: no model of the user's, or its notes are damaged. ImageError: the disk refuses.
    """
    entry = own_model(name)
    return _noted(entry, replace(_notes(entry), tags=tuple(sorted(set(tags)))))


def set_text(name: str, text: str) -> ModelEntry:
    """Replaces the notes on a model.

    Raises:
        ModelError: no model of the user's, or its notes are damaged. ImageError: the disk refuses.
    """
    entry = own_model(name)
    return _noted(entry, replace(_notes(entry), text=text))


def set_archived(name: str, archived: bool, in_use: Collection[str] = ()) -> ModelEntry:
    """Hides a model from lists and choosers, or shows it again; its files stay.

    Args:
        name: the model.
        archived: whether it is hidden from now on.
        in_use: names of models that are in use, which cannot be hidden.

    Raises:
        ModelError: it is in use, no model of the user's, or its notes are damaged.
        ImageError: the disk refuses.
    """
    entry = own_model(name)
    if archived and name in in_use:
        raise ModelError(f"{name} is in use", hint="use another model first")
    return _noted(entry, replace(_notes(entry), archived=archived))


def delete(name: str, in_use: Collection[str] = (), *, force: bool = False) -> TrashedModel:
    """Moves a model to the trash, from which `restore` takes it back.

    Children keep the name and the hash of what they came from, so that a later model of this name is not
    taken for it.

    Args:
        name: the model.
        in_use: names of models that are in use.
        force: delete it although it is in use or has children.

    Raises:
        ModelError: others need it, it is no model of the user's, or the disk refuses.
    """
    entry = own_model(name)
    children = Lineage(list_models(archived=True)).children(entry)
    if not force and name in in_use:
        raise ModelError(f"{name} is in use", hint="use another model first, or force it")
    if not force and children:
        names = ", ".join(child.name for child in children)
        raise ModelError(f"models were made from {name}: {names}", hint="archive it, or force it")
    for child in children:
        _name_parent(child, name, entry)
    stamp = datetime.now(UTC).strftime(STAMP)
    target = trash_dir() / f"{name}@{stamp}"
    try:
        target.parent.mkdir(exist_ok=True)
        os.rename(entry.folder, target)
    except OSError as error:
        raise ModelError(
            f"{name} cannot be deleted: {error.strerror}", hint="close what uses it, or check the disk"
        ) from error
    return _trashed(target)


def list_trash() -> list[TrashedModel]:
    """Deleted models, the last one first."""
    folders = [path for path in trash_dir().iterdir() if "@" in path.name] if trash_dir().is_dir() else []
    return sorted((_trashed(path) for path in folders), key=lambda one: one.when, reverse=True)


def trashed_entry(one: TrashedModel) -> ModelEntry:
    """A deleted model under the name that it had, for the lineage of those that came from it."""
    return replace(read_entry(one.folder, bundled=False), name=one.name)


def restore(name: str, as_name: str = "") -> ModelEntry:
    """Takes the last deleted model of a name back, under another name if wished.

    Raises:
        ModelError: there is none in the trash, the name is taken, or the disk refuses.
    """
    found = next((one for one in list_trash() if one.name == name), None)
    if found is None:
        names = ", ".join(dict.fromkeys(one.name for one in list_trash())) or "nothing"
        raise ModelError(f"no deleted model is called {name!r}", hint=f"the trash holds: {names}")
    target = free_folder(as_name or name, of=name)
    try:
        os.rename(found.folder, target)
    except OSError as error:
        raise ModelError(f"{name} cannot be taken back: {error.strerror}", hint="check the disk") from error
    entry = read_entry(target, bundled=False)
    if entry.spec is not None:
        save_spec(entry.spec, target)
    notes = _notes(entry)
    # A name that another model took meanwhile is not this one's any more.
    taken = {other.name for other in list_models(archived=True)}
    former = tuple(sorted({*notes.former_names, name} - taken))
    return _noted(entry, replace(notes, former_names=former)) if former != notes.former_names else entry


def empty_trash() -> None:
    """Deletes what is in the trash for good.

    Raises:
        ModelError: the disk refuses.
    """
    for one in list_trash():
        try:
            shutil.rmtree(one.folder)
        except OSError as error:
            raise ModelError(f"{one.folder} cannot be deleted: {error.strerror}") from error


def _trashed(folder: Path) -> TrashedModel:
    name, _, stamp = folder.name.rpartition("@")
    try:
        when = datetime.strptime(stamp, STAMP).replace(tzinfo=UTC).isoformat()
    except ValueError:
        when = ""
    return TrashedModel(name, when, folder)


def _notes(entry: ModelEntry) -> ModelNotes:
    return load_notes(entry.folder)


def _noted(entry: ModelEntry, notes: ModelNotes) -> ModelEntry:
    save_notes(notes, entry.folder)
    return replace(entry, notes=notes)


def _name_parent(child: ModelEntry, name: str, parent: ModelEntry) -> None:
    """Writes what a child came from: the name by which its parent is found, and the hash of its weights."""
    if child.bundled or child.spec is None:
        return
    weights = parent.spec.weights_sha256 if parent.spec is not None else child.spec.parent_sha256
    save_spec(replace(child.spec, parent=name, parent_sha256=weights), child.folder)
