"""Predicting folders: what is written where, going on after a stop, and nothing of the user's overwritten."""

import json
import os
import threading
from pathlib import Path
from typing import TYPE_CHECKING

import cv2
import numpy as np
import pytest
from numpy.typing import NDArray

from segstudio.annotation.palette import load_palette
from segstudio.errors import BackendError, Cancelled, ImageError, InputError, ModelError
from segstudio.images import frame_rate, frames, read_image, read_mask, write_image
from segstudio.inference.backend import Options
from segstudio.inference.catalog import find_model
from segstudio.inference.predictor import WINDOWS
from segstudio.inference.spec import network_size
from segstudio.jobs import JobContext
from segstudio.workflows.inputs import VideoPart, list_sources
from segstudio.workflows.predict import predict_inputs

if TYPE_CHECKING:
    from tests.workflows.conftest import RedBackend

MODEL = "street-b0"
HEIGHT, WIDTH = 6, 9


def picture(seed: int) -> NDArray[np.uint8]:
    """Red holds class ids, green the confidence; see RedBackend."""
    random = np.random.default_rng(seed)
    rgb = random.integers(0, 256, (HEIGHT, WIDTH, 3), np.uint8)
    rgb[:, :, 0] %= 19
    return rgb


@pytest.fixture
def photos(tmp_path: Path) -> Path:
    folder = tmp_path / "photos"
    for seed, name in enumerate(("frame1.png", "frame2.png", "night/frame1.png", "night/frame10.png")):
        write_image(folder / name, picture(seed))
    return folder


def written(out: Path) -> list[str]:
    """Relative names of all files below a folder."""
    return sorted(path.relative_to(out).as_posix() for path in out.rglob("*") if path.is_file())


def test_outputs_take_the_inputs_folders_and_names(
    photos: Path, tmp_path: Path, red_backend: "RedBackend"
) -> None:
    result = predict_inputs([photos], MODEL, tmp_path / "out")
    assert (result.images, result.resumed, result.skipped) == (4, 0, ())
    assert (result.backend, result.device, result.out) == ("red", "paper", str(tmp_path / "out"))
    assert written(tmp_path / "out") == [
        "frame1.png", "frame2.png", "night/frame1.png", "night/frame10.png", "predict.json"
    ]  # fmt: skip
    for image in photos.rglob("*.png"):
        ids = read_mask(tmp_path / "out" / image.relative_to(photos))
        assert np.array_equal(ids, read_image(image)[:, :, 0])
    assert red_backend.closed


def test_times_are_those_of_the_images(photos: Path, tmp_path: Path, red_backend: "RedBackend") -> None:
    result = predict_inputs([photos], MODEL, tmp_path / "out")
    assert set(result.stages) == {"decode", "inference", "write"}
    assert 0 < result.latency_ms["p50"] <= result.latency_ms["p95"] <= result.latency_ms["p99"]
    assert result.fps == pytest.approx(4 / result.seconds, rel=0.05)


def test_every_kind_of_output(photos: Path, tmp_path: Path, red_backend: "RedBackend") -> None:
    out = tmp_path / "out"
    predict_inputs([photos / "frame1.png"], MODEL, out, save=["ids", "color", "overlay", "confidence"])
    image = picture(0)
    colours = load_palette("cityscapes").colours()
    assert np.array_equal(read_mask(out / "frame1.png"), image[:, :, 0])
    assert np.array_equal(read_image(out / "frame1.png"), colours[image[:, :, 0]])
    assert np.array_equal(read_image(out / "color/frame1.png"), colours[image[:, :, 0]])
    assert np.array_equal(read_mask(out / "confidence/frame1.png"), image[:, :, 1])
    assert read_image(out / "overlay/frame1.jpg").shape == image.shape


