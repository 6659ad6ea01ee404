"""Reads images and video frames as RGB, reads and writes masks as indexed PNG, makes thumbnails."""

import contextlib
import io
import math
import os
import re
import secrets
import shutil
import warnings
from collections.abc import Iterator
from pathlib import Path

import cv2
import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageOps, UnidentifiedImageError

from segstudio.errors import ImageError, MaskError

Rgb = NDArray[np.uint8]
Mask = NDArray[np.uint8]

IMAGE_SUFFIXES = frozenset({".jpg", ".jpeg", ".png", ".bmp", ".tif", ".tiff", ".webp"})
VIDEO_SUFFIXES = frozenset({".mp4", ".avi", ".mov", ".mkv", ".webm", ".m4v"})
# What segstudio itself writes beside images; never taken for frames.
OWN_FOLDERS = frozenset({"masks", "predictions"})
LARGEST_SIDE = 16384
Image.MAX_IMAGE_PIXELS = LARGEST_SIDE * LARGEST_SIDE

BAND_PIXELS = 1 << 22
EXIF_ORIENTATION = 0x0112
SIDEWAYS = frozenset({5, 6, 7, 8})
MASK_COMPRESSION = 2


def natural_key(text: str) -> list[tuple[int, int, str]]:
    """Sorts frame2 before frame10: digits count as numbers."""
    parts = re.split(r"(\d+)", text.casefold())
    return [(1, int(part), "") if part.isdecimal() else (0, 0, part) for part in parts]


def list_images(folder: Path, *, recursive: bool = True) -> list[Path]:
    """All images below a folder in natural order; hidden folders and OWN_FOLDERS are left out.

    Raises:
        ImageError: the folder cannot be listed.
    """
    found: list[Path] = []
    pending = [folder]
    while pending:
        current = pending.pop()
        try:
            with os.scandir(current) as entries:
                for entry in entries:
                    if entry.name.startswith("."):
                        continue
                    if entry.is_dir():
                        if recursive and entry.name not in OWN_FOLDERS:
                            pending.append(Path(entry.path))
                    elif os.path.splitext(entry.name)[1].lower() in IMAGE_SUFFIXES:
                        found.append(Path(entry.path))
        except OSError as error:
            raise ImageError(f"{current} cannot be listed: {error.strerror}") from error
    return sorted(found, key=lambda path: natural_key(path.relative_to(folder).as_posix()))


def read_image(path: Path) -> Rgb:
    """Decodes an image to RGB, uint8 [H,W,3], upright by its EXIF orientation.

    Grey becomes three equal channels; 16-bit samples are scaled by 1/257 (floats by their range 0-1); alpha
    is dropped; CMYK and palettes are converted.

    Raises:
        ImageError: the file is missing, empty, truncated or no image.
    """
    with _opened(path) as image:
        upright = _decoded(image, path)
        if upright.mode in ("I;16", "I;16B", "I;16L", "I", "F"):
            grey = _grey_to_8_bit(np.asarray(upright), upright.mode)
            return np.repeat(grey[:, :, None], 3, axis=2)
        if upright.mode in ("P", "PA") and "transparency" in upright.info:
            upright = upright.convert("RGBA")
        return _pixels(upright if upright.mode == "RGB" else upright.convert("RGB"))


