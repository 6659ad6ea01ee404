"""`segstudio project versions` and `restore`: the list, the way back, and one line for each refusal."""

import json
import re
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pytest

from segstudio.annotation.journal import Journal, JournalContent, read_journal
from segstudio.annotation.mask import MaskDocument
from segstudio.cli import main as cli
from segstudio.images import read_mask, write_image
from segstudio.project.lock import FILE
from segstudio.project.project import Project
from segstudio.project.versions import VersionNote, Why

SHAPE = (24, 32)
MANUAL = Path(__file__).parents[2] / "docs" / "editor.md"


@dataclass(frozen=True)
class Outcome:
    """How a call ended, and what it said."""

    status: int
    out: str
    err: str


@dataclass(frozen=True)
class Caller:
    """`segstudio project ARGUMENTS` inside this process."""

    patch: pytest.MonkeyPatch
    said: pytest.CaptureFixture[str]

    def __call__(self, *arguments: str | Path) -> Outcome:
        self.patch.setattr("sys.argv", ["segstudio", "project", *map(str, arguments)])
        status: object = 0
        try:
            cli.main()
        except SystemExit as end:
            status = end.code or 0
        text = self.said.readouterr()
        assert isinstance(status, int)
        return Outcome(status, text.out, text.err)


@pytest.fixture
def call(monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]) -> Caller:
    return Caller(monkeypatch, capfd)


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A project whose one sample was predicted, accepted, and then painted over."""
    root = tmp_path / "frames"
    write_image(root / "a.png", np.zeros((*SHAPE, 3), np.uint8))
    with Project.open(root) as project:
        project.save_mask("a", np.full(SHAPE, 3, np.uint8), note=VersionNote(Why.PREDICTION, "street-b0"))
        project.save_mask("a", np.full(SHAPE, 9, np.uint8))
    return root


def test_list_and_restore(call: Caller, folder: Path) -> None:
    listed = call("versions", folder, "a", "--json")
    assert listed.status == 0
    found, accepted = json.loads(listed.out)["versions"]
    assert (found["why"], accepted["why"], accepted["model"]) == ("found", "prediction", "street-b0")
    assert accepted["pixels"] == SHAPE[0] * SHAPE[1]
    assert (read_mask(Path(accepted["file"])) == 3).all()
    lines = call("versions", folder, "a").out.splitlines()
    assert [line.split()[0] for line in lines] == [found["id"], accepted["id"]]
    done = call("restore", folder, "a", accepted["id"][:6])
    assert done.status == 0, done.err
    assert (read_mask(folder / "masks" / "a.png") == 3).all()
    again = json.loads(call("versions", folder, "a", "--json").out)["versions"]
    assert [entry["why"] for entry in again] == ["found", "prediction", "saved", "restored"]
    assert (read_mask(Path(again[2]["file"])) == 9).all()


def test_the_manual_names_the_arguments_in_their_order(call: Caller, folder: Path) -> None:
    written = re.findall(
        r"`segstudio project (versions|restore) ([A-Z ]+)`", MANUAL.read_text(encoding="utf-8")
    )
    assert [command for command, _ in written] == ["versions", "restore"]
    (found, _) = json.loads(call("versions", folder, "a", "--json").out)["versions"]
    meant = {"FOLDER": str(folder), "KEY": "a", "ID": found["id"]}
    for command, words in written:
        outcome = call(command, *(meant[word] for word in words.split()))
        assert outcome.status == 0, outcome.err


@pytest.mark.parametrize(
    ("arguments", "reason"),
    [
        (("versions", "FOLDER", "b"), "no sample 'b'"),
        (("restore", "FOLDER", "b", "00"), "no sample 'b'"),
        (("restore", "FOLDER", "a", "zz"), "a has no version 'zz'"),
        (("restore", "FOLDER", "a", ""), "versions ''"),
        (("versions", "NOWHERE", "a"), "is no folder"),
    ],
)
def test_bad_input_is_one_line(call: Caller, folder: Path, arguments: tuple[str, ...], reason: str) -> None:
    places = {"FOLDER": str(folder), "NOWHERE": str(folder / "nowhere")}
    outcome = call(*(places.get(word, word) for word in arguments))
    assert outcome.status == 2
    assert reason in outcome.err
    assert outcome.err.count("\n") == 1
    assert (read_mask(folder / "masks" / "a.png") == 9).all()


def test_a_window_that_is_open_is_not_surprised(call: Caller, folder: Path) -> None:
    lock = {"user": "anna", "host": "elsewhere", "pid": 1, "since": "2026-01-01 10:00", "token": "x"}
    (folder / ".segstudio" / FILE).write_text(json.dumps(lock))
    (version, *_) = json.loads(call("versions", folder, "a", "--json").out)["versions"]
    outcome = call("restore", folder, "a", version["id"])
    assert outcome.status == 2
    assert "anna on elsewhere has this project open" in outcome.err
    assert (read_mask(folder / "masks" / "a.png") == 9).all()


def leave_journal(project: Project, key: str, class_id: int) -> None:
    """What a crash leaves after one edit: the whole mask takes a class."""
    mask = project.load_mask(key)
    document = MaskDocument(np.full(SHAPE, 255, np.uint8) if mask is None else mask)
    journal = Journal(project.recovery.path(key), document.array)
    edit = document.apply("Set", document.whole(), lambda array: array.fill(class_id))
    assert edit is not None
    journal.append(edit)
    journal.close()


def test_edits_of_before_a_crash_come_first(call: Caller, folder: Path) -> None:
    with Project.open(folder) as project:
        leave_journal(project, "a", 5)
        version = project.versions("a")[0]
    outcome = call("restore", folder, "a", version.id)
    assert outcome.status == 2
    assert "edits from before a crash" in outcome.err
    assert (read_mask(folder / "masks" / "a.png") == 9).all()


def test_journals_of_other_samples_are_not_looked_at(
    call: Caller, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    write_image(folder / "b.png", np.zeros((*SHAPE, 3), np.uint8))
    with Project.open(folder) as project:
        project.rescan()
        leave_journal(project, "b", 5)
        version = project.versions("a")[1]
    read: list[str] = []

    def watched(path: Path) -> JournalContent | None:
        read.append(path.stem)
        return read_journal(path)

    monkeypatch.setattr("segstudio.project.recovery.read_journal", watched)
    assert call("restore", folder, "a", version.id).status == 0
    assert read == ["a"]
    with Project.open(folder) as project:
        assert (project.recovery.is_pending("a"), project.recovery.is_pending("b")) == (False, True)
        assert project.recovery.pending() == ["b"]


def test_a_journal_whose_edits_are_saved_is_not_offered_after_a_restore(call: Caller, folder: Path) -> None:
    with Project.open(folder) as project:
        leave_journal(project, "a", 5)
        project.save_mask("a", project.recovery.mask("a"))
        version = project.versions("a")[0]
    assert call("restore", folder, "a", version.id).status == 0
    with Project.open(folder) as project:
        assert project.recovery.pending() == []
