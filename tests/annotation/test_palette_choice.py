"""A foreign model's classes find their palette by name, then by number, or a palette is made of them."""

import itertools

import pytest

from segstudio import paths
from segstudio.annotation.palette import Palette, list_palettes, load_palette
from segstudio.annotation.palette_choice import choose_palette, distinct_colour, make_palette, save_palette
from segstudio.errors import PaletteError


def chosen(wanted: str, count: int, names: tuple[str, ...] = ()) -> str | None:
    palette = choose_palette(wanted, count, names)
    return palette.name if palette else None


def test_names_decide_before_numbers() -> None:
    camvid = load_palette("camvid-11")
    assert chosen("", 11, camvid.names) == "camvid-11"
    shouted = tuple(name.upper().replace(" ", "_") for name in load_palette("cityscapes").names)
    assert chosen("", 19, shouted) == "cityscapes"
    assert chosen("", 19, tuple(f"thing {number}" for number in range(19))) is None
    assert chosen("", 2, ("background", "person")) == "people"


def test_without_names_only_usual_numbers_speak() -> None:
    assert chosen("", 19) == "cityscapes"
    assert chosen("", 150, tuple(f"LABEL_{number}" for number in range(150))) == "ade20k-150"
    with pytest.raises(PaletteError, match=r"2 classes.*foreground-background, people"):
        choose_palette("", 2)
    with pytest.raises(PaletteError, match="does not tell"):
        choose_palette("", 0)


def test_the_users_choice_must_fit() -> None:
    assert chosen("voc-21", 21) == "voc-21"
    assert chosen("voc-21", 0) == "voc-21"
    with pytest.raises(PaletteError, match=r"2 classes, palette cityscapes has 19.*people"):
        choose_palette("cityscapes", 2)


def test_a_made_palette_is_found_by_its_name() -> None:
    palette = make_palette("pets", ("cat", "dog: big", "# 3"))
    save_palette(palette, paths.user_palettes_dir() / "pets.yaml")
    assert "pets" in list_palettes()
    assert load_palette("pets") == palette
    assert isinstance(palette, Palette)
    assert chosen("", 3, ("cat", "dog: big", "# 3")) == "pets"


def test_a_shipped_palette_is_never_hidden() -> None:
    save_palette(make_palette("cityscapes", ("one",)), paths.user_palettes_dir() / "cityscapes.yaml")
    assert load_palette("cityscapes").count == 19


def test_given_colours_are_kept_and_made_ones_differ() -> None:
    assert [entry.rgb for entry in make_palette("p", ("a", "b"), ((1, 2, 3), (4, 5, 6))).classes] == [
        (1, 2, 3),
        (4, 5, 6),
    ]
    colours = [distinct_colour(number) for number in range(64)]
    assert len(set(colours)) == 64
    for first, second in itertools.pairwise(colours):
        assert sum(abs(a - b) for a, b in zip(first, second, strict=True)) > 100
