"""status.json has TAO's records; the end of a task is told, whatever ends it."""

import json
import math
import sys
import types
from pathlib import Path
from typing import Any

import pytest

from segstudio.errors import Cancelled, SpecError
from segstudio.jobs import JobContext
from segstudio.training.events import read_events
from segstudio.training.loop import train
from segstudio.training.status import StatusWriter, task_status
from tests.training.conftest import SpecMaker


def records(folder: Path) -> list[dict[str, Any]]:
    return [json.loads(line) for line in (folder / "status.json").read_text(encoding="utf-8").splitlines()]


def test_records_of_a_run(make_spec: SpecMaker) -> None:
    result = train(make_spec(steps=3, train={"validation_interval": 2}), JobContext())
    found = records(result.folder)
    assert all({"date", "time", "status", "verbosity", "message"} <= record.keys() for record in found)
    assert (found[0]["status"], found[0]["message"]) == ("STARTED", "Starting SegFormer train.")
    assert (found[-1]["status"], found[-1]["message"]) == ("SUCCESS", "Train finished successfully.")
    epochs = [record for record in found if record["message"] == "Train metrics generated."]
    assert [record["epoch"] for record in epochs] == [0, 1, 2]
    assert {"step", "max_epoch", "max_step", "time_per_epoch", "time_per_step", "eta"} <= epochs[0].keys()
    assert epochs[-1]["eta"] == "0:00:00"
    assert epochs[0]["kpi"]["train_loss"] > 0
    scored = [record["kpi"] for record in found if record["message"] == "Eval metrics generated."]
    assert len(scored) == 2
    assert scored[0].keys() == {
        "val_loss", "val_acc", "val_miou", "val_mf1", "val_mprecision", "val_mrecall",
    }  # fmt: skip
    assert scored[-1]["val_miou"] == pytest.approx(result.miou)


def test_failures_and_stops_are_told(tmp_path: Path) -> None:
    with pytest.raises(SpecError), task_status(tmp_path, "SegFormer train"):
        raise SpecError("the loss is nan", hint="lower the rate")
    with pytest.raises(Cancelled), task_status(tmp_path, "SegFormer evaluation"):
        raise Cancelled("cancelled")
    states = [(record["status"], record["message"]) for record in records(tmp_path)]
    assert states == [
        ("STARTED", "Starting SegFormer train."),
        ("FAILURE", "the loss is nan. lower the rate."),
        ("STARTED", "Starting SegFormer evaluation."),
        ("FAILURE", "Evaluation was interrupted."),
    ]


def test_a_score_that_is_no_number_is_null_and_none_writes_nothing(tmp_path: Path) -> None:
    StatusWriter(None).write("RUNNING", "unseen")
    assert list(tmp_path.iterdir()) == []
    StatusWriter(tmp_path).metrics("Test metrics generated.", {"test_miou": math.nan})
    assert records(tmp_path)[0]["kpi"] == {"test_miou": None}


def test_curves_go_to_tensorboard_every_so_many_entries(
    make_spec: SpecMaker, monkeypatch: pytest.MonkeyPatch
) -> None:
    points: list[tuple[str, int]] = []

    class Curves:
        def __init__(self, _folder: str) -> None:
            """Stands for tensorboard's, which need not be installed."""

        def add_scalar(self, name: str, _value: float, step: int) -> None:
            points.append((name, step))

        def close(self) -> None:
            points.append(("closed", 0))

    module = types.ModuleType("torch.utils.tensorboard")
    module.SummaryWriter = Curves  # type: ignore[attr-defined]  # a module made here
    monkeypatch.setitem(sys.modules, "torch.utils.tensorboard", module)
    monkeypatch.setattr("importlib.util.find_spec", lambda _name: module)
    spec = make_spec(steps=4, studio={"log_every": 1}, train={"tensorboard": {"enabled": True}})
    train(spec, JobContext(), notes=("model.backbone.frozen has no effect",))
    assert [step for name, step in points if name == "train/loss"] == [2, 4]
    assert ("validation/val_miou", 4) in points
    assert points[-1] == ("closed", 0)
    told = [event for event in read_events(Path(spec.results_dir) / "train") if event["kind"] == "notes"]
    assert told[0]["lines"] == ["model.backbone.frozen has no effect"]
