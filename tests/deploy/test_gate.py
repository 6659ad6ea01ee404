"""The gate: what an artefact may lose, in figures that are computed by hand."""

import math
from dataclasses import replace

import pytest

from segstudio.deploy.gate import FLOAT, HALF, INT8, ClassIou, Evidence, GateReport, Limits, Speed, failures

CLASSES = (
    ClassIou("road", 0.90, 0.89, 1000, 4),
    ClassIou("sky", 0.80, 0.80, 500, 4),
    ClassIou("train", math.nan, math.nan, 0, 0),
)
SPEEDS = (Speed("openvino", "CPU", 10.0, 20.0), Speed("onnx", "CPU", 8.0, 6.0))
GOOD = Evidence("openvino", 4, 1500, 0.995, (12, 0.4), 0.5, 30.0, CLASSES, 100, 25, SPEEDS)
MET = Limits(miou_loss=0.005, class_loss=0.01, agreement=0.995)


def test_means_leave_classes_out_that_no_mask_shows() -> None:
    assert GOOD.miou == pytest.approx((0.85, 0.845))
    assert all(map(math.isnan, replace(GOOD, classes=()).miou))
    assert CLASSES[0].loss == pytest.approx(0.01)
    assert CLASSES[2].loss == 0


def test_speed_up_compares_the_best_of_both() -> None:
    assert GOOD.speed_up == pytest.approx(2.0)
    assert SPEEDS[1].ratio == pytest.approx(0.75)
    # What is faster in one backend is no gain if the float model is faster in the other.
    slow = replace(GOOD, speeds=(Speed("onnx", "CPU", 5.0, 9.0), Speed("openvino", "CPU", 10.0, 8.0)))
    assert slow.speed_up == pytest.approx(0.9)
    assert math.isnan(replace(GOOD, speeds=()).speed_up)


def test_what_is_within_all_limits_passes() -> None:
    assert failures(GOOD, INT8) == ()
    # Limits are what may be lost, not less.
    assert failures(GOOD, MET) == ()


@pytest.mark.parametrize(
    ("limits", "line"),
    [
        (replace(MET, agreement=0.996), "99.50% of the ids agree; 99.60% are asked for"),
        (replace(MET, miou_loss=0.004), "mIoU falls by 0.50 points, from 85.00% to 84.50%; 0.40 are allowed"),
        (
            replace(MET, class_loss=0.009),
            "road falls by 1.00 points, from 90.00% to 89.00%; 0.90 are allowed",
        ),
    ],
)
def test_each_limit_has_its_line(limits: Limits, line: str) -> None:
    easy = Limits(miou_loss=1, class_loss=1, agreement=0)
    changed = {
        name: getattr(limits, name)
        for name in ("miou_loss", "class_loss", "agreement")
        if getattr(limits, name) != getattr(MET, name)
    }
    assert failures(GOOD, replace(easy, **changed)) == (line,)


def test_int8_must_be_faster() -> None:
    slow = replace(GOOD, speeds=(Speed("onnx", "CPU", 10.0, 8.0),))
    assert failures(slow, INT8) == ("it is not faster here: 0.80 times the float model's speed",)
    assert failures(replace(GOOD, speeds=()), INT8) == ("its speed was not measured",)
    assert failures(replace(slow, agreement=1.0, classes=()), HALF) == ()


def test_nothing_measured_never_passes() -> None:
    assert len(failures(replace(GOOD, agreement=math.nan, classes=()), FLOAT)) == 1


def test_without_masks_ids_decide_alone() -> None:
    bare = replace(GOOD, classes=(), agreement=0.98)
    assert failures(bare, INT8) == ("98.00% of the ids agree; 99.00% are asked for",)


def test_a_report_passes_without_failures() -> None:
    report = GateReport("onnx-int8", "paper", "int8", "4 images", "a CPU", INT8, GOOD, ())
    assert report.passed
    assert not replace(report, failures=("too slow",)).passed
