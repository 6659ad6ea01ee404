"""Shipped palettes, mappings, and colours that a person can tell apart."""

from pathlib import Path

import pytest
import yaml

from segstudio.annotation.palette import (
    list_palettes,
    load_palette,
    mapping,
    palette_from_dict,
)
from segstudio.errors import PaletteError

COUNTS = {
    "cityscapes": 19,
    "cityscapes-34": 34,
    "people": 2,
    "camvid-11": 11,
    "ade20k-150": 150,
    "voc-21": 21,
    "foreground-background": 2,
}


@pytest.mark.parametrize(("name", "count"), COUNTS.items())
def test_shipped_palettes_load(name: str, count: int) -> None:
    palette = load_palette(name)
    assert palette.name == name
    assert palette.count == count
    assert [entry.id for entry in palette.classes] == list(range(count))
    assert palette.colours().shape == (256, 3)


def test_the_list_is_complete() -> None:
    assert set(list_palettes()) == set(COUNTS)


def test_every_mapping_names_real_classes() -> None:
    for name in list_palettes():
        palette = load_palette(name)
        for target, table in palette.mappings.items():
            other = load_palette(target)
            assert set(table) <= set(palette.names), name
            assert set(table.values()) <= set(other.names), name


def test_voc_colours_are_the_spread_bits() -> None:
    def spread(number: int) -> tuple[int, int, int]:
        rgb = [0, 0, 0]
        for bit in range(8):
            for channel in range(3):
                rgb[channel] |= (number >> channel & 1) << (7 - bit)
            number >>= 3
        return rgb[0], rgb[1], rgb[2]

    palette = load_palette("voc-21")
    assert [entry.rgb for entry in palette.classes] == [spread(number) for number in range(21)]
    assert palette.ignore_rgb == spread(255)


def test_cityscapes_merges_into_camvid() -> None:
    city, camvid = load_palette("cityscapes"), load_palette("camvid-11")
    table = mapping(city, camvid)
    for ours, theirs in (("wall", "building"), ("terrain", "tree"), ("train", "car"), ("rider", "bicyclist")):
        assert table[city.index(ours)] == camvid.index(theirs)
    assert table[255] == 255
    assert mapping(camvid, city)[camvid.index("bicyclist")] == city.index("rider")


def test_cityscapes_34_maps_to_train_ids() -> None:
    full, train = load_palette("cityscapes-34"), load_palette("cityscapes")
    table = mapping(full, train)
    expected = {7: 0, 8: 1, 11: 2, 12: 3, 13: 4, 17: 5, 19: 6, 20: 7, 21: 8, 22: 9, 23: 10, 24: 11, 25: 12}
    expected |= {26: 13, 27: 14, 28: 15, 31: 16, 32: 17, 33: 18}
    for number in range(34):
        assert table[number] == expected.get(number, 255)


@pytest.mark.parametrize(
    ("classes", "problem"),
    [
        ([{"seg_class": "a", "rgb": [0, 0, 0]}], "label_id"),
        ([{"seg_class": "a", "rgb": [0, 0, 300], "label_id": 0}], "colour"),
        ([{"seg_class": "a", "rgb": [0], "label_id": 1}], "gaps"),
        (
            [{"seg_class": "a", "rgb": [0], "label_id": 0}, {"seg_class": "a", "rgb": [1], "label_id": 1}],
            "same",
        ),
        ([], "no classes"),
    ],
)
def test_malformed_palettes_are_explained(classes: list[dict[str, object]], problem: str) -> None:
    with pytest.raises(PaletteError, match=problem):
        palette_from_dict({"name": "x", "classes": classes})


def test_tao_palette_entries_are_read(tmp_path: Path) -> None:
    entries = [
        {"seg_class": "foreground", "rgb": [0, 0, 0], "label_id": 0, "mapping_class": "foreground"},
        {"seg_class": "background", "rgb": [255], "label_id": 1, "mapping_class": "background"},
        {"seg_class": "unknown", "rgb": [9, 9, 9], "label_id": 255, "mapping_class": "unknown"},
    ]
    path = tmp_path / "tao.yaml"
    path.write_text(yaml.safe_dump(entries))
    palette = load_palette(path)
    assert palette.names == ("foreground", "background")
    assert palette.classes[1].rgb == (255, 255, 255)
    assert palette.ignore_rgb == (9, 9, 9)


def test_unknown_palette_names_the_known_ones() -> None:
    with pytest.raises(PaletteError, match="cityscapes-34"):
        load_palette("no-such")
