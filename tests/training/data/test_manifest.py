"""Manifests come back as they were written."""

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from segstudio.annotation.palette import load_palette
from segstudio.errors import SpecError
from segstudio.training.data.manifest import FrozenSample, Manifest, read_manifest, write_text

words = st.text(st.characters(codec="utf-8"), max_size=12)
samples = st.lists(
    st.builds(
        FrozenSample,
        words,
        words,
        words,
        words,
        words,
        st.integers(0, 9999),
        st.integers(0, 9999),
        words,
        words,
    ),
    max_size=5,
)


@given(words, samples, st.sampled_from(["cityscapes", "camvid-11", "people"]))
def test_round_trip(
    tmp_path_factory: pytest.TempPathFactory, project: str, listed: list[FrozenSample], palette: str
) -> None:
    path = tmp_path_factory.mktemp("frozen") / "manifest.json"
    manifest = Manifest(project, load_palette(palette), tuple(listed))
    path.write_text(write_text(manifest), encoding="utf-8")
    found = read_manifest(path)
    assert (found.project, found.samples) == (manifest.project, manifest.samples)
    assert found.palette.classes == manifest.palette.classes
    assert found.palette.mappings == manifest.palette.mappings


def test_splits_of_a_manifest() -> None:
    def sample(split: str) -> FrozenSample:
        return FrozenSample("a", "a", "", "a", "", 1, 1, split, "accepted")

    palette = load_palette("people")
    without = Manifest("p", palette, (sample(""), sample("")))
    assert len(without.of_split("train", Path("m"))) == 2
    mixed = Manifest("p", palette, (sample("train"), sample("val"), sample("")))
    assert [entry.split for entry in mixed.of_split("val", Path("m"))] == ["val"]
    with pytest.raises(SpecError, match="m has no split 'test'"):
        mixed.of_split("test", Path("m"))
