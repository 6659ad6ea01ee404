"""The journal survives any damage of its tail, and replays over any state between its first and last edit."""

import errno
import os
import zlib
from pathlib import Path

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from segstudio.annotation.history import Edit
from segstudio.annotation.journal import (
    CHECK,
    HEADER,
    PIXELS,
    RECORD,
    Journal,
    checksum,
    read_journal,
    replay,
)
from segstudio.annotation.mask import MaskDocument
from segstudio.annotation.tools import stroke_bounds
from segstudio.errors import MaskError
from tests.strokes import paint_stroke

HEIGHT, WIDTH = 60, 80


def base() -> NDArray[np.uint8]:
    return np.random.default_rng(3).integers(0, 4, (HEIGHT, WIDTH), dtype=np.uint8)


def make(path: Path, edits: int, undone: int = 0) -> list[NDArray[np.uint8]]:
    """A journal of strokes and undos; returns the mask after every record, the base first."""
    document = MaskDocument(base())
    journal = Journal(path, document.array)
    states = [document.array.copy()]
    random = np.random.default_rng(edits)
    for number in range(edits):
        place = (random.uniform(0, WIDTH), random.uniform(0, HEIGHT))
        document.begin("Brush")
        document.touch(stroke_bounds(place, place, 6))
        paint_stroke(document.array, place, place, 6, 10 + number)
        edit = document.commit()
        assert edit is not None
        journal.append(edit)
        states.append(document.array.copy())
    for _ in range(undone):
        edit = document.history.edits[document.history.position - 1]
        document.undo()
        journal.append(edit, undo=True)
        states.append(document.array.copy())
    journal.close()
    return states


def test_replay_gives_the_last_state(tmp_path: Path) -> None:
    states = make(tmp_path / "a.journal", 7, undone=3)
    content = read_journal(tmp_path / "a.journal")
    assert content is not None
    assert len(content.records) == 10
    assert np.array_equal(replay(states[0], content), states[-1])


def test_replay_over_any_saved_state_gives_the_last_one(tmp_path: Path) -> None:
    states = make(tmp_path / "a.journal", 6, undone=2)
    content = read_journal(tmp_path / "a.journal")
    assert content is not None
    for state in states:
        assert np.array_equal(replay(state, content), states[-1])


@settings(max_examples=80, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.data())
def test_a_torn_tail_loses_only_what_was_torn(tmp_path: Path, data: st.DataObject) -> None:
    path = tmp_path / "torn.journal"
    path.unlink(missing_ok=True)
    states = make(path, 4)
    whole = path.read_bytes()
    cut = data.draw(st.integers(0, len(whole)))
    path.write_bytes(whole[:cut])
    content = read_journal(path)
    if content is not None:
        assert np.array_equal(replay(states[0], content), states[len(content.records)])


@settings(max_examples=80, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.data())
def test_a_flipped_byte_never_gives_wrong_pixels(tmp_path: Path, data: st.DataObject) -> None:
    path = tmp_path / "flipped.journal"
    path.unlink(missing_ok=True)
    states = make(path, 3)
    content = bytearray(path.read_bytes())
    # The header's four numbers are checked by their use: magic, size, and the mask's checksum.
    position = data.draw(st.integers(16, len(content) - 1))
    content[position] ^= data.draw(st.integers(1, 255))
    path.write_bytes(bytes(content))
    read = read_journal(path)
    assert read is not None
    assert len(read.records) < 3
    assert np.array_equal(replay(states[0], read), states[len(read.records)])


def test_rebase_keeps_the_edits_after_the_save(tmp_path: Path) -> None:
    path = tmp_path / "b.journal"
    document = MaskDocument(base())
    journal = Journal(path, document.array)

    def stroke(value: int) -> None:
        edit = document.apply(f"Set {value}", document.whole(), lambda array: array[:9].fill(value))
        assert edit is not None
        journal.append(edit)

    stroke(20)
    saved, written = document.array.copy(), journal.length
    stroke(21)
    journal.rebase(checksum(saved), written)
    content = read_journal(path)
    assert content is not None
    assert len(content.records) == 1
    assert np.array_equal(replay(saved, content), document.array)
    journal.rebase(checksum(document.array), journal.length)
    assert not path.exists()
    stroke(22)
    assert path.exists()
    journal.close()


