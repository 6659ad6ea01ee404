"""The window's logic that needs no window: filters, keys by place, colours, shares, what is remembered."""

import json
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from segstudio import paths
from segstudio.annotation.history import Edit
from segstudio.annotation.rect import Rect
from segstudio.errors import SegstudioError
from segstudio.gui import memory as memory_module
from segstudio.gui.correcting.edit_text import edit_text
from segstudio.gui.dialogs.bug_report import report_text
from segstudio.gui.dialogs.chooser import Choice, matching
from segstudio.gui.keys.physical_keys import KeyPress, class_slot, key_place, slot_text
from segstudio.gui.memory import Memory, load_memory
from segstudio.gui.message import ERROR, Message, from_error
from segstudio.gui.panels.editor_page import shares
from segstudio.gui.panels.status_bar import Reading, reading_text
from segstudio.gui.panels.tool_strip import SLIDER_STEPS, radius_from_slider, slider_from_radius
from segstudio.gui.samples.sample_book import PLAIN, Listing, SampleBook, needs_work
from segstudio.gui.samples.sample_lister import from_plain, full_query, to_plain
from segstudio.gui.theme import DARK, LIGHT, Theme, contrast, stylesheet
from segstudio.project.sample import Sample, SampleStatus
from segstudio.project.sample_facts import agreement
from segstudio.project.sample_orders import Order


def sample(key: str, status: SampleStatus = SampleStatus.UNLABELLED) -> Sample:
    return Sample(key, f"{key}.png", f"masks/{key}.png", status, "", "", 10, 10)


class TestBook:
    samples = (
        sample("train/Night_01", SampleStatus.ACCEPTED),
        sample("train/day_02"),
        sample("val/night_10", SampleStatus.REJECTED),
    )

    def book(self) -> SampleBook:
        """One that lists the last sample before the first."""
        book = SampleBook()
        book.load(self.samples)
        book.set_wanted(Listing("night", order=Order("random", seed=1)))
        book.show(["val/night_10", "train/Night_01"], frozenset({"val/night_10"}))
        return book

    def test_without_a_wish_all_are_listed_by_name(self) -> None:
        book = SampleBook()
        book.load(self.samples)
        assert book.listed == list(self.samples)

    def test_neighbours_follow_the_list(self) -> None:
        book = self.book()
        assert (after := book.neighbour("val/night_10", 1)) is not None
        assert after.key == "train/Night_01"
        assert book.neighbour("train/Night_01", 1) is None
        work = book.neighbour(None, 1, needs_work)
        assert work is not None
        assert work.key == "val/night_10"
        assert book.drawn == {"val/night_10"}

    def test_a_sample_that_changes_stays_where_it_is(self) -> None:
        book = self.book()
        book.update([sample("val/night_10", SampleStatus.SUBMITTED)])
        assert book.listed[0].status is SampleStatus.SUBMITTED

    def test_samples_that_are_read_again_keep_their_list_until_another_comes(self) -> None:
        book = self.book()
        book.load([self.samples[0], sample("new")])
        assert [entry.key for entry in book.listed] == ["train/Night_01"]
        book.show([], frozenset())
        assert book.listed == []
        book.set_wanted(PLAIN)
        assert [entry.key for entry in book.listed] == ["train/Night_01", "new"]


@pytest.mark.parametrize(
    "wanted",
    [PLAIN, Listing("class=car", frozenset({SampleStatus.REJECTED}), Order("class", 13, 5))],
)
def test_a_listing_is_remembered(wanted: Listing) -> None:
    assert from_plain(json.loads(json.dumps(to_plain(wanted))), 19) == wanted


@pytest.mark.parametrize(
    "stored",
    [
        {},
        {"order": "beauty", "statuses": "all", "query": 3},
        {"order": "class", "class": 40},
        {"order": "class", "class": "car", "statuses": ["gone"], "seed": None},
    ],
)
def test_a_damaged_listing_is_none(stored: dict[str, object]) -> None:
    assert from_plain(stored, 19) == PLAIN


def test_a_saved_filter_holds_its_statuses() -> None:
    statuses = frozenset({SampleStatus.REJECTED, SampleStatus.IN_PROGRESS})
    assert full_query(Listing(" night ", statuses)) == "night status=in_progress|rejected"
    assert full_query(PLAIN) == ""


