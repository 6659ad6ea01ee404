"""Which samples a model learnt from, and its ancestors with it: they must never judge it."""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from segstudio.errors import ModelError
from segstudio.inference.catalog import ModelEntry, list_models
from segstudio.inference.lineage import Lineage
from segstudio.inference.model_changes import list_trash, trashed_entry
from segstudio.inference.spec import ModelSpec
from segstudio.project.project import Project

FILE = "manifest.json"
# What trainings write into manifests; a split of any other name may have been learnt from.
NOT_LEARNT = frozenset(("val", "test"))
NOTHING: frozenset[str] = frozenset()


@dataclass(frozen=True)
class Learnt:
    """What models learnt from, as far as the manifests in their folders say.

    Attributes:
        keys: samples of this project.
        digests: SHA-256 of images that are no samples of this project by their key.
        judged: samples of this project by which the best state of a model was chosen while it learnt.
        untold: models that keep no list.
    """

    keys: frozenset[str] = NOTHING
    digests: frozenset[str] = NOTHING
    judged: frozenset[str] = NOTHING
    untold: tuple[str, ...] = ()

    def __or__(self, other: "Learnt") -> "Learnt":
        """What either learnt from."""
        return Learnt(
            self.keys | other.keys,
            self.digests | other.digests,
            self.judged | other.judged,
            tuple(dict.fromkeys((*self.untold, *other.untold))),
        )


def learnt_from(project: Project, folder: Path, spec: ModelSpec) -> Learnt:
    """What a model learnt from, and what all of its ancestors did.

    Raises:
        ModelError: a manifest is there that cannot be read.
    """
    known = frozenset(sample.key for sample in project.samples())
    lineage = Lineage(list_models(archived=True), [trashed_entry(one) for one in list_trash()])
    found = _of_one(project, folder, spec.name, known)
    for ancestor in lineage.chain(ModelEntry(spec.name, folder, False, spec)):
        if ancestor.entry is None:
            found |= Learnt(untold=(ancestor.name,))
        else:
            found |= _of_one(project, ancestor.entry.folder, ancestor.name, known)
    return found


def _of_one(project: Project, folder: Path, name: str, known: frozenset[str]) -> Learnt:
    path = folder / FILE
    try:
        values = json.loads(path.read_text(encoding="utf-8"))
        entries = [entry if isinstance(entry, dict) else {"key": entry} for entry in values["samples"]]
    except FileNotFoundError:
        return Learnt(untold=(name,))
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise ModelError(
            f"{path} does not say what {name} learnt from: {error}", hint="train or import the model again"
        ) from error
    is_own = str(values.get("project", project.root)) == str(project.root)
    learnt: list[Mapping[str, Any]] = []
    scored: list[Mapping[str, Any]] = []
    for entry in entries:
        (scored if entry.get("split", "") in NOT_LEARNT else learnt).append(entry)
    keys = _own_keys(learnt, known) if is_own else NOTHING
    judged = _own_keys(scored, known) if is_own else NOTHING
    foreign = [entry for entry in learnt if str(entry.get("key", "")) not in keys]
    return Learnt(keys, frozenset(str(entry.get("image_sha256", "")) for entry in foreign) - {""}, judged)


def _own_keys(entries: Sequence[Mapping[str, Any]], known: frozenset[str]) -> frozenset[str]:
    return frozenset(str(entry.get("key", "")) for entry in entries) & known
