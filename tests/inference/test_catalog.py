"""The catalog: shipped and imported models, found by name and by folder; broken ones with their problem."""

import shutil
from pathlib import Path

import numpy as np
import pytest

from segstudio import paths
from segstudio.deploy.export import Exported
from segstudio.errors import ModelError
from segstudio.inference.backend import Options, open_backend
from segstudio.inference.catalog import ModelEntry, find_model, import_model, list_models
from segstudio.inference.spec import FILE, load_spec, save_spec
from tests.inference.conftest import noise


@pytest.fixture
def shipped(tmp_path: Path, tiny_model: Exported, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder of shipped models with the tiny one in it."""
    root = tmp_path / "shipped"
    shutil.copytree(tiny_model.folder, root / "tiny")
    monkeypatch.setattr(paths, "bundled_models_dir", lambda: root)
    return root


def entry(name: str) -> ModelEntry:
    return next(found for found in list_models() if found.name == name)


def test_the_shipped_model_can_be_used() -> None:
    found = entry("street-b0")
    assert found.bundled
    assert found.problem == ""
    assert found.spec is not None
    assert len(found.spec.classes) == 19
    assert found.spec.file(found.folder, "onnx").stat().st_size > 1_000_000


def test_lists_shipped_and_imported_by_name(shipped: Path, tiny_model: Exported) -> None:
    import_model(tiny_model.folder, "another")
    (shipped / "no model").mkdir()
    (shipped / "file.txt").write_text("x", encoding="utf-8")
    found = list_models()
    assert [(one.name, one.bundled) for one in found] == [("another", False), ("tiny", True)]
    assert all(one.spec is not None for one in found)


def test_lists_nothing_where_no_folder_is(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(paths, "bundled_models_dir", lambda: tmp_path / "nowhere")
    assert list_models() == []


@pytest.mark.usefixtures("shipped")
def test_imported_model_hides_a_shipped_one_of_its_name(tiny_model: Exported) -> None:
    imported = import_model(tiny_model.folder)
    assert [(one.name, one.bundled) for one in list_models()] == [("tiny", False)]
    assert find_model("tiny")[0] == imported.folder


def test_broken_model_is_listed_with_its_problem(shipped: Path) -> None:
    for name, text in (("torn", "{"), ("future", '{"schema_version": 99}')):
        (shipped / name).mkdir()
        (shipped / name / FILE).write_text(text, encoding="utf-8")
    torn, future = entry("torn"), entry("future")
    assert torn.spec is None
    assert "cannot be read" in torn.problem
    assert future.spec is None
    assert "99" in future.problem
    assert entry("tiny").spec is not None
    with pytest.raises(ModelError, match="99"):
        find_model("future")


def test_finds_by_name_and_by_folder(shipped: Path, tiny_model: Exported) -> None:
    assert find_model("tiny") == (shipped / "tiny", tiny_model.spec)
    assert find_model(tiny_model.folder) == (tiny_model.folder, tiny_model.spec)
    assert find_model(str(tiny_model.folder)) == (tiny_model.folder, tiny_model.spec)


@pytest.mark.usefixtures("shipped")
@pytest.mark.parametrize("name", ["nobody", "", "a/b", "../tiny", "."])
def test_unknown_model_is_refused_with_the_known_ones(
    name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    with pytest.raises(ModelError, match="there is no model") as caught:
        find_model(name)
    assert "tiny" in caught.value.hint


def test_imported_model_answers_like_its_source(tiny_model: Exported) -> None:
    imported = import_model(tiny_model.folder, "copy-1.0")
    assert not imported.bundled
    assert imported.folder.parent == paths.user_models_dir()
    assert load_spec(imported.folder).name == "copy-1.0"
    folder, spec = find_model("copy-1.0")
    answers = []
    for where, what in ((folder, spec), (tiny_model.folder, tiny_model.spec)):
        runner = open_backend(where, what, "onnx", Options(threads=1))
        answers.append(runner.run(noise(40, 60)[None])[0])
        runner.close()
    np.testing.assert_array_equal(answers[0], answers[1])


def test_import_takes_only_what_the_spec_names(tiny_model: Exported, tmp_path: Path) -> None:
    source = tmp_path / "source"
    shutil.copytree(tiny_model.folder, source)
    (source / "surprise.sh").write_text("echo", encoding="utf-8")
    imported = import_model(source, "mine")
    assert {path.name for path in imported.folder.iterdir()} == {FILE, *tiny_model.spec.files.values()}


def test_import_refuses_a_taken_name(tiny_model: Exported) -> None:
    import_model(tiny_model.folder)
    with pytest.raises(ModelError, match="'tiny' already"):
        import_model(tiny_model.folder)


@pytest.mark.parametrize("name", ["../out", "a b", ".hidden", "x" * 65])
def test_import_refuses_a_name_that_is_none(tiny_model: Exported, name: str) -> None:
    with pytest.raises(ModelError, match="no model name"):
        import_model(tiny_model.folder, name)
    assert not paths.user_models_dir().is_dir() or not list(paths.user_models_dir().iterdir())


def test_import_of_a_torn_folder_leaves_nothing(tiny_model: Exported, tmp_path: Path) -> None:
    source = tmp_path / "source"
    source.mkdir()
    save_spec(tiny_model.spec, source)
    with pytest.raises(ModelError, match="is missing"):
        import_model(source)
    assert not (paths.user_models_dir() / "tiny").exists()


def test_a_model_in_the_making_is_not_listed(tiny_model: Exported) -> None:
    import_model(tiny_model.folder, "whole")
    (paths.user_models_dir() / "whole").rename(paths.user_models_dir() / ".whole-3x7")
    assert ".whole-3x7" not in {entry.name for entry in list_models()}
