"""Jobs: one at a time in a lane, told step by step, cancelled when asked, and nothing left behind."""

import os
import sys
import threading
from collections.abc import Iterator
from pathlib import Path
from queue import SimpleQueue
from typing import Any

import pytest

from segstudio.errors import Cancelled, ImageError, SegstudioError
from segstudio.jobs import ChildFailedError, Job, JobContext, Jobs, JobState, PartContext, run_child

# Far more than any of it takes: only a test that fails waits this long.
PATIENCE = 60.0


@pytest.fixture
def jobs() -> Iterator[Jobs]:
    pool = Jobs()
    yield pool
    assert pool.close(PATIENCE)


class Log:
    """Keeps what listeners were told."""

    def __init__(self, jobs: Jobs) -> None:
        self.entries: list[tuple[int, str, object]] = []
        self.unsubscribe = jobs.subscribe(self.note)

    def note(self, job: Job[Any], kind: str, value: object) -> None:
        self.entries.append((job.id, kind, value))

    def kinds(self, job: Job[Any]) -> list[str]:
        return [kind for number, kind, _ in self.entries if number == job.id]

    def events(self, job: Job[Any]) -> list[object]:
        return [value for number, kind, value in self.entries if number == job.id and kind == "event"]


def until_cancelled(context: JobContext) -> None:
    """Work that ends only by being cancelled."""
    while not context.wait_cancelled(PATIENCE):
        pytest.fail("nobody cancelled")
    context.check()


def child(code: str) -> list[str]:
    """The command of a child process that runs Python code."""
    return [sys.executable, "-c", code]


def test_the_result_is_kept(jobs: Jobs) -> None:
    job = jobs.start("add", lambda context: 2 + 3)
    assert job.wait(PATIENCE)
    assert job.state is JobState.DONE
    assert job.state.final
    assert job.result == 5
    assert job.error is None


def test_listeners_hear_every_step_in_order(jobs: Jobs) -> None:
    log = Log(jobs)

    def work(context: JobContext) -> str:
        context.progress(1, 4, "first")
        context.event({"loss": 0.5})
        context.progress(2, 4)
        return "result"

    job = jobs.start("learn", work)
    jobs.start("next", lambda context: None).wait(PATIENCE)
    assert log.kinds(job) == ["started", "progress", "event", "progress", "finished"]
    assert log.events(job) == [{"loss": 0.5}]
    assert (job.done, job.total, job.text) == (2, 4, "first")
    log.unsubscribe()
    log.unsubscribe()
    silent = jobs.start("unheard", lambda context: None)
    jobs.start("next", lambda context: None).wait(PATIENCE)
    assert log.kinds(silent) == []


def test_work_of_one_lane_never_overlaps_and_keeps_its_order(jobs: Jobs) -> None:
    running, most, order = [0], [0], []

    def work(number: int) -> None:
        running[0] += 1
        most[0] = max(most[0], running[0])
        order.append(number)
        running[0] -= 1

    started = [jobs.start(str(i), lambda context, i=i: work(i), lane="project") for i in range(50)]  # type: ignore[misc]  # binds this number
    assert all(job.wait(PATIENCE) for job in started)
    assert most == [1]
    assert order == list(range(50))


def test_lanes_run_side_by_side(jobs: Jobs) -> None:
    meeting = threading.Barrier(3)
    started = [
        jobs.start(lane, lambda context: meeting.wait(PATIENCE), lane=lane)
        for lane in ("gpu", "project", "io")
    ]
    for job in started:
        assert job.wait(PATIENCE)
        assert job.state is JobState.DONE, job.traceback


def test_an_unknown_lane_is_refused(jobs: Jobs) -> None:
    with pytest.raises(ValueError, match="no lane 'disk'"):
        jobs.start("write", lambda context: None, lane="disk")
    assert jobs.active() == []


def test_active_jobs_are_listed_oldest_first(jobs: Jobs) -> None:
    gate = threading.Event()
    first = jobs.start("first", lambda context: gate.wait(PATIENCE))
    second = jobs.start("second", lambda context: None)
    assert jobs.active() == [first, second]
    assert not second.wait(0)
    gate.set()
    assert second.wait(PATIENCE)
    assert jobs.active() == []


