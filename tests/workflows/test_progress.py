"""Progress is added up from the samples' last changes; a day is one of the user's clock."""

from datetime import UTC, date, datetime, timedelta, timezone

from hypothesis import given
from hypothesis import strategies as st

from segstudio.project.review_records import Effort, Figures, Record, What
from segstudio.project.review_rules import Standing
from segstudio.project.sample import SampleMark, SampleStatus
from segstudio.workflows.progress import progress_of

LATE = datetime(2026, 3, 1, 23, 30, tzinfo=UTC).timestamp()


def mark(key: str, status: SampleStatus, author: str = "ann", at: float = LATE) -> SampleMark:
    return SampleMark(key, status, "", author, at)


def test_samples_are_counted_once_each() -> None:
    found = progress_of(
        [
            mark("a", SampleStatus.ACCEPTED),
            mark("b", SampleStatus.SUBMITTED, "bob", LATE - 86_400),
            mark("c", SampleStatus.REJECTED, "bob", LATE + 60),
            mark("d", SampleStatus.UNLABELLED, "", 0),
        ],
        zone=UTC,
    )
    assert (found.samples, found.done) == (4, 2)
    assert found.by_status == {
        SampleStatus.UNLABELLED: 1,
        SampleStatus.SUBMITTED: 1,
        SampleStatus.ACCEPTED: 1,
        SampleStatus.REJECTED: 1,
    }
    assert [(day.day, day.done, sum(day.by_status.values())) for day in found.days] == [
        (date(2026, 3, 1), 1, 2),
        (date(2026, 2, 28), 1, 1),
    ]


def test_people_are_those_of_the_record() -> None:
    submitted = Figures(after=Standing(SampleStatus.SUBMITTED, "ann"), effort=Effort(30, 4, 100))
    accepted = Figures(after=Standing(SampleStatus.ACCEPTED, "ann", "bob"))
    found = progress_of(
        [mark("a", SampleStatus.ACCEPTED, "bob")],
        [
            Record(1, "a", "ann", LATE, What.STATUS, submitted),
            Record(2, "a", "bob", LATE, What.STATUS, accepted),
        ],
        UTC,
    )
    ann, bob = found.people
    assert (ann.person, ann.submitted, ann.accepted, ann.seconds_per_sample) == ("ann", 1, 1, 30)
    assert (bob.person, bob.submitted, bob.reviewed) == ("bob", 0, 1)


def test_a_day_is_one_of_the_clock_on_the_wall() -> None:
    (day,) = progress_of([mark("a", SampleStatus.ACCEPTED)], zone=timezone(timedelta(hours=2))).days
    assert day.day == date(2026, 3, 2)


@given(st.lists(st.tuples(st.sampled_from(SampleStatus), st.sampled_from("xyz"), st.integers(0, 10**9))))
def test_nothing_is_lost_or_counted_twice(rows: list[tuple[SampleStatus, str, int]]) -> None:
    found = progress_of([mark("k", status, author, at) for status, author, at in rows], zone=UTC)
    touched = sum(at > 0 for _, _, at in rows)
    assert found.samples == len(rows)
    assert sum(sum(day.by_status.values()) for day in found.days) == touched
    assert [day.day for day in found.days] == sorted((day.day for day in found.days), reverse=True)
