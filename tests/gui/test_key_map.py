"""The key map: defaults, layouts, the user's keys, conflicts, and a file that can be damaged."""

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from segstudio.gui.actions.table import ACTIONS, BY_ID
from segstudio.gui.keys.key_book import KeyBook
from segstudio.gui.keys.key_layouts import LAYOUTS
from segstudio.gui.keys.key_map import (
    CANVAS_KEYS,
    CLASS_KEYS,
    KeyMap,
    distinct,
    load_key_map,
    normal,
    refusal,
    save_key_map,
    twin,
)


def conflicts(key_map: KeyMap) -> list[str]:
    owners: dict[str, str] = {}
    return [
        key
        for action_id, keys in key_map.in_force.items()
        for key in keys
        if owners.setdefault(key.casefold(), action_id) != action_id
        or owners.get((twin(key) or key).casefold(), action_id) != action_id
    ]


def orphans(key_map: KeyMap) -> set[str]:
    """Keys of the layout that nobody has though their action was left as it is."""
    usual = KeyMap(key_map.layout)
    kept = [spec.id for spec in ACTIONS if spec.id not in key_map.own]
    return {key for action_id in kept for key in usual.keys(action_id) if key_map.owner(key) is None}


def test_the_studio_layout_is_the_table() -> None:
    for spec in ACTIONS:
        assert KeyMap().keys(spec.id) == tuple(normal(key) for key in spec.keys)


@pytest.mark.parametrize("name", LAYOUTS)
def test_layouts_are_free_of_conflicts(name: str) -> None:
    layout = LAYOUTS[name]
    named = [key for keys in layout.keys.values() for key in keys]
    assert len({key.casefold() for key in named}) == len(named)
    assert conflicts(KeyMap(name)) == []
    for action_id, keys in layout.keys.items():
        assert KeyMap(name).keys(action_id) == keys
        for key in keys:
            assert normal(key) == key
            assert refusal(BY_ID[action_id], key) == ""


@pytest.mark.parametrize("name", LAYOUTS)
def test_no_layout_leaves_an_action_of_the_editor_without_its_key(name: str) -> None:
    lost = {spec.id for spec in ACTIONS if spec.keys and not KeyMap(name).keys(spec.id)}
    assert lost == set()


@pytest.mark.parametrize(
    ("layout", "action_id", "key"),
    [
        ("labelme", "go.next", "D"),
        ("labelme", "tool.polygon", "Ctrl+N"),
        ("labelme", "tool.relabel", "Ctrl+E"),
        ("labelme", "view.overlay", "T"),
        ("CVAT", "go.next", "F"),
        ("CVAT", "go.previous", "D"),
        ("CVAT", "class.lock", "L"),
        ("CVAT", "view.overlay", "H"),
        ("napari", "tool.brush", "P"),
        ("napari", "tool.pick", "L"),
        ("napari", "class.below", "="),
        ("napari", "view.fit", "Ctrl+R"),
    ],
)
def test_layouts_have_the_keys_of_their_tools(layout: str, action_id: str, key: str) -> None:
    assert KeyMap(layout).keys(action_id)[0] == key


def test_the_users_keys_win_over_the_layout() -> None:
    key_map = KeyMap("CVAT", {"tool.brush": ("J",)})
    assert key_map.keys("tool.brush") == ("J",)
    assert key_map.source("tool.brush") == "you"
    assert key_map.source("go.next") == "CVAT"
    assert key_map.source("tool.eraser") == "studio"


def test_taking_a_key_over_leaves_the_other_action_its_rest() -> None:
    key_map = KeyMap().with_keys("tool.brush", ("D",))
    assert key_map.keys("tool.brush") == ("D",)
    assert key_map.keys("go.next") == ("PgDown",)
    assert key_map.owner("B") is None
    assert conflicts(key_map) == []
    assert key_map.own == {"tool.brush": ("D",)}
    assert key_map.is_changed("go.next")
    assert key_map.source("go.next") == "you"
    assert key_map.without("tool.brush") == key_map.without("go.next") == KeyMap()


def test_reset_leaves_no_key_of_the_layout_with_nobody() -> None:
    taken = KeyMap("CVAT").with_keys("tool.brush", ("F2", "F")).with_keys("tool.eraser", ("F2",))
    assert taken.keys("tool.brush") == ("F",)
    assert taken.without("tool.eraser").owner("F2") is None
    back = taken.without("go.next")
    assert back.keys("go.next") == KeyMap("CVAT").keys("go.next")
    assert back.keys("tool.brush") == KeyMap("CVAT").keys("tool.brush")
    assert back.own == {"tool.eraser": ("F2",)}


def test_who_has_no_key_left_has_the_layouts_again_and_who_wanted_none_has_none() -> None:
    key_map = KeyMap().with_keys("tool.brush", ("J",)).with_keys("tool.wand", ()).with_keys("go.next", ("J",))
    assert key_map.keys("tool.brush") == ("B",)
    assert key_map.keys("tool.wand") == ()
    assert key_map.without("go.next").own == {"tool.wand": ()}


def test_reset_gives_back_by_the_other_name_too() -> None:
    key_map = KeyMap().with_keys("tool.brush", ("Shift+]", "J"))
    assert key_map.keys("tool.big") == ()
    back = key_map.without("tool.big")
    assert back.keys("tool.big") == KeyMap().keys("tool.big")
    assert back.keys("tool.brush") == ("J",)


