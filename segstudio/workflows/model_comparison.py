"""Compares two models: their specs, classes, scores, speed and size."""

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from segstudio.inference.spec import ModelSpec, spec_to_dict
from segstudio.workflows.model_facts import MeasuredSpeed, ModelFacts

# What differs between any two models, or is compared by itself.
APART = ("name", "classes", "files", "weights_sha256", "parent_sha256", "metrics", "speed", "schema_version")


@dataclass(frozen=True)
class Difference:
    """One property that two models do not share, as texts; "–" where a model has none."""

    what: str
    first: str
    second: str


@dataclass(frozen=True)
class ClassPair:
    """IoU of one class by both models on the same project, 0-1; NaN where it was not measured."""

    name: str
    first: float
    second: float

    @property
    def change(self) -> float:
        """By how much the second one is better."""
        return self.second - self.first


@dataclass(frozen=True)
class ModelComparison:
    """Two models side by side.

    Attributes:
        first, second: the models.
        spec: properties that differ.
        only_first, only_second: classes of one of them alone.
        classes: measured classes, those that changed most first.
        speeds: the newest speed of each on the same backend, device and size; None where there is no such
            pair.
        notes: what to mind when one reads the figures.
    """

    first: ModelFacts
    second: ModelFacts
    spec: tuple[Difference, ...]
    only_first: tuple[str, ...]
    only_second: tuple[str, ...]
    classes: tuple[ClassPair, ...]
    speeds: tuple[MeasuredSpeed, MeasuredSpeed] | None
    notes: tuple[str, ...]

    def to_json(self) -> dict[str, Any]:
        """A JSON-ready form."""
        return {
            "first": self.first.to_json(),
            "second": self.second.to_json(),
            "spec": [vars(one) for one in self.spec],
            "only_first": list(self.only_first),
            "only_second": list(self.only_second),
            "classes": [
                {"name": one.name, "first": _known(one.first), "second": _known(one.second)}
                for one in self.classes
            ],
            "speeds": [vars(one) for one in self.speeds] if self.speeds else None,
            "notes": list(self.notes),
        }


def compare_models(first: ModelFacts, second: ModelFacts) -> ModelComparison:
    """Puts two models side by side; nothing is measured."""
    one, two = first.entry.spec, second.entry.spec
    names = [set(spec.classes) if spec is not None else set[str]() for spec in (one, two)]
    measured = [facts.measured.classes if facts.measured else {} for facts in (first, second)]
    pairs = [
        ClassPair(name, measured[0].get(name, math.nan), measured[1].get(name, math.nan))
        for name in dict.fromkeys([*measured[0], *measured[1]])
    ]
    seen = [pair for pair in pairs if not (math.isnan(pair.first) and math.isnan(pair.second))]
    seen.sort(key=lambda pair: (math.isnan(pair.change), -abs(pair.change)))
    return ModelComparison(
        first,
        second,
        _differences(one, two),
        tuple(sorted(names[0] - names[1])),
        tuple(sorted(names[1] - names[0])),
        tuple(seen),
        _same_conditions(first, second),
        _notes(first, second),
    )


def _differences(one: ModelSpec | None, two: ModelSpec | None) -> tuple[Difference, ...]:
    values = [_flat(spec_to_dict(spec)) if spec is not None else {} for spec in (one, two)]
    found = []
    for what in dict.fromkeys([*values[0], *values[1]]):
        texts = [table.get(what, "") or "–" for table in values]
        if texts[0] != texts[1]:
            found.append(Difference(what, *texts))
    return tuple(found)


def _flat(values: Mapping[str, Any]) -> dict[str, str]:
    """Every property by its dotted name, as text."""
    found: dict[str, str] = {}
    for key, value in values.items():
        if key in APART:
            continue
        if isinstance(value, Mapping):
            found |= {f"{key}.{name}": text for name, text in _flat(value).items()}
        elif isinstance(value, list | tuple):
            found[key] = ", ".join(str(one) for one in value)
        else:
            found[key] = str(value)
    return found


def _same_conditions(first: ModelFacts, second: ModelFacts) -> tuple[MeasuredSpeed, MeasuredSpeed] | None:
    for one in first.speeds:
        for two in second.speeds:
            if (one.by, one.backend, one.device, one.width, one.height) == (
                two.by, two.backend, two.device, two.width, two.height,
            ):  # fmt: skip
                return one, two
    return None


def _notes(first: ModelFacts, second: ModelFacts) -> tuple[str, ...]:
    found = []
    for facts in (first, second):
        if facts.measured is None:
            found.append(f"no scores of {facts.name} are known here")
        elif facts.measured.outdated:
            found.append(f"{facts.name} was evaluated with other weights: evaluate it again")
    measured = (first.measured, second.measured)
    if measured[0] and measured[1] and measured[0].samples != measured[1].samples:
        found.append(f"measured on {measured[0].samples} and {measured[1].samples} samples")
    return tuple(found)


def _known(value: float) -> float | None:
    return None if math.isnan(value) else value
