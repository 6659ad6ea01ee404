"""Reads specs: YAML with overrides and interpolation, over the defaults of a preset, strictly checked."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml
from omegaconf import OmegaConf
from omegaconf.errors import OmegaConfBaseException

from segstudio import paths
from segstudio.errors import SpecError
from segstudio.training.spec.check import check
from segstudio.training.spec.schema import ExperimentSpec
from segstudio.training.spec.typed import build, plain

PRESETS = ("studio", "nvlabs", "tao")


@dataclass(frozen=True)
class LoadedSpec:
    """A checked spec, and lines for the user: what was converted, what has no effect and why."""

    spec: ExperimentSpec
    notes: tuple[str, ...] = ()


def load_spec(path: Path, overrides: Sequence[str] = ()) -> LoadedSpec:
    """Reads a YAML spec, applies `a.b=value` overrides and `${a.b}` interpolation, and checks every key.

    Raises:
        SpecError: no such file, no YAML, an unknown key (with the nearest known one) or an unusable value.
    """
    try:
        config = OmegaConf.merge(OmegaConf.load(path), OmegaConf.from_dotlist(list(overrides)))
        values = OmegaConf.to_container(config, resolve=True)
    except FileNotFoundError as error:
        raise SpecError(f"{path} does not exist", hint="give the path of a YAML spec after -e") from error
    except (OSError, OmegaConfBaseException, ValueError, yaml.YAMLError) as error:
        kind = "is no YAML" if isinstance(error, yaml.YAMLError) else "cannot be read"
        raise SpecError(f"{path} {kind}: {' '.join(str(error).split())}") from error
    return LoadedSpec(spec_from_dict(values, str(path)))


def spec_from_dict(values: Any, where: str = "spec") -> ExperimentSpec:
    """The spec that nested dictionaries describe, laid over its preset and checked.

    Raises:
        SpecError: see `load_spec`.
    """
    values = values if values is not None else {}
    if not isinstance(values, Mapping):
        raise SpecError(f"{where} is {values!r}", hint="it must hold keys")
    spec = build(ExperimentSpec, over_preset(values, where), where)
    check(spec, where)
    return spec


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
    return merge(merged, {"studio": {"preset": name}})


def preset(name: str) -> dict[str, Any]:
    """The values of a preset, as nested dictionaries."""
    text = (paths.resources_dir() / "presets" / f"{name}.yaml").read_text(encoding="utf-8")
    values = yaml.safe_load(text)
    assert isinstance(values, dict)
    return values


def merge(lower: Mapping[str, Any], upper: Mapping[str, Any]) -> dict[str, Any]:
    """Nested dictionaries joined; where both have a value that is no dictionary, the upper one counts."""
    merged = dict(lower)
    for key, value in upper.items():
        below = merged.get(key)
        both = isinstance(below, Mapping) and isinstance(value, Mapping)
        merged[key] = merge(below, value) if both else value  # type: ignore[arg-type]  # both are mappings
    return merged


def spec_to_dict(spec: ExperimentSpec) -> dict[str, Any]:
    """Plain nested values, for YAML."""
    values = plain(spec)
    assert isinstance(values, dict)
    return values


def spec_yaml(spec: ExperimentSpec) -> str:
    """The effective spec as YAML text."""
    return OmegaConf.to_yaml(OmegaConf.create(spec_to_dict(spec)))
