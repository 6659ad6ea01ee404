"""Which model came from which: parents, children, and the tree of all models."""

from collections.abc import Iterable
from dataclasses import dataclass
from enum import Enum

from segstudio.inference.catalog import ModelEntry


class Presence(Enum):
    """Whether a model of a lineage is there."""

    HERE = "here"
    DELETED = "deleted"
    MISSING = "missing"


@dataclass(frozen=True)
class Ancestor:
    """What a model came from: by the name that it has now, or had; `entry` is None where it is missing."""

    name: str
    presence: Presence
    entry: ModelEntry | None


@dataclass(frozen=True)
class Branch:
    """A model of the tree with those that were made from it; `entry` is None where it is missing."""

    name: str
    presence: Presence
    entry: ModelEntry | None
    children: tuple["Branch", ...]


class Lineage:
    """The lineage of the models of a catalog, of which some may be in the trash."""

    def __init__(self, models: Iterable[ModelEntry], deleted: Iterable[ModelEntry] = ()) -> None:
        self._models = tuple(models)
        self._deleted = tuple(deleted)

    def parent(self, entry: ModelEntry) -> Ancestor | None:
        """What a model came from; None for one that nobody derived.

        A name alone can come to mean another model, so the hash of the parent's weights is compared where
        both are known. A parent that was renamed is found by its former names, one whose folder was renamed
        by hand by its weights if no other model has the same.
        """
        spec = entry.spec
        if spec is None or not spec.parent:
            return None
        for presence, models in ((Presence.HERE, self._models), (Presence.DELETED, self._deleted)):
            found = _find(
                spec.parent, spec.parent_sha256, [one for one in models if one.folder != entry.folder]
            )
            if found is not None:
                return Ancestor(found.name, presence, found)
        return Ancestor(spec.parent, Presence.MISSING, None)

    def chain(self, entry: ModelEntry) -> tuple[Ancestor, ...]:
        """All that a model came from, the nearest first; a circle of specs is left where it closes."""
        found: list[Ancestor] = []
        seen = {entry.folder}
        last = entry
        while (ancestor := self.parent(last)) is not None:
            if ancestor.entry is not None and ancestor.entry.folder in seen:
                break
            found.append(ancestor)
            if ancestor.entry is None:
                break
            last = ancestor.entry
            seen.add(last.folder)
        return tuple(found)

    def children(self, entry: ModelEntry) -> tuple[ModelEntry, ...]:
        """Models that were made from a model, by name."""
        return tuple(one for one in self._models if self._is_from(one, entry))

    def _is_from(self, one: ModelEntry, entry: ModelEntry) -> bool:
        ancestor = self.parent(one)
        return ancestor is not None and ancestor.entry is not None and ancestor.entry.folder == entry.folder

    def tree(self) -> tuple[Branch, ...]:
        """All models, each below what it came from; deleted and missing ones only where others need them."""
        return _Tree(self, self._models).branches()


Place = tuple[Presence, str]


class _Tree:
    """Gathers who is below whom, then grows branches from those that are below nobody."""

    def __init__(self, lineage: Lineage, models: tuple[ModelEntry, ...]) -> None:
        self._entries: dict[Place, ModelEntry | None] = {(Presence.HERE, one.name): one for one in models}
        self._below: dict[Place, list[Place]] = {}
        self._roots: list[Place] = []
        self._grown = set[Place]()
        pending = list(self._entries)
        for place in pending:
            entry = self._entries[place]
            ancestor = lineage.parent(entry) if entry is not None else None
            if ancestor is None:
                self._roots.append(place)
                continue
            above = (ancestor.presence, ancestor.name)
            self._below.setdefault(above, []).append(place)
            if above not in self._entries:
                self._entries[above] = ancestor.entry
                pending.append(above)

    def branches(self) -> tuple[Branch, ...]:
        """The roots by name; specs that lead in a circle have none, and begin at their first name."""
        by_name = sorted(self._roots, key=lambda place: place[1])
        rest = (place for place in sorted(self._entries, key=lambda place: place[1]))
        return tuple(self._grow(place) for place in (*by_name, *rest) if place not in self._grown)

    def _grow(self, place: Place) -> Branch:
        self._grown.add(place)
        below = sorted(self._below.get(place, []), key=lambda child: child[1])
        grown = tuple(self._grow(child) for child in below if child not in self._grown)
        return Branch(place[1], place[0], self._entries[place], grown)


def _find(name: str, weights: str, models: list[ModelEntry]) -> ModelEntry | None:
    def fits(one: ModelEntry) -> bool:
        return not weights or _weights(one) in ("", weights)

    for one in models:
        if one.name == name and fits(one):
            return one
    for one in models:
        if name in one.notes.former_names and fits(one):
            return one
    # Exports of a model in other forms have its weights too; what it came from is not one of them.
    same = [one for one in models if weights and _weights(one) == weights != _parent_weights(one)]
    return same[0] if len(same) == 1 else None


def _weights(one: ModelEntry) -> str:
    return one.spec.weights_sha256 if one.spec is not None else ""


def _parent_weights(one: ModelEntry) -> str:
    return one.spec.parent_sha256 if one.spec is not None else ""
