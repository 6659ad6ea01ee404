"""Which keys every action has: the table's, changed by a layout, changed by the user."""

import json
import tomllib
from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path

from PySide6.QtCore import QKeyCombination, Qt
from PySide6.QtGui import QKeyEvent, QKeySequence

from segstudio.gui.actions.action_spec import ActionSpec
from segstudio.gui.actions.table import ACTIONS, BY_ID
from segstudio.gui.keys.key_layouts import LAYOUTS, STUDIO
from segstudio.gui.keys.physical_keys import DIGITS, SHIFTED_DIGITS, SHIFTED_SIGNS, SIGNS
from segstudio.images import atomic_write

FILE = "keys.toml"
PORTABLE = QKeySequence.SequenceFormat.PortableText
# The digits by their place choose classes.
CLASS_KEYS = frozenset({*DIGITS, *SHIFTED_DIGITS, *(f"Shift+{digit}" for digit in DIGITS)})
# What ends, cancels or steps back in a gesture.
CANVAS_KEYS = frozenset({"Return", "Enter", "Esc", "Backspace"})
# What lists, buttons, sliders and the way from one control to the next need: it acts on the canvas alone.
CANVAS_ONLY = frozenset({"Tab", "Space", "Left", "Right", "Up", "Down", "Home", "End"})
HEADER = "# Keys that are not those of the layout. An empty list leaves an action without keys.\n"
Keys = tuple[str, ...]


def normal(key: str) -> str | None:
    """A key as Qt writes it ("ctrl+return" is "Ctrl+Return"), or None for what is no single key."""
    sequence = QKeySequence.fromString(key, PORTABLE)
    if sequence.count() != 1 or combination(key).key() == Qt.Key.Key_unknown:
        return None
    return sequence.toString(PORTABLE) or None


def combination(key: str) -> QKeyCombination:
    """A valid key as Qt's code with modifiers."""
    first: QKeyCombination = QKeySequence.fromString(key, PORTABLE)[0]  # type: ignore[index]  # not in the stubs
    return first


def twin(key: str) -> str | None:
    """The other name of a key on a US keyboard, where "}" is "Shift+]"; None if it has one name."""
    if len(key) == 1 and key in SHIFTED_SIGNS:
        return f"Shift+{SIGNS[SHIFTED_SIGNS.index(key)]}"
    low = key.removeprefix("Shift+")
    is_shifted = key.startswith("Shift+") and len(low) == 1 and low in SIGNS
    return SHIFTED_SIGNS[SIGNS.index(low)] if is_shifted else None


def distinct(keys: Keys) -> Keys:
    """Keys without those that stand before them already, by the same name or the other one.

    To Qt they are two shortcuts that one press of Shift+] hits both, so that it would do nothing.
    """
    return tuple(key for place, key in enumerate(keys) if not {key, twin(key)} & set(keys[:place]))


def free_of(keys: Keys, taken: Keys) -> Keys:
    """Keys without those that are taken, by either name."""
    return tuple(key for key in keys if not {key, twin(key)} & set(taken))


def key_of(event: QKeyEvent) -> str:
    """The key of an event as it is written here.

    A character that needs Shift on a US keyboard is named by itself, since Shift is in it already.
    """
    modifiers = event.modifiers() & ~(
        Qt.KeyboardModifier.KeypadModifier | Qt.KeyboardModifier.GroupSwitchModifier
    )
    character = chr(event.key()) if event.key() < 128 else ""
    if character and character in SHIFTED_SIGNS + SHIFTED_DIGITS:
        modifiers &= ~Qt.KeyboardModifier.ShiftModifier
    key = Qt.Key.Key_Tab if event.key() == Qt.Key.Key_Backtab else Qt.Key(event.key())
    return QKeySequence(int(modifiers.value) | int(key)).toString(PORTABLE)


def is_plain(key: str) -> bool:
    """Whether a valid key is pressed without modifiers, as keys that are held must be."""
    return combination(key).keyboardModifiers() == Qt.KeyboardModifier.NoModifier


def refusal(spec: ActionSpec, key: str) -> str:
    """Why an action cannot have a valid key; "" if it can."""
    if key in CLASS_KEYS:
        return "Digits choose classes and cannot be taken"
    if key in CANVAS_KEYS:
        return f"The canvas needs {key.replace('Return', 'Enter')}"
    if spec.hold and (not is_plain(key) or key in CANVAS_ONLY - {"Space"}):
        return "A key that is held must be one key without Ctrl, Shift or Alt"
    return ""


