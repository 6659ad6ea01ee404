"""The action table: no key twice, every command there, every menu known, texts that can be read."""

import inspect

import pytest

from segstudio.gui.actions.action_spec import MENU_OF_GROUP, MENUS, ActionSpec, pretty_key
from segstudio.gui.actions.table import ACTIONS, BY_ID
from segstudio.gui.commands.commands import GROUPS
from segstudio.gui.dialogs.key_sheet import sheet
from segstudio.gui.keys.key_book import PLACE, KeyBook


def key_conflicts(actions: tuple[ActionSpec, ...] = ACTIONS) -> dict[str, list[str]]:
    """Keys that more than one action claims, with the actions' ids; digits belong to the class slots."""
    owners: dict[str, list[str]] = {}
    for spec in actions:
        for key in spec.keys:
            owners.setdefault(key.casefold(), []).append(spec.id)
    for digit in "1234567890":
        owners.setdefault(digit, []).append("class slots")
        owners.setdefault(f"shift+{digit}", []).append("class slots")
    return {key: ids for key, ids in owners.items() if len(ids) > 1}


def test_no_key_is_claimed_twice() -> None:
    assert key_conflicts() == {}


def test_a_conflict_would_be_found() -> None:
    twice = (
        *ACTIONS,
        ActionSpec("file.other", "Other", ("ctrl+s",)),
        ActionSpec("file.digit", "Digit", ("3",)),
    )
    conflicts = key_conflicts(twice)
    assert conflicts["ctrl+s"] == ["file.save", "file.other"]
    assert conflicts["3"] == ["file.digit", "class slots"]


def test_ids_are_unique() -> None:
    assert len(BY_ID) == len(ACTIONS)


@pytest.mark.parametrize("spec", ACTIONS, ids=lambda spec: spec.id)
def test_every_action_has_a_command_that_takes_its_argument(spec: ActionSpec) -> None:
    group, method = spec.target
    command = getattr(GROUPS[group], method)
    parameters = list(inspect.signature(command).parameters)[1:]
    assert len(parameters) == (1 if spec.argument or spec.hold else 0)
    assert command.__doc__


@pytest.mark.parametrize("spec", ACTIONS, ids=lambda spec: spec.id)
def test_every_action_stands_in_a_menu_or_is_held(spec: ActionSpec) -> None:
    assert spec.hold or spec.menu.partition("/")[0] in MENUS
    assert spec.group in MENU_OF_GROUP or spec.hold
    assert spec.text[0].isupper()


def test_commands_are_all_used() -> None:
    used = {spec.target for spec in ACTIONS}
    there = {
        (group, name)
        for group, kind in GROUPS.items()
        for name in vars(kind)
        if not name.startswith("_") and callable(getattr(kind, name))
    }
    assert there == used


@pytest.mark.parametrize(
    ("action_id", "key"),
    [
        ("go.previous", "A"),
        ("go.next", "D"),
        ("go.work_after", "Shift+D"),
        ("go.submit", "Ctrl+Return"),
        ("file.save", "Ctrl+S"),
        ("edit.undo", "Ctrl+Z"),
        ("edit.redo", "Ctrl+Y"),
        ("edit.redo", "Ctrl+Shift+Z"),
        ("tool.brush", "B"),
        ("tool.eraser", "E"),
        ("tool.fill", "F"),
        ("tool.pick", "I"),
        ("tool.polygon", "P"),
        ("tool.relabel", "R"),
        ("tool.wand", "W"),
        ("tool.hold_pan", "Space"),
        ("view.overlay", "V"),
        ("view.hold_peek", "H"),
        ("style.next", "O"),
        ("layer.next", "M"),
        ("view.hold_blink", "\\"),
        ("class.swap", "X"),
        ("class.find", "/"),
        ("class.lock", "K"),
        ("class.lock_others", "Shift+K"),
        ("view.actual", "Ctrl+0"),
        ("view.fit", "Ctrl+F"),
        ("view.fit_width", "Ctrl+Shift+F"),
        ("help.keys", "F1"),
        ("help.commands", "Ctrl+K"),
    ],
)
def test_keys_that_other_tools_taught(action_id: str, key: str) -> None:
    assert key in BY_ID[action_id].keys


def test_only_navigation_and_sizes_repeat() -> None:
    repeating = {spec.group for spec in ACTIONS if spec.repeats}
    assert repeating <= {"edit", "tool", "class", "view", "go"}
    assert not BY_ID["go.submit"].repeats
    assert not BY_ID["model.predict"].repeats


def test_the_sheet_lists_every_key() -> None:
    listed = " ".join(keys for rows in sheet(KeyBook()).values() for keys, _ in rows)
    for spec in ACTIONS:
        if spec.keys:
            assert pretty_key(spec.keys[0]) in listed


def test_tips_name_the_key() -> None:
    book = KeyBook()
    assert book.tip("tool.brush") == "Brush: paint the active class (B)"
    assert book.tip("tool.pan") == "Pan: drag the image (hold Space in any other tool)"
    assert book.text("view.hold_peek") == "H (hold)"
    assert book.named("theme.dark") == "View › Theme › Dark"


def test_hints_name_actions_that_exist() -> None:
    for spec in ACTIONS:
        for action_id in PLACE.findall(spec.hint):
            assert action_id in BY_ID
