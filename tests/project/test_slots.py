"""The order of classes on their keys, kept with the project."""

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from segstudio.annotation.palette import load_palette
from segstudio.errors import ProjectError
from segstudio.project.slots import FILE, load_slots, save_slots

PALETTE = load_palette("camvid-11")
USUAL = tuple(range(11))


@given(order=st.permutations(USUAL))
def test_every_order_comes_back(tmp_path_factory: pytest.TempPathFactory, order: list[int]) -> None:
    facts = tmp_path_factory.mktemp("facts")
    save_slots(facts, PALETTE, order)
    assert load_slots(facts, PALETTE) == tuple(order)


def test_the_palettes_order_needs_no_file(tmp_path: Path) -> None:
    save_slots(tmp_path, PALETTE, (1, 0, *range(2, 11)))
    assert (tmp_path / FILE).read_text().splitlines()[:2] == ["building", "sky"]
    save_slots(tmp_path, PALETTE, USUAL)
    assert not (tmp_path / FILE).exists()
    assert load_slots(tmp_path, PALETTE) == USUAL


def test_unknown_and_doubled_names_are_passed_over_and_missing_classes_follow(tmp_path: Path) -> None:
    (tmp_path / FILE).write_text("car\nhorse\n\ncar\n road \n")
    assert load_slots(tmp_path, PALETTE)[:4] == (PALETTE.index("car"), PALETTE.index("road"), 0, 1)
    assert sorted(load_slots(tmp_path, PALETTE)) == list(USUAL)
    (tmp_path / FILE).write_bytes(b"\xff\xfe\x00")
    assert load_slots(tmp_path, PALETTE) == USUAL


def test_a_disk_that_refuses_is_explained(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("in the way")
    with pytest.raises(ProjectError, match="order of the classes"):
        save_slots(tmp_path / "file", PALETTE, (1, 0, *range(2, 11)))
