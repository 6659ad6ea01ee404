"""Figures by person and day, counted by hand from a made-up record."""

from datetime import UTC, datetime

import pytest

from segstudio.project.review_records import NO_EFFORT, Effort, Figures, Record, What
from segstudio.project.review_rules import Standing
from segstudio.project.sample import SampleStatus
from segstudio.workflows.labelling import Labelling, duration, row_texts, statistics

S = SampleStatus


def at(day: int, hour: int = 9) -> float:
    return datetime(2026, 3, day, hour, tzinfo=UTC).timestamp()


def moved(
    who: str, when: float, key: str, status: SampleStatus, *, of: str = "anna", undone: bool = False,
    effort: Effort = NO_EFFORT,
) -> Record:  # fmt: skip
    figures = Figures(Standing(S.IN_PROGRESS), Standing(status, of), effort=effort, undone=undone)
    return Record(0, key, who, when, What.STATUS, figures)


def saved(who: str, when: float, key: str, effort: Effort) -> Record:
    return Record(0, key, who, when, What.SAVED, Figures(after=Standing(S.IN_PROGRESS), effort=effort))


RECORDS = [
    saved("anna", at(1), "a", Effort(100.0, 4, 900)),
    moved("anna", at(1, 10), "a", S.SUBMITTED, effort=Effort(20.0)),
    saved("anna", at(1, 11), "b", Effort(60.0, 2, 50)),
    moved("anna", at(1, 12), "b", S.SUBMITTED),
    moved("bert", at(2), "a", S.REJECTED, effort=Effort(8.0)),
    moved("bert", at(2, 10), "b", S.ACCEPTED, effort=Effort(4.0)),
    moved("anna", at(2, 11), "a", S.SUBMITTED),
    moved("bert", at(2, 12), "a", S.REJECTED, undone=True, effort=Effort(3.0)),
    moved("bert", at(2, 13), "a", S.ACCEPTED),
    Record(0, "a", "bert", at(2), What.COMMENT, Figures()),
    Record(0, "c", "carl", at(2), What.ASSIGNED, Figures(Standing(S.SUBMITTED), Standing(S.ACCEPTED))),
]


def test_figures_by_person() -> None:
    found = statistics(RECORDS, UTC)
    assert found.people == (
        Labelling("anna", "", 2, 2, 1, 0, Effort(180.0, 6, 950)),
        Labelling("bert", "", 0, 0, 0, 3, Effort(15.0)),
    )
    anna, bert = found.people
    assert anna.seconds_per_sample == 90.0
    assert anna.rejected_share == pytest.approx(1 / 3)
    assert (bert.seconds_per_sample, bert.rejected_share) == (None, None)
    assert row_texts(anna) == ("2", "2", "1", "33%", "0", "3 min", "90 s", "6")


def test_figures_by_day() -> None:
    assert statistics(RECORDS, UTC).days == (
        Labelling("anna", "2026-03-02", 1, 2, 1, 0, Effort()),
        Labelling("bert", "2026-03-02", 0, 0, 0, 3, Effort(15.0)),
        Labelling("anna", "2026-03-01", 2, 0, 0, 0, Effort(180.0, 6, 950)),
    )


def test_no_records_no_figures() -> None:
    assert statistics([]).people == statistics([]).days == ()


@pytest.mark.parametrize(
    ("seconds", "text"), [(0, "0 s"), (99.4, "99 s"), (100, "2 min"), (5900, "98 min"), (11_100, "3 h 05")]
)
def test_durations(seconds: float, text: str) -> None:
    assert duration(seconds) == text