def test_an_error_is_kept_and_the_lane_goes_on(jobs: Jobs) -> None:
    def work(context: JobContext) -> None:
        raise ImageError("photo.png is empty", hint="take another")

    job = jobs.start("read", work)
    after = jobs.start("next", lambda context: "fine")
    assert after.wait(PATIENCE)
    assert after.result == "fine"
    assert job.state is JobState.FAILED
    assert "ImageError" in job.traceback
    assert isinstance(job.error, ImageError)
    assert "photo.png is empty" in str(job.error)


def test_even_a_request_to_exit_does_not_end_the_lane(jobs: Jobs) -> None:
    job = jobs.start("exit", lambda context: sys.exit(3))
    after = jobs.start("next", lambda context: None)
    assert after.wait(PATIENCE)
    assert job.state is JobState.FAILED
    assert isinstance(job.error, SystemExit)


def test_cancelling_stops_running_work(jobs: Jobs) -> None:
    log = Log(jobs)
    entered = threading.Event()

    def work(context: JobContext) -> None:
        entered.set()
        until_cancelled(context)

    job = jobs.start("long", work)
    assert entered.wait(PATIENCE)
    while_it_runs = job.state
    job.cancel()
    assert job.wait(PATIENCE)
    assert [while_it_runs, job.state] == [JobState.RUNNING, JobState.CANCELLED]
    assert [while_it_runs.final, job.state.final] == [False, True]
    assert job.error is None
    jobs.start("next", lambda context: None).wait(PATIENCE)
    assert log.kinds(job) == ["started", "finished"]


def test_a_cancelled_pending_job_never_starts(jobs: Jobs) -> None:
    gate, ran = threading.Event(), []
    jobs.start("first", lambda context: gate.wait(PATIENCE))
    second = jobs.start("second", lambda context: ran.append(1))
    second.cancel()
    gate.set()
    assert second.wait(PATIENCE)
    assert second.state is JobState.CANCELLED
    assert ran == []


def test_work_that_finishes_in_spite_of_the_request_is_done(jobs: Jobs) -> None:
    def work(context: JobContext) -> str:
        context.cancel()
        return "saved"

    job = jobs.start("save", work)
    assert job.wait(PATIENCE)
    assert job.state is JobState.DONE
    assert job.result == "saved"


def test_the_newest_of_a_kind_wins(jobs: Jobs) -> None:
    entered, ran = threading.Event(), []

    def first_work(context: JobContext) -> None:
        entered.set()
        until_cancelled(context)

    first = jobs.start("predict 1", first_work, replaces="predict")
    other = jobs.start("other", lambda context: ran.append("other"), replaces="thumbnails")
    plain = jobs.start("plain", lambda context: ran.append("plain"))
    assert entered.wait(PATIENCE)
    second = jobs.start("predict 2", lambda context: ran.append("second"), replaces="predict")
    third = jobs.start("predict 3", lambda context: ran.append("third"), replaces="predict")
    assert third.wait(PATIENCE)
    assert [job.state for job in (first, second, third)] == [
        JobState.CANCELLED, JobState.CANCELLED, JobState.DONE
    ]  # fmt: skip
    assert {other.state, plain.state} == {JobState.DONE}
    assert ran == ["other", "plain", "third"]


def test_a_context_works_on_its_own() -> None:
    told: list[tuple[float, float, str]] = []
    events: list[object] = []
    context = JobContext(lambda *progress: told.append(progress), events.append)
    context.progress(1, 2, "half")
    context.event("image")
    context.check()
    assert told == [(1, 2, "half")]
    assert events == ["image"]
    context.cancel()
    assert context.cancelled
    with pytest.raises(Cancelled):
        context.check()
    JobContext().progress(1, 2)
    JobContext().event(None)


