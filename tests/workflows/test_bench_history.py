"""What was timed is kept a line a run, survives damage, and is shown by machine, never in one ranking."""

import dataclasses
import json
import re
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from segstudio.errors import InputError
from segstudio.workflows.bench import BenchResult, BenchRow
from segstudio.workflows.bench_history import (
    NOT_FOR_RANKING,
    BenchRecord,
    History,
    cards_for,
    history_file,
    keep,
    made_now,
    read_history,
    record_from_json,
)
from segstudio.workflows.bench_report import bench_page, latency_plots, throughput_plots, write_report
from segstudio.workflows.machine import Machine

MACHINE = Machine("a CPU", 4, "Linux x86_64")
OTHER = Machine("a CPU", 4, "Linux x86_64", ("a GPU",))
LATENCY = {"p50": 10.0, "p90": 12.0, "p95": 13.0, "p99": 14.0, "mean": 10.5, "min": 9.0, "max": 15.0}


def row(width: int = 64, batch: int = 1, fps: float = 95.0, variation: float = 0.01) -> BenchRow:
    stages = {"preprocess": 0.1, "backbone": 0.6, "head": 0.2, "restore": 0.1}
    return BenchRow(width, 32, batch, 300, fps, LATENCY, variation, stages)


def record(
    *rows: BenchRow, when: str = "2026-01-01T10:00:00Z", machine: Machine = MACHINE, model: str = "m"
) -> BenchRecord:
    result = BenchResult(
        model, "onnx", "CPU (a CPU)", "fp32", "latency", 1, rows or (row(),), "mit_b5", "ab" * 32, "1.2", 4
    )
    return BenchRecord(when, machine, result)


FIGURES = st.floats(0.001, 1e6)
ROWS = st.builds(
    BenchRow,
    st.integers(1, 9999), st.integers(1, 9999), st.integers(1, 64), st.integers(10, 10**6), FIGURES,
    st.fixed_dictionaries(dict.fromkeys(LATENCY, FIGURES)), FIGURES,
    st.none() | st.dictionaries(st.text(max_size=9), st.floats(0, 1)),
)  # fmt: skip


@given(st.text(), st.text(), st.lists(ROWS, max_size=3), st.lists(st.text(), max_size=2))
def test_records_come_back_as_they_were(model: str, cpu: str, rows: list[BenchRow], gpus: list[str]) -> None:
    made = record(*rows, model=model, machine=Machine(cpu, 3, "x", tuple(gpus)))
    assert record_from_json(json.loads(json.dumps(made.to_json(), ensure_ascii=False))) == made


def test_kept_records_are_read_newest_first() -> None:
    assert read_history() == History((), 0, history_file())
    older, newer = record(when="2026-01-01T10:00:00Z"), record(when="2026-01-02T10:00:00Z", model="n")
    for one in (newer, older):
        keep(one)
    assert read_history().records == (newer, older)
    assert read_history("m").records == (older,)


@given(
    st.lists(st.sampled_from(["{", "[]", "null", '{"when": 1}', "\x00", "{}", '"text"', '{"machine": {}}']))
)
@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], max_examples=20)
def test_lines_that_are_no_records_are_left_out_with_a_note(lines: list[str]) -> None:
    history_file().unlink(missing_ok=True)
    keep(record())
    with history_file().open("a", encoding="utf-8") as stream:
        stream.write("\n".join(lines))
    keep(record(when="2026-01-03T10:00:00Z"))
    found = read_history()
    assert len(found.records) == 2
    assert found.skipped == len(lines)
    assert any("are no records" in line for line in found.lines()) == bool(lines)


@pytest.mark.parametrize(
    ("key", "value"), [("fps", "fast"), ("latency_ms", [1]), ("width", None), ("stages", {"a": "b"})]
)
def test_figures_of_a_wrong_kind_are_no_record(key: str, value: object) -> None:
    values = record().to_json()
    values["result"]["rows"][0][key] = value
    history_file().write_text(json.dumps(values) + "\n", encoding="utf-8")
    found = read_history()
    assert (found.records, found.skipped) == ((), 1)


def test_keys_of_a_newer_segstudio_are_passed_over() -> None:
    values = record().to_json()
    values["result"]["colour"] = values["machine"]["smell"] = values["result"]["rows"][0]["taste"] = 1
    assert record_from_json(values) == record()


