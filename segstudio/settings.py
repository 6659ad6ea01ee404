"""Settings: declared as a table, kept as a sparse file that holds only what the user changed."""

import json
import os
import tomllib
from dataclasses import dataclass
from pathlib import Path

from segstudio import paths
from segstudio.errors import InputError

FILE = "settings.toml"
Value = str | int | float | bool


@dataclass(frozen=True)
class Setting:
    """One thing the user can set: its type is that of the default; `choices` and the range limit it."""

    key: str
    type: type[Value]
    default: Value
    help: str
    choices: tuple[Value, ...] = ()
    least: float | None = None
    most: float | None = None


SETTINGS: tuple[Setting, ...] = (
    Setting("theme", str, "system", "Colours of the window", ("system", "light", "dark")),
    Setting("text_scale", float, 1.0, "Size of the window's text; 1.0 is 13 px", (), 0.8, 1.6),
    Setting("model", str, "", "The model that predicts; empty takes the first one there is"),
    Setting(
        "versions_mb", float, 2048.0, "Disk space for earlier states of a project's masks", (), 16.0, 1e6
    ),
    Setting("backend", str, "auto", "What runs models: auto, or the name of a backend"),
    Setting("stop_training_on_close", bool, False, "Whether runs save and end when the window closes"),
    Setting("runner_up", bool, True, "Whether predictions keep the model's second choice; it takes longer"),
)
TABLE: dict[str, Setting] = {setting.key: setting for setting in SETTINGS}


class Settings:
    """The values in force; every change is checked and written at once."""

    def __init__(self, path: Path, overrides: dict[str, Value] | None = None) -> None:
        self._path = path
        self._overrides = dict(overrides or {})

    @classmethod
    def load(cls, path: Path | None = None) -> "Settings":
        """Reads the user's file, or the one at `path`; a missing one means all defaults.

        Raises:
            InputError: the file is no TOML, or a key or value in it does not fit; names the key.
        """
        path = path or paths.user_config_dir() / FILE
        try:
            stored = tomllib.loads(path.read_text(encoding="utf-8"))
        except FileNotFoundError:
            return cls(path)
        except (OSError, UnicodeDecodeError, tomllib.TOMLDecodeError) as error:
            raise InputError(f"{path} cannot be read: {error}", hint="correct or delete it") from error
        try:
            return cls(path, {key: checked(key, value) for key, value in stored.items()})
        except InputError as error:
            raise InputError(f"{path}: {error.message}", hint=error.hint) from error

    def get(self, key: str) -> Value:
        """The value in force.

        Raises:
            InputError: there is no such setting.
        """
        return self._overrides.get(key, _setting(key).default)

    def text(self, key: str) -> str:
        """The value of a setting that holds text."""
        return str(self.get(key))

    def number(self, key: str) -> float:
        """The value of a setting that holds a number."""
        return float(self.get(key))

    def set(self, key: str, value: Value) -> None:
        """Changes a setting and writes the file; a value equal to the default is not kept in it.

        Raises:
            InputError: no such setting, or the value does not fit.
            InputError: the disk refuses; the value is in force all the same.
        """
        value = checked(key, value)
        if value == _setting(key).default:
            self._overrides.pop(key, None)
        else:
            self._overrides[key] = value
        lines = [f"{name} = {json.dumps(self._overrides[name])}\n" for name in sorted(self._overrides)]
        part = self._path.with_suffix(".part")
        try:
            part.write_text("".join(lines), encoding="utf-8")
            os.replace(part, self._path)
        except OSError as error:
            raise InputError(f"{self._path} cannot be written: {error.strerror}") from error


def checked(key: str, value: object) -> Value:
    """The value as the setting's type.

    Raises:
        InputError: no such setting, another type, not one of its choices, or out of its range.
    """
    setting = _setting(key)
    if setting.type is float and isinstance(value, int) and not isinstance(value, bool):
        value = float(value)
    if type(value) is not setting.type:
        wanted = setting.type.__name__
        raise InputError(f"setting {key!r} is {value!r}, not a {wanted}", hint=setting.help)
    fits: Value = value
    if setting.choices and fits not in setting.choices:
        hint = f"use one of: {', '.join(map(str, setting.choices))}"
        raise InputError(f"setting {key!r} cannot be {fits!r}", hint=hint)
    if isinstance(fits, float) and not _in_range(setting, fits):
        hint = f"use {setting.least} to {setting.most}"
        raise InputError(f"setting {key!r} cannot be {fits}", hint=hint)
    return fits


def _in_range(setting: Setting, value: float) -> bool:
    return (setting.least is None or value >= setting.least) and (
        setting.most is None or value <= setting.most
    )


def _setting(key: str) -> Setting:
    if key not in TABLE:
        raise InputError(f"there is no setting {key!r}", hint=f"there are: {', '.join(TABLE)}")
    return TABLE[key]
