"""Random specs: what is written reads back equal, and wrong keys are named wherever they are."""

import dataclasses
import typing
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from segstudio.errors import SpecError
from segstudio.training.spec.legacy.convert import is_old
from segstudio.training.spec.limits import CHOICES, RANGES
from segstudio.training.spec.load import PRESETS, load_spec, merge, spec_from_dict, spec_to_dict, spec_yaml
from segstudio.training.spec.schema import ExperimentSpec
from segstudio.training.spec.typed import section_of

TEXT = st.text(
    st.characters(codec="utf-8", exclude_categories=["Cs", "Cc"], exclude_characters="$"), max_size=12
)
TEXTS = (
    "results_dir", "model_name", "model.backbone.pretrained_backbone_path", "dataset.segment.train_split",
    "train.pretrained_model_path", "evaluate.checkpoint", "studio.name", "wandb.project", "encryption_key",
    "gen_trt_engine.trt_engine",
)  # fmt: skip
MINIMAL: dict[str, Any] = {"dataset": {"segment": {"root_dir": "frames", "img_size": 64}}}
FREE_OF_OTHERS = [
    key for key in RANGES
    if key not in ("studio.evaluation.stride", "studio.evaluation.window_size", "train.num_gpus",
                   "dataset.segment.img_size", "studio.augmentation.largest_class_share", "studio.loss.ce",
                   "evaluate.num_gpus", "inference.num_gpus")
    and not key.startswith("train.checkpointer")
]  # fmt: skip


def nested(values: dict[str, Any]) -> dict[str, Any]:
    made: dict[str, Any] = {}
    for key, value in values.items():
        *sections, last = key.split(".")
        inner: dict[str, Any] = {last: value}
        for name in reversed(sections):
            inner = {name: inner}
        made = merge(made, inner)
    return made


def is_float(key: str) -> bool:
    kind: Any = ExperimentSpec
    for name in key.split("."):
        hint = typing.get_type_hints(kind)[name]
        kind = section_of(hint)
    return hint is float or float in typing.get_args(hint)


def is_number(text: str) -> bool:
    """Whether a reader may take the bare text for a number: YAML's versions differ on 0E0."""
    try:
        float(text)
    except ValueError:
        return False
    return True


@st.composite
def values(draw: st.DrawFn) -> dict[str, Any]:
    chosen: dict[str, Any] = {"studio.preset": draw(st.sampled_from(PRESETS))}
    for key in draw(st.lists(st.sampled_from(FREE_OF_OTHERS), max_size=12, unique=True)):
        low, high = RANGES[key]
        top = min(high, 1e6)
        if is_float(key):
            chosen[key] = draw(st.floats(low, top))
        else:
            chosen[key] = draw(st.integers(int(low), int(top)))
    for key in ("studio.masks.encoding", "studio.schedule.policy", "train.optim.optim", "train.segment.loss"):
        chosen[key] = draw(st.sampled_from(CHOICES[key]))
    chosen["studio.optim.muon"] = chosen["train.optim.optim"] == "adamw"
    for key in draw(st.lists(st.sampled_from(TEXTS), max_size=5, unique=True)):
        chosen[key] = draw(TEXT.filter(lambda text: text != "???" and not is_number(text)))
    stages = draw(st.lists(st.integers(1, 8), max_size=3))
    crops = [{"start": n / 10, "height": 32 * side, "batch": side} for n, side in enumerate(stages)]
    return merge(MINIMAL, nested({**chosen, "studio.crops": crops}))


@settings(max_examples=12, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(values())
def test_specs_survive_yaml(tmp_path: Path, drawn: dict[str, Any]) -> None:
    spec = spec_from_dict(drawn)
    path = tmp_path / "experiment.yaml"
    path.write_text(spec_yaml(spec), encoding="utf-8")
    assert load_spec(path).spec == spec
    assert spec_from_dict(spec_to_dict(spec)) == spec
    assert not is_old(yaml.safe_load(path.read_text("utf-8")))
    given_file = tmp_path / "given.yaml"
    given_file.write_text(yaml.safe_dump(drawn, allow_unicode=True), encoding="utf-8")
    assert load_spec(given_file).spec == spec


def sections(kind: Any, key: str = "") -> Iterator[tuple[str, list[str]]]:
    """(dotted key, names that it holds) of every section of a schema."""
    hints = typing.get_type_hints(kind)
    yield key, list(hints)
    for field in dataclasses.fields(kind):
        inner = section_of(hints[field.name])
        if inner is not None:
            yield from sections(inner, f"{key}.{field.name}" if key else field.name)


@settings(max_examples=40, deadline=None)
@given(st.data())
def test_unknown_keys_at_any_depth_name_the_nearest(data: st.DataObject) -> None:
    key, names = data.draw(st.sampled_from(list(sections(ExperimentSpec))))
    known = data.draw(st.sampled_from([name for name in names if len(name) > 3]))
    place = data.draw(st.integers(1, len(known) - 1))
    wrong = known[:place] + "q" + known[place:]
    where = f"{key}.{wrong}" if key else wrong
    with pytest.raises(SpecError) as caught:
        spec_from_dict(merge(MINIMAL, nested({where: 1})), "mine.yaml")
    assert caught.value.message == f"mine.yaml: unknown key {where!r}"
    assert f"{known!r}" in caught.value.hint