def test_nothing_is_written_without_edits(tmp_path: Path) -> None:
    Journal(tmp_path / "c.journal", base()).close()
    assert not list(tmp_path.iterdir())
    assert read_journal(tmp_path / "c.journal") is None


def test_old_edits_are_put_aside_not_written_over(tmp_path: Path) -> None:
    path = tmp_path / "d.journal"
    make(path, 2)
    before = path.read_bytes()
    make(path, 1)
    assert path.with_suffix(".old").read_bytes() == before


def test_a_mask_of_another_size_is_refused(tmp_path: Path) -> None:
    make(tmp_path / "e.journal", 1)
    content = read_journal(tmp_path / "e.journal")
    assert content is not None
    with pytest.raises(MaskError, match="80x60"):
        replay(np.zeros((5, 5), np.uint8), content)


def test_a_journal_of_an_older_version_is_read(tmp_path: Path) -> None:
    start = base()
    block = np.full((3, 5), 7, np.uint8)
    packed = zlib.compress(block.tobytes())
    body = RECORD.pack(PIXELS, 10, 20, 5, 3, len(packed)) + packed
    header = HEADER.pack(b"SGJ1", WIDTH, HEIGHT, checksum(start))
    (tmp_path / "f.journal").write_bytes(header + body + CHECK.pack(zlib.crc32(body)))
    content = read_journal(tmp_path / "f.journal")
    assert content is not None
    expected = start.copy()
    expected[20:23, 10:15] = 7
    np.testing.assert_array_equal(replay(start, content), expected)


class TestAFullDisk:
    """What the disk refuses is kept in memory, and nothing that follows is lost by it."""

    def stroke(self, document: MaskDocument, value: int) -> Edit:
        edit = document.apply(
            f"Set {value}", document.whole(), lambda array: array[value : value + 3].fill(value)
        )
        assert edit is not None
        return edit

    @pytest.mark.parametrize("written", [0, 7])
    def test_records_follow_when_there_is_room_again(
        self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, written: int
    ) -> None:
        path, document = tmp_path / "g.journal", MaskDocument(base())
        journal = Journal(path, document.array)
        journal.append(self.stroke(document, 5))
        real = os.write

        def full(descriptor: int, content: bytes) -> int:
            if written and len(content) > written:
                return real(descriptor, content[:written])
            raise OSError(errno.ENOSPC, "No space left on device")

        with monkeypatch.context() as patch:
            patch.setattr(os, "write", full)
            with pytest.raises(MaskError, match="No space left"):
                journal.append(self.stroke(document, 9))
        was_behind = journal.behind
        journal.append(self.stroke(document, 13))
        assert (was_behind, journal.behind) == (True, False)
        journal.append(self.stroke(document, 17))
        journal.close()
        content = read_journal(path)
        assert content is not None
        assert len(content.records) == 4
        np.testing.assert_array_equal(replay(base(), content), document.array)

    def test_a_journal_that_was_removed_is_made_again(self, tmp_path: Path) -> None:
        home = tmp_path / "disk"
        home.mkdir()
        path, document = home / "journal" / "h.journal", MaskDocument(base())
        journal = Journal(path, document.array, home)
        journal.append(self.stroke(document, 5))
        home.rename(tmp_path / "pulled")
        with pytest.raises(MaskError, match="is not there"):
            journal.append(self.stroke(document, 9))
        assert not home.exists()
        (tmp_path / "pulled").rename(home)
        journal.append(self.stroke(document, 13))
        journal.close()
        content = read_journal(path)
        assert content is not None
        np.testing.assert_array_equal(replay(base(), content), document.array)

    def test_a_failed_rebase_keeps_the_old_file(
        self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        path, document = tmp_path / "i.journal", MaskDocument(base())
        journal = Journal(path, document.array)
        journal.append(self.stroke(document, 5))
        saved = document.array.copy()
        journal.append(self.stroke(document, 9))

        def refuse(*_: object) -> None:
            raise OSError(errno.EROFS, "Read-only file system")

        with monkeypatch.context() as patch:
            patch.setattr(os, "replace", refuse)
            journal.rebase(checksum(saved), 1)
        content = read_journal(path)
        assert content is not None
        np.testing.assert_array_equal(replay(saved, content), document.array)
        journal.append(self.stroke(document, 13))
        content = read_journal(path)
        assert content is not None
        assert len(content.records) == 2
        np.testing.assert_array_equal(replay(saved, content), document.array)
        journal.close()
