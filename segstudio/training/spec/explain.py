"""Writes a spec as YAML with a line on every key; the texts are those of the schema's docstrings."""

import dataclasses
import inspect
import re
import typing
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import yaml

from segstudio.training.spec.check import SECTIONS
from segstudio.training.spec.notes import effective
from segstudio.training.spec.read import MISSING
from segstudio.training.spec.schema import ExperimentSpec
from segstudio.training.spec.typed import entry_of
from segstudio.training.spec.unused import REASON

ATTRIBUTE = re.compile(r"(\w+): (.*)")
INDENT = "  "
# What a task cannot do without and no default can stand for.
TO_BE_GIVEN: Mapping[str, tuple[str, ...]] = {
    "train": ("dataset.segment.root_dir",),
    "evaluate": ("dataset.segment.root_dir",),
    "inference": ("dataset.segment.root_dir",),
    "export": ("export.checkpoint",),
    "gen_trt_engine": ("gen_trt_engine.onnx_file",),
    "quantize": ("quantize.model_path",),
}


def explained(spec: ExperimentSpec, task: str) -> str:
    """YAML of the sections that a task uses; `???` stands where a value must be given."""
    lines = [f"# segstudio {task} -e THIS_FILE [key=value ...]"]
    lines += _Writer(TO_BE_GIVEN[task]).section(spec, "", 0, SECTIONS[task])
    return "\n".join(lines) + "\n"


def texts(kind: type[Any]) -> Mapping[str, str]:
    """What a dataclass says about its fields below "Attributes:", a line each."""
    found: dict[str, str] = {}
    _, _, attributes = inspect.cleandoc(kind.__doc__ or "").partition("Attributes:\n")
    name = ""
    for line in inspect.cleandoc(attributes).splitlines():
        match = ATTRIBUTE.fullmatch(line)
        if match and not line.startswith(" "):
            name = match[1]
            found[name] = match[2]
        elif name:
            found[name] += f" {line.strip()}"
    return found


class _Writer:
    """Writes sections; the keys of a list's entries are explained where they come first."""

    def __init__(self, wanted: Sequence[str]) -> None:
        self._wanted = wanted
        self._told: set[type[Any]] = set()

    def section(self, value: Any, key: str, depth: int, only: Sequence[str] = ()) -> Iterator[str]:
        """The lines of a dataclass; of its own sections only those named, if any are."""
        space, hints = INDENT * depth, typing.get_type_hints(type(value))
        for field in dataclasses.fields(value):
            inner, where = getattr(value, field.name), f"{key}.{field.name}" if key else field.name
            section = dataclasses.is_dataclass(inner)
            if REASON in field.metadata or (section and only and field.name not in only):
                continue
            if text := texts(type(value)).get(field.name):
                yield f"{space}# {text}"
            if section:
                yield f"{space}{field.name}:"
                yield from self.section(inner, where, depth + 1)
                continue
            yield from self._entries(hints[field.name], space)
            shown = MISSING if where in self._wanted else _flow(effective(inner))
            yield f"{space}{field.name}: {shown}"

    def _entries(self, hint: Any, space: str) -> Iterator[str]:
        entry = entry_of(hint)
        if entry is not None and entry not in self._told:
            self._told.add(entry)
            for name, text in texts(entry).items():
                yield f"{space}#   {name}: {text}"


def _flow(value: Any) -> str:
    """A value in one line of YAML."""
    text = yaml.safe_dump(
        value, default_flow_style=True, width=float("inf"), allow_unicode=True, sort_keys=False
    )
    return text.removesuffix("\n").removesuffix("...").strip()
