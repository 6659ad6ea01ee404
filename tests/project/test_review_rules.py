"""The rules of review: which status follows which, who a sample goes to, and what waits for whom."""

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from segstudio.project.review_records import Comment, Effort, Figures, pack, unpack
from segstudio.project.review_rules import Standing, allowed, is_locked, moved, route, waiting_for
from segstudio.project.sample import Sample, SampleStatus

S = SampleStatus
STATUSES = st.sampled_from(list(S))
NAMES = st.text(max_size=8)
STANDINGS = st.builds(Standing, STATUSES, NAMES, NAMES, NAMES)
COMMENTS = st.builds(
    Comment,
    st.integers(1, 10**6),
    st.text(min_size=1, max_size=9),
    st.text(max_size=20),
    st.floats(-1, 1e5),
    st.floats(-1, 1e5),
    st.integers(-1, 254),
    st.booleans(),
    NAMES,
    st.floats(0, 2e9),
)


@pytest.mark.parametrize(
    ("status", "to"),
    [
        (S.UNLABELLED, {S.PREDICTED, S.IN_PROGRESS, S.SUBMITTED, S.SKIPPED}),
        (S.PREDICTED, {S.UNLABELLED, S.IN_PROGRESS, S.SUBMITTED, S.SKIPPED}),
        (S.IN_PROGRESS, {S.SUBMITTED, S.SKIPPED}),
        (S.SUBMITTED, {S.ACCEPTED, S.REJECTED, S.IN_PROGRESS, S.SKIPPED}),
        (S.ACCEPTED, {S.IN_PROGRESS, S.REJECTED}),
        (S.REJECTED, {S.IN_PROGRESS, S.SUBMITTED, S.ACCEPTED, S.SKIPPED}),
        (S.SKIPPED, {S.IN_PROGRESS, S.SUBMITTED}),
    ],
)
def test_what_may_follow(status: SampleStatus, to: set[SampleStatus]) -> None:
    assert allowed(status) == to


@given(STATUSES, STATUSES)
def test_every_step_of_a_route_is_allowed_and_only_verdicts_take_two(
    status: SampleStatus, to: SampleStatus
) -> None:
    way = route(status, to)
    for before, after in zip((status, *way), way, strict=False):
        assert after in allowed(before)
    assert not way or way[-1] is to
    assert len(way) < 2 or to in (S.ACCEPTED, S.REJECTED)


def test_work_in_progress_is_submitted_on_the_way_to_a_verdict() -> None:
    assert route(S.IN_PROGRESS, S.ACCEPTED) == (S.SUBMITTED, S.ACCEPTED)
    assert route(S.ACCEPTED, S.SUBMITTED) == ()
    assert route(S.ACCEPTED, S.SKIPPED) == ()


def test_a_rejected_sample_and_its_correction_go_to_the_same_two_people() -> None:
    begun = Standing(S.IN_PROGRESS)
    submitted = moved(begun, S.SUBMITTED, "anna", "anna")
    assert submitted == Standing(S.SUBMITTED, "anna")
    rejected = moved(submitted, S.REJECTED, "bert", "anna", "left edge")
    assert rejected == Standing(S.REJECTED, "anna", "bert", "left edge")
    corrected = moved(moved(rejected, S.IN_PROGRESS, "carl", "carl"), S.SUBMITTED, "carl", "carl")
    assert corrected == Standing(S.SUBMITTED, "anna", "bert", "left edge")
    assert moved(corrected, S.ACCEPTED, "bert", "carl") == Standing(S.ACCEPTED, "anna", "bert")


def test_only_what_somebody_accepted_is_locked() -> None:
    found = Sample("a", "a.png", "a.png", S.ACCEPTED)
    assert not is_locked(found)
    assert is_locked(replace(found, reviewer="bert"))
    assert not is_locked(replace(found, reviewer="bert", status=S.SUBMITTED))


def test_what_waits_for_a_person_comes_in_order() -> None:
    def sample(key: str, status: SampleStatus, *people: str) -> Sample:
        return Sample(key, "", "", status, "", "", 0, 0, *people)

    samples = [
        sample("own", S.SUBMITTED, "anna"),
        sample("others", S.SUBMITTED, "bert"),
        sample("new", S.UNLABELLED, "anna"),
        sample("free", S.UNLABELLED),
        sample("correction", S.SUBMITTED, "bert", "anna", "left edge"),
        sample("back", S.REJECTED, "anna", "bert", "left edge"),
        sample("half", S.IN_PROGRESS, "anna", "bert", "left edge"),
        sample("theirs", S.SUBMITTED, "carl", "bert"),
        sample("done", S.ACCEPTED, "anna", "bert"),
    ]
    order = [one.key for one in waiting_for("anna", samples)]
    assert order == ["back", "half", "correction", "new", "others", "own"]
    assert [one.key for one in waiting_for("dora", samples)] == ["own", "others"]


@given(
    st.builds(
        Figures,
        st.none() | STANDINGS,
        st.none() | STANDINGS,
        st.none() | COMMENTS,
        st.none() | COMMENTS,
        st.builds(Effort, st.integers(0, 10**6).map(lambda tenths: tenths / 10), st.integers(0, 99)),
        NAMES,
        st.booleans(),
    )
)
def test_figures_come_back_from_json(figures: Figures) -> None:
    assert unpack(pack(figures)) == figures


@pytest.mark.parametrize(
    "text", ["", "{", "[]", '{"before": ["gone"]}', '{"said": {"id": 1}}', '{"seconds": "x"}']
)
def test_unreadable_figures_say_nothing(text: str) -> None:
    assert unpack(text) == Figures()