def test_closing_cancels_all_and_leaves_no_threads() -> None:
    before = set(threading.enumerate())
    pool = Jobs()
    entered: SimpleQueue[None] = SimpleQueue()

    def work(context: JobContext) -> None:
        entered.put(None)
        until_cancelled(context)

    running = [pool.start(lane, work, lane=lane) for lane in ("gpu", "project", "io")]
    waiting = [pool.start("later", work) for _ in range(5)]
    for _ in running:
        entered.get(timeout=PATIENCE)
    assert pool.close(PATIENCE)
    assert {job.state for job in (*running, *waiting)} == {JobState.CANCELLED}
    assert pool.active() == []
    assert set(threading.enumerate()) <= before
    with pytest.raises(RuntimeError, match="closed"):
        pool.start("late", lambda context: None)
    assert pool.close(PATIENCE)


def test_closing_says_when_work_does_not_stop() -> None:
    pool, gate, entered = Jobs(), threading.Event(), threading.Event()

    def deaf(context: JobContext) -> None:
        entered.set()
        gate.wait(PATIENCE)

    pool.start("deaf", deaf)
    assert entered.wait(PATIENCE)
    assert not pool.close(0.05)
    gate.set()
    assert pool.close(PATIENCE)


def test_a_child_tells_progress_events_and_its_result(jobs: Jobs) -> None:
    log = Log(jobs)
    code = """if 1:
        import json
        print("no JSON: a library says hello")
        print("[1, 2]")
        print(json.dumps({"progress": [1, 3, "step 1"]}))
        print(json.dumps({"loss": 0.25, "text": "größer"}))
        print(json.dumps({"result": {"miou": 0.5}}))
    """
    job = jobs.start_process("train", child(code))
    assert job.wait(PATIENCE)
    assert job.result == {"miou": 0.5}
    assert (job.done, job.total, job.text) == (1, 3, "step 1")
    assert log.events(job) == [{"loss": 0.25, "text": "größer"}]


def test_a_childs_lines_come_while_it_runs(jobs: Jobs, tmp_path: Path) -> None:
    """The child waits for a file that its first event makes: without live lines nobody would end."""
    code = """if 1:
        import pathlib, time
        print('{"ready": true}')
        while not pathlib.Path("go").exists():
            time.sleep(0.01)
        print('{"result": "went"}')
    """
    jobs.subscribe(lambda job, kind, value: (tmp_path / "go").touch() if kind == "event" else None)
    job = jobs.start_process("wait", child(code), cwd=tmp_path)
    assert job.wait(PATIENCE)
    assert job.result == "went"


def test_a_crash_of_a_child_shows_the_end_of_its_stderr(jobs: Jobs) -> None:
    code = (
        "import sys; [print('line', i, file=sys.stderr) for i in range(500)]; raise ValueError('odd wheel')"
    )
    job = jobs.start_process("train", child(code))
    assert job.wait(PATIENCE)
    assert job.state is JobState.FAILED
    assert isinstance(job.error, ChildFailedError)
    assert job.error.code == 1
    assert "ValueError: odd wheel" in str(job.error)
    assert "line 499" in str(job.error)
    assert "line 400" not in str(job.error)


def test_bad_input_of_a_child_is_said_in_its_own_words() -> None:
    code = "import sys; print('noise\\nsegstudio: spec.yaml has no key data.', file=sys.stderr); sys.exit(2)"
    with pytest.raises(SegstudioError, match=r"^segstudio: spec\.yaml has no key data\.$") as caught:
        run_child(child(code), JobContext())
    assert not isinstance(caught.value, Cancelled)


def test_a_child_that_prints_much_on_both_streams_does_not_hang() -> None:
    code = """if 1:
        import sys
        for i in range(3000):
            print('{"number": %d, "filling": "%s"}' % (i, "x" * 100))
            print("y" * 100, file=sys.stderr)
    """
    numbers: list[object] = []
    run_child(child(code), JobContext(on_event=numbers.append))
    assert len(numbers) == 3000


def test_a_program_that_is_not_there(jobs: Jobs) -> None:
    job = jobs.start_process("none", ["segstudio-no-such-program"])
    assert job.wait(PATIENCE)
    assert isinstance(job.error, SegstudioError)
    assert "segstudio-no-such-program cannot be started" in str(job.error)


