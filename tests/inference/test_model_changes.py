"""Models renamed, tagged, archived, deleted, taken back: lineage holds, and no name means another model."""

import json
import shutil
from collections.abc import Callable
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from segstudio import paths
from segstudio.errors import ModelError
from segstudio.inference import model_changes
from segstudio.inference.catalog import (
    ModelEntry,
    find_entry,
    find_model,
    import_model,
    list_models,
    taken_names,
)
from segstudio.inference.lineage import Branch, Lineage, Presence
from segstudio.inference.model_notes import FILE, tags_of
from segstudio.inference.spec import ModelSpec, load_spec, save_spec

MakeModel = Callable[..., ModelEntry]


@pytest.fixture
def make(make_spec: Callable[..., ModelSpec], monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> MakeModel:
    """Makes a model of the user's whose weights are its name; no others are there."""
    monkeypatch.setattr(paths, "bundled_models_dir", lambda: tmp_path / "shipped")

    def do(name: str, parent: str = "", **values: object) -> ModelEntry:
        folder = paths.user_models_dir() / name
        folder.mkdir()
        (folder / "model.onnx").write_text(name, encoding="utf-8")
        save_spec(make_spec(**{"name": name, "parent": parent, "weights_sha256": name, **values}), folder)
        return find_entry(name)

    return do


def lineage() -> Lineage:
    deleted = [model_changes.trashed_entry(one) for one in model_changes.list_trash()]
    return Lineage(list_models(archived=True), deleted)


def chain(name: str) -> list[tuple[str, Presence]]:
    return [(one.name, one.presence) for one in lineage().chain(find_entry(name))]


def names(*, archived: bool = False) -> list[str]:
    return [entry.name for entry in list_models(archived=archived)]


HERE, DELETED, MISSING = Presence.HERE, Presence.DELETED, Presence.MISSING


def test_a_renamed_model_keeps_its_children_and_is_told_by_its_old_name(make: MakeModel) -> None:
    make("a")
    make("b", "a")
    renamed = model_changes.rename("a", "best")
    assert (renamed.name, load_spec(renamed.folder).name) == ("best", "best")
    assert find_model("best")[1].weights_sha256 == "a"
    assert chain("b") == [("best", HERE)]
    spec = find_model("b")[1]
    assert (spec.parent, spec.parent_sha256) == ("best", "a")
    with pytest.raises(ModelError, match="it is best now"):
        find_model("a")


def test_no_other_model_takes_a_name_that_was_another_ones(make: MakeModel, tmp_path: Path) -> None:
    made = make("a")
    outside = shutil.copytree(made.folder, tmp_path / "a")
    model_changes.rename("a", "b")
    with pytest.raises(ModelError, match="b was called 'a' before"):
        import_model(outside)
    make("c")
    assert taken_names() == {"a", "b", "c"}
    with pytest.raises(ModelError, match="b was called 'a' before"):
        model_changes.rename("c", "a")
    assert model_changes.rename("b", "a").notes.former_names == ("b",)


@pytest.mark.parametrize("new", ["../x", "", "a b", ".hidden", "b"])
def test_a_name_that_cannot_be_changes_nothing(make: MakeModel, new: str) -> None:
    make("a")
    make("b", "a")
    with pytest.raises(ModelError):
        model_changes.rename("a", new)
    assert names() == ["a", "b"]
    assert find_entry("a").notes.former_names == ()


def test_a_rename_that_ended_half_way_loses_no_child(make: MakeModel) -> None:
    entry = make("a")
    make("b", "a", parent_sha256="a")
    (entry.folder / FILE).write_text(json.dumps({"former_names": ["a"]}), encoding="utf-8")
    entry.folder.rename(entry.folder.with_name("c"))
    assert chain("b") == [("c", HERE)]
    assert find_model("c")[1].name == "c"


def test_a_folder_renamed_by_hand_is_found_by_its_weights(make: MakeModel) -> None:
    entry = make("a")
    make("b", "a", parent_sha256="a")
    make("form", "a", parent_sha256="a", weights_sha256="a")
    entry.folder.rename(entry.folder.with_name("mine"))
    assert chain("b") == [("mine", HERE)]
    assert chain("form") == [("mine", HERE)]
    make("twin", weights_sha256="a")
    assert chain("b") == [("a", MISSING)]


def test_tags_notes_and_archive(make: MakeModel) -> None:
    make("a")
    assert tags_of(" night,  rain  fall,night,") == ("night", "rain fall")
    with pytest.raises(ModelError, match="too long"):
        tags_of("x" * 33)
    model_changes.set_tags("a", ("rain", "night"))
    model_changes.set_text("a", "good\nat rain")
    model_changes.set_archived("a", True)
    assert (names(), names(archived=True)) == ([], ["a"])
    assert find_model("a")[1].name == "a"
    notes = find_entry("a").notes
    assert (notes.tags, notes.text, notes.archived) == (("night", "rain"), "good\nat rain", True)
    model_changes.set_archived("a", False)
    assert names() == ["a"]


def test_what_is_in_use_or_needed_stays_unless_forced(make: MakeModel) -> None:
    make("a")
    make("b", "a")
    for change in (
        lambda: model_changes.set_archived("b", True, in_use=("b",)),
        lambda: model_changes.delete("b", in_use=("b",)),
    ):
        with pytest.raises(ModelError, match="b is in use"):
            change()
    with pytest.raises(ModelError, match="made from a: b"):
        model_changes.delete("a")
    model_changes.delete("a", force=True)
    assert names() == ["b"]
    assert chain("b") == [("a", DELETED)]


def test_a_later_model_of_a_deleted_ones_name_is_no_parent(make: MakeModel) -> None:
    make("a")
    make("b", "a")
    model_changes.delete("a", force=True)
    make("a", weights_sha256="other")
    assert chain("b") == [("a", DELETED)]
    with pytest.raises(ModelError, match="'a' already"):
        model_changes.restore("a")
    back = model_changes.restore("a", "a-old")
    assert (back.name, back.spec.name if back.spec else "") == ("a-old", "a-old")
    assert chain("b") == [("a-old", HERE)]


def test_the_last_deleted_one_comes_back_as_it_was(make: MakeModel) -> None:
    make("a")
    model_changes.set_tags("a", ("old",))
    model_changes.delete("a")
    make("a")
    model_changes.set_tags("a", ("new",))
    before = {path.name: path.read_bytes() for path in find_entry("a").folder.iterdir()}
    assert taken_names() == {"a"}
    deleted = model_changes.delete("a")
    assert [one.name for one in model_changes.list_trash()] == ["a", "a"]
    # A new model of that name would get what projects know of them.
    assert taken_names() == {"a"}
    assert model_changes.list_trash()[0] == deleted
    back = model_changes.restore("a")
    assert {path.name: path.read_bytes() for path in back.folder.iterdir()} == before
    model_changes.empty_trash()
    with pytest.raises(ModelError, match="no deleted model is called 'a'"):
        model_changes.restore("a")


def test_shipped_models_are_read_only(make: MakeModel) -> None:
    make("a")
    shutil.copytree(find_entry("a").folder, paths.bundled_models_dir() / "street")
    for change in (
        lambda: model_changes.rename("street", "x"),
        lambda: model_changes.set_tags("street", ("x",)),
        lambda: model_changes.delete("street", force=True),
    ):
        with pytest.raises(ModelError, match="street ships with segstudio"):
            change()
    with pytest.raises(ModelError, match="ships with segstudio is called 'street'"):
        model_changes.rename("a", "street")


def test_damaged_notes_are_never_overwritten(make: MakeModel) -> None:
    entry = make("a")
    (entry.folder / FILE).write_text("{", encoding="utf-8")
    assert names() == ["a"]
    with pytest.raises(ModelError, match="cannot be read"):
        model_changes.set_tags("a", ("x",))
    assert (entry.folder / FILE).read_text(encoding="utf-8") == "{"


def drawn(branch: Branch) -> object:
    return (branch.name, branch.presence.value, [drawn(one) for one in branch.children])


def test_the_tree_shows_what_is_missing_and_survives_circles(make: MakeModel) -> None:
    make("a", "gone")
    make("b", "a")
    make("c", "a")
    make("x", "y")
    make("y", "x")
    assert [drawn(one) for one in lineage().tree()] == [
        ("gone", "missing", [("a", "here", [("b", "here", []), ("c", "here", [])])]),
        ("x", "here", [("y", "here", [])]),
    ]
    assert chain("x") == [("y", HERE)]


@settings(deadline=None, max_examples=15, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.lists(st.tuples(st.integers(0, 4), st.sampled_from("pqrstuvw")), max_size=8))
def test_any_renaming_keeps_who_came_from_whom(make: MakeModel, renames: list[tuple[int, str]]) -> None:
    shutil.rmtree(paths.user_models_dir())
    parents = {"m0": "", "m1": "m0", "m2": "m0", "m3": "m2", "m4": "m3"}
    for name, parent in parents.items():
        make(name, parent)
    now = list(parents)
    for number, new in renames:
        try:
            model_changes.rename(now[number], new)
            now[number] = new
        except ModelError:
            # Taken, or another one's former name.
            assert now[number] in names()
    for name, parent in parents.items():
        place = list(parents).index(name)
        spec = find_model(now[place])[1]
        assert spec.weights_sha256 == name
        ancestor = lineage().parent(find_entry(now[place]))
        assert (ancestor.name if ancestor else "") == (now[list(parents).index(parent)] if parent else "")
