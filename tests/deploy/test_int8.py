"""The search for an int8 model: quantizers that ruin a layer, that fail, that are missing; and its end."""

import math
import sys
from dataclasses import replace
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from segstudio.deploy import comparison, int8, quantization
from segstudio.deploy.calibration import as_seen
from segstudio.deploy.comparison import Judged, Side
from segstudio.deploy.export import Exported
from segstudio.deploy.gate import Evidence, Limits, Speed
from segstudio.deploy.int8 import Task, chosen, make_int8, steps
from segstudio.deploy.model_folder import ONNX_FILE
from segstudio.errors import Cancelled, ModelError
from segstudio.inference.backend import Options
from segstudio.inference.spec import load_spec
from segstudio.jobs import JobContext
from tests.deploy import stand_in
from tests.inference.conftest import noise

RUINED = "/backbone/patch_embed3/proj/Conv"
# Speeds of so small a network on a busy machine say nothing.
LIMITS = Limits(agreement=0.8, faster=False)


@pytest.fixture
def task(tiny_model: Exported, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Task:
    monkeypatch.setattr(comparison, "TIMED", 1)
    # Scores need sessions of their own.
    monkeypatch.setattr(comparison, "SCORED", 0)
    monkeypatch.setattr(comparison, "LATENCY", Options(threads=1))
    # What is tried is judged by two images, what is taken by all three.
    monkeypatch.setattr(int8, "FEW", 2)
    base = Side(tiny_model.folder, replace(tiny_model.spec, files={"onnx": ONNX_FILE}))
    images = [Judged(str(seed), lambda seed=seed: (noise(64, 96, seed), None)) for seed in range(3)]  # type: ignore[misc]
    inputs = [as_seen(noise(64, 96, seed), base.spec) for seed in range(10, 12)]
    return Task(base, inputs, images, None, ("onnx",), LIMITS, tmp_path)


def with_quantizers(monkeypatch: pytest.MonkeyPatch, **modes: str) -> None:
    """Only the stand-in is there, once in each mode."""
    monkeypatch.setitem(sys.modules, "stand_in_quantizer", stand_in)
    found = {name: ("stand_in_quantizer", mode) for name, mode in modes.items()}
    monkeypatch.setattr(quantization, "QUANTIZERS", found)


def test_a_ruined_layer_is_given_back(task: Task, monkeypatch: pytest.MonkeyPatch) -> None:
    with_quantizers(monkeypatch, paper=RUINED)
    texts: list[str] = []
    found = make_int8(task, JobContext(lambda done, total, text: texts.append(text)))
    assert found.failures == ()
    assert found.kept_float == (RUINED,)
    assert found.quantizer == "paper"
    first, second = found.attempts
    assert first.what == "paper"
    assert "of the ids agree; 80.00% are asked for" in first.failures[0]
    assert (second.what, second.failures) == ("paper, 1 layer in float", ())
    assert second.agreement > 0.8 > first.agreement
    assert found.evidence.images == 3
    assert load_spec(found.side.folder).precision == "int8"
    assert texts == ["int8 by paper", "int8 by paper, on all images", "int8 by paper: 1 layer in float"]


def test_what_is_never_good_enough_is_refused(task: Task, monkeypatch: pytest.MonkeyPatch) -> None:
    with_quantizers(monkeypatch, paper=f"always {RUINED}")
    monkeypatch.setattr(int8, "LARGEST_SHARE_BACK", 0.03)
    found = make_int8(task, JobContext())
    assert len(found.failures) == 1
    assert [one.what for one in found.attempts] == [
        "paper", "paper, 1 layer in float", "paper, 2 layers in float"
    ]  # fmt: skip
    assert all(one.failures for one in found.attempts)
    assert found.kept_float[0] == RUINED
    assert len(found.kept_float) == 2
    # Of what was tried in vain only what is told of stays.
    assert {path.name for path in task.scratch.iterdir()} == {"paper-0", "paper-2"}


def test_the_best_of_several_is_taken_and_others_are_told(
    task: Task, monkeypatch: pytest.MonkeyPatch
) -> None:
    with_quantizers(monkeypatch, ruining=RUINED, good="none", failing="fail")

    def quantize(core: object, inputs: object, plan: quantization.Plan) -> object:
        if plan.mode == "fail":
            raise AttributeError("no such operator")
        return stand_in_quantize(core, inputs, plan)  # type: ignore[arg-type]

    stand_in_quantize = stand_in.quantize
    monkeypatch.setattr(stand_in, "quantize", quantize)
    monkeypatch.setitem(quantization.QUANTIZERS, "absent", ("absent_quantizer", ""))
    absent = type(sys)("absent_quantizer")
    absent.NEEDS, absent.INSTALL = "a_package_that_nobody_has", "pip install it"  # type: ignore[attr-defined]
    monkeypatch.setitem(sys.modules, "absent_quantizer", absent)
    found = make_int8(task, JobContext())
    assert (found.quantizer, found.kept_float, found.failures) == ("good", (), ())
    told = {one.what: one.failures for one in found.attempts}
    assert list(told) == ["ruining", "good", "failing", "absent"]
    assert told["failing"] == ("onnx cannot quantize this graph: no such operator",)
    assert told["absent"] == ("not installed: pip install it",)
    assert all(math.isnan(one.agreement) for one in found.attempts[2:])


def test_a_failure_on_the_way_back_keeps_what_was_measured(
    task: Task, monkeypatch: pytest.MonkeyPatch
) -> None:
    with_quantizers(monkeypatch, paper=RUINED)

    def refuse(*_: object) -> tuple[str, ...]:
        raise ModelError("nothing to rank")

    monkeypatch.setattr(int8, "worst_first", refuse)
    found = make_int8(task, JobContext())
    assert found.failures
    assert [one.failures for one in found.attempts][1] == ("nothing to rank",)


def test_no_quantizer_at_all_is_one_line(task: Task, monkeypatch: pytest.MonkeyPatch) -> None:
    with_quantizers(monkeypatch, paper="none")
    monkeypatch.setattr(stand_in, "NEEDS", "a_package_that_nobody_has")
    monkeypatch.setattr(stand_in, "INSTALL", "pip install it")
    with pytest.raises(ModelError, match="no quantizer could make an int8 model: paper: not installed"):
        make_int8(task, JobContext())


@pytest.mark.parametrize("checks", [0, 2, 5])
def test_a_cancel_at_any_stage_ends_it(task: Task, monkeypatch: pytest.MonkeyPatch, checks: int) -> None:
    with_quantizers(monkeypatch, paper=RUINED)

    class Counting(JobContext):
        left = checks

        def check(self) -> None:
            self.left -= 1
            if self.left < 0:
                raise Cancelled("cancelled")

    with pytest.raises(Cancelled):
        make_int8(task, Counting())


def test_too_large_or_ids_alone_ends_before_anything_is_tried(
    task: Task, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(quantization, "LARGEST_FILE", 2**20)
    with pytest.raises(ModelError, match="larger than 2 GB"):
        make_int8(task, JobContext())
    assert not list(task.scratch.iterdir())


@given(st.integers(1, 300))
def test_steps(most: int) -> None:
    found = steps(most)
    assert found[:3] == [1, 2, 3][:most]
    assert found[-1] == most
    assert found == sorted(set(found))
    assert len(found) <= 15


def tried(name: str, agreement: float, speed: float, *failures: str) -> int8._Tried:
    evidence = Evidence(
        "paper", 1, 1, agreement, (0, 0.0), 0.0, 0.0, (), 1, 1, (Speed("paper", "CPU", 1.0, speed),)
    )
    return int8._Tried(Side(Path(), load_spec(Path("models/street-b0"))), name, (), evidence, failures)


def test_the_choice() -> None:
    def name(*candidates: int8._Tried) -> str:
        return chosen(candidates).quantizer

    fast, exact = tried("fast", 0.991, 2.0), tried("exact", 0.999, 1.5)
    assert name(exact, fast) == "fast"
    assert name(exact, tried("wrong", 0.5, 9.0, "wrong")) == "exact"
    near, slow = tried("near", 0.98, 1.2, "no"), tried("slow", 0.985, 0.9, "no", "slow")
    assert name(tried("far", 0.9, 3.0, "no"), near, slow) == "near"
    assert name(slow, tried("slower", 0.99, 0.5, "no")) == "slower"