def test_both_names_of_a_shifted_key_are_one_key() -> None:
    assert (twin("}"), twin("Shift+]"), twin("B"), twin("Ctrl+]")) == ("Shift+]", "}", None, None)
    assert KeyMap().owner("}") == KeyMap().owner("Shift+]") == "tool.big"
    assert distinct(("}", "Shift+]", "B", "]", "B")) == ("}", "B", "]")
    assert KeyMap().with_keys("tool.brush", ("}", "Shift+]", "}")).own["tool.brush"] == ("}",)
    taken = KeyMap().with_keys("tool.brush", ("}",))
    assert taken.keys("tool.big") == ()


def test_what_equals_the_layout_is_not_kept() -> None:
    assert KeyMap("labelme").with_keys("go.next", KeyMap("labelme").keys("go.next")).own == {}


@pytest.mark.parametrize("key", sorted(CLASS_KEYS | CANVAS_KEYS))
def test_keys_of_classes_and_canvas_are_refused(key: str) -> None:
    assert refusal(BY_ID["tool.brush"], key)


def test_held_keys_are_single() -> None:
    assert "without" in refusal(BY_ID["tool.hold_pan"], "Ctrl+H")
    assert refusal(BY_ID["tool.hold_pan"], "J") == ""


@pytest.mark.parametrize(
    ("written", "read"),
    [("ctrl+return", "Ctrl+Return"), ("a", "A"), ("PgUp", "PgUp"), ("no such key", None), ("", None)],
)
def test_keys_are_written_one_way(written: str, read: str | None) -> None:
    assert normal(written) == read
    assert normal("Ctrl+K, Ctrl+S") is None


KEYS = st.sampled_from(["A", "D", "J", "}", "Shift+]", "Ctrl+S", "F7", "Alt+X", "Tab"])
IDS = st.sampled_from([spec.id for spec in ACTIONS if not spec.hold])


@given(
    st.lists(st.tuples(IDS, st.lists(KEYS, max_size=3, unique=True)), max_size=6), st.sampled_from([*LAYOUTS])
)
def test_no_sequence_of_changes_makes_a_conflict(changes: list[tuple[str, list[str]]], layout: str) -> None:
    key_map = KeyMap(layout)
    for action_id, keys in changes:
        wanted = tuple(key for key in keys if twin(key) not in keys)
        key_map = key_map.with_keys(action_id, wanted)
        assert set(key_map.keys(action_id)) == set(wanted)
        assert conflicts(key_map) == []
        assert orphans(key_map) == set()
    for action_id, _ in changes:
        key_map = key_map.without(action_id)
        assert conflicts(key_map) == []
        assert not set(KeyMap(layout).keys(action_id)) - set(key_map.keys(action_id))
        assert orphans(key_map) == set()
    assert key_map.own == {}


def test_the_file_is_sparse_and_comes_back(tmp_path: Path) -> None:
    path = tmp_path / "keys.toml"
    key_map = KeyMap("labelme").with_keys("tool.brush", ("\\", "Ctrl+Alt+B")).with_keys("go.submit", ())
    save_key_map(key_map, path)
    text = path.read_text()
    assert "tool.eraser" not in text
    assert '"go.submit" = []' in text
    assert load_key_map(path) == (key_map, [])
    assert load_key_map(tmp_path / "none.toml") == (KeyMap(), [])


def test_bad_entries_are_named_in_one_warning_and_the_rest_is_in_force(tmp_path: Path) -> None:
    path = tmp_path / "keys.toml"
    path.write_text(
        'layout = "emacs"\ncolour = 1\n[keys]\n"tool.brush" = ["J", "nonsense key", 7]\n"tool.nope" = ["Q"]\n'
        '"tool.fill" = ["3"]\n"tool.wand" = ["J"]\n"tool.pick" = "I"\n"go.next" = ["F9"]\n'
    )
    book = KeyBook(path)
    assert book.keys("tool.brush") == ("J",)
    assert book.keys("go.next") == ("F9",)
    assert book.keys("tool.eraser") == ("E",)
    assert book.warning is not None
    for word in ("emacs", "colour", "nonsense key", "7", "tool.nope", "tool.fill", "tool.wand", "tool.pick"):
        assert word in book.warning.text
    path.write_text("layout = [")
    assert KeyBook(path).map == KeyMap()
    assert KeyBook(path).warning is not None


def test_both_names_of_a_key_in_the_file_are_one_key(tmp_path: Path) -> None:
    path = tmp_path / "keys.toml"
    path.write_text(
        '[keys]\n"tool.brush" = ["J", "}", "Shift+]", "j"]\n"tool.eraser" = ["Shift+]", "Y"]\n'
        '"tool.wand" = ["Shift+["]\n"tool.fill" = ["{"]\n'
    )
    key_map, problems = load_key_map(path)
    assert key_map.keys("tool.brush") == ("J", "}")
    assert key_map.keys("tool.eraser") == ("Y",)
    assert key_map.keys("tool.wand") == ("Shift+[",)
    assert problems == [
        "Shift+] stands at tool.brush and at tool.eraser",
        "{ stands at tool.wand and at tool.fill",
    ]


def test_the_book_keeps_changes_and_tells_of_them(tmp_path: Path) -> None:
    path = tmp_path / "keys.toml"
    book, told = KeyBook(path), []
    book.changed.connect(lambda: told.append(book.text("tool.brush")))
    book.use(book.map.with_keys("tool.brush", ("J",)))
    assert told == ["J"]
    assert KeyBook(path).text("tool.brush") == "J"
    assert KeyBook(path).warning is None
