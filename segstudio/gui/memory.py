"""What the window remembers from one start to the next: recent projects, its size, where the user was."""

import json
import logging
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

from segstudio import paths
from segstudio.errors import SegstudioError
from segstudio.images import atomic_write

LOG = logging.getLogger(__name__)
FILE = "window.json"
RECENT = 12


@dataclass
class Memory:
    """Plain facts; all of them can be lost without harm."""

    recent: list[str] = field(default_factory=list)
    geometry: str = ""
    splitters: dict[str, list[int]] = field(default_factory=dict)
    last_sample: dict[str, str] = field(default_factory=dict)
    opacity: dict[str, float] = field(default_factory=dict)
    tools: dict[str, int | str] = field(default_factory=dict)
    commands: list[str] = field(default_factory=list)
    colours: dict[str, str] = field(default_factory=dict)
    # What each project listed last, see `sample_lister`.
    listings: dict[str, dict[str, Any]] = field(default_factory=dict)

    def opened(self, folder: Path) -> None:
        """Puts a project first in the recent ones."""
        name = str(folder)
        self.recent = [name, *(other for other in self.recent if other != name)][:RECENT]

    def forget(self, folder: str) -> None:
        """Drops a project that is no longer there."""
        self.recent = [other for other in self.recent if other != folder]
        self.last_sample.pop(folder, None)
        self.opacity.pop(folder, None)
        self.colours.pop(folder, None)
        self.listings.pop(folder, None)

    def save(self) -> None:
        """Writes the facts to the user's configuration folder; a full disk is logged, not raised."""
        text = json.dumps(asdict(self), indent=1)
        try:
            atomic_write(paths.user_config_dir() / FILE, text.encode())
        except SegstudioError as error:
            LOG.warning("%s", error)


def load_memory() -> Memory:
    """Reads the remembered facts; a damaged file counts as none."""
    path = paths.user_config_dir() / FILE
    try:
        stored = json.loads(path.read_text(encoding="utf-8"))
    except FileNotFoundError:
        return Memory()
    except (OSError, ValueError) as error:
        LOG.warning("%s was not read: %s", path, error)
        return Memory()
    return _checked(stored) if isinstance(stored, dict) else Memory()


def _checked(stored: dict[str, Any]) -> Memory:
    """Keeps what has the expected form."""
    memory = Memory()
    for name, default in asdict(memory).items():
        value = stored.get(name)
        if isinstance(value, type(default)):
            setattr(memory, name, value)
    memory.recent = [entry for entry in memory.recent if isinstance(entry, str)]
    memory.commands = [entry for entry in memory.commands if isinstance(entry, str)]
    return memory
