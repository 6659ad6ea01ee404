"""Reads specs: YAML with overrides and interpolation, over the defaults of a preset, strictly checked."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml
from omegaconf import OmegaConf

from segstudio import paths
from segstudio.errors import SpecError
from segstudio.training.spec.check import check, check_given, check_task
from segstudio.training.spec.explain import explained
from segstudio.training.spec.legacy.convert import PRESET as LEGACY_PRESET
from segstudio.training.spec.legacy.convert import convert, is_old
from segstudio.training.spec.legacy.forms import todays_form
from segstudio.training.spec.notes import effective, unused_notes
from segstudio.training.spec.read import read_spec
from segstudio.training.spec.schema import ExperimentSpec
from segstudio.training.spec.settle import settled
from segstudio.training.spec.typed import build, given, plain
from segstudio.training.spec.typed import merge as merge

PRESETS = ("studio", "scratch", "nvlabs", "tao")


@dataclass(frozen=True)
class LoadedSpec:
    """A checked spec, and lines for the user: what was converted, what has no effect and why."""

    spec: ExperimentSpec
    notes: tuple[str, ...] = ()


def load_spec(path: Path, overrides: Sequence[str] = (), task: str = "train") -> LoadedSpec:
    """Reads a YAML spec of any TAO generation, applies `a.b=value` overrides, and checks every key.

    `${a.b}`, `${oc.env:NAME}` and `${eval:...}` (arithmetic) are resolved; `???` counts as not given.

    Args:
        path: the file.
        overrides: `a.b=value`; in an old spec, keys of either generation.
        task: train, evaluate, inference, export, gen_trt_engine or quantize: what it needs must be there.

    Raises:
        SpecError: no such file, no YAML, an unknown key (with the nearest known one), an unusable value, or
            a value that the task needs and that leads nowhere.
    """
    check_task(task)
    reading = read_spec(path, overrides)
    check_given(reading, task, str(path))
    return _loaded(reading.values, str(path), task, old=reading.old)


def spec_from_dict(values: Any, where: str = "spec", task: str = "train") -> ExperimentSpec:
    """The spec that nested dictionaries describe, laid over its preset and checked.

    Raises:
        SpecError: see `load_spec`.
    """
    values = values if values is not None else {}
    if not isinstance(values, Mapping):
        raise SpecError(f"{where} is {values!r}", hint="it must hold keys")
    return _loaded(values, where, task, old=is_old(values)).spec


def _loaded(values: Mapping[str, Any], where: str, task: str, *, old: bool) -> LoadedSpec:
    if old:
        usual = plain(build(ExperimentSpec, given(ExperimentSpec, preset(LEGACY_PRESET)), LEGACY_PRESET))
        values, notes = convert(values, usual, where)
    else:
        values, notes = todays_form(values)
        notes += unused_notes(ExperimentSpec, values)
    values = given(ExperimentSpec, values)
    spec, further = settled(build(ExperimentSpec, over_preset(values, where), where), where, task)
    check(spec, where, task)
    return LoadedSpec(spec, (*notes, *further))


def over_preset(values: Mapping[str, Any], where: str) -> dict[str, Any]:
    """The values laid over those of the preset that they name or that their form implies.

    Raises:
        SpecError: there is no preset of that name.
    """
    own = values.get("studio")
    name = (own.get("preset") if isinstance(own, Mapping) else "") or ("tao" if own is None else "studio")
    if name not in PRESETS:
        raise SpecError(f"{where}: studio.preset is {name!r}", hint=f"it must be one of {', '.join(PRESETS)}")
    merged = merge(preset(name), values)
    return merge(merged, {"studio": {"preset": name}}) if isinstance(merged["studio"], Mapping) else merged


def preset(name: str) -> dict[str, Any]:
    """The values of a preset, as nested dictionaries; `under` names the one that lies under it."""
    text = (paths.resources_dir() / "presets" / f"{name}.yaml").read_text(encoding="utf-8")
    values = yaml.safe_load(text)
    assert isinstance(values, dict)
    below = values.pop("under", "")
    return merge(preset(below), values) if below else values


def spec_to_dict(spec: ExperimentSpec) -> dict[str, Any]:
    """Plain nested values, for YAML."""
    values = plain(spec)
    assert isinstance(values, dict)
    return values


def spec_yaml(spec: ExperimentSpec) -> str:
    """The effective spec as YAML text; keys that have no effect are left out where they are as by default."""
    return OmegaConf.to_yaml(OmegaConf.create(effective(spec)))


def default_yaml(task: str = "train", preset_name: str = "studio") -> str:
    """A spec with the sections that a task needs, every key at its default and explained.

    Args:
        task: see `load_spec`.
        preset_name: one of PRESETS.

    Raises:
        SpecError: there is no such task or preset.
    """
    check_task(task)
    values = over_preset({"studio": {"preset": preset_name}}, "default_specs")
    spec, _ = settled(
        build(ExperimentSpec, given(ExperimentSpec, values), "default_specs"), "default_specs", task
    )
    return explained(spec, task)