class TestPhysicalKeys:
    @pytest.mark.parametrize(
        ("press", "slot"),
        [
            (KeyPress("xcb", 10, 0, ord("1"), False), 0),
            (KeyPress("xcb", 19, 0, ord("0"), False), 9),
            # AZERTY: the same key types an ampersand without Shift, a digit with it.
            (KeyPress("xcb", 10, 0, ord("&"), False), 0),
            (KeyPress("wayland", 10, 0, ord("1"), True), 10),
            (KeyPress("windows", 11, 0, ord("0"), True), 19),
            (KeyPress("cocoa", 0, 22, ord("6"), False), 5),
            (KeyPress("offscreen", 0, 0, ord("3"), False), 2),
            (KeyPress("offscreen", 0, 0, ord("#"), True), 12),
            (KeyPress("offscreen", 0, 0, ord("3"), True), 12),
            (KeyPress("xcb", 38, 0, ord("A"), False), None),
            (KeyPress("offscreen", 0, 0, 0x01000004, False), None),
        ],
    )
    def test_slot_by_place(self, press: KeyPress, slot: int | None) -> None:
        assert class_slot(press) == slot

    @pytest.mark.parametrize("platform", ["xcb", "windows", "offscreen"])
    @pytest.mark.parametrize(("plain", "shifted"), [("\\", "|"), ("[", "{"), ("5", "%"), ("h", "h")])
    @pytest.mark.parametrize("code", [0, 43])
    def test_a_key_is_the_same_with_shift(self, platform: str, plain: str, shifted: str, code: int) -> None:
        down = KeyPress(platform, code, 0, ord(plain), False)
        up = KeyPress(platform, code, 0, ord(shifted), True)
        assert key_place(down) == key_place(up)

    def test_keys_at_other_places_are_others(self) -> None:
        assert key_place(KeyPress("xcb", 51, 0, 1, False)) != key_place(KeyPress("xcb", 52, 0, 1, False))
        assert key_place(KeyPress("cocoa", 0, 5, 1, False)) != key_place(KeyPress("cocoa", 0, 0, 1, False))
        assert key_place(KeyPress("", 0, 0, ord("["), False)) != key_place(KeyPress("", 0, 0, ord("}"), True))

    def test_texts(self) -> None:
        assert [slot_text(slot) for slot in (0, 9, 10, 19, 20, -1)] == ["1", "0", "⇧1", "⇧0", "", ""]


class TestTheme:
    texts = ("text", "muted", "accent", "success", "warning", "danger", "violet")
    backs = ("window", "panel", "raised", "field")

    @pytest.mark.parametrize("theme", [LIGHT, DARK], ids=lambda theme: theme.name)
    @pytest.mark.parametrize("back", backs)
    @pytest.mark.parametrize("text", texts)
    def test_words_can_be_read(self, theme: Theme, text: str, back: str) -> None:
        assert contrast(theme.colours[text], theme.colours[back]) >= 4.5

    @pytest.mark.parametrize("theme", [LIGHT, DARK], ids=lambda theme: theme.name)
    def test_words_on_coloured_grounds_can_be_read(self, theme: Theme) -> None:
        pairs = [("on-primary", "primary"), ("on-primary", "primary-hover"), ("text", "selection")]
        pairs += [
            (text, f"{level}-back")
            for level in ("success", "warning", "danger", "info")
            for text in ("text", "muted")
        ]
        for text, back in pairs:
            assert contrast(theme.colours[text], theme.colours[back]) >= 4.5, (text, back)

    def test_both_have_the_same_roles(self) -> None:
        assert LIGHT.colours.keys() == DARK.colours.keys()

    def test_contrast_is_that_of_the_standard(self) -> None:
        assert contrast("#000000", "#ffffff") == pytest.approx(21.0)
        assert contrast("#777777", "#ffffff") == pytest.approx(4.48, abs=0.01)

    @pytest.mark.parametrize("theme", [LIGHT, DARK], ids=lambda theme: theme.name)
    def test_no_word_is_left_unreplaced_and_files_exist(self, theme: Theme) -> None:
        text = stylesheet(theme, 1.25)
        rules = text.split("*/", 1)[1]
        assert "@" not in rules
        for part in rules.split('url("')[1:]:
            assert Path(part.split('"')[0]).is_file()

    def test_canvas_ground_is_neutral(self) -> None:
        for theme in (LIGHT, DARK):
            colour = theme.colours["canvas"]
            assert colour[1:3] == colour[3:5] == colour[5:7]


