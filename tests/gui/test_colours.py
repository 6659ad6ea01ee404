"""View > Colours: one of three sets on screen, remembered with the project, never in files."""

from pathlib import Path

from PySide6.QtGui import QColor
from PySide6.QtWidgets import QApplication

from segstudio.annotation.colour_sets import CONTRAST, ORIGINAL, SAFE, screen_colours
from tests.gui.conftest import CAR, PALETTE, Studio, fill_folder


def shown(studio: Studio) -> bytes:
    """The colour of a car on the canvas."""
    return studio.canvas.overlay.style.colours[3 * CAR : 3 * CAR + 3]


def ticked(studio: Studio) -> list[str]:
    QApplication.processEvents()
    actions = studio.window.actions_by_id
    return [name for name in (ORIGINAL, CONTRAST, SAFE) if actions[f"colours.{name}"].isChecked()]


def test_sets_change_canvas_and_list_and_stay_with_the_project(studio: Studio, tmp_path: Path) -> None:
    first, second = fill_folder(tmp_path / "one"), fill_folder(tmp_path / "two")
    studio.open(first)
    assert ticked(studio) == [ORIGINAL]
    studio.window.view.set_opacity(0.3)
    for name in (CONTRAST, SAFE):
        studio.window.actions_by_id[f"colours.{name}"].trigger()
        expected = tuple(int(channel) for channel in screen_colours(PALETTE, name)[CAR])
        assert tuple(shown(studio)) == expected
        assert studio.window.editor.classes.model.colour(CAR) == QColor(*expected)
        assert ticked(studio) == [name]
    studio.open(second)
    assert ticked(studio) == [ORIGINAL]
    studio.open(first)
    assert ticked(studio) == [SAFE]
    assert studio.window.view.opacity == 0.3
    assert studio.session.memory.colours[str(first.resolve())] == SAFE


def test_a_set_that_is_not_known_is_the_original(studio: Studio, folder: Path) -> None:
    studio.session.memory.colours[str(folder.resolve())] = "rainbow"
    studio.open(folder)
    assert ticked(studio) == [ORIGINAL]
