"""The report: its figures are the project's, its pictures are inside it, and it is whole without a model."""

import base64
import re
from collections.abc import Iterator
from pathlib import Path

import cv2
import numpy as np
import pytest
from numpy.typing import NDArray

from segstudio.annotation.palette import load_palette
from segstudio.annotation.rect import Rect
from segstudio.errors import InputError
from segstudio.images import write_image
from segstudio.jobs import JobContext
from segstudio.metrics.sample_evaluation import evaluate_sample
from segstudio.project.project import Project
from segstudio.workflows.report_crops import CropMaker, Place
from segstudio.workflows.review_report import costliest, write_report
from tests.workflows.test_page import VOID, outline

PALETTE = load_palette("cityscapes")
ROAD, SKY, CAR = (PALETTE.index(name) for name in ("road", "sky", "car"))
SHAPE = (120, 160)
GREY = 100


def truth() -> NDArray[np.uint8]:
    mask = np.full(SHAPE, ROAD, np.uint8)
    mask[:60] = SKY
    mask[80:100, 20:60] = CAR
    return mask


def answer() -> NDArray[np.uint8]:
    """The car is taken for road, and a car is seen where there is none."""
    ids = truth()
    ids[80:100, 20:60] = ROAD
    ids[70:76, 100:110] = CAR
    return ids


@pytest.fixture
def project(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Project]:
    """Two frames: a is evaluated and has its prediction, b has an open comment."""
    monkeypatch.setenv("LOGNAME", "anna & co")
    root = tmp_path / "street"
    root.mkdir()
    for name in "ab":
        write_image(root / f"{name}.png", np.full((*SHAPE, 3), GREY, np.uint8))
    with Project.open(root, palette="cityscapes") as opened:
        opened.save_mask("a", truth())
        opened.save_prediction("a", answer(), np.full(SHAPE, 200, np.uint8), "m")
        found = evaluate_sample(truth(), answer(), PALETTE.count)
        opened.evaluation.record("a", "m", found)
        opened.review.submit(["a"])
        opened.review.comment("b", "is this <car> & bus?", 30.5, 90.5, CAR)
        opened.review.comment("b", "all of it")
        yield opened


@pytest.fixture(autouse=True)
def images_close_themselves() -> Iterator[None]:
    VOID.add("img")
    yield
    VOID.discard("img")


def pictures(text: str) -> list[NDArray[np.uint8]]:
    found = re.findall(r'src="data:image/jpeg;base64,([^"]+)"', text)
    return [np.asarray(cv2.imdecode(np.frombuffer(base64.b64decode(one), np.uint8), 1)) for one in found]


def test_the_report_tells_all(project: Project) -> None:
    path = write_report(project, worst=1)
    assert path == project.root / "report.html"
    text = path.read_text(encoding="utf-8")
    said = outline(text).texts
    headings = [words for tag, words in said if tag == "h2"]
    assert headings[:4] == ["The project", "People", "Classes, the worst first", "Where the IoU goes"]
    assert headings[4:] == ["Worst errors", "Open comments"]
    cells = [words for tag, words in said if tag == "td"]
    assert cells[cells.index("car") : cells.index("car") + 2] == ["car", "0.0%"]
    hits, union = 120 * 160 - 60 * 160 - 800 - 60, 120 * 160 - 60 * 160
    assert f"{hits / union:.1%}" in cells[cells.index("road") : cells.index("road") + 2]
    assert "anna & co" in cells
    captions = [words for tag, words in said if tag == "figcaption"]
    assert captions == ["car as road: missed, 800 px", "is this <car> & bus?", "all of it"]
    assert len(pictures(text)) == 3 + 1 + 1, "image, truth and prediction; b has no mask"
    assert "http" not in text.replace("http://www.w3.org/2000/svg", "")


def test_crops_show_the_place_in_the_colours_of_the_palette(project: Project) -> None:
    maker = CropMaker(project, "m")
    (crops,) = maker.crops([Place("a", Rect(20, 80, 40, 20))], JobContext(), "")
    assert crops is not None
    assert crops.truth is not None
    assert crops.predicted is not None
    colours = PALETTE.colours().astype(float)
    for content, class_id in ((crops.truth, CAR), (crops.predicted, ROAD)):
        picture = cv2.imdecode(np.frombuffer(content, np.uint8), 1)
        assert picture is not None
        # The place has 28 pixels beside it and 38 above and below; the image ends at 0 and at 120.
        assert picture.shape == (round(78 * 320 / 88), 320, 3)
        x, y = round(40 * 320 / 88), round(48 * 320 / 88)
        wanted = GREY * 0.45 + colours[class_id] * 0.55
        assert np.abs(picture[y, x, ::-1] - wanted).max() < 8


def test_the_costliest_error_is_the_one_of_the_rarer_class(project: Project) -> None:
    evaluation = project.evaluation.load("m")
    rows = evaluation.table.rows
    order = costliest(evaluation)
    assert rows.area[order].tolist() == [800, 60]
    union_car, union_road = 860, 120 * 160 - 60 * 160
    assert 800 / union_car + 800 / union_road > 60 / union_car + 60 / union_road


def test_a_project_without_a_model_has_a_report(project: Project, tmp_path: Path) -> None:
    project.evaluation.forget("m")
    text = write_report(project, tmp_path / "out" / "page.html").read_text(encoding="utf-8")
    assert "No model was evaluated" in text
    assert len(pictures(text)) == 2


def test_an_unknown_model_is_refused_and_nothing_is_written(project: Project) -> None:
    with pytest.raises(InputError, match="x was not evaluated") as caught:
        write_report(project, model="x")
    assert caught.value.hint == "evaluated are: m"
    assert not (project.root / "report.html").exists()


def test_an_image_that_cannot_be_read_leaves_its_comment(project: Project) -> None:
    (project.root / "b.png").write_bytes(b"no image")
    text = write_report(project).read_text(encoding="utf-8")
    assert "all of it" in text
