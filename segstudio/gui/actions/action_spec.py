"""What an action is: one row of the action table."""

from dataclasses import dataclass
from enum import Enum


class Needs(Enum):
    """What must be there for an action to be of use."""

    NOTHING = "nothing"
    PROJECT = "an open folder"
    SAMPLE = "an open sample"
    EDITABLE = "a mask that can be edited"
    UNDO = "an edit to undo"
    REDO = "an undone edit"
    MODEL = "a folder and a model"
    PREDICTION = "a prediction for the open, editable sample"
    JOB = "a running job"
    SUBMITTED = "a submitted sample"
    CLOSED = "a submitted, accepted or skipped sample"


# The menu in which actions of a group stand unless they name another.
MENU_OF_GROUP = {
    "file": "File",
    "edit": "Edit",
    "tool": "Tools",
    "region": "Tools/Region",
    "class": "Class",
    "page": "View",
    "view": "View",
    "layer": "View/Layer",
    "style": "View/Outline",
    "compare": "View/Compare",
    "other": "View/Compared with",
    "differ": "View/Difference",
    "colours": "View/Colours",
    "theme": "View/Theme",
    "go": "Go",
    "queue": "Go",
    "mark": "Go/Status",
    "review": "Review",
    "model": "Model",
    "train": "Model",
    "help": "Help",
}
MENUS = ("File", "Edit", "Tools", "Class", "View", "Go", "Review", "Model", "Help")


@dataclass(frozen=True)
class ActionSpec:
    """One thing the user can do.

    Attributes:
        id: stable name "group.what".
        text: what menus and the command palette say.
        keys: shortcuts of the studio layout, the first is shown; `key_book` knows those in force.
        icon: Phosphor name; "" for none.
        needs: when the action is enabled.
        hint: longer explanation for the tooltip; {an.id} in it becomes that action's key.
        calls: "group.method" of `commands.Commands`; the id unless given.
        argument: passed to the method when not "".
        hold: the key acts while it is down (`held_keys`); the action stands in no menu.
        ticks: shows a tick.
        choice: ticks, and so does at most one of its group.
        repeats: fires again while the key is held (navigation and sizes only).
        separator: a line above it in its menu.
        strip: belongs to the tool strip.
        finds: other words that find it in the command palette.
    """

    id: str
    text: str
    keys: tuple[str, ...] = ()
    icon: str = ""
    needs: Needs = Needs.NOTHING
    hint: str = ""
    calls: str = ""
    argument: str = ""
    hold: bool = False
    ticks: bool = False
    choice: bool = False
    repeats: bool = False
    separator: bool = False
    strip: bool = False
    finds: tuple[str, ...] = ()

    @property
    def group(self) -> str:
        """The first part of the id."""
        return self.id.partition(".")[0]

    @property
    def menu(self) -> str:
        """Path of the menu, "View/Layer" for a submenu; "" for held keys."""
        return "" if self.hold else MENU_OF_GROUP[self.group]

    @property
    def target(self) -> tuple[str, str]:
        """(group, method) of the command that does it."""
        group, _, method = (self.calls or self.id).partition(".")
        return group, method


def choice(
    action_id: str,
    text: str,
    calls: str,
    needs: Needs,
    keys: tuple[str, ...] = (),
    finds: tuple[str, ...] = (),
) -> ActionSpec:
    """An action of which one in its group is on; what follows the group in its id is its argument."""
    argument = action_id.partition(".")[2]
    return ActionSpec(
        action_id,
        text,
        keys,
        needs=needs,
        calls=calls,
        argument=argument,
        ticks=True,
        choice=True,
        finds=finds,
    )


def pretty_key(key: str) -> str:
    """A shortcut as users read it, with names for keys that are hard to see."""
    names = {",": ", (comma)", ".": ". (period)", "-": "−", "PgUp": "Page Up", "PgDown": "Page Down"}
    return names.get(key, key.replace("Return", "Enter"))
