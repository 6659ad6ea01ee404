"""How the process of a run notes its end: whatever it was doing when it was asked to."""

from collections.abc import Callable

import pytest

from segstudio.errors import SpecError
from segstudio.jobs import JobContext
from segstudio.workflows.retrain import control, worker
from segstudio.workflows.retrain.choice import RetrainChoice
from segstudio.workflows.retrain.control import ControlledContext
from segstudio.workflows.retrain.folder import RunFolder, RunNote, read_json
from segstudio.workflows.retrain.runs import RunState, status_of
from tests.workflows.retrain.conftest import MakeRun
from tests.workflows.retrain.stand_in import play

Work = Callable[[RunFolder], list[object]]


@pytest.fixture
def work(monkeypatch: pytest.MonkeyPatch) -> Work:
    """Does what the process of a run does, in this one; returns for what the queue was asked."""
    asked: list[object] = []
    monkeypatch.setattr(worker, "lower_priority", lambda _: None)
    monkeypatch.setattr(worker, "start_next_below", lambda *_, **__: asked.append(1))
    monkeypatch.setattr(worker, "_train", play)

    def do(run: RunFolder) -> list[object]:
        assert worker.work(run)
        return asked

    return do


ENDS = {control.CANCEL: RunState.CANCELLED, control.STOP: RunState.STOPPED}


@pytest.mark.parametrize("word", ENDS)
def test_what_prepares_is_ended_as_asked(
    make_run: MakeRun, work: Work, monkeypatch: pytest.MonkeyPatch, word: str
) -> None:
    run = make_run()

    def prepare(_: RunFolder, context: ControlledContext) -> bool:
        control.ask(run, word)
        context.check()
        raise AssertionError("it went on")

    monkeypatch.setattr(worker, "_train", prepare)
    work(run)
    status = status_of(run)
    assert status.state is ENDS[word]
    assert "cancelled" not in str(status.reason)


@pytest.mark.parametrize("word", ENDS)
def test_what_follows_a_training_is_ended_as_asked(
    make_run: MakeRun, work: Work, monkeypatch: pytest.MonkeyPatch, word: str
) -> None:
    run = make_run()
    run.write_note(RunNote(run.name, 0.0, RetrainChoice()))

    def follow(_: RunFolder, context: JobContext) -> None:
        control.ask(run, word)
        context.wait_cancelled(control.LOOK_SECONDS)
        context.check()

    monkeypatch.setattr(worker, "run_chain", follow)
    work(run)
    assert status_of(run).state is ENDS[word]
    assert read_json(run.ended).get("message", "") in ("", "stopped before all that follows was done")


def test_the_queue_waits_where_all_are_to_stop(make_run: MakeRun, work: Work) -> None:
    run = make_run()
    control.ask(run, control.STOP_ALL)
    assert work(run) == []
    assert status_of(run).state is RunState.STOPPED
    run.control.unlink()
    assert work(run) == [1]


def test_an_error_is_noted(make_run: MakeRun, work: Work, monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(*_: object) -> bool:
        raise SpecError("train.optim.lr is -1", hint="give a number above 0")

    run = make_run()
    monkeypatch.setattr(worker, "_train", fail)
    work(run)
    assert read_json(run.ended)["message"] == "train.optim.lr is -1"
