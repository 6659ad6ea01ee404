"""The keys in force: asked by everything that shows or serves a key, which is told when they change."""

import re
from pathlib import Path

from PySide6.QtCore import QObject, Signal

from segstudio import paths
from segstudio.gui.actions.action_spec import ActionSpec, pretty_key
from segstudio.gui.actions.table import BY_ID
from segstudio.gui.keys.key_map import FILE, KeyMap, load_key_map, save_key_map
from segstudio.gui.message import WARNING, Message

PLACE = re.compile(r"\{([a-z_]+\.[a-z_]+)\}")


class KeyBook(QObject):
    """Holds the user's KeyMap, keeps it on disk, and writes keys the way users read them."""

    changed = Signal()

    def __init__(self, path: Path | None = None) -> None:
        super().__init__()
        self._path = path or paths.user_config_dir() / FILE
        self.map, self._problems = load_key_map(self._path)

    @property
    def warning(self) -> Message | None:
        """What in the user's file was ignored, as one message; None if all is well."""
        if not self._problems:
            return None
        text = f"Some of your keys were ignored: {'; '.join(self._problems)}"
        return Message(
            WARNING, text, f"Set them in Help › Keys and layouts…, or correct {self._path}", "keys"
        )

    def use(self, key_map: KeyMap) -> None:
        """Puts other keys in force at once and keeps them.

        Raises:
            SegstudioError: the disk refuses; the keys are in force all the same.
        """
        self.map = key_map
        self.changed.emit()
        save_key_map(key_map, self._path)

    def keys(self, action_id: str) -> tuple[str, ...]:
        """The keys of an action."""
        return self.map.keys(action_id)

    def text(self, action_id: str) -> str:
        """An action's first key as it is written on screen, "" for none."""
        keys = self.keys(action_id)
        return pretty_key(keys[0]) + (" (hold)" if BY_ID[action_id].hold else "") if keys else ""

    def named(self, action_id: str) -> str:
        """How to get at an action: its first key, or its place in the menus where it has none."""
        keys, spec = self.keys(action_id), BY_ID[action_id]
        place = f"{spec.menu.replace('/', ' › ')} › {spec.text}" if spec.menu else f"“{spec.text}” (no key)"
        return pretty_key(keys[0]) if keys else place

    def tip(self, action_id: str) -> str:
        """Tooltip of an action: what it does, and its key."""
        spec = BY_ID[action_id]
        return self.with_key(self.fill(spec.hint) or plain_text(spec), action_id)

    def with_key(self, text: str, action_id: str) -> str:
        """A text with an action's key behind it, in brackets."""
        key = self.text(action_id)
        return f"{text} ({key})" if key else text

    def fill(self, text: str) -> str:
        """A text in which every {action.id} becomes the way to that action."""
        return PLACE.sub(lambda found: self.named(found[1]), text)


def plain_text(spec: ActionSpec) -> str:
    """What an action is called, without the dots of a menu."""
    return spec.text.rstrip("…")
