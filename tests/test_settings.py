"""Settings: declared, checked, kept sparsely."""

from pathlib import Path

import pytest

from segstudio.errors import InputError
from segstudio.settings import SETTINGS, Settings, checked


@pytest.fixture
def file(tmp_path: Path) -> Path:
    return tmp_path / "settings.toml"


def test_defaults_are_in_force_and_fit_themselves() -> None:
    settings = Settings.load()
    for setting in SETTINGS:
        assert settings.get(setting.key) == setting.default
        assert checked(setting.key, setting.default) == setting.default
        assert setting.help


def test_only_overrides_are_written(file: Path) -> None:
    settings = Settings.load(file)
    settings.set("theme", "dark")
    settings.set("text_scale", 1.25)
    settings.set("text_scale", 1.0)
    assert file.read_text() == 'theme = "dark"\n'
    assert Settings.load(file).text("theme") == "dark"
    assert [path.name for path in file.parent.iterdir()] == [file.name]


def test_text_comes_back_whatever_it_holds(file: Path) -> None:
    Settings.load(file).set("model", 'a "quoted" \\ näme\n')
    assert Settings.load(file).text("model") == 'a "quoted" \\ näme\n'


def test_whole_numbers_do_for_numbers(file: Path) -> None:
    file.write_text("text_scale = 1\n")
    assert Settings.load(file).number("text_scale") == 1.0


@pytest.mark.parametrize(
    ("line", "named"),
    [
        ("theme = 3", "theme"),
        ('theme = "purple"', "theme"),
        ("text_scale = 9.0", "text_scale"),
        ("text_scale = true", "text_scale"),
        ("colour = 1", "colour"),
        ("theme = ", "settings.toml"),
    ],
)
def test_a_bad_file_is_refused_by_name(file: Path, line: str, named: str) -> None:
    file.write_text(line)
    with pytest.raises(InputError, match=named) as caught:
        Settings.load(file)
    assert str(file) in caught.value.message


def test_a_refused_value_changes_nothing(file: Path) -> None:
    settings = Settings.load(file)
    with pytest.raises(InputError, match="theme"):
        settings.set("theme", "purple")
    assert settings.get("theme") == "system"
    assert not file.exists()


def test_a_disk_that_refuses_is_told(tmp_path: Path) -> None:
    settings = Settings(tmp_path / "missing" / "settings.toml")
    with pytest.raises(InputError, match="cannot be written"):
        settings.set("theme", "dark")
    assert settings.text("theme") == "dark"