@dataclass(frozen=True)
class KeyMap:
    """A layout and the user's own keys (action id to keys), which win over it."""

    layout: str = STUDIO
    own: Mapping[str, Keys] = field(default_factory=dict)

    @cached_property
    def in_force(self) -> dict[str, Keys]:
        """The keys of every action; no key stands twice.

        The user's win over the layout's and those over the table's, whose action then has one key fewer.
        """
        levels = (self.own, LAYOUTS[self.layout].keys, {spec.id: spec.keys for spec in ACTIONS})
        owners: dict[str, str] = {}
        found: dict[str, Keys] = {}
        for level in levels:
            for action_id, keys in level.items():
                if action_id in found or action_id not in BY_ID:
                    continue
                own = tuple(key for key in (normal(key) for key in keys) if key)
                found[action_id] = tuple(
                    key
                    for key in own
                    if owners.get(twin(key) or key, action_id) == action_id
                    and owners.setdefault(key, action_id) == action_id
                )
        return found

    @cached_property
    def _usual(self) -> "KeyMap":
        return KeyMap(self.layout)

    @cached_property
    def _owners(self) -> dict[str, str]:
        return {key: action_id for action_id, keys in self.in_force.items() for key in keys}

    def keys(self, action_id: str) -> Keys:
        """The keys of an action, the one that is shown first."""
        return self.in_force.get(action_id, ())

    def owner(self, key: str) -> str | None:
        """The action that has a valid key, or None."""
        other = twin(key)
        return self._owners.get(key) or (self._owners.get(other) if other else None)

    def source(self, action_id: str) -> str:
        """Who decides an action's keys: "you" or the layout's name."""
        if self.is_changed(action_id):
            return "you"
        return self.layout if action_id in LAYOUTS[self.layout].keys else STUDIO

    def is_changed(self, action_id: str) -> bool:
        """Whether an action has not the layout's keys: the user chose them, or gave some to another one."""
        return action_id in self.own or not set(self._usual.keys(action_id)) <= set(self.keys(action_id))

    def with_keys(self, action_id: str, keys: Keys) -> "KeyMap":
        """An action has these valid keys from now on; whoever had one of them keeps the rest of its own.

        What a layout gives to another action is in force again as soon as nobody has taken it.
        """
        wanted = distinct(keys)
        return self._sparse({**self._taken_from_others(action_id, wanted), action_id: wanted})

    def without(self, action_id: str) -> "KeyMap":
        """An action has the layout's keys again, and those who had taken one of them give it back."""
        return self._sparse(self._taken_from_others(action_id, self._usual.keys(action_id)))

    def _taken_from_others(self, action_id: str, keys: Keys) -> dict[str, Keys]:
        """The user's keys of the other actions without these; who loses the last has the layout's again."""
        left = {name: free_of(own, keys) for name, own in self.own.items() if name != action_id}
        return {name: own for name, own in left.items() if own or not self.own[name]}

    def _sparse(self, own: Mapping[str, Keys]) -> "KeyMap":
        """Leaves out what the layout says anyway."""
        kept = {name: keys for name, keys in own.items() if keys != self._usual.keys(name)}
        return KeyMap(self.layout, kept)


def load_key_map(path: Path) -> tuple[KeyMap, list[str]]:
    """The user's key map, and what in the file was not understood; a missing file is the studio's keys."""
    try:
        values = tomllib.loads(path.read_text(encoding="utf-8"))
    except FileNotFoundError:
        return KeyMap(), []
    except (OSError, UnicodeDecodeError, tomllib.TOMLDecodeError) as error:
        return KeyMap(), [f"it cannot be read ({error})"]
    problems = [f"{name!r} is unknown" for name in values if name not in ("layout", "keys")]
    layout = values.get("layout", STUDIO)
    if not isinstance(layout, str) or layout not in LAYOUTS:
        problems.append(f"there is no layout {layout!r}")
        layout = STUDIO
    table = values.get("keys", {})
    if not isinstance(table, dict):
        return KeyMap(layout), [*problems, "'keys' is no table"]
    own: dict[str, Keys] = {}
    taken: dict[str, str] = {}
    for action_id, entry in table.items():
        if action_id not in BY_ID:
            problems.append(f"there is no action {action_id!r}")
        elif not isinstance(entry, list):
            problems.append(f"the keys of {action_id} are no list")
        else:
            own[action_id] = _checked(BY_ID[action_id], entry, taken, problems)
    return KeyMap(layout, own), problems


def _checked(spec: ActionSpec, entry: list[object], taken: dict[str, str], problems: list[str]) -> Keys:
    keys = []
    for text in entry:
        key = normal(text) if isinstance(text, str) else None
        if key is None:
            problems.append(f"{text!r} of {spec.id} is no key")
        elif reason := refusal(spec, key):
            problems.append(f"{spec.id}: {reason[0].lower()}{reason[1:]}")
        elif (owner := taken.get(key) or taken.get(twin(key) or key, spec.id)) != spec.id:
            problems.append(f"{key} stands at {owner} and at {spec.id}")
        else:
            taken[key] = spec.id
            keys.append(key)
    return distinct(tuple(keys))


def save_key_map(key_map: KeyMap, path: Path) -> None:
    """Writes what differs from the studio's keys.

    Raises:
        SegstudioError: the disk refuses.
    """
    lines = [HEADER, f"layout = {json.dumps(key_map.layout)}\n\n[keys]\n"]
    lines += [
        f"{json.dumps(action_id)} = {json.dumps(list(keys), ensure_ascii=False)}\n"
        for action_id, keys in sorted(key_map.own.items())
    ]
    atomic_write(path, "".join(lines).encode())