class TestFigures:
    def test_shares_are_those_of_numpy(self) -> None:
        mask = np.random.default_rng(3).integers(0, 256, (40, 50), np.uint8)
        np.testing.assert_allclose(shares(mask), np.bincount(mask.ravel(), minlength=256) / mask.size)

    def test_agreement_leaves_unlabelled_pixels_out(self) -> None:
        mask = np.array([[0, 1, 255, 255]], np.uint8)
        predicted = np.array([[0, 2, 0, 255]], np.uint8)
        assert agreement(mask, predicted) == pytest.approx(0.5)
        assert agreement(np.full((2, 2), 255, np.uint8), np.zeros((2, 2), np.uint8)) is None

    @given(st.integers(0, SLIDER_STEPS))
    def test_slider_and_radius_are_inverse(self, step: int) -> None:
        assert slider_from_radius(radius_from_slider(step)) == step

    def test_texts(self) -> None:
        place, colour, classes = reading_text(Reading(3, 4, (1, 2, 255), "road", "car", 0.876))
        assert (place, colour) == ("3, 4", "RGB   1   2 255")
        assert classes == "road   ·   model: car 88 %"
        assert reading_text(Reading(3, 4, (1, 2, 3), "road"))[2] == "road"


class TestEditText:
    def edit(self, title: str, after: list[int]) -> Edit:
        made = Edit.of(
            title, Rect(0, 0, len(after), 1), np.zeros((1, len(after)), np.uint8), np.array([after], np.uint8)
        )
        assert made is not None
        return made

    def test_names_the_class_that_was_written(self) -> None:
        assert edit_text(self.edit("Brush", [7] * 1812), lambda value: f"c{value}") == "Brush: c7, 1,812 px"
        assert edit_text(self.edit("Fill", [0, 3, 0, 3]), str) == "Fill: 3, 2 px"

    def test_several_classes_and_other_titles_name_none(self) -> None:
        assert edit_text(self.edit("Brush", [1, 2]), str) == "Brush, 2 px"
        assert edit_text(self.edit("Accept prediction", [1, 1]), str) == "Accept prediction, 2 px"


class TestMemory:
    def test_comes_back(self) -> None:
        memory = Memory()
        for name in ("a", "b", "a"):
            memory.opened(Path(name))
        memory.opacity["a"] = 0.25
        memory.save()
        again = load_memory()
        assert again.recent == ["a", "b"]
        assert again.opacity == {"a": 0.25}

    @pytest.mark.parametrize("content", [b"", b"[1]", b"\xff\xfe", b'{"recent": 3, "opacity": []}'])
    def test_damage_costs_only_comfort(self, content: bytes) -> None:
        (paths.user_config_dir() / memory_module.FILE).write_bytes(content)
        assert load_memory() == Memory()

    def test_forgets(self) -> None:
        memory = Memory(recent=["a", "b"], last_sample={"a": "k"})
        memory.forget("a")
        assert memory == Memory(recent=["b"])

    def test_keeps_a_dozen(self) -> None:
        memory = Memory()
        for number in range(30):
            memory.opened(Path(str(number)))
        assert len(memory.recent) == 12
        assert memory.recent[0] == "29"


def test_chooser_finds_parts_of_words_and_prefers_starts() -> None:
    choices = [
        Choice("Zoom out", 0, path="View"),
        Choice("Outlines", 1, path="View"),
        Choice("Undo", 2, path="Edit"),
    ]
    assert [choice.value for choice in matching(choices, "out")] == [1, 0]
    assert [choice.value for choice in matching(choices, "edit un")] == [2]
    assert [choice.value for choice in matching(choices, "")] == [0, 1, 2]
    assert matching(choices, "xyz") == []


def test_messages_of_one_topic_replace_each_other() -> None:
    assert Message("info", "a", topic="t").key == Message("error", "b", topic="t").key
    assert Message("info", "a").key == "a"
    shown = from_error(SegstudioError("disk full", hint="free some space"))
    assert (shown.level, shown.text, shown.hint) == (ERROR, "disk full", "free some space")


def test_a_report_names_versions_and_trace() -> None:
    text = report_text("ValueError: x", "Traceback\n  line\n")
    assert text.startswith("ValueError: x\n\nTraceback")
    assert "numpy" in text
    assert "PySide6" in text


@pytest.mark.parametrize("shape", [(7, 5), (300, 211), (1, 9), (64, 1)])
def test_agreement_counts_labelled_pixels_alone(
    shape: tuple[int, int], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("segstudio.project.sample_facts.STRIP", 64)
    random = np.random.default_rng(0)
    mask, predicted = (random.integers(0, 3, shape).astype(np.uint8) for _ in range(2))
    mask[random.random(shape) < 0.3] = 255
    labelled = mask != 255
    assert agreement(mask, predicted) == np.mean(mask[labelled] == predicted[labelled])
    assert agreement(np.full(shape, 255, np.uint8), predicted) is None