def test_the_runner_up_is_written_on_request(tmp_path: Path, red_backend: "RedBackend") -> None:
    plain = np.full((64, 96, 3), 7, np.uint8)
    plain[:, :, 0] = 4
    plain[:, 48:, 0] = 11
    write_image(tmp_path / "in/half.png", plain)
    out = tmp_path / "out"
    predict_inputs([tmp_path / "in"], MODEL, out, save=["ids", "second", "margin", "confidence"])
    assert not red_backend.runs
    ids, second = read_mask(out / "half.png"), read_mask(out / "second/half.png")
    assert np.array_equal(ids[:, :40], np.full((64, 40), 4))
    assert np.array_equal(ids[:, 56:], np.full((64, 40), 11))
    assert np.isin(second[:, :40], [3, 5]).all()
    margin, confidence = read_mask(out / "margin/half.png"), read_mask(out / "confidence/half.png")
    # One degree of red nearer: the next class is e times less likely.
    expected = confidence[:, :40] * (1 - 1 / np.e)
    assert np.abs(margin[:, :40] - expected).max() < 3


@pytest.mark.parametrize("scales", [(0.5,), (1.0, 2.0)])
def test_outputs_of_other_scales_are_made_again(
    photos: Path, tmp_path: Path, red_backend: "RedBackend", scales: tuple[float, ...]
) -> None:
    assert predict_inputs([photos], MODEL, tmp_path / "out").images == 4
    assert predict_inputs([photos], MODEL, tmp_path / "out", scales=scales).images == 4
    assert predict_inputs([photos], MODEL, tmp_path / "out", scales=scales).images == 0
    assert predict_inputs([photos], MODEL, tmp_path / "out").images == 4


def test_a_model_that_cannot_be_opened_makes_nothing_look_old(
    photos: Path, tmp_path: Path, red_backend: "RedBackend", monkeypatch: pytest.MonkeyPatch
) -> None:
    predict_inputs([photos], MODEL, tmp_path / "out")

    def refuse(*_: object) -> None:
        raise BackendError("no such units")

    with monkeypatch.context() as patch:
        patch.setattr("segstudio.workflows.predict.open_backend", refuse)
        with pytest.raises(BackendError):
            predict_inputs([photos], MODEL, tmp_path / "out", options=Options(precision="bf16"))
    assert predict_inputs([photos], MODEL, tmp_path / "out").images == 0


def test_a_second_run_does_nothing(photos: Path, tmp_path: Path, red_backend: "RedBackend") -> None:
    predict_inputs([photos], MODEL, tmp_path / "out")
    before = {path: path.stat().st_mtime_ns for path in (tmp_path / "out").rglob("frame*.png")}
    runs = red_backend.runs
    result = predict_inputs([photos], MODEL, tmp_path / "out")
    assert (result.images, result.resumed, result.fps) == (0, 4, 0)
    assert red_backend.runs == runs
    assert {path: path.stat().st_mtime_ns for path in before} == before


def test_what_is_missing_or_older_than_its_image_is_made_again(
    photos: Path, tmp_path: Path, red_backend: "RedBackend"
) -> None:
    out = tmp_path / "out"
    predict_inputs([photos], MODEL, out)
    (out / "frame1.png").unlink()
    write_image(photos / "frame2.png", picture(77))
    later = (out / "frame2.png").stat().st_mtime + 5
    os.utime(photos / "frame2.png", (later, later))
    result = predict_inputs([photos], MODEL, out)
    assert (result.images, result.resumed) == (2, 2)
    assert np.array_equal(read_mask(out / "frame2.png"), picture(77)[:, :, 0])
    assert predict_inputs([photos], MODEL, out, save=["ids", "confidence"]).images == 4


def test_outputs_of_another_way_of_predicting_are_made_again(
    photos: Path, tmp_path: Path, red_backend: "RedBackend"
) -> None:
    predict_inputs([photos], MODEL, tmp_path / "out")
    assert predict_inputs([photos], MODEL, tmp_path / "out", tta=True).images == 4
    assert predict_inputs([photos], MODEL, tmp_path / "out", tta=True).images == 0
    (tmp_path / "out" / "predict.json").write_text("no JSON", encoding="utf-8")
    assert predict_inputs([photos], MODEL, tmp_path / "out", tta=True).images == 4
    manifest = json.loads((tmp_path / "out" / "predict.json").read_text(encoding="utf-8"))
    assert manifest["tta"] is True
    assert manifest["name"] == MODEL


