"""Refuses values of a spec that would only fail after the work has begun, for the task at hand."""

from collections.abc import Iterator, Mapping
from typing import Any

from segstudio.errors import SpecError
from segstudio.training.spec.limits import BATCHES, CHOICES, RANGES
from segstudio.training.spec.read import Reading
from segstudio.training.spec.rules import RULES, Rule
from segstudio.training.spec.schema import ExperimentSpec

# The sections whose values a task uses; single keys at the root count for every task.
SECTIONS: Mapping[str, tuple[str, ...]] = {
    "train": ("model", "dataset", "train", "studio"),
    "evaluate": ("model", "dataset", "evaluate", "studio"),
    "inference": ("model", "dataset", "inference", "studio"),
    "export": ("model", "dataset", "export", "studio"),
    "gen_trt_engine": ("gen_trt_engine",),
    "quantize": ("model", "dataset", "quantize", "studio"),
}
ROOT_KEYS = ("results_dir", "model_name")
# Samples that a task does not touch, whether their keys are today's or old.
UNTOUCHED: Mapping[str, tuple[str, ...]] = {
    "train": ("studio.test", "studio.predict", "dataset.test_dataset"),
    "evaluate": ("studio.sources", "studio.validation", "studio.predict", "dataset.train_dataset",
                 "dataset.val_dataset"),
    "inference": ("studio.sources", "studio.validation", "studio.test", "dataset.train_dataset",
                  "dataset.val_dataset"),
    "export": ("studio.sources", "studio.validation", "studio.test", "studio.predict",
               "dataset.segment.root_dir", "dataset.data_root", "dataset.train_dataset",
               "dataset.val_dataset", "dataset.test_dataset"),
    "gen_trt_engine": (),
    "quantize": ("studio.sources", "studio.validation", "studio.test", "studio.predict",
                 "dataset.train_dataset", "dataset.val_dataset"),
}  # fmt: skip


def check_task(task: str) -> None:
    """Refuses a task that there is not.

    Raises:
        SpecError: names those that there are.
    """
    if task not in SECTIONS:
        raise SpecError(f"there is no task {task!r}", hint=f"use one of {', '.join(SECTIONS)}")


def check_given(reading: Reading, task: str, where: str) -> None:
    """Refuses a file that leaves out what the task needs: `???`, or an interpolation that leads nowhere.

    Raises:
        SpecError: names the key.
    """
    for key, why in reading.unresolved.items():
        if needed(key, task):
            raise SpecError(f"{where}: {key} cannot be resolved: {why}", hint=f"give it as {key}=VALUE")
    section = reading.values.get(task)
    own = section.get("results_dir") if isinstance(section, Mapping) else None
    if "results_dir" in reading.missing and not own:
        raise SpecError(f"{where}: results_dir is not given", hint="give it as results_dir=FOLDER")


def needed(key: str, task: str) -> bool:
    """Whether a task uses the value of a dotted key."""
    if key in ROOT_KEYS:
        return True
    untouched = UNTOUCHED[task]
    return key.split(".")[0] in SECTIONS[task] and not any(
        key == other or key.startswith((f"{other}.", f"{other}[")) for other in untouched
    )


def check(spec: ExperimentSpec, where: str, task: str = "train") -> None:
    """Refuses values that would only fail after the task has begun; those it does not use may be anything.

    Raises:
        SpecError: names the key, its value and what it may be.
    """
    check_task(task)
    for rule in _rules(spec, task):
        if not rule.right:
            raise SpecError(f"{where}: {rule.key} is {rule.value!r}", hint=f"it must be {rule.wanted}")


def _rules(spec: ExperimentSpec, task: str) -> Iterator[Rule]:
    for rule in (*_choices(spec), *_ranges(spec)):
        if needed(rule.key, task):
            yield rule
    for section, rules in RULES.items():
        if section in SECTIONS[task] or section == task:
            for made in rules:
                yield from made(spec, task)


def _choices(spec: ExperimentSpec) -> Iterator[Rule]:
    for key, options in CHOICES.items():
        found, value = _value(spec, key)
        named = ", ".join("null" if option is None else repr(option) for option in options)
        yield Rule(not found or value in options, key, value, f"one of {named}")


def _ranges(spec: ExperimentSpec) -> Iterator[Rule]:
    for key, (low, high) in RANGES.items():
        if key == "train.num_epochs" and spec.studio.max_steps:
            continue
        found, value = _value(spec, key)
        wanted = f"{low:g} or more" if high == float("inf") else f"{low:g} to {high:g}"
        yield Rule(not found or value is None or low <= value <= high, key, value, wanted)
    for key in BATCHES:
        _, value = _value(spec, key)
        yield Rule(value == -1 or value >= 1, key, value, "1 or more, or -1 for the usual")


def _value(spec: ExperimentSpec, key: str) -> tuple[bool, Any]:
    """(whether there is such a section, the value): an optional section may be left out."""
    *sections, last = key.split(".")
    inner: Any = spec
    for name in sections:
        inner = getattr(inner, name, None)
    return inner is not None, getattr(inner, last, None)
