"""Mask files of every usual encoding become the same ids, and what has no meaning is counted."""

import pickle
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image

from segstudio.annotation.palette import load_palette
from segstudio.errors import MaskError, PaletteError, SpecError
from segstudio.jobs import JobContext
from segstudio.training.data.classes import IGNORED, MaskClass, network_palette
from segstudio.training.data.masks import COLOURS, NUMBERS, MaskCodec, RawMask, read_raw
from segstudio.training.data.report import examine
from segstudio.training.data.split import open_split
from segstudio.training.spec.derived import model_palette
from segstudio.training.spec.load import spec_from_dict
from segstudio.training.spec.schema import PaletteEntry
from segstudio.training.spec.studio import MaskRules

IDS = np.array([[0, 1, 2, 3], [2, 2, 0, 255]], np.uint8)
LAND: list[dict[str, Any]] = [
    {"seg_class": "urban", "label_id": 0, "rgb": [0, 255, 255], "mapping_class": "urban"},
    {"seg_class": "agriculture", "label_id": 1, "rgb": [255, 255, 0], "mapping_class": "agriculture"},
    {"seg_class": "water", "label_id": 2, "rgb": [0, 0, 255], "mapping_class": "water"},
    {"seg_class": "barren", "label_id": 3, "rgb": [255, 255, 255], "mapping_class": "barren"},
    {"seg_class": "unknown", "label_id": 255, "rgb": [0, 0, 0], "mapping_class": "unknown"},
]
COLOURED = np.zeros((256, 3), np.uint8)
for land in LAND:
    COLOURED[land["label_id"]] = land["rgb"]


def read(root: Path, mask: Image.Image, palette: Any, *, name: str = "a.png", **keys: Any) -> Any:
    """What the mask file is read as in a training split: ids, and how."""
    studio = {"masks": keys.pop("masks", {})}
    for folder in ("images", "masks"):
        (root / folder / "train").mkdir(parents=True, exist_ok=True)
    Image.fromarray(np.zeros((mask.height, mask.width, 3), np.uint8)).save(
        root / "images" / "train" / name.replace("_gtFine_labelIds", "_leftImg8bit")
    )
    mask.save(root / "masks" / "train" / name)
    segment = {"root_dir": str(root), "palette": palette, "label_transform": "None", **keys}
    spec = spec_from_dict({"dataset": {"segment": segment}, "studio": studio})
    split = open_split(spec, "train", JobContext())
    return split.sources[0].load(0)[1], split.notes[0].rpartition(" ")[2]


def indexed(ids: np.ndarray, table: np.ndarray) -> Image.Image:
    image = Image.fromarray(ids).convert("L")
    image.putpalette(table.tobytes())
    return image


def test_land_cover_in_every_encoding(tmp_path: Path) -> None:
    colours = COLOURED[IDS]
    alpha = np.dstack([colours, np.arange(8, dtype=np.uint8).reshape(2, 4)])
    shuffled = np.zeros((256, 3), np.uint8)
    shuffled[[10, 11, 12, 13, 14]] = COLOURED[[0, 1, 2, 3, 255]]
    places = np.array([10, 11, 12, 13], np.uint8)
    by_place = np.where(IDS == 255, 14, places[np.minimum(IDS, 3)]).astype(np.uint8)
    files = {
        "ids": Image.fromarray(IDS),
        "ids of 16 bits": Image.fromarray(IDS.astype(np.uint16)),
        "indexed ids": indexed(IDS, COLOURED),
        "indexed ids, other colours": indexed(IDS, COLOURED[::-1].copy()),
        "ids three times": Image.fromarray(np.repeat(IDS[:, :, None], 3, axis=2)),
        "colours": Image.fromarray(colours),
        "colours with alpha": Image.fromarray(alpha),
        "indexed colours": indexed(by_place, shuffled),
    }
    for number, (name, image) in enumerate(files.items()):
        ids, encoding = read(tmp_path / str(number), image, LAND)
        assert np.array_equal(ids, IDS), name
        assert encoding == ("colours" if "colours" in name and "ids" not in name else "ids"), name


def test_black_and_white_alone_are_colours_of_the_palette(tmp_path: Path) -> None:
    ids, encoding = read(tmp_path, Image.fromarray(COLOURED[np.array([[3, 255]], np.uint8)]), LAND)
    assert (ids.tolist(), encoding) == ([[3, 255]], "colours")


def test_trap_one_channel_ids_with_a_colour_palette(tmp_path: Path) -> None:
    ids, encoding = read(tmp_path, Image.fromarray(IDS), LAND, label_transform="norm")
    assert (ids.tolist(), encoding) == (IDS.tolist(), "ids")


