"""Images of every kind become upright RGB or a clear error; masks keep their ids; writes are whole or not."""

import os
import struct
import zlib
from collections.abc import Callable
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray
from PIL import Image

from segstudio import images
from segstudio.errors import ImageError, MaskError
from segstudio.images import (
    atomic_write,
    count_frames,
    frames,
    image_size,
    list_images,
    mask_bytes,
    natural_key,
    read_image,
    read_mask,
    thumbnail,
    write_image,
    write_mask,
)

Pixels = NDArray[np.uint8]
COLOURS = np.random.default_rng(5).integers(0, 256, (256, 3), np.uint8)
# How a camera that was turned stores an upright picture, by its EXIF orientation (EXIF 2.3, table 6).
STORED: dict[int, Callable[[Pixels], Pixels]] = {
    1: lambda upright: upright,
    2: lambda upright: upright[:, ::-1],
    3: lambda upright: upright[::-1, ::-1],
    4: lambda upright: upright[::-1],
    5: lambda upright: upright.transpose(1, 0, 2),
    6: lambda upright: np.rot90(upright, 1),
    7: lambda upright: upright[::-1, ::-1].transpose(1, 0, 2),
    8: lambda upright: np.rot90(upright, -1),
}


def quarters(height: int = 32, width: int = 48) -> Pixels:
    """Four quarters of different colours, so that every turn and mirror image is told apart."""
    picture = np.zeros((height, width, 3), np.uint8)
    picture[: height // 2, : width // 2] = (220, 30, 30)
    picture[: height // 2, width // 2 :] = (30, 200, 40)
    picture[height // 2 :, : width // 2] = (30, 40, 210)
    picture[height // 2 :, width // 2 :] = (230, 220, 40)
    return picture


def save_with_orientation(path: Path, upright: Pixels, orientation: int) -> None:
    exif = Image.Exif()
    exif[0x0112] = orientation
    stored = np.ascontiguousarray(STORED[orientation](upright))
    options: dict[str, Any] = {"quality": 95, "subsampling": 0} if path.suffix == ".jpg" else {}
    Image.fromarray(stored).save(path, exif=exif, **options)


@pytest.mark.parametrize("suffix", [".png", ".jpg", ".webp", ".tif"])
@pytest.mark.parametrize("orientation", range(1, 9))
def test_exif_orientation_is_applied_once(tmp_path: Path, orientation: int, suffix: str) -> None:
    upright = quarters()
    path = tmp_path / f"photo{suffix}"
    save_with_orientation(path, upright, orientation)
    read = read_image(path)
    assert read.shape == upright.shape
    # The middle of each quarter: lossy codecs blur only the seams.
    for row, column in ((8, 12), (8, 36), (24, 12), (24, 36)):
        assert np.abs(read[row, column].astype(int) - upright[row, column]).max() < 16
    assert image_size(path) == (48, 32)


@pytest.mark.parametrize("orientation", range(1, 9))
@pytest.mark.parametrize("compression", ["raw", "tiff_lzw"])
def test_turned_grey_tiff(tmp_path: Path, compression: str, orientation: int) -> None:
    upright = np.random.default_rng(orientation).integers(0, 256, (9, 14), np.uint8)
    exif = Image.Exif()
    exif[0x0112] = orientation
    stored = np.ascontiguousarray(STORED[orientation](upright[:, :, None])[:, :, 0])
    Image.fromarray(stored).save(tmp_path / "scan.tif", exif=exif, compression=compression)
    assert image_size(tmp_path / "scan.tif") == (14, 9)
    assert np.array_equal(read_image(tmp_path / "scan.tif")[:, :, 0], upright)


@pytest.mark.parametrize("orientation", [1, 3, 6, 8])
def test_thumbnails_are_upright_too(tmp_path: Path, orientation: int) -> None:
    upright = quarters(320, 480)
    save_with_orientation(tmp_path / "photo.jpg", upright, orientation)
    small = thumbnail(tmp_path / "photo.jpg", 48)
    assert small.shape == (32, 48, 3)
    assert np.abs(small[8, 12].astype(int) - upright[0, 0]).max() < 16
    assert np.abs(small[24, 36].astype(int) - upright[-1, -1]).max() < 16


def test_grey_becomes_three_equal_channels(tmp_path: Path) -> None:
    grey = np.arange(256, dtype=np.uint8).reshape(8, 32)
    Image.fromarray(grey).save(tmp_path / "grey.png")
    assert np.array_equal(read_image(tmp_path / "grey.png"), np.repeat(grey[:, :, None], 3, axis=2))


@pytest.mark.parametrize("suffix", [".png", ".tif"])
def test_16_bit_grey_is_divided_by_257(tmp_path: Path, suffix: str) -> None:
    eight = np.arange(256, dtype=np.uint16).reshape(8, 32)
    path = tmp_path / f"deep{suffix}"
    Image.fromarray(eight * np.uint16(257)).save(path)
    assert np.array_equal(read_image(path)[:, :, 1], eight)


def test_16_bit_grey_is_rounded(tmp_path: Path) -> None:
    Image.fromarray(np.array([[0, 128, 129, 65406, 65407, 65535]], np.uint16)).save(tmp_path / "deep.png")
    assert read_image(tmp_path / "deep.png")[0, :, 0].tolist() == [0, 0, 1, 254, 255, 255]


def test_float_tiff_is_scaled_by_its_range(tmp_path: Path) -> None:
    Image.fromarray(np.array([[0.0, 0.5, 1.0, np.nan]], np.float32)).save(tmp_path / "float.tiff")
    assert read_image(tmp_path / "float.tiff")[0, :, 2].tolist() == [0, 128, 255, 0]


def test_alpha_is_dropped(tmp_path: Path) -> None:
    alpha = np.full((32, 48, 1), 7, np.uint8)
    Image.fromarray(np.concatenate([quarters(), alpha], axis=2)).save(tmp_path / "alpha.png")
    assert np.array_equal(read_image(tmp_path / "alpha.png"), quarters())


def test_grey_with_alpha_and_one_bit(tmp_path: Path) -> None:
    Image.fromarray(np.dstack([np.full((4, 5), 90, np.uint8), np.zeros((4, 5), np.uint8)])).save(
        tmp_path / "la.png"
    )
    assert np.all(read_image(tmp_path / "la.png") == 90)
    Image.fromarray(np.array([[True, False]])).save(tmp_path / "bit.png")
    assert read_image(tmp_path / "bit.png").tolist() == [[[255] * 3, [0] * 3]]


@pytest.mark.parametrize("transparent", [False, True])
def test_palette_png_gives_its_colours(tmp_path: Path, transparent: bool) -> None:
    ids = np.array([[0, 1, 2], [2, 1, 0]], np.uint8)
    indexed = Image.fromarray(ids).convert("L")
    indexed.putpalette(COLOURS.tobytes())
    options: dict[str, Any] = {"transparency": 1} if transparent else {}
    indexed.save(tmp_path / "indexed.png", **options)
    assert np.array_equal(read_image(tmp_path / "indexed.png"), COLOURS[ids])


def test_cmyk_jpeg(tmp_path: Path) -> None:
    Image.fromarray(quarters()).convert("CMYK").save(tmp_path / "print.jpg", quality=95, subsampling=0)
    read = read_image(tmp_path / "print.jpg")
    assert read.shape == (32, 48, 3)
    assert np.abs(read[8, 12].astype(int) - quarters()[8, 12]).max() < 16
    assert np.abs(read[24, 36].astype(int) - quarters()[24, 36]).max() < 16


@pytest.mark.parametrize("compression", ["raw", "tiff_lzw", "tiff_adobe_deflate"])
def test_tiff(tmp_path: Path, compression: str) -> None:
    Image.fromarray(quarters()).save(tmp_path / "scan.tiff", compression=compression)
    assert np.array_equal(read_image(tmp_path / "scan.tiff"), quarters())


@pytest.mark.parametrize("suffix", sorted(images.IMAGE_SUFFIXES))
def test_one_pixel(tmp_path: Path, suffix: str) -> None:
    path = tmp_path / f"dot{suffix}"
    Image.new("RGB", (1, 1), (200, 200, 200)).save(path)
    assert np.abs(read_image(path).astype(int) - 200).max() <= 3
    assert read_image(path).shape == (1, 1, 3)
    assert image_size(path) == (1, 1)
    assert thumbnail(path, 64).shape == (1, 1, 3)


def damaged_files(folder: Path) -> dict[str, Path]:
    """One file for each way of being no image."""
    folder.mkdir(exist_ok=True)
    (folder / "empty.png").write_bytes(b"")
    (folder / "text.jpg").write_text("this is a shopping list", encoding="utf-8")
    Image.fromarray(np.random.default_rng(1).integers(0, 256, (64, 64, 3), np.uint8)).save(
        folder / "whole.png"
    )
    whole = (folder / "whole.png").read_bytes()
    (folder / "truncated.png").write_bytes(whole[: len(whole) // 2])
    (folder / "header.png").write_bytes(whole[:20])
    Image.fromarray(quarters(256, 256)).save(folder / "whole.jpg", quality=95)
    (folder / "truncated.jpg").write_bytes((folder / "whole.jpg").read_bytes()[:700])
    (folder / "folder.png").mkdir()
    names = (
        "empty.png",
        "text.jpg",
        "truncated.png",
        "header.png",
        "truncated.jpg",
        "folder.png",
        "none.png",
    )
    return {name: folder / name for name in names}


DAMAGED = ("empty.png", "text.jpg", "truncated.png", "header.png", "truncated.jpg", "folder.png", "none.png")


@pytest.mark.parametrize("name", DAMAGED)
def test_damaged_files_are_named_in_the_error(tmp_path: Path, name: str) -> None:
    path = damaged_files(tmp_path / "photos")[name]
    for read in (read_image, lambda path: thumbnail(path, 32)):
        with pytest.raises(ImageError) as caught:
            read(path)
        assert str(path) in caught.value.message
        assert "\n" not in str(caught.value)


@pytest.mark.parametrize("name", DAMAGED)
def test_damaged_masks_are_mask_errors(tmp_path: Path, name: str) -> None:
    path = damaged_files(tmp_path / "masks")[name]
    with pytest.raises(MaskError) as caught:
        read_mask(path)
    assert str(path) in caught.value.message
    assert caught.value.hint


def test_huge_sizes_are_refused_before_memory_is_taken(tmp_path: Path) -> None:
    header = struct.pack(">IIBBBBB", 60_000, 60_000, 8, 2, 0, 0, 0)
    Image.new("RGB", (1, 1)).save(tmp_path / "bomb.png")
    small = (tmp_path / "bomb.png").read_bytes()
    chunk = b"IHDR" + header
    crc = struct.pack(">I", zlib.crc32(chunk))
    (tmp_path / "bomb.png").write_bytes(small[:8] + struct.pack(">I", 13) + chunk + crc + small[33:])
    with pytest.raises(ImageError, match=r"bomb\.png"):
        read_image(tmp_path / "bomb.png")


@settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    width=st.integers(1, 40),
    height=st.integers(1, 40),
    mode=st.sampled_from(["RGB", "L", "P", "RGBA", "CMYK", "1"]),
    suffix=st.sampled_from([".png", ".jpg", ".tif"]),
    orientation=st.integers(1, 8),
)
def test_the_header_says_the_size_that_reading_gives(
    tmp_path: Path, width: int, height: int, mode: str, suffix: str, orientation: int
) -> None:
    path = tmp_path / f"any{suffix}"
    fits = {".jpg": ("RGB", "L", "CMYK"), ".png": ("RGB", "L", "P", "RGBA", "1")}
    if mode not in fits.get(suffix, (mode,)):
        mode = "RGB"
    exif = Image.Exif()
    exif[0x0112] = orientation
    Image.new(mode, (width, height)).save(path, exif=exif)
    assert image_size(path) == read_image(path).shape[1::-1]


def test_natural_order() -> None:
    names = ["frame10", "Frame2", "frame1", "a", "frame02b", "10", "9"]
    # Digits as numbers and before letters, case aside.
    assert sorted(names, key=natural_key) == ["9", "10", "a", "frame1", "Frame2", "frame02b", "frame10"]


@given(st.lists(st.text(alphabet="ab019-_ ²①", max_size=8)))
def test_natural_order_never_fails(names: list[str]) -> None:
    keys = [natural_key(name) for name in names]
    assert [natural_key(name) for name in sorted(names, key=natural_key)] == sorted(keys)


def test_listing_takes_images_and_leaves_own_and_hidden_folders_out(tmp_path: Path) -> None:
    wanted = ["frame1.jpg", "frame2.PNG", "frame10.jpeg", "night/a.webp", "night/masks2/b.bmp"]
    unwanted = ["notes.txt", ".hidden.png", ".cache/a.png", "masks/a.png", "predictions/a.png", "clip.mp4",
                "night/masks/c.png", "night/predictions/deep/c.png"]  # fmt: skip
    for name in (*wanted, *unwanted):
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_bytes(b"")
    assert [path.relative_to(tmp_path).as_posix() for path in list_images(tmp_path)] == wanted
    assert [path.name for path in list_images(tmp_path, recursive=False)] == [
        "frame1.jpg", "frame2.PNG", "frame10.jpeg"
    ]  # fmt: skip
    assert [path.name for path in list_images(tmp_path / "masks")] == ["a.png"]


def test_listing_a_folder_that_is_not_there(tmp_path: Path) -> None:
    with pytest.raises(ImageError, match="nowhere"):
        list_images(tmp_path / "nowhere")


@settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    seed=st.integers(0, 2**32 - 1),
    height=st.integers(1, 70),
    width=st.integers(1, 70),
    top=st.integers(0, 255),
)
def test_masks_keep_every_id(tmp_path: Path, seed: int, height: int, width: int, top: int) -> None:
    mask = np.random.default_rng(seed).integers(0, top + 1, (height, width), np.uint8)
    path = tmp_path / "mask.png"
    write_mask(path, mask, COLOURS)
    read = read_mask(path)
    assert read.dtype == np.uint8
    assert np.array_equal(read, mask)
    with Image.open(path) as stored:
        assert stored.mode == "P"
        assert stored.getpalette() == COLOURS.ravel().tolist()
    # OpenCV decodes the colours, so it is an independent witness of the palette.
    shown = cv2.imread(str(path), cv2.IMREAD_COLOR)
    assert shown is not None
    assert np.array_equal(shown[:, :, ::-1], COLOURS[mask])


def test_masks_are_indexed_with_8_bits_and_256_entries() -> None:
    code = mask_bytes(np.zeros((3, 5), np.uint8), COLOURS)
    width, height, depth, kind = struct.unpack(">IIBB", code[16:26])
    assert (width, height, depth, kind) == (5, 3, 8, 3)
    place = code.index(b"PLTE")
    assert struct.unpack(">I", code[place - 4 : place])[0] == 256 * 3
    assert code[place + 4 : place + 4 + 768] == COLOURS.tobytes()


def test_views_of_masks_are_written_as_they_look() -> None:
    mask = np.arange(48, dtype=np.uint8).reshape(6, 8)[::-1, ::2]
    assert mask_bytes(mask, COLOURS) == mask_bytes(mask.copy(), COLOURS)


@pytest.mark.parametrize("mask", [np.zeros((2, 2, 1), np.uint8), np.zeros((2, 2), np.int64)])
def test_what_is_no_mask_is_not_written(mask: NDArray[np.uint8]) -> None:
    with pytest.raises(ValueError, match="mask"):
        mask_bytes(mask, COLOURS)


@pytest.mark.parametrize("bits", [1, 2, 4])
def test_masks_of_other_tools_with_few_bits(tmp_path: Path, bits: int) -> None:
    ids = np.random.default_rng(2).integers(0, 2**bits, (7, 9), np.uint8)
    indexed = Image.fromarray(ids).convert("L")
    indexed.putpalette(COLOURS[: 2**bits].tobytes())
    indexed.save(tmp_path / "few.png", bits=bits)
    assert np.array_equal(read_mask(tmp_path / "few.png"), ids)


def test_grey_16_bit_and_1_bit_masks(tmp_path: Path) -> None:
    ids = np.array([[0, 1, 18], [255, 7, 0]], np.uint8)
    Image.fromarray(ids).save(tmp_path / "grey.png")
    Image.fromarray(ids.astype(np.uint16)).save(tmp_path / "wide.png")
    Image.fromarray(ids > 0).save(tmp_path / "bit.png")
    assert np.array_equal(read_mask(tmp_path / "grey.png"), ids)
    assert np.array_equal(read_mask(tmp_path / "wide.png"), ids)
    assert np.array_equal(read_mask(tmp_path / "bit.png"), ids > 0)


def test_ids_above_255_are_refused(tmp_path: Path) -> None:
    Image.fromarray(np.array([[0, 24001]], np.uint16)).save(tmp_path / "instances.png")
    with pytest.raises(MaskError, match=r"instances\.png holds ids up to 24001"):
        read_mask(tmp_path / "instances.png")


@pytest.mark.parametrize("mode", ["RGB", "RGBA"])
def test_coloured_masks_are_refused(tmp_path: Path, mode: str) -> None:
    Image.new(mode, (4, 4)).save(tmp_path / "colour.png")
    with pytest.raises(MaskError, match=r"colour\.png holds colours") as caught:
        read_mask(tmp_path / "colour.png")
    assert "indexed" in caught.value.hint


@pytest.mark.parametrize("suffix", [".png", ".tif", ".bmp"])
def test_pictures_round_trip(tmp_path: Path, suffix: str) -> None:
    write_image(tmp_path / f"new/folder/picture{suffix}", quarters())
    assert np.array_equal(read_image(tmp_path / f"new/folder/picture{suffix}"), quarters())


def test_pictures_need_a_known_suffix(tmp_path: Path) -> None:
    with pytest.raises(ImageError, match="suffix"):
        write_image(tmp_path / "picture.xyz", quarters())
    assert list(tmp_path.iterdir()) == []


def test_writing_leaves_no_other_file(tmp_path: Path) -> None:
    for content in (b"first", b"second"):
        atomic_write(tmp_path / "mask.png", content)
    assert [path.name for path in tmp_path.iterdir()] == ["mask.png"]
    assert (tmp_path / "mask.png").read_bytes() == b"second"


@pytest.mark.parametrize("step", ["fsync", "replace"])
def test_a_failed_write_keeps_the_old_file(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, step: str
) -> None:
    path = tmp_path / "mask.png"
    write_mask(path, np.ones((4, 4), np.uint8), COLOURS)
    before = path.read_bytes()

    def full(*_: object) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, step, full)
    with pytest.raises(ImageError, match=r"mask\.png cannot be written: No space left"):
        write_mask(path, np.zeros((4, 4), np.uint8), COLOURS)
    assert path.read_bytes() == before
    assert [entry.name for entry in tmp_path.iterdir()] == ["mask.png"]


def test_a_write_below_a_file_is_refused(tmp_path: Path) -> None:
    (tmp_path / "file").write_bytes(b"")
    with pytest.raises(ImageError, match="cannot be written"):
        atomic_write(tmp_path / "file" / "mask.png", b"content")


@pytest.fixture
def clip(tmp_path: Path) -> Path:
    path = tmp_path / "clip.avi"
    video = cv2.VideoWriter(str(path), cv2.VideoWriter.fourcc(*"MJPG"), 10, (64, 48))
    if not video.isOpened():
        pytest.skip("this OpenCV writes no video")
    for index in range(7):
        # BGR: red rises with the index, so frames are told apart and channel order shows.
        video.write(np.full((48, 64, 3), (0, 0, index * 30), np.uint8))
    video.release()
    return path


@pytest.mark.parametrize(("stride", "expected"), [(1, range(7)), (3, (0, 3, 6))])
def test_video_frames(clip: Path, stride: int, expected: range) -> None:
    read = list(frames(clip, stride))
    assert [index for index, _ in read] == list(expected)
    assert count_frames(clip) == 7
    for index, rgb in read:
        assert rgb.shape == (48, 64, 3)
        assert rgb.dtype == np.uint8
        assert np.abs(rgb[24, 32].astype(int) - (index * 30, 0, 0)).max() < 12


def test_what_is_no_video(tmp_path: Path) -> None:
    (tmp_path / "clip.mp4").write_text("no video", encoding="utf-8")
    with pytest.raises(ImageError, match=r"clip\.mp4"):
        next(frames(tmp_path / "clip.mp4"))
    with pytest.raises(ImageError, match=r"clip\.mp4"):
        count_frames(tmp_path / "clip.mp4")