def test_images_of_one_stem_get_outputs_of_their_own(tmp_path: Path, red_backend: "RedBackend") -> None:
    write_image(tmp_path / "in/a.bmp", picture(1))
    write_image(tmp_path / "in/a.png", picture(2))
    predict_inputs([tmp_path / "in"], MODEL, tmp_path / "out")
    assert written(tmp_path / "out") == ["a.png", "a.png.png", "predict.json"]
    assert np.array_equal(read_mask(tmp_path / "out/a.png"), picture(1)[:, :, 0])
    assert np.array_equal(read_mask(tmp_path / "out/a.png.png"), picture(2)[:, :, 0])


def test_folders_with_images_of_the_same_names(tmp_path: Path, red_backend: "RedBackend") -> None:
    for seed, folder in enumerate("abc"):
        write_image(tmp_path / folder / "x.png", picture(seed))
    predict_inputs([tmp_path / folder for folder in "abc"], MODEL, tmp_path / "out")
    read = [read_mask(tmp_path / "out" / name) for name in ("x.png", "x.png.png", "x.png-2.png")]
    assert all(np.array_equal(ids, picture(seed)[:, :, 0]) for seed, ids in enumerate(read))


def test_damaged_images_are_listed_and_the_others_predicted(
    photos: Path, tmp_path: Path, red_backend: "RedBackend"
) -> None:
    (photos / "frame0.png").write_bytes(b"")
    (photos / "frame11.jpg").write_text("text", encoding="utf-8")
    for resumed in (0, 4):
        result = predict_inputs([photos], MODEL, tmp_path / "out")
        assert (result.images, result.resumed) == (4 - resumed, resumed)
        assert {entry.path for entry in result.skipped} == {
            str(photos / "frame0.png"), str(photos / "frame11.jpg")
        }  # fmt: skip
        assert all(entry.path in entry.reason for entry in result.skipped)


def test_progress_counts_to_the_end(photos: Path, tmp_path: Path, red_backend: "RedBackend") -> None:
    told: list[tuple[float, float]] = []
    context = JobContext(lambda done, total, text: told.append((done, total)))
    predict_inputs([photos], MODEL, tmp_path / "out", context=context)
    assert told == [(1, 4), (2, 4), (3, 4), (4, 4)]


def test_a_cancelled_run_stops_cleanly_and_goes_on_later(
    photos: Path, tmp_path: Path, red_backend: "RedBackend"
) -> None:
    for seed in range(30):
        write_image(photos / f"more{seed}.png", picture(seed))
    threads = set(threading.enumerate())
    context = JobContext(lambda done, total, text: context.cancel() if done == 3 else None)
    with pytest.raises(Cancelled):
        predict_inputs([photos], MODEL, tmp_path / "out", context=context)
    assert set(threading.enumerate()) <= threads
    assert red_backend.closed
    finished = len(list((tmp_path / "out").rglob("*.png")))
    # Those that were under way come to their end.
    assert 3 <= finished < 34
    result = predict_inputs([photos], MODEL, tmp_path / "out")
    assert (result.images, result.resumed) == (34 - finished, finished)


