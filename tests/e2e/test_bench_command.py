"""`segstudio bench` from the command line: kept figures, the page, and one clear line for bad input."""

import json
from pathlib import Path

import pytest

from segstudio import paths
from segstudio.inference.spec import ModelSpec, save_spec
from tests.e2e.test_command_line import Call, here

__all__ = ["here"]
QUICK = ("--size", "64x64", "--seconds", "0.01", "--backend", "onnx")


def test_figures_are_kept_shown_and_drawn(here: Call, tmp_path: Path) -> None:
    nothing = here("bench", "--history")
    assert (nothing.status, "nothing was timed yet" in nothing.out) == (0, True)
    done = here("bench", "street-b0", *QUICK, "--report", tmp_path / "page", "--json")
    assert done.status == 0, done.err
    (row,) = done.json["rows"]
    assert set(row["stages"]) >= {"preprocess", "backbone", "head", "restore"}
    assert done.json["backend_version"]
    history = here("bench", "street-b0", "--history", "--json").json
    (machine,) = history["machines"]
    assert machine["records"][0]["result"] == done.json
    assert history["cards"] == []
    text = (tmp_path / "page" / "bench.html").read_text(encoding="utf-8")
    assert f"{row['fps']:.2f}" in text
    assert "bench.html" in done.err
    assert "street-b0 on onnx" in here("bench", "--history").out


def test_nothing_is_kept_if_not_wished(here: Call) -> None:
    assert here("bench", "street-b0", *QUICK, "--no-save").status == 0
    assert not (paths.user_data_dir() / "bench.jsonl").exists()


def test_figures_are_shown_although_they_cannot_be_kept(here: Call) -> None:
    (paths.user_data_dir() / "bench.jsonl").mkdir()
    done = here("bench", "street-b0", *QUICK)
    assert done.status == 0, done.err
    assert "images/s" in done.out
    assert done.err.count("not kept: ") == 1


def test_a_supervisor_reads_lines(here: Call) -> None:
    done = here("bench", "street-b0", *QUICK, "--json-events", "--no-save")
    lines = [json.loads(line) for line in done.out.splitlines()]
    assert "progress" in lines[0]
    assert lines[-1]["result"]["model"] == "street-b0"


BAD_CALLS = {
    "bench needs a model": ("bench",),
    "nothing was kept of a model 'x'": ("bench", "x", "--history"),
    "there is no model 'x'": ("bench", "x"),
    "there is no backend 'fast'": ("bench", "street-b0", "--backend", "fast"),
    "onnx has no device npu": ("bench", "street-b0", "--backend", "onnx:npu"),
    "size '0x64'": ("bench", "street-b0", "--size", "0x64"),
    "GiB are free": ("bench", "street-b0", "--size", "400000x400000"),
    "batch 1 needs": ("bench", "street-b0", "--against", "hf", "--size", "400000x400000"),
    "time of nan": ("bench", "street-b0", "--seconds", "nan"),
    "--against goes without": ("bench", "street-b0", "--against", "hf", "--profile"),
    "file is a file": ("bench", "street-b0", *QUICK, "--report", "{tmp}/file"),
    "none.onnx is missing": ("bench", "{tmp}/model", "--backend", "onnx"),
    "has no weights file": ("bench", "{tmp}/model", "--backend", "torch"),
}


@pytest.mark.parametrize("message", BAD_CALLS)
def test_bad_input_ends_with_2_and_one_line(here: Call, tmp_path: Path, message: str) -> None:
    (tmp_path / "file").write_text("", encoding="utf-8")
    (tmp_path / "model").mkdir()
    save_spec(
        ModelSpec("bare", "mit_b0", ("a", "b"), "cityscapes", {"onnx": "none.onnx"}), tmp_path / "model"
    )
    done = here(*(word.format(tmp=tmp_path) for word in BAD_CALLS[message]))
    assert done.status == 2, done.err
    assert message in done.err
    assert (done.err.count("\n"), done.out) == (1, "")
    assert not (paths.user_data_dir() / "bench.jsonl").exists()