def _keep_many(number: int) -> None:
    for _ in range(20):
        keep(record(model=f"model-{number}"))


def test_lines_of_two_writers_do_not_mix() -> None:
    # Each opens the file anew, as another process would.
    with ThreadPoolExecutor(2) as pool:
        list(pool.map(_keep_many, range(2)))
    found = read_history()
    assert (len(found.records), found.skipped) == (40, 0)


def test_a_history_that_cannot_be_written_is_one_line() -> None:
    history_file().mkdir()
    with pytest.raises(InputError, match=r"bench\.jsonl cannot be written") as caught:
        keep(record())
    assert "--no-save" in caught.value.hint
    with pytest.raises(InputError, match="cannot be read"):
        read_history()


def test_machines_stand_apart_and_nothing_is_ranked() -> None:
    for number, (machine, fps) in enumerate([(MACHINE, 1.0), (OTHER, 900.0), (MACHINE, 5.0)]):
        keep(record(row(fps=fps), when=f"2026-01-0{number + 1}T10:00:00Z", machine=machine))
    found = read_history()
    groups = {m: [r.result.rows[0].fps for r in records] for m, records in found.by_machine().items()}
    # By time alone, the machine that was used last first.
    assert list(groups.items()) == [(MACHINE, [5.0, 1.0]), (OTHER, [900.0])]
    lines = found.lines()
    assert lines.index(str(MACHINE)) < lines.index(str(OTHER))
    assert any(NOT_FOR_RANKING in line and "MiT-B5" in line for line in lines)
    json.dumps(found.to_json())


def test_cards_are_those_of_the_architecture() -> None:
    assert {row.name for row in cards_for("mit_b5")} == {"CitySemSegFormer MiT-B5"}
    assert {row.name.split()[-1] for row in cards_for("fan_base_16_p4_hybrid")} == {"FAN-B-Hybrid"}
    assert cards_for("mit_b0") == ()


def test_made_now_names_this_machine() -> None:
    made = made_now(record().result)
    assert re.fullmatch(r"20\d\d-\d\d-\d\dT\d\d:\d\d:\d\dZ", made.when)
    assert made.machine.cores > 0
    assert made.machine.cpu


# -- the page ------------------------------------------------------------------------------------------------


def test_a_sweep_is_drawn_over_batch_and_over_size() -> None:
    rows = [row(width, batch) for width in (64, 32) for batch in (2, 1)]
    over_batch, over_size = throughput_plots(rows)
    # By their pixels and numbers, not in the order of the rows.
    assert over_size.categories == ("32×32", "64×32")
    assert [one.name for one in over_size.series] == ["batch 1", "batch 2"]
    assert over_batch.categories == ("1", "2")
    assert [one.values for one in over_batch.series] == [(95.0, 95.0)] * 2
    assert len(latency_plots(rows)) == 2
    assert len(latency_plots(rows[:1])) == 1
    assert throughput_plots(rows[:1]) == []


def test_the_page_says_what_was_measured(tmp_path: Path) -> None:
    before = record(row(fps=80.0), when="2025-12-01T10:00:00Z")
    elsewhere = record(row(fps=4321.0), machine=OTHER)
    now = record(row(variation=0.5))
    path = write_report(tmp_path / "deep" / "report", now, History((now, before, elsewhere), 0, tmp_path))
    text = path.read_text(encoding="utf-8")
    for words in ("95.00", "80.00", "the machine was not quiet", "backbone: 60%", "A100", NOT_FOR_RANKING):
        assert words in text
    # Other hardware is in no plot and in no table of this page.
    assert "4321" not in text


def test_no_section_without_contents(tmp_path: Path) -> None:
    result = dataclasses.replace(
        record().result, architecture="mit_b0", rows=(dataclasses.replace(row(), stages=None),)
    )
    now = BenchRecord("2026-01-01T10:00:00Z", MACHINE, result)
    text = bench_page(now, History((now,), 0, tmp_path))
    assert "Published by" not in text
    assert "Runs on this machine" not in text
    assert "Mistrust" not in text
    assert "does not tell where its time goes" in text


def test_a_file_in_place_of_the_folder_is_refused(tmp_path: Path) -> None:
    (tmp_path / "taken").write_text("", encoding="utf-8")
    with pytest.raises(InputError, match="taken is a file"):
        write_report(tmp_path / "taken", record(), History((), 0, tmp_path))
