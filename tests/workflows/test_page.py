"""Pages and plots: whatever the texts are, the file stays well-formed and shows them as they are."""

import csv
import itertools
import re
from html.parser import HTMLParser
from xml.etree import ElementTree

import pytest
from hypothesis import given
from hypothesis import strategies as st

from segstudio.workflows.page import DARK, LIGHT, facts, page, paragraph, section, table
from segstudio.workflows.svg_plots import COLOURS, LinePlot, Series, line_plot, nice_ticks, share_bars

SVG = "{http://www.w3.org/2000/svg}"
VOID = {"meta", "br"}
# Without what XML cannot hold and without what HTML changes.
WORDS = st.text(st.characters(categories=("L", "N", "P", "S", "Zs")), min_size=1, max_size=20)


class Outline(HTMLParser):
    """Refuses tags that are not closed in order, and collects texts by tag."""

    def __init__(self) -> None:
        super().__init__()
        self.open: list[str] = []
        self.texts: list[tuple[str, str]] = []

    def handle_starttag(self, tag: str, attrs: object) -> None:
        if tag not in VOID:
            self.open.append(tag)

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag

    def handle_data(self, text: str) -> None:
        if self.open:
            self.texts.append((self.open[-1], text))


def outline(text: str) -> Outline:
    parsed = Outline()
    parsed.feed(text)
    parsed.close()
    assert parsed.open == []
    return parsed


@given(WORDS, WORDS, WORDS)
def test_texts_are_shown_as_they_are(title: str, heading: str, cell: str) -> None:
    inner = section(heading, paragraph(cell), facts({cell: heading}), table([heading], [[cell]]))
    texts = outline(page(title, [inner])).texts
    assert {("title", title), ("h1", title), ("h2", heading), ("p", cell), ("td", cell)} <= set(texts)
    assert {("dt", cell), ("dd", heading), ("th", heading)} <= set(texts)


def test_a_page_needs_nothing_else() -> None:
    text = page("Speed", [section("Figures", paragraph("none"))])
    assert text.startswith("<!DOCTYPE html>")
    assert not re.search(r"<script|https?:|url\(|@import|src=", text)
    assert "prefers-color-scheme: dark" in text
    assert "@media print" in text


def test_both_themes_name_the_same_colours() -> None:
    named = [re.findall(r"--([\w-]+):", theme) for theme in (LIGHT, DARK)]
    assert named[0] == named[1]
    assert {f"series-{number + 1}" for number in range(len(COLOURS))} <= set(named[0])


def test_numbers_and_marks_of_a_table() -> None:
    text = table(["name", "value"], [["a", "1"], ["b", "2"]], numbers=(1,), marks={1: "bad"})
    assert text.count("<td class=number>") == 2
    assert re.findall(r'<tr class="(\w+)"><td>(\w)', text) == [("bad", "b")]
    with pytest.raises(ValueError, match="argument"):
        table(["name"], [["a", "b"]])


@given(st.floats(1e-6, 1e9))
def test_ticks_are_round_and_reach_the_most(most: float) -> None:
    ticks = nice_ticks(most)
    step = ticks[1]
    assert ticks[0] == 0
    assert ticks[-1] >= most * (1 - 1e-9)
    assert ticks[-2] < most
    assert 3 <= len(ticks) <= 7
    assert float(f"{step:.0e}".split("e")[0]) in (1, 2, 5)


@pytest.mark.parametrize("most", [0.0, -1.0, float("nan"), float("inf")])
def test_ticks_of_nothing(most: float) -> None:
    assert nice_ticks(most) == [0.0, 1.0]


def test_points_stand_where_their_values_say() -> None:
    lines = (Series("a", (10.0, None, 40.0)), Series("b", (0, 5, 20)))
    drawn = ElementTree.fromstring(line_plot(LinePlot("T", "batch", "fps", ("1", "2", "4"), lines)))
    circles = [(float(c.attrib["cx"]), float(c.attrib["cy"])) for c in drawn.iter(f"{SVG}circle")]
    (x1, y10), (x4, y40), (_, y0), (_, y5), (_, y20) = circles
    assert x4 > x1
    # Upright distances from the axis are in the ratio of the values.
    assert (y0 - y40) / (y0 - y10) == pytest.approx(4, rel=0.01)
    assert (y0 - y20) / (y0 - y5) == pytest.approx(4, rel=0.02)
    titles = [title.text for title in drawn.iter(f"{SVG}title")]
    assert titles[:2] == ["a, 1: 10", "a, 4: 40"]
    with pytest.raises(ValueError, match="one value a category"):
        LinePlot("T", "x", "y", ("1",), (Series("a", (1.0, 2.0)),))


def test_a_plot_as_a_table() -> None:
    plot = LinePlot("T", "size, px", "fps", ("1", "2"), (Series("a", (10.0, None)), Series('"b"', (0.5, 3))))
    assert list(csv.reader(plot.to_csv().splitlines())) == [
        ["size, px", "a", '"b"'], ["1", "10", "0.5"], ["2", "", "3"],
    ]  # fmt: skip
    assert plot.most == 10


@given(st.lists(WORDS, min_size=1, max_size=40), WORDS)
def test_any_names_make_well_formed_drawings(names: list[str], title: str) -> None:
    series = [Series(name, tuple(float(n) for n in range(len(names)))) for name in names[:9]]
    for text in (
        line_plot(LinePlot(title, "x", "y", tuple(names), tuple(series))),
        share_bars(title, {title: dict.fromkeys(names, 1.0)}),
    ):
        drawn = ElementTree.fromstring(text)
        assert drawn.attrib["aria-label"] == title
        width, height = map(float, drawn.attrib["viewBox"].split()[2:])
        for words in drawn.iter(f"{SVG}text"):
            assert 0 <= float(words.attrib["x"]) <= width
            assert 0 <= float(words.attrib["y"]) <= height


def test_names_of_categories_do_not_run_into_each_other() -> None:
    names = [f"2026-01-{day:02d} 10:00" for day in range(1, 31)]
    drawn = ElementTree.fromstring(
        line_plot(LinePlot("T", "run", "fps", tuple(names), (Series("a", (1.0,) * 30),)))
    )
    places = [float(t.attrib["x"]) for t in drawn.iter(f"{SVG}text") if (t.text or "").startswith("2026")]
    assert min(b - a for a, b in itertools.pairwise(places)) > 16 * 6


def test_parts_are_as_wide_as_their_shares() -> None:
    drawn = ElementTree.fromstring(share_bars("T", {"one": {"a": 3, "b": 1}, "two": {"b": 2, "c": 2}}))
    widths = [
        float(r.attrib["width"]) + 1 for r in drawn.iter(f"{SVG}rect") if r.find(f"{SVG}title") is not None
    ]
    assert widths == pytest.approx([540, 180, 360, 360])
    assert [t.text for t in drawn.iter(f"{SVG}title")] == ["a: 75%", "b: 25%", "b: 50%", "c: 50%"]