@pytest.mark.skipif(os.name != "posix", reason="niceness and process groups are POSIX")
def test_a_child_lets_others_go_first() -> None:
    code = (
        "import os, time\nwhile os.nice(0) < {0}: time.sleep(0.01)\nprint('{{\"result\": %d}}' % os.nice(0))"
    )
    nice = min(os.nice(0) + 10, 19) if os.nice(0) > 10 else 10
    assert run_child(child(code.format(nice)), JobContext()) == nice


def is_alive(process: int) -> bool:
    """Whether a process exists and is no zombie."""
    try:
        state = Path(f"/proc/{process}/stat").read_text(encoding="ascii").rsplit(")", 1)[1].split()[0]
    except FileNotFoundError:
        return False
    return state not in "ZX"


@pytest.mark.skipif(not Path("/proc/self/stat").exists(), reason="looks at processes through /proc")
@pytest.mark.parametrize("stubborn", [False, True])
def test_cancelling_ends_a_child_and_what_it_started(
    jobs: Jobs, monkeypatch: pytest.MonkeyPatch, stubborn: bool
) -> None:
    monkeypatch.setattr("segstudio.jobs.CHILD_GRACE_SECONDS", 0.3)
    code = f"""if 1:
        import json, os, signal, subprocess, sys, time
        if {stubborn}:
            signal.signal(signal.SIGTERM, signal.SIG_IGN)
        inner = subprocess.Popen([sys.executable, "-c", "import time; time.sleep(600)"])
        print(json.dumps({{"processes": [os.getpid(), inner.pid]}}))
        time.sleep(600)
    """
    told: SimpleQueue[Any] = SimpleQueue()
    jobs.subscribe(lambda job, kind, value: told.put(value) if kind == "event" else None)
    job = jobs.start_process("train", child(code))
    processes = told.get(timeout=PATIENCE)["processes"]
    assert all(is_alive(process) for process in processes)
    job.cancel()
    assert job.wait(PATIENCE)
    assert job.state is JobState.CANCELLED
    assert not is_alive(processes[0])
    # The grandchild is not ours to wait for: init reaps it in its own time.
    assert wait_until_gone(processes[1])


@pytest.mark.skipif(os.name != "posix", reason="process groups are POSIX")
def test_what_a_finished_child_left_running_is_ended(jobs: Jobs) -> None:
    code = """if 1:
        import json, subprocess, sys
        code = "import signal, time; signal.signal(signal.SIGTERM, signal.SIG_IGN); time.sleep(600)"
        subprocess.Popen([sys.executable, "-c", code])
        print(json.dumps({"result": 7}))
    """
    job = jobs.start_process("forgetful", child(code))
    assert job.wait(PATIENCE)
    assert job.result == 7


def wait_until_gone(process: int) -> bool:
    pause = threading.Event()
    for _ in range(500):
        if not is_alive(process):
            return True
        pause.wait(0.02)
    return False


def test_closing_ends_a_child() -> None:
    pool = Jobs()
    told: SimpleQueue[Any] = SimpleQueue()
    pool.subscribe(lambda job, kind, value: told.put(value) if kind == "event" else None)
    job = pool.start_process("train", child("import time; print('{\"ready\": 1}'); time.sleep(600)"))
    told.get(timeout=PATIENCE)
    assert pool.close(PATIENCE)
    assert job.state is JobState.CANCELLED


def test_a_part_stops_with_the_whole_and_shows_its_progress_as_told() -> None:
    seen: list[tuple[float, float, str]] = []
    events: list[object] = []
    whole = JobContext(lambda *values: seen.append(values), events.append)
    quiet = PartContext(whole)
    second = PartContext(whole, lambda done, total, text: whole.progress(1 + done / total, 2, f"b: {text}"))
    quiet.progress(1, 2, "unseen")
    second.progress(1, 2, "half")
    second.event("made")
    assert seen == [(1.5, 2, "b: half")]
    assert events == ["made"]
    second.check()
    whole.cancel()
    assert quiet.cancelled
    with pytest.raises(Cancelled):
        second.check()
