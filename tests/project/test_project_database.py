"""The database: versions, damage, loss, several threads and processes."""

import json
import sqlite3
import subprocess
import sys
import threading
from collections.abc import Callable
from contextlib import closing
from functools import partial
from pathlib import Path

import numpy as np
import pytest
from sqlalchemy import Connection, Inspector, inspect

from segstudio.errors import ProjectError
from segstudio.images import read_mask
from segstudio.project import schema
from segstudio.project.project import Project
from segstudio.project.sample import SampleStatus
from tests.project.conftest import MakeFrames, OpenProject, some_mask

# The schema as version 1 made it.
VERSION_1 = """
CREATE TABLE facts (name VARCHAR NOT NULL PRIMARY KEY, value VARCHAR);
CREATE TABLE samples ("key" VARCHAR NOT NULL PRIMARY KEY, place INTEGER NOT NULL, image VARCHAR NOT NULL,
  status VARCHAR NOT NULL, split VARCHAR NOT NULL, note VARCHAR NOT NULL, width INTEGER NOT NULL,
  height INTEGER NOT NULL, mask_size INTEGER NOT NULL, mask_mtime INTEGER NOT NULL,
  mask_hash VARCHAR NOT NULL, changed_by VARCHAR NOT NULL, changed_at FLOAT NOT NULL);
CREATE TABLE predictions ("key" VARCHAR NOT NULL PRIMARY KEY REFERENCES samples ("key") ON DELETE CASCADE,
  model VARCHAR NOT NULL, made_at FLOAT NOT NULL);
CREATE TABLE counts (model VARCHAR NOT NULL,
  "key" VARCHAR NOT NULL REFERENCES samples ("key") ON DELETE CASCADE,
  classes INTEGER NOT NULL, matrix BLOB NOT NULL, PRIMARY KEY (model, "key"));
CREATE TABLE speeds (id INTEGER NOT NULL PRIMARY KEY, model VARCHAR NOT NULL, record VARCHAR NOT NULL);
CREATE INDEX ix_samples_place ON samples (place);
CREATE INDEX ix_samples_status ON samples (status);
INSERT INTO facts VALUES ('schema_version', '1');
INSERT INTO samples VALUES ('a', 0, 'a.png', 'submitted', 'val', 'a note', 32, 24, -1, -1, '', 'anna', 5.0);
INSERT INTO predictions VALUES ('a', 'm', 1.0);
"""


def database(root: Path) -> Path:
    return root / ".segstudio" / "project.db"


def test_an_old_database_is_brought_up_to_date(make_frames: MakeFrames, open_project: OpenProject) -> None:
    root = make_frames()
    database(root).parent.mkdir()
    with closing(sqlite3.connect(database(root))) as connection:
        connection.executescript(VERSION_1)
    project = open_project(root)
    sample = project.sample("a")
    assert (sample.status, sample.split, sample.note) == (SampleStatus.SUBMITTED, "val", "a note")
    assert len(project.samples()) == 3
    project.save_prediction("a", some_mask(), some_mask(1), "m")
    project.record_counts("a", "m", np.ones((19, 20), np.int64))
    assert project.evaluation.counts("m").keys() == {"a"}
    project.close()
    assert open_project(root).sample("a").note == "a note"


def describe(tables: Inspector, name: str) -> object:
    columns = [(c["name"], str(c["type"]), c["nullable"], c["default"]) for c in tables.get_columns(name)]
    indexes = sorted(str(index["name"]) for index in tables.get_indexes(name))
    return columns, indexes, tables.get_foreign_keys(name), tables.get_pk_constraint(name)


def test_a_migrated_database_has_the_tables_of_a_new_one(make_frames: MakeFrames, tmp_path: Path) -> None:
    old, new = tmp_path / "old", tmp_path / "new"
    for folder in (old, new):
        folder.mkdir()
    with closing(sqlite3.connect(old / schema.FILE)) as connection:
        connection.executescript(VERSION_1)
    shapes: list[dict[str, object]] = []
    for folder in (old, new):
        engine = schema.open_database(folder).engine
        tables = inspect(engine)
        shapes.append({name: describe(tables, name) for name in tables.get_table_names()})
        engine.dispose()
    assert shapes[0] == shapes[1]