def test_a_full_disk_ends_the_run_with_the_reason(
    photos: Path, tmp_path: Path, red_backend: "RedBackend", monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(path: Path, *_: object) -> None:
        raise ImageError(f"{path} cannot be written: No space left on device")

    threads = set(threading.enumerate())
    monkeypatch.setattr("segstudio.workflows.predict.write_mask", full)
    with pytest.raises(ImageError, match="No space left"):
        predict_inputs([photos], MODEL, tmp_path / "out")
    assert set(threading.enumerate()) <= threads


def test_an_error_of_the_backend_is_not_swallowed(
    photos: Path, tmp_path: Path, red_backend: "RedBackend", monkeypatch: pytest.MonkeyPatch
) -> None:
    def broken(images: object) -> None:
        raise RuntimeError("out of memory")

    threads = set(threading.enumerate())
    monkeypatch.setattr(red_backend, "run", broken)
    with pytest.raises(RuntimeError, match="out of memory"):
        predict_inputs([photos], MODEL, tmp_path / "out")
    assert set(threading.enumerate()) <= threads


def test_images_are_never_overwritten_by_their_predictions(
    photos: Path, tmp_path: Path, red_backend: "RedBackend"
) -> None:
    before = {path: path.read_bytes() for path in photos.rglob("*.png")}
    for inputs, out in (
        ([photos], photos),
        ([photos / "frame1.png"], photos),
        ([photos / "night", photos], photos / "night" / ".."),
        ([photos / "night"], photos / "night"),
        ([photos / "night"], photos),
    ):
        with pytest.raises(InputError, match="overwrite"):
            predict_inputs(inputs, MODEL, out)
    assert {path: path.read_bytes() for path in photos.rglob("*.png")} == before
    assert not (photos / "predict.json").exists()


def test_outputs_inside_the_input_folder_are_no_inputs(
    photos: Path, tmp_path: Path, red_backend: "RedBackend"
) -> None:
    for resumed in (0, 4):
        result = predict_inputs([photos], MODEL, photos / "labels", save=["ids", "color"])
        assert (result.images, result.resumed) == (4 - resumed, resumed)


@pytest.mark.parametrize("shape", [(1, 4000), (3000, 10), (37, 500), (1, 1)])
def test_long_strips_do_not_explode(
    tmp_path: Path, red_backend: "RedBackend", shape: tuple[int, int]
) -> None:
    """Scaled by its shorter side alone, a line of 4000 pixels would become gigabytes."""
    red = np.random.default_rng(1).integers(0, 19, shape, np.uint8)
    write_image(tmp_path / "strip.png", np.dstack([red, red, red]))
    for window in WINDOWS:
        predict_inputs([tmp_path / "strip.png"], MODEL, tmp_path / window, window=window)
        found = read_mask(tmp_path / window / "strip.png")
        assert found.shape == shape
        # Windows are resized, so that of noise not every pixel can come out as it was.
        assert window == "slide" or np.array_equal(found, red)
    rule = find_model(MODEL)[1].resize
    for height, width in red_backend.shapes:
        assert np.prod(network_size(rule, height, width)) <= rule.size**2 * 8.1
    for windows, _, height, width in red_backend.asked:
        assert windows * height * width <= rule.size**2 * 4


@pytest.fixture
def clip(tmp_path: Path) -> Path:
    path = tmp_path / "drive.avi"
    video = cv2.VideoWriter(str(path), cv2.VideoWriter.fourcc(*"MJPG"), 10, (64, 48))
    if not video.isOpened():
        pytest.skip("this OpenCV writes no video")
    for index in range(6):
        video.write(np.full((48, 64, 3), (0, 0, index * 40), np.uint8))
    video.release()
    return path


def test_video_frames_are_numbered(clip: Path, tmp_path: Path, red_backend: "RedBackend") -> None:
    out = tmp_path / "out"
    result = predict_inputs([clip], MODEL, out)
    assert (result.images, result.skipped) == (6, ())
    assert written(out) == [*(f"drive/{index:06d}.png" for index in range(6)), "predict.json"]
    (out / "drive/000003.png").unlink()
    assert predict_inputs([clip], MODEL, out).images == 1
    for index in range(6):
        ids = read_mask(out / f"drive/{index:06d}.png")
        assert np.abs(ids.astype(int) - index * 40).max() < 12


def test_frames_of_a_part_of_a_video(clip: Path, tmp_path: Path, red_backend: "RedBackend") -> None:
    """Ten frames a second."""
    for part, numbers in (
        (VideoPart(every=2), (0, 2, 4)),
        (VideoPart(start=0.2), (2, 3, 4, 5)),
        (VideoPart(end=0.3), (0, 1, 2)),
        (VideoPart(2, 0.1, 0.55), (1, 3, 5)),
        (VideoPart(start=0.25, end=0.35), (3,)),
    ):
        found = [source.name for source in list_sources([clip], part)]
        assert found == [f"drive/{number:06d}" for number in numbers], part
    with pytest.raises(InputError, match="no images in"):
        predict_inputs([clip], MODEL, tmp_path / "out", part=VideoPart(start=9))
    for wrong in ({"every": 0}, {"start": -1.0}, {"start": 2.0, "end": 2.0}):
        with pytest.raises(InputError):
            VideoPart(**wrong)


def test_videos_of_one_name_get_outputs_of_their_own(clip: Path, tmp_path: Path) -> None:
    other = tmp_path / "other" / "drive.avi"
    other.parent.mkdir()
    other.write_bytes(clip.read_bytes())
    names = [source.name for source in list_sources([clip, other])]
    assert len(set(names)) == 12
    assert names[6] == "drive.avi/000000"


def test_video_of_the_overlay(clip: Path, tmp_path: Path, red_backend: "RedBackend") -> None:
    out = tmp_path / "out"
    result = predict_inputs([clip], MODEL, out, save=["video"], part=VideoPart(every=2))
    assert result.images == 3
    made = out / "video/drive.mp4"
    assert written(out) == [*(f"drive/00000{n}.png" for n in (0, 2, 4)), "predict.json", "video/drive.mp4"]
    assert frame_rate(made) == pytest.approx(5)
    colours = load_palette("cityscapes").colours()
    shown = [rgb for _, rgb in frames(made)]
    assert len(shown) == 3
    for rgb, number in zip(shown, (0, 2, 4), strict=True):
        ids = read_mask(out / f"drive/00000{number}.png")
        picture_of_it = np.array([number * 40, 0, 0])
        expected = (picture_of_it + colours[ids[24, 32]]) / 2
        assert np.abs(rgb[24, 32] - expected).max() < 16
    # Nothing new: the video stays as it is; a new frame makes a new one.
    before = made.stat().st_mtime_ns
    assert predict_inputs([clip], MODEL, out, save=["video"], part=VideoPart(every=2)).images == 0
    assert made.stat().st_mtime_ns == before
    (out / "drive/000002.png").unlink()
    predict_inputs([clip], MODEL, out, save=["video"], part=VideoPart(every=2))
    assert made.stat().st_mtime_ns > before


def test_frames_of_a_video_are_decoded_when_their_turn_comes(clip: Path) -> None:
    """An hour of video does not fit into memory."""
    sources = list(list_sources([clip]))
    assert [source.name for source in sources] == [f"drive/{index:06d}" for index in range(6)]
    for index in (0, 1, 4, 2, 2):
        assert abs(int(sources[index].decode()[24, 32, 0]) - index * 40) < 12
    clip.unlink()
    with pytest.raises(ImageError, match=r"drive\.avi"):
        sources[0].decode()


@pytest.mark.parametrize(
    ("kind", "message"),
    [("missing", "does not exist"), ("text", "neither an image nor a video"), ("empty", "no images in")],
)
def test_bad_inputs_are_said(tmp_path: Path, red_backend: "RedBackend", kind: str, message: str) -> None:
    (tmp_path / "text").write_text("text", encoding="utf-8")
    (tmp_path / "empty").mkdir()
    with pytest.raises(InputError, match=message) as caught:
        predict_inputs([tmp_path / kind], MODEL, tmp_path / "out")
    assert str(tmp_path / kind) in caught.value.message
    assert not (tmp_path / "out").exists()


def test_bad_choices_are_said(photos: Path, tmp_path: Path) -> None:
    with pytest.raises(InputError, match="cannot save 'heatmap'"):
        predict_inputs([photos], MODEL, tmp_path / "out", save=["heatmap"])
    with pytest.raises(ModelError, match="there is no model 'nobody'"):
        predict_inputs([photos], "nobody", tmp_path / "out")
    assert not (tmp_path / "out").exists()
