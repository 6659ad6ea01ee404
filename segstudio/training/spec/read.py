"""Reads the YAML of a spec with its overrides and interpolations into plain nested values."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import yaml
from omegaconf import DictConfig, ListConfig, OmegaConf
from omegaconf.errors import InterpolationToMissingValueError, OmegaConfBaseException

from segstudio.errors import SpecError
from segstudio.training.spec.arithmetic import arithmetic
from segstudio.training.spec.legacy.convert import is_old

MISSING = "???"


@dataclass(frozen=True)
class Reading:
    """What a file says.

    Attributes:
        values: nested dictionaries, lists and scalars, without what is not given.
        missing: keys that the file has as `???`.
        unresolved: keys whose interpolation leads nowhere, and why.
        old: whether the file, whatever the overrides say, is of TAO 4 or 5.
    """

    values: dict[str, Any]
    missing: tuple[str, ...] = ()
    unresolved: Mapping[str, str] = field(default_factory=dict)
    old: bool = False


def read_spec(path: Path, overrides: Sequence[str] = ()) -> Reading:
    """A YAML file with `a.b=value` overrides, its `${a.b}`, `${oc.env:NAME}` and `${eval:...}` resolved.

    A value that is missing (`???`) or leads nowhere is left out and told, as not every task needs it.

    Raises:
        SpecError: no such file, no YAML, or an override that is none.
    """
    # OmegaConf keeps its resolvers for the whole process; TAO's own would run any Python code.
    OmegaConf.register_resolver("eval", arithmetic, replace=True)
    try:
        config = OmegaConf.load(path)
    except FileNotFoundError as error:
        raise SpecError(f"{path} does not exist", hint="give the path of a YAML spec after -e") from error
    except (OSError, UnicodeDecodeError, OmegaConfBaseException, yaml.YAMLError) as error:
        kind = "is no YAML" if isinstance(error, yaml.YAMLError) else "cannot be read"
        raise SpecError(f"{path} {kind}: {' '.join(str(error).split())}") from error
    if not isinstance(config, DictConfig):
        raise SpecError(f"{path} is a list", hint="a spec holds keys, such as train and dataset")
    old = is_old(_plain(config))
    for override in overrides:
        _override(config, override)
    reading = _Walk()
    values = reading.walk(config, "")
    return Reading(values, tuple(reading.missing), reading.unresolved, old)


def _plain(config: DictConfig) -> dict[str, Any]:
    values = OmegaConf.to_container(config, resolve=False)
    assert isinstance(values, dict)
    return {str(key): value for key, value in values.items()}


def _override(config: DictConfig, text: str) -> None:
    """Sets one `a.b=value`; the value is YAML: numbers, lists, text."""
    key, separator, value = text.partition("=")
    key = key.strip()
    if not separator or not key or key.startswith("-"):
        raise SpecError(f"override {text!r} is no key=value", hint="such as train.optim.lr=1e-4")
    try:
        OmegaConf.update(config, key, yaml.safe_load(value), merge=True, force_add=True)
    except (
        OmegaConfBaseException,
        yaml.YAMLError,
        ValueError,
        TypeError,
        IndexError,
        AssertionError,
    ) as error:
        raise SpecError(f"override {text!r} cannot be set: {' '.join(str(error).split())}") from error


class _Walk:
    """Resolves a configuration leaf by leaf and collects what cannot be."""

    def __init__(self) -> None:
        self.missing: list[str] = []
        self.unresolved: dict[str, str] = {}

    def walk(self, node: DictConfig, key: str) -> dict[str, Any]:
        values = {}
        for name in node:
            where = f"{key}.{name!s}" if key else str(name)
            found, value = self._leaf(node, name, where)
            if found:
                values[str(name)] = value
        return values

    def _leaf(self, node: DictConfig | ListConfig, name: Any, where: str) -> tuple[bool, Any]:
        if OmegaConf.is_missing(node, name):
            self.missing.append(where)
            return False, None
        try:
            value = node[name]
        except InterpolationToMissingValueError as error:
            self.unresolved[where] = f"it needs a value that is missing: {_first_line(error)}"
            return False, None
        except (OmegaConfBaseException, ValueError) as error:
            self.unresolved[where] = _first_line(error)
            return False, None
        if isinstance(value, DictConfig):
            return True, self.walk(value, where)
        if isinstance(value, ListConfig):
            parts = [self._leaf(value, n, f"{where}[{n}]") for n in range(len(value))]
            return True, [part for found, part in parts if found]
        return True, value


def _first_line(error: Exception) -> str:
    return str(error).splitlines()[0]