def _pixels(image: Image.Image) -> Rgb:
    """The pixels of an RGB image, band by band: all at once would be in memory three times for a moment."""
    pixels = np.empty((image.height, image.width, 3), np.uint8)
    rows = max(1, BAND_PIXELS // image.width)
    for top in range(0, image.height, rows):
        bottom = min(top + rows, image.height)
        whole = rows >= image.height
        pixels[top:bottom] = np.asarray(image if whole else image.crop((0, top, image.width, bottom)))
    return pixels


def image_size(path: Path) -> tuple[int, int]:
    """(width, height) of the upright image, from the header alone.

    Raises:
        ImageError: the file is missing or no image.
    """
    with _opened(path) as image:
        # Pillow states the size of a TIFF upright already.
        sideways = image.format != "TIFF" and image.getexif().get(EXIF_ORIENTATION) in SIDEWAYS
        return (image.height, image.width) if sideways else (image.width, image.height)


def thumbnail(path: Path, size: int) -> Rgb:
    """A small upright RGB picture whose longer side is at most `size` pixels."""
    with _opened(path) as image:
        # A JPEG is decoded at a fraction of its size, which is many times faster.
        image.draft("RGB", (size * 2, size * 2))
        if image.mode.startswith("I") or image.mode == "F":
            rgb = Image.fromarray(read_image(path))
        else:
            rgb = _decoded(image, path).convert("RGB")
        rgb.thumbnail((size, size), Image.Resampling.BILINEAR)
        return np.array(rgb, np.uint8)


def read_mask(path: Path) -> Mask:
    """Class ids, uint8 [H,W], of an indexed, grey or 1-bit file (never the palette's colours).

    Raises:
        MaskError: the file cannot be read, or holds colours or ids above 255.
    """
    try:
        with _opened(path) as image:
            image.load()
            if image.mode in ("P", "L"):
                return np.array(image, np.uint8)
            if image.mode == "1":
                return np.array(image.convert("L"), np.uint8) // 255
            if image.mode.startswith("I"):
                wide = np.asarray(image)
                if wide.min() >= 0 and wide.max() <= 255:
                    return wide.astype(np.uint8)
                raise MaskError(f"{path} holds ids up to {wide.max()}", hint="masks hold ids 0-255")
            raise MaskError(
                f"{path} holds colours ({image.mode}), not class ids",
                hint="masks are indexed or grey 8-bit PNG files",
            )
    except (ImageError, OSError, SyntaxError, ValueError) as error:
        reason = error.message if isinstance(error, ImageError) else f"{path} cannot be read: {error}"
        raise MaskError(reason, hint="restore it from a copy, or delete it to start anew") from error


def mask_bytes(mask: Mask, colours: NDArray[np.uint8]) -> bytes:
    """An 8-bit indexed PNG of ids uint8 [H,W] with all 256 colours uint8 [256,3].

    Raises:
        ValueError: wrong shape or dtype.
    """
    if mask.ndim != 2 or mask.dtype != np.uint8 or colours.shape != (256, 3):
        raise ValueError(f"mask {mask.shape} {mask.dtype}, colours {colours.shape}")
    image = Image.fromarray(np.ascontiguousarray(mask)).convert("L")
    # With fewer entries Pillow would write 1, 2 or 4 bits a pixel, which other tools misread.
    image.putpalette(np.ascontiguousarray(colours, np.uint8).tobytes())
    stream = io.BytesIO()
    image.save(stream, "PNG", compress_level=MASK_COMPRESSION, bits=8)
    return stream.getvalue()


def write_mask(path: Path, mask: Mask, colours: NDArray[np.uint8]) -> None:
    """Writes ids as an indexed PNG; the old file stays whole until the new one is complete."""
    atomic_write(path, mask_bytes(mask, colours))


def write_image(path: Path, rgb: NDArray[np.uint8]) -> None:
    """Writes RGB [H,W,3] or grey [H,W] in the format of the suffix, atomically.

    Raises:
        ImageError: the suffix names no format, or the disk refuses.
    """
    stream = io.BytesIO()
    kind = Image.registered_extensions().get(path.suffix.lower())
    if kind is None:
        raise ImageError(f"{path} has no image suffix", hint="use .png or .jpg")
    options = {"compress_level": MASK_COMPRESSION} if kind == "PNG" else {"quality": 92}
    Image.fromarray(np.ascontiguousarray(rgb)).save(stream, kind, **options)
    atomic_write(path, stream.getvalue())


def atomic_write(path: Path, content: bytes) -> None:
    """Writes beside the target and replaces it, so that a crash leaves the old file or the new one.

    The new file has the old one's rights, or those that the user's umask gives to any new file.

    Raises:
        ImageError: the folder or the disk refuses; the old file is untouched.
    """
    temporary = path.with_name(f".{path.name[:100]}.{secrets.token_hex(6)}.part")
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        with temporary.open("xb") as stream:
            stream.write(content)
            stream.flush()
            os.fsync(stream.fileno())
        with contextlib.suppress(OSError):
            shutil.copymode(path, temporary)
        os.replace(temporary, path)
    except OSError as error:
        with contextlib.suppress(OSError):
            temporary.unlink(missing_ok=True)
        raise ImageError(
            f"{path} cannot be written: {error.strerror or error}", hint="free some space or check its rights"
        ) from error


def frames(path: Path, stride: int = 1) -> Iterator[tuple[int, Rgb]]:
    """(index, RGB uint8 [H,W,3]) of every `stride`-th frame of a video.

    Raises:
        ImageError: OpenCV cannot open it.
    """
    video = _video(path)
    try:
        index = 0
        while video.grab():
            if index % stride == 0:
                read, bgr = video.retrieve()
                if read:
                    yield index, np.ascontiguousarray(bgr[:, :, ::-1]).astype(np.uint8, copy=False)
            index += 1
    finally:
        video.release()


def count_frames(path: Path, most: float = math.inf) -> int:
    """How many frames `frames` goes through, by going through them: what headers say is often wrong.

    Raises:
        ImageError: OpenCV cannot open it.
    """
    video = _video(path)
    try:
        count = 0
        while count < most and video.grab():
            count += 1
        return count
    finally:
        video.release()


def frame_rate(path: Path) -> float:
    """Frames a second of a video; 0 where the file does not say.

    Raises:
        ImageError: OpenCV cannot open it.
    """
    video = _video(path)
    try:
        rate = float(video.get(cv2.CAP_PROP_FPS))
        return rate if math.isfinite(rate) and rate > 0 else 0.0
    finally:
        video.release()


def write_video(path: Path, pictures: Iterator[Rgb], rate: float) -> None:
    """Writes pictures uint8 [H,W,3] of one size as MP4, beside the target first.

    Raises:
        ImageError: OpenCV here writes no MP4, or the disk refuses.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    temporary = path.with_name(f".{path.stem[:100]}.{secrets.token_hex(6)}.part.mp4")
    video: cv2.VideoWriter | None = None
    try:
        for picture in pictures:
            if video is None:
                height, width = picture.shape[:2]
                video = cv2.VideoWriter(
                    str(temporary), cv2.VideoWriter.fourcc(*"mp4v"), rate, (width, height)
                )
                if not video.isOpened():
                    raise ImageError(f"{path} cannot be written as a video", hint="check the folder's rights")
            video.write(np.ascontiguousarray(picture[:, :, ::-1]))
        if video is not None:
            video.release()
            os.replace(temporary, path)
    finally:
        if video is not None:
            video.release()
        temporary.unlink(missing_ok=True)


def _video(path: Path) -> cv2.VideoCapture:
    video = cv2.VideoCapture(str(path))
    if not video.isOpened():
        raise ImageError(f"{path} cannot be opened as a video", hint="convert it to MP4 (H.264)")
    return video


@contextlib.contextmanager
def _opened(path: Path) -> Iterator[Image.Image]:
    """Opens with Pillow; its many ways to fail become one ImageError with the reason."""
    try:
        if path.stat().st_size == 0:
            raise ImageError(f"{path} is empty")
        with warnings.catch_warnings():
            # Pillow warns about odd metadata and large sizes; neither hinders decoding.
            warnings.simplefilter("ignore")
            # A stream, since Pillow maps named files to memory and then misreads turned grey TIFFs.
            with path.open("rb") as stream, Image.open(stream) as image:
                yield image
    except UnidentifiedImageError as error:
        raise ImageError(f"{path} is no image") from error
    except (OSError, SyntaxError, ValueError, EOFError, Image.DecompressionBombError) as error:
        reason = getattr(error, "strerror", None) or str(error) or type(error).__name__
        raise ImageError(f"{path} cannot be read: {reason}") from error


def _decoded(image: Image.Image, path: Path) -> Image.Image:
    if max(image.size) > LARGEST_SIDE:
        raise ImageError(f"{path} is {image.width}x{image.height}, more than {LARGEST_SIDE} pixels a side")
    image.load()
    # In place: else an upright image is copied for nothing.
    ImageOps.exif_transpose(image, in_place=True)
    return image


def _grey_to_8_bit(values: NDArray[np.generic], mode: str) -> NDArray[np.uint8]:
    wide = values.astype(np.float32)
    if mode == "F":
        wide = wide * 255.0 if np.nanmax(wide, initial=0.0) <= 1.0 else wide
    elif mode != "I" or wide.max(initial=0) > 255:
        # 32-bit integers say nothing about their range; 16-bit ones do, however dark the picture is.
        wide = wide / 257.0
    return np.clip(np.rint(np.nan_to_num(wide)), 0, 255).astype(np.uint8)
