"""Where things are: shipped files are found, the user's own stay below SEGSTUDIO_HOME."""

from collections.abc import Callable
from pathlib import Path

import platformdirs
import pytest

from segstudio import paths
from segstudio.errors import InputError

USER_FOLDERS = {
    "config": paths.user_config_dir,
    "cache": paths.user_cache_dir,
    "log": paths.user_log_dir,
    "data": paths.user_data_dir,
    "data/models": paths.user_models_dir,
}


@pytest.mark.parametrize(("name", "folder"), USER_FOLDERS.items())
def test_user_folders_lie_below_the_home_and_are_made(
    isolated_home: Path, name: str, folder: Callable[[], Path]
) -> None:
    assert not (isolated_home / name).exists()
    assert folder() == isolated_home / name
    assert folder().is_dir()


@pytest.mark.parametrize("kind", ["config", "cache", "log", "data"])
def test_without_a_home_the_systems_folders_are_used(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, kind: str
) -> None:
    monkeypatch.delenv("SEGSTUDIO_HOME")

    def usual(program: str, **_: object) -> Path:
        return tmp_path / kind / program

    monkeypatch.setattr(platformdirs, f"user_{kind}_path", usual)
    assert USER_FOLDERS[kind]() == tmp_path / kind / "segstudio"
    assert (tmp_path / kind / "segstudio").is_dir()


def test_a_home_that_cannot_be_made_is_said_with_what_to_do(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "file").write_bytes(b"")
    monkeypatch.setenv("SEGSTUDIO_HOME", str(tmp_path / "file"))
    with pytest.raises(InputError, match="cannot create") as caught:
        paths.user_config_dir()
    assert "SEGSTUDIO_HOME" in caught.value.hint


def test_what_ships_is_there() -> None:
    assert paths.resource("style/studio.qss").is_file()
    assert (paths.palettes_dir() / "cityscapes.yaml").is_file()
    assert (paths.bundled_models_dir() / "street-b0" / "model.json").is_file()


def test_a_missing_resource_is_named() -> None:
    with pytest.raises(InputError, match=r"style/none\.qss is missing") as caught:
        paths.resource("style/none.qss")
    assert caught.value.hint


def test_an_installed_package_looks_inside_itself(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(paths, "PACKAGE", tmp_path / "segstudio")
    assert paths.share_dir() == tmp_path
    (tmp_path / "segstudio" / "_share").mkdir(parents=True)
    assert paths.palettes_dir() == tmp_path / "segstudio" / "_share" / "palettes"


def test_a_frozen_program_looks_where_it_was_unpacked(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("sys._MEIPASS", str(tmp_path), raising=False)
    assert paths.bundled_models_dir() == tmp_path / "models"