def test_a_failed_migration_leaves_the_old_database(
    make_frames: MakeFrames, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    with closing(sqlite3.connect(tmp_path / schema.FILE)) as connection:
        connection.executescript(VERSION_1)

    def half(connection: Connection) -> None:
        connection.exec_driver_sql("ALTER TABLE samples ADD COLUMN half INTEGER")
        raise RuntimeError("the program ends here")

    with monkeypatch.context() as patch:
        patch.setattr(schema, "MIGRATIONS", {1: half})
        with pytest.raises(RuntimeError):
            schema.open_database(tmp_path)
    with closing(sqlite3.connect(tmp_path / schema.FILE)) as connection:
        columns = [row[1] for row in connection.execute("PRAGMA table_info(samples)")]
        assert "half" not in columns
        assert connection.execute("SELECT value FROM facts").fetchone() == ("1",)
    schema.open_database(tmp_path).engine.dispose()


def test_a_newer_database_is_left_alone(project: Project) -> None:
    project.close()
    with closing(sqlite3.connect(database(project.root))) as connection:
        connection.execute("UPDATE facts SET value = '99' WHERE name = 'schema_version'")
        connection.commit()
    before = database(project.root).read_bytes()
    with pytest.raises(ProjectError, match="newer segstudio") as caught:
        Project.open(project.root)
    assert caught.value.hint == "update segstudio"
    assert database(project.root).read_bytes() == before


def corrupt_header(path: Path) -> None:
    path.write_bytes(b"this is no database at all" * 100)


def corrupt_middle(path: Path) -> None:
    content = bytearray(path.read_bytes())
    size = len(content) // 4096
    for page in range(2, size, 3):
        content[page * 4096 : page * 4096 + 200] = b"\xa5" * 200
    path.write_bytes(content)


def truncate(path: Path) -> None:
    path.write_bytes(path.read_bytes()[: 4096 * 3 + 100])


@pytest.mark.parametrize("damage", [corrupt_header, corrupt_middle, truncate])
def test_a_damaged_database_is_put_aside_and_made_anew(
    make_frames: MakeFrames, open_project: OpenProject, damage: Callable[[Path], None]
) -> None:
    root = make_frames(*(f"{number}.png" for number in range(40)), "0.jpg")
    project = open_project(root)
    for key in ("1", "2", "0.jpg"):
        project.save_mask(key, some_mask(7))
    project.set_status(["3"], SampleStatus.ACCEPTED)
    project.close()
    damage(database(root))
    again = open_project(root)
    (warning,) = again.info().warnings
    assert "was damaged" in warning
    (aside,) = again.root.glob(".segstudio/project.damaged-*.db")
    assert aside.name in warning
    assert len(again.samples()) == 41
    for key in ("1", "2", "0.jpg"):
        loaded = again.load_mask(key)
        assert loaded is not None
        np.testing.assert_array_equal(loaded, some_mask(7))
        assert again.sample(key).status is SampleStatus.IN_PROGRESS
    again.close()
    assert not open_project(root).warnings


def test_what_can_still_be_read_of_a_damaged_database_is_taken_over(
    make_frames: MakeFrames, open_project: OpenProject
) -> None:
    root = make_frames()
    project = open_project(root)
    project.set_status(["a"], SampleStatus.REJECTED)
    project.set_note("a", "left edge")
    project.close()
    with closing(sqlite3.connect(database(root))) as connection:
        (page,) = connection.execute("SELECT rootpage FROM sqlite_master WHERE name = 'speeds'").fetchone()
    content = bytearray(database(root).read_bytes())
    content[(page - 1) * 4096 : (page - 1) * 4096 + 100] = b"\xff" * 100
    database(root).write_bytes(content)
    again = open_project(root)
    assert "3 samples" in again.warnings[0]
    assert (again.sample("a").status, again.sample("a").note) == (SampleStatus.REJECTED, "left edge")


def test_a_lost_database_is_made_anew_with_a_warning_and_the_same_keys(
    make_frames: MakeFrames, open_project: OpenProject
) -> None:
    root = make_frames("a.jpg")
    project = open_project(root)
    project.save_mask("a", some_mask())
    (root / "a.png").write_bytes((root / "a.jpg").read_bytes())
    project.rescan()
    assert {s.image.name: s.key for s in project.samples()} == {"a.jpg": "a", "a.png": "a.png"}
    project.close()
    database(root).unlink()
    again = open_project(root)
    assert "database was gone" in again.warnings[0]
    assert {s.image.name: s.key for s in again.samples()} == {"a.jpg": "a", "a.png": "a.png"}
    assert again.load_mask("a") is not None


def test_a_database_in_use_elsewhere_is_an_error_not_a_crash(
    project: Project, monkeypatch: pytest.MonkeyPatch, open_project: OpenProject
) -> None:
    monkeypatch.setattr(schema, "BUSY_SECONDS", 0.05)
    impatient = open_project(project.root)
    with closing(sqlite3.connect(database(project.root), isolation_level=None)) as other:
        other.execute("BEGIN IMMEDIATE")
        assert len(impatient.samples()) == 3
        with pytest.raises(ProjectError, match="locked"):
            impatient.set_note("a", "x")
        other.execute("ROLLBACK")
    impatient.set_note("a", "x")


def test_threads_share_a_project(project: Project) -> None:
    keys = ("a", "b", "c")
    failures: list[BaseException] = []

    def write(key: str) -> None:
        for number in range(12):
            project.save_mask(key, some_mask(number))
            project.save_prediction(key, some_mask(number), some_mask(number), "m")
            project.record_counts(key, "m", np.full((19, 20), number, np.int64))
            project.set_note(key, str(number))

    def read() -> None:
        for _ in range(25):
            assert len(project.samples()) == 3
            for key in keys:
                mask = project.load_mask(key)
                assert mask is None or any(np.array_equal(mask, some_mask(number)) for number in range(12))
                stored = project.load_prediction(key)
                assert stored is None or np.array_equal(stored.ids, stored.confidence)
            project.evaluation.counts("m")
            project.info()

    def guarded(work: Callable[[], None]) -> None:
        try:
            work()
        except BaseException as error:  # noqa: BLE001 - handed to the test's own thread
            failures.append(error)

    works: list[Callable[[], None]] = [*(partial(write, key) for key in keys), read, read]
    threads = [threading.Thread(target=guarded, args=(work,)) for work in works]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert not failures
    for key in keys:
        assert project.sample(key).note == "11"
        np.testing.assert_array_equal(read_mask(project.mask_path(key)), some_mask(11))
        # The counts of the last round came after its mask.
        assert int(project.evaluation.counts("m")[key][0, 0]) == 11


WRITER = """
import sys
from pathlib import Path
from segstudio.project.project import Project
with Project.open(Path(sys.argv[1])) as project:
    for number in range(40):
        project.set_note(sys.argv[2], str(number))
"""


def test_processes_share_a_project_and_may_make_it_together(
    make_frames: MakeFrames, open_project: OpenProject
) -> None:
    root = make_frames()
    writers = [
        subprocess.Popen([sys.executable, "-c", WRITER, str(root), key], stderr=subprocess.PIPE, text=True)
        for key in ("a", "b", "c")
    ]
    errors = [writer.communicate()[1] for writer in writers]
    assert [writer.returncode for writer in writers] == [0, 0, 0], errors
    project = open_project(root)
    assert [sample.note for sample in project.samples()] == ["39", "39", "39"]
    assert not project.warnings


def test_only_schema_database_and_stores_speak_sql() -> None:
    room = Path(schema.__file__).parent.parent
    speakers = {
        path.relative_to(room).as_posix()
        for path in room.rglob("*.py")
        if "sqlalchemy" in path.read_text(encoding="utf-8")
        or "import sqlite3" in path.read_text(encoding="utf-8")
    }
    stores = {name for name in speakers if name.startswith("project/") and name.endswith("store.py")}
    assert speakers - stores == {"project/schema.py", "project/database.py", "project/rescue.py"}


def test_stored_paths_are_relative_with_slashes(make_frames: MakeFrames, open_project: OpenProject) -> None:
    root = make_frames("town/a.png", "town/b.png")
    open_project(root).save_mask("town/a", some_mask())
    with closing(sqlite3.connect(database(root))) as connection:
        stored = connection.execute('SELECT "key", image FROM samples ORDER BY place').fetchall()
    assert stored == [("town/a", "town/a.png"), ("town/b", "town/b.png")]
    for path in (root / ".segstudio").glob("*.toml"):
        assert str(root) not in path.read_text(encoding="utf-8")
    assert (
        not (root / ".segstudio" / "keys.json").exists()
        or json.loads((root / ".segstudio" / "keys.json").read_text(encoding="utf-8")) == {}
    )
