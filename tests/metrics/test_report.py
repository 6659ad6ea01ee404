"""Reports: every number by hand on a small case, JSON without NaN, and TAO's tables to the letter."""

import json
import math

import numpy as np
import pytest

from segstudio.metrics.evaluation import Evaluation, stack_measures
from segstudio.metrics.measures import measure_image
from segstudio.metrics.report import report
from segstudio.metrics.tables import interval_text


def evaluation() -> Evaluation:
    """Two images; class sky is only predicted, tram occurs nowhere."""
    pairs = {
        "good.png": ([0, 0, 0, 0, 1, 255], [0, 0, 0, 0, 1, 2]),
        "bad.png": ([0, 0, 1, 1, 1, 1], [0, 2, 0, 1, 1, 1]),
        "blank.png": ([255] * 6, [0] * 6),
    }
    rows = [
        (name, measure_image(np.array([truth], np.uint8), np.array([seen], np.uint8), 4))
        for name, (truth, seen) in pairs.items()
    ]
    return stack_measures("own", ["road", "car", "sky", "tram"], ["flat", "moving", "", "moving"], rows)


def test_numbers_by_hand() -> None:
    found = report(evaluation(), bootstrap=100)
    road, car, sky, tram = found.classes
    assert (road.iou, road.acc, road.precision) == pytest.approx((5 / 7, 5 / 6, 5 / 6))
    assert (car.iou, car.acc, car.precision, car.f1) == pytest.approx((4 / 5, 4 / 5, 1, 8 / 9))
    assert (road.images, road.regions, road.pixels) == (2, 2, 6)
    assert (car.images, car.regions, car.pixels) == (2, 2, 5)
    assert (sky.iou, sky.pixels, sky.absent) == (0, 0, False)
    assert tram.absent
    assert tram.interval is None
    assert found.miou == pytest.approx((5 / 7 + 4 / 5 + 0) / 3)
    assert found.macc == found.mrecall == pytest.approx((5 / 6 + 4 / 5) / 2)
    assert found.aacc == pytest.approx(9 / 11)
    assert found.mprecision == pytest.approx((5 / 6 + 1 + 0) / 3)
    assert found.groups == pytest.approx({"flat": 5 / 7, "moving": 4 / 5})
    assert found.cityscapes is None
    assert [image.name for image in found.worst_images] == ["bad.png", "good.png"]
    assert found.worst_images[0].miou == pytest.approx((1 / 3 + 3 / 4) / 2)
    assert found.worst_images[0].aacc == pytest.approx(4 / 6)
    assert road.interval is not None
    assert road.interval[0] <= road.iou <= road.interval[1]


def test_boundary_of_a_single_row_is_the_whole_row() -> None:
    found = report(evaluation(), bootstrap=0)
    assert [one.boundary_iou for one in found.classes[:2]] == pytest.approx([5 / 7, 4 / 5])
    assert found.boundary_miou == pytest.approx(found.miou)


def test_json_holds_fractions_and_nulls() -> None:
    values = json.loads(json.dumps(report(evaluation(), bootstrap=0).to_json(), allow_nan=False))
    assert values["miou"] == pytest.approx((5 / 7 + 4 / 5) / 3)
    assert set(values["per_class"]) == {"road", "car", "sky", "tram"}
    assert values["per_class"]["tram"] == {
        "iou": None,
        "acc": None,
        "recall": None,
        "precision": None,
        "f1": None,
        "boundary_iou": None,
        "interval": None,
        "images": 0,
        "regions": 0,
        "pixels": 0,
        "absent": True,
    }
    assert values["per_class"]["car"]["recall"] == pytest.approx(4 / 5)
    assert values["confusion"][0] == [5, 0, 1, 0, 0]
    assert values["fine_grained"]["d"] == values["miou"]
    assert values["fine_grained"]["worst_percent"] == 1
    assert values["cityscapes"] is None
    assert values["worst_images"][0]["name"] == "bad.png"
    assert values["mrecall"] == values["macc"]
    interval = report(evaluation(), bootstrap=50).to_json()["per_class"]["road"]["interval"]
    assert isinstance(interval, list)
    assert len(interval) == 2


TAO_TABLES = """\
+-------+--------+--------+
| Class |  IoU   |  Acc   |
+-------+--------+--------+
| road  | 71.43  | 83.33  |
|  car  | 80.00  | 80.00  |
|  sky  |  0.00  | absent |
| tram  | absent | absent |
+-------+--------+--------+

+--------+-------+-------+-------+
| Scope  | mIoU  | mAcc  | aAcc  |
+--------+-------+-------+-------+
| global | 50.48 | 81.67 | 81.82 |
+--------+-------+-------+-------+

"""


def test_tables_begin_with_those_of_tao() -> None:
    text = report(evaluation(), bootstrap=100).tables()
    assert text.startswith(TAO_TABLES)
    support = next(line for line in text.splitlines() if "car" in line and "2 images" in line)
    assert "80.00 [75.0-100], 2 images" in support
    assert "group moving" in text


def test_intervals_have_three_digits() -> None:
    assert interval_text((0, 0.581)) == "[0.00-58.1]"
    assert interval_text((0.09994, 0.9996)) == "[9.99-100]"
    assert interval_text((0.09996, 0.9994)) == "[10.0-99.9]"
    assert interval_text(None) == ""


def test_official_scores_appear_for_the_classes_of_cityscapes() -> None:
    names = "road,sidewalk,building,wall,fence,pole,traffic light,traffic sign,vegetation,terrain,sky,person,"
    names += "rider,car,truck,bus,train,motorcycle,bicycle"
    truth = np.array([[0, 0, 1, 13]], np.uint8)
    rows = [("a", measure_image(truth, np.array([[0, 1, 1, 13]], np.uint8), 19))]
    found = report(stack_measures("own", names.split(","), [""] * 19, rows), bootstrap=0)
    assert found.to_json()["cityscapes"]["category_miou"] == 1
    assert found.to_json()["cityscapes"]["iiou"] is None
    assert "Cityscapes category mIoU" in found.tables()


def test_no_images_give_a_report_without_scores() -> None:
    found = report(stack_measures("own", ["a", "b"], ["", ""], []))
    assert math.isnan(found.miou)
    assert found.worst_images == ()
    assert found.groups == {}
    json.dumps(found.to_json(), allow_nan=False)
    assert "absent" in found.tables()