BINARY = np.array([[0, 255, 255, 0]], np.uint8)


@pytest.mark.parametrize("transform", ["norm", "None", None])
@pytest.mark.parametrize("channels", [1, 3])
def test_0_and_255_are_two_classes(tmp_path: Path, transform: str | None, channels: int) -> None:
    default = [
        {"seg_class": "foreground", "label_id": 0, "rgb": [0, 0, 0], "mapping_class": "foreground"},
        {"seg_class": "background", "label_id": 1, "rgb": [1], "mapping_class": "background"},
    ]
    mask = Image.fromarray(BINARY if channels == 1 else np.repeat(BINARY[:, :, None], 3, axis=2))
    for place, palette in enumerate((default, "foreground-background")):
        ids, _ = read(tmp_path / str(place), mask, palette, label_transform=transform)
        assert ids.tolist() == [[0, 1, 1, 0]]


def test_binary_masks_follow_black_and_white(tmp_path: Path) -> None:
    turned = [
        {"seg_class": "cell", "label_id": 0, "rgb": [1], "mapping_class": "cell"},
        {"seg_class": "rest", "label_id": 1, "rgb": [0], "mapping_class": "rest"},
    ]
    assert read(tmp_path / "a", Image.fromarray(BINARY), turned)[0].tolist() == [[1, 0, 0, 1]]
    ones = Image.fromarray(BINARY // 255)
    assert read(tmp_path / "b", ones, turned)[0].tolist() == [[1, 0, 0, 1]]
    by_place = read(tmp_path / "c", Image.fromarray(BINARY), turned, masks={"palette_order": True})
    assert by_place[0].tolist() == [[0, 1, 1, 0]]


def test_binary_threshold_and_resampled_masks(tmp_path: Path) -> None:
    soft = np.array([[0, 3, 100, 250, 255] * 4 + [0] * 20], np.uint8)
    ids, encoding = read(tmp_path / "a", Image.fromarray(soft), "foreground-background")
    assert encoding == "binary"
    assert ids[0, :5].tolist() == [0, 0, 0, 1, 1]
    rules = {"threshold": 0.3, "encoding": "binary"}
    ids, _ = read(tmp_path / "b", Image.fromarray(soft), "foreground-background", masks=rules)
    assert ids[0, :5].tolist() == [0, 0, 1, 1, 1]


def test_announced_binary_masks_of_0_and_1_are_ids(tmp_path: Path) -> None:
    mask = Image.fromarray(BINARY // 255)
    ids, encoding = read(tmp_path, mask, "foreground-background", masks={"encoding": "binary"})
    assert (ids.tolist(), encoding) == ([[0, 1, 1, 0]], "ids")
    with pytest.raises(SpecError, match=r"binary masks stand for two classes.*has 19"):
        read(tmp_path / "b", Image.fromarray(BINARY), "cityscapes", masks={"encoding": "binary"})


def test_unlabelled_pixels_of_an_indexed_mask_stay_unlabelled(tmp_path: Path) -> None:
    table = load_palette("foreground-background").colours()
    assert read(tmp_path, indexed(BINARY, table), "foreground-background")[0].tolist() == BINARY.tolist()


def test_cityscapes_label_ids_become_train_ids(tmp_path: Path) -> None:
    label_ids = np.arange(35, dtype=np.uint8)
    label_ids[34] = 255
    wanted = np.full(35, IGNORED)
    # From the table of cityscapesScripts.
    train_of = {7: 0, 8: 1, 11: 2, 12: 3, 13: 4, 17: 5, 19: 6, 20: 7, 21: 8, 22: 9, 23: 10, 24: 11, 25: 12,
                26: 13, 27: 14, 28: 15, 31: 16, 32: 17, 33: 18}  # fmt: skip
    for label_id, train_id in train_of.items():
        wanted[label_id] = train_id
    mask = Image.fromarray(label_ids[None])
    for place, (name, rules) in enumerate(
        [("a_gtFine_labelIds.png", {}), ("a.png", {}), ("a.png", {"encoding": "cityscapes-ids"})]
    ):
        ids, encoding = read(tmp_path / str(place), mask, "cityscapes", name=name, masks=rules)
        assert encoding == "cityscapes-ids"
        assert ids[0].tolist() == wanted.tolist()
    train_ids = Image.fromarray(np.array([[0, 18, 255]], np.uint8))
    assert read(tmp_path / "t", train_ids, "cityscapes")[0].tolist() == [[0, 18, 255]]


def test_a_strange_id_does_not_turn_train_ids_into_label_ids(tmp_path: Path) -> None:
    ids = np.repeat(np.arange(19, dtype=np.uint8)[None], 20, axis=0)
    ids[0, 0] = 20
    with pytest.raises(SpecError, match=r"read as ids.*id 20: 1 pixels"):
        read(tmp_path, Image.fromarray(ids), "cityscapes")


def test_colours_that_no_class_has_stop_though_some_files_are_black(tmp_path: Path) -> None:
    black, purple = np.zeros((2, 4, 3), np.uint8), np.full((2, 4, 3), (90, 0, 90), np.uint8)
    read(tmp_path, Image.fromarray(black), LAND)
    with pytest.raises(SpecError, match=r"in 1 of 2 masks read as colours.*rgb 90,0,90: 8 pixels"):
        read(tmp_path, Image.fromarray(purple), LAND, name="b.png")


def test_0_and_255_among_many_classes_are_told(tmp_path: Path) -> None:
    mask = np.zeros((4, 8), np.uint8)
    mask[:3] = 255
    read(tmp_path, Image.fromarray(mask), "cityscapes")
    spec = spec_from_dict({"dataset": {"segment": {"root_dir": str(tmp_path)}}, "studio": {}})
    (warning, *_) = examine(open_split(spec, "train", JobContext()), None).suspicions
    assert "255 (ignored) covers 75%; are its masks 0/255?" in warning.reason


def test_ids_with_gaps_keep_their_order(tmp_path: Path) -> None:
    palette = [
        {"seg_class": "c", "label_id": 40, "rgb": [3, 3, 3], "mapping_class": "c"},
        {"seg_class": "a", "label_id": 5, "rgb": [1, 1, 1], "mapping_class": "a"},
        {"seg_class": "b", "label_id": 9, "rgb": [2, 2, 2], "mapping_class": "b"},
    ]
    ids, _ = read(tmp_path / "a", Image.fromarray(np.array([[5, 9, 40, 255]], np.uint8)), palette)
    assert ids.tolist() == [[0, 1, 2, 255]]
    spec = spec_from_dict({"dataset": {"segment": {"palette": palette, "root_dir": "."}}})
    assert model_palette(spec).names == ("a", "b", "c")
    by_place, _ = read(
        tmp_path / "b",
        Image.fromarray(np.array([[0, 1, 2]], np.uint8)),
        palette,
        masks={"palette_order": True},
    )
    assert by_place.tolist() == [[2, 0, 1]]


def test_each_source_may_have_its_own_encoding(tmp_path: Path) -> None:
    sources = []
    for name, values in (("ids", IDS), ("colours", COLOURED[IDS])):
        for folder, content in (("images", np.zeros((2, 4, 3), np.uint8)), ("masks", values)):
            (tmp_path / name / folder).mkdir(parents=True)
            Image.fromarray(content).save(tmp_path / name / folder / "a.png")
        folders = {key: str(tmp_path / name / key) for key in ("images", "masks")}
        sources.append({**folders, "encoding": name})
    spec = spec_from_dict(
        {
            "dataset": {"segment": {"palette": LAND}},
            "studio": {"sources": sources, "masks": {"encoding": "ids"}},
        }
    )
    split = open_split(spec, "train", JobContext())
    assert all(np.array_equal(source.load(0)[1], IDS) for source in split.sources)


def test_reduce_zero_label(tmp_path: Path) -> None:
    rules = {"reduce_zero_label": True}
    ids, _ = read(tmp_path, Image.fromarray(np.array([[0, 1, 4, 255]], np.uint8)), LAND, masks=rules)
    assert ids.tolist() == [[255, 0, 3, 255]]


def test_classes_of_one_mapping_class_are_one(tmp_path: Path) -> None:
    palette: list[dict[str, Any]] = [
        {"seg_class": "truck", "label_id": 0, "rgb": [0, 0, 70], "mapping_class": "car"},
        {"seg_class": "road", "label_id": 1, "rgb": [9, 9, 9], "mapping_class": "road"},
        {"seg_class": "car", "label_id": 2, "rgb": [0, 0, 142], "mapping_class": "car"},
        {"seg_class": "void", "label_id": 255, "rgb": [1, 1, 1], "mapping_class": "void"},
        {"seg_class": "ego", "label_id": 3, "rgb": [5, 5, 5], "mapping_class": "void"},
    ]
    spec = spec_from_dict({"dataset": {"segment": {"palette": palette, "root_dir": "."}}})
    merged = model_palette(spec)
    assert merged.names == ("road", "car")
    assert merged.classes[1].rgb == (0, 0, 142)
    mask = np.array([[0, 1, 2, 3, 255]], np.uint8)
    assert read(tmp_path / "a", Image.fromarray(mask), palette)[0].tolist() == [[1, 0, 1, 255, 255]]
    table = np.zeros((256, 3), np.uint8)
    for entry in palette:
        table[entry["label_id"]] = entry["rgb"]
    assert read(tmp_path / "b", Image.fromarray(table[mask]), palette)[0].tolist() == [[1, 0, 1, 255, 255]]


def test_palettes_that_cannot_be() -> None:
    def entry(name: str, label_id: int, rgb: tuple[int, ...] = (0,)) -> PaletteEntry:
        return PaletteEntry(name, label_id, rgb, name)

    for entries, reason in (
        ((entry("a", 0), entry("b", 0)), "label_id 0 is there twice"),
        ((entry("a", 0), entry("a", 1)), "seg_class a is there twice"),
        ((entry("a", -1),), "label_id of 'a' is -1"),
        ((entry("a", 0, (1, 2)),), "rgb of 'a'"),
        ((entry("a", 255),), "has no classes"),
        ((entry("", 0),), "has no seg_class"),
    ):
        with pytest.raises(PaletteError, match=reason):
            network_palette(entries, "x", "palette")


def test_bits_of_grey_files(tmp_path: Path) -> None:
    # Grey PNG of 2 bits by hand: Pillow only writes 1 and 8.
    import struct
    import zlib

    def chunk(kind: bytes, content: bytes) -> bytes:
        return (
            struct.pack(">I", len(content)) + kind + content + struct.pack(">I", zlib.crc32(kind + content))
        )

    header = struct.pack(">IIBBBBB", 4, 1, 2, 0, 0, 0, 0)
    rows = bytes([0, 0b00011011])
    path = tmp_path / "two.png"
    path.write_bytes(
        b"\x89PNG\r\n\x1a\n"
        + chunk(b"IHDR", header)
        + chunk(b"IDAT", zlib.compress(rows))
        + chunk(b"IEND", b"")
    )
    numbers = read_raw(path).numbers
    assert numbers is not None
    assert numbers.tolist() == [[0, 1, 2, 3]]
    Image.fromarray(np.array([[True, False]])).save(tmp_path / "one.png")
    bits = read_raw(tmp_path / "one.png").numbers
    assert bits is not None
    assert bits.tolist() == [[1, 0]]


def test_colours_read_as_ids_are_refused(tmp_path: Path) -> None:
    path = tmp_path / "a.png"
    Image.fromarray(COLOURED[IDS]).save(path)
    codec = MaskCodec(NUMBERS, (MaskClass(0, "a", (0, 0, 0), 0),), MaskRules())
    with pytest.raises(MaskError, match=r"a\.png holds colours, and is read as ids"):
        codec.read(path)
    with pytest.raises(MaskError, match="cannot be read"):
        codec.read(tmp_path / "none.png")


classes = st.lists(
    st.tuples(st.integers(0, 254), st.tuples(*[st.integers(0, 255)] * 3)),
    min_size=1, max_size=12, unique_by=(lambda pair: pair[0], lambda pair: pair[1]),
)  # fmt: skip


@given(classes, st.integers(0, 2**32 - 1))
def test_decoding_equals_a_slow_reading(listed: list[tuple[int, tuple[int, int, int]]], seed: int) -> None:
    known = tuple(
        MaskClass(value, str(value), rgb, place) for place, (value, rgb) in enumerate(sorted(listed))
    )
    generator = np.random.default_rng(seed)
    numbers = generator.choice([entry.value for entry in known] + [7, 255], (5, 6)).astype(np.uint8)
    table = {entry.value: entry.class_id for entry in known} | {255: 255}
    by_number = MaskCodec(NUMBERS, known, MaskRules()).decode(RawMask(numbers), Path("x"))
    assert by_number.ids.tolist() == [[table.get(int(value), 255) for value in row] for row in numbers]
    strange = [int(value) for value in numbers.ravel() if int(value) not in table]
    assert sum(by_number.unmatched.values()) == len(strange)
    assert set(by_number.unmatched) == set(strange)
    palette = np.array([*(entry.rgb for entry in known), (1, 2, 3)], np.uint8)
    colours = palette[generator.integers(0, len(palette), (5, 6))]
    codec = pickle.loads(pickle.dumps(MaskCodec(COLOURS, known, MaskRules())))
    wanted = {entry.rgb: entry.class_id for entry in known}
    slow = [[wanted.get((int(r), int(g), int(b)), 255) for r, g, b in row] for row in colours]
    assert codec.decode(RawMask(None, colours), Path("x")).ids.tolist() == slow
