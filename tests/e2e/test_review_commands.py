"""`segstudio project comments`, `assign`, `statistics`, and `segstudio report`."""

import json
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from segstudio.cli import main as cli
from segstudio.images import write_image
from segstudio.project.project import Project

Call = Callable[..., tuple[object, str, str]]


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Three frames, seen by anna."""
    monkeypatch.setenv("LOGNAME", "anna")
    root = tmp_path / "street"
    root.mkdir()
    for name in "abc":
        write_image(root / f"{name}.png", np.zeros((24, 32, 3), np.uint8))
    with Project.open(root) as project:
        project.save_mask("a", np.zeros((24, 32), np.uint8))
        project.review.submit(["a"])
        project.review.comment("a", "left edge", 3.5, 4.5, 0)
        project.review.comment("b", "dark")
        project.review.resolve(project.review.comments("b")[0].id)
    return root


@pytest.fixture
def call(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Call:
    """Runs segstudio inside this process: (exit status, stdout, stderr)."""

    def run(*arguments: str | Path) -> tuple[object, str, str]:
        monkeypatch.setattr("sys.argv", ["segstudio", *map(str, arguments)])
        status: object = 0
        try:
            cli.main()
        except SystemExit as end:
            status = end.code
        said = capsys.readouterr()
        return status or 0, said.out, said.err

    return run


def test_comments(call: Call, folder: Path) -> None:
    status, out, _ = call("project", "comments", folder, "--json")
    first, second = json.loads(out)["comments"]
    assert status == 0
    assert (first["key"], first["x"], first["y"], first["class"]) == ("a", 3.5, 4.5, "road")
    assert (first["text"], first["author"], first["resolved"]) == ("left edge", "anna", False)
    assert (second["x"], second["class"], second["resolved"]) == (None, None, True)
    _, out, _ = call("project", "comments", folder, "--open")
    assert out.splitlines() == [f"a  (4, 4)  road  open  anna  {first['when']}  left edge"]
    assert call("project", "comments", folder, "--key", "c")[1] == "none\n"
    assert call("project", "comments", folder, "--key", "x")[0] == 2


def test_assign(call: Call, folder: Path) -> None:
    status, out, _ = call("project", "assign", folder, "--to", "dora", "--unassigned", "1", "--json")
    assert (status, json.loads(out)) == (0, {"to": "dora", "assigned": ["b"]})
    status, out, _ = call("project", "assign", folder, "--reviewer", "emil", "--keys", "a", "--keys", "c")
    assert (status, out) == (0, "reviewer: emil\nassigned: a, c\n")
    with Project.open(folder) as project:
        people = [(sample.assignee, sample.reviewer) for sample in project.samples()]
    assert people == [("anna", "emil"), ("dora", ""), ("", "emil")]
    assert "nobody is named" in call("project", "assign", folder, "--keys", "a")[2]
    assert "which samples?" in call("project", "assign", folder, "--to", "dora")[2]
    assert call("project", "assign", folder, "--to", "dora", "--keys", "x")[0] == 2


def test_statistics(call: Call, folder: Path) -> None:
    status, out, _ = call("project", "statistics", folder, "--json")
    (person,) = json.loads(out)["people"]
    assert (status, person["person"], person["submitted"], person["rejected_share"]) == (0, "anna", 1, None)
    _, out, _ = call("project", "statistics", folder)
    assert [line.split()[0] for line in out.splitlines()] == ["person", "anna", "anna"]


def test_report(call: Call, folder: Path) -> None:
    status, out, _ = call("report", folder, "--out", folder / "page.html", "--json")
    assert (status, json.loads(out)) == (0, {"report": str(folder / "page.html")})
    assert "left edge" in (folder / "page.html").read_text(encoding="utf-8")
    assert call("report", folder, "--model", "x")[0] == 2
