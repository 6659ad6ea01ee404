"""Specs: TAO's key names, overrides, and refusals that name the key and what it may be."""

import json
import subprocess
import sys
from pathlib import Path

import pytest

from segstudio.errors import SpecError
from segstudio.networks.architecture import HUGGINGFACE_EPS
from segstudio.training.spec.arithmetic import arithmetic
from segstudio.training.spec.check import SECTIONS
from segstudio.training.spec.derived import architecture_of, decisive, model_palette
from segstudio.training.spec.load import (
    PRESETS,
    default_yaml,
    load_spec,
    spec_from_dict,
    spec_to_dict,
    spec_yaml,
)
from segstudio.training.spec.schema import ExperimentSpec

REPOSITORY = Path(__file__).resolve().parents[3]
TASKS = tuple(SECTIONS)
MINIMAL = {"dataset": {"segment": {"root_dir": "frames"}}}


LAND_COVER = Path(__file__).parent / "specs" / "land_cover.yaml"


def written(folder: Path, text: str) -> Path:
    path = folder / "spec.yaml"
    path.write_text(text, encoding="utf-8")
    return path


def refused(values: object) -> SpecError:
    with pytest.raises(SpecError) as caught:
        spec_from_dict(values, "mine.yaml")
    assert "mine.yaml" in caught.value.message
    return caught.value


def test_defaults_are_those_of_tao_where_it_has_the_key() -> None:
    spec = spec_from_dict(MINIMAL)
    assert spec.train.optim.lr == 6e-5
    assert spec.train.optim.weight_decay == 0.01
    assert spec.train.seed == 1234
    assert spec.dataset.segment.augmentation.random_flip.hflip_probability == 0.5


def test_file_with_overrides_and_interpolation(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("FRAMES", "/somewhere")
    path = tmp_path / "spec.yaml"
    path.write_text(
        "results_dir: runs/a\ndataset: {segment: {root_dir: '${oc.env:FRAMES}/x'}}\n"
        "train: {optim: {lr: 6e-4}}\nstudio: {crops: [{height: 64, width: 96, batch: 2}]}\n",
        encoding="utf-8",
    )
    spec = load_spec(path, ["train.optim.lr=2e-4", "studio.max_steps=7", "results_dir=runs/b"]).spec
    assert spec.dataset.segment.root_dir == "/somewhere/x"
    assert spec.train.optim.lr == 2e-4
    assert (spec.studio.max_steps, spec.results_dir) == (7, "runs/b")
    assert spec.studio.crops[0].width == 96


def test_written_specs_read_back_equal(tmp_path: Path) -> None:
    spec = spec_from_dict({**MINIMAL, "studio": {"sources": [{"kind": "scenes", "count": 3}]}})
    path = tmp_path / "experiment.yaml"
    path.write_text(spec_yaml(spec), encoding="utf-8")
    assert load_spec(path).spec == spec
    assert spec_from_dict(spec_to_dict(spec)) == spec


@pytest.mark.parametrize(
    ("path", "kinds"),
    [
        ("models/street-b0/train.yaml", {"folder", "scenes"}),
        ("models/street-b0/finetune.yaml", {"folder", "scenes"}),
        ("docs/recipes/camvid-b0.yaml", {"folder"}),
    ],
)
def test_bundled_recipes_are_valid(path: str, kinds: set[str], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("CAMVID", "camvid")
    spec = load_spec(REPOSITORY / path).spec
    assert spec.model.backbone.type == "mit_b0"
    assert {source.kind for source in spec.studio.sources} == kinds


def test_unknown_keys_name_the_nearest() -> None:
    error = refused({"train": {"optim": {"learning_rate": 1, "weight_decey": 0.1}}})
    assert "train.optim.learning_rate" in error.message
    error = refused({**MINIMAL, "train": {"optim": {"weight_decey": 0.1}}})
    assert "train.optim.weight_decey" in error.message
    assert "'weight_decay'" in error.hint


@pytest.mark.parametrize(
    ("values", "key", "hint"),
    [
        ({"train": {"num_epochs": "ten"}}, "train.num_epochs", "int"),
        ({"train": {"num_epochs": True}}, "train.num_epochs", "int"),
        ({"train": {"optim": {"lr": "fast"}}}, "train.optim.lr", "float"),
        ({"train": 3}, "train", "keys"),
        ({"model": {"backbone": {"type": "mit_b9"}}}, "model.backbone.type", "mit_b0"),
        ({"studio": {"crops": [{"start": 0.5}]}}, "studio.crops", "starts at 0"),
        ({"studio": {"sources": [{"kind": "video"}]}}, "studio.sources[0].kind", "scenes"),
        ({"dataset": {"segment": {"augmentation": {"mean": [0.5]}}}}, "augmentation.mean", "3 entries"),
        ({"studio": {"precision": "8-bit"}}, "studio.precision", "bf16-mixed"),
    ],
)
def test_bad_values_name_key_and_remedy(values: dict[str, object], key: str, hint: str) -> None:
    error = refused({**MINIMAL, **values})
    assert key in error.message
    assert hint in error.hint


def test_a_spec_without_images_is_refused() -> None:
    assert "dataset.segment.root_dir" in refused({}).message


def test_files_that_are_no_specs(tmp_path: Path) -> None:
    broken = tmp_path / "broken.yaml"
    broken.write_text("a: [1,\n", encoding="utf-8")
    for path in (broken, tmp_path / "absent.yaml"):
        with pytest.raises(SpecError, match=path.name):
            load_spec(path)
    unset = tmp_path / "unset.yaml"
    unset.write_text("results_dir: ${oc.env:SEGSTUDIO_NOT_SET}\n", encoding="utf-8")
    with pytest.raises(SpecError, match="SEGSTUDIO_NOT_SET"):
        load_spec(unset)


def test_where_a_run_lies_is_not_decisive() -> None:
    spec, moved = (
        spec_from_dict({**MINIMAL, "results_dir": folder, "studio": {"threads": threads}})
        for folder, threads in (("a", 1), ("b", 2))
    )
    assert spec != moved
    assert decisive(spec) == decisive(moved)
    assert isinstance(decisive(spec), ExperimentSpec)
    slower = spec_from_dict({**MINIMAL, "train": {"optim": {"lr": 1e-5}}})
    assert decisive(slower) != decisive(spec)


def test_the_architecture_follows_the_spec() -> None:
    spec = spec_from_dict(
        {
            **MINIMAL,
            "model": {"backbone": {"type": "fan_tiny_8_p4_hybrid", "feat_downsample": True}},
            "studio": {"network": {"head": "mmseg", "head_bias": True, "norm_eps": "huggingface"}},
        }
    )
    made = architecture_of(spec, 7)
    assert (made.backbone, made.classes, made.embed_dim) == ("fan_tiny_8_p4_hybrid", 7, 768)
    assert (made.head, made.head_bias, made.feat_downsample) == ("mmseg", True, True)
    assert (made.block_eps, made.embed_eps) == HUGGINGFACE_EPS


@pytest.mark.parametrize("values", [{"head": "hat"}, {"norm_eps": "mine"}])
def test_forms_that_nobody_makes_are_refused(values: dict[str, str]) -> None:
    assert "studio.network" in refused({**MINIMAL, "studio": {"network": values}}).message


def test_the_land_cover_spec_of_tao_loads_as_it_is() -> None:
    loaded = load_spec(LAND_COVER, ["results_dir=runs/land", "dataset.segment.root_dir=land"])
    spec, segment = loaded.spec, loaded.spec.dataset.segment
    palette = model_palette(spec)
    assert palette.names == ("urban", "agriculture", "rangeland", "forest", "water", "barren")
    assert [entry.rgb for entry in palette.classes][:2] == [(0, 255, 255), (255, 255, 0)]
    assert len(segment.palette) == 7
    assert (segment.num_classes, segment.img_size, segment.batch_size) == (6, 224, 32)
    assert segment.label_transform is None
    assert (segment.train_split, segment.predict_split) == ("train", "val")
    assert spec.studio.masks.encoding == "auto"
    augmentation = segment.augmentation
    assert (augmentation.random_color.enable, augmentation.with_random_blur) == (False, False)
    assert augmentation.random_rotate.angle_list == (90.0, 180.0, 270.0)
    assert augmentation.with_scale_random_crop.scale_range == (1.0, 1.2)
    assert spec.studio.augmentation.kind == "tao"
    assert (spec.train.optim.lr, spec.train.optim.weight_decay) == (1e-4, 5e-4)
    assert spec.evaluate.checkpoint == "runs/land/train/segformer_model_latest.pth"
    assert spec.export.onnx_file == "runs/land/export/segformer.onnx"
    assert [note.split(" has")[0] for note in loaded.notes] == [
        "encryption_key",
        "model.decode_head.feature_strides",
    ]


def test_what_is_missing_hurts_only_the_task_that_needs_it(tmp_path: Path) -> None:
    train = ["dataset.segment.root_dir=land", "train.results_dir=runs"]
    assert load_spec(LAND_COVER, train).spec.evaluate.checkpoint == ""
    with pytest.raises(SpecError, match=r"evaluate.checkpoint cannot be resolved.*results_dir"):
        load_spec(LAND_COVER, train, task="evaluate")
    with pytest.raises(SpecError, match="results_dir is not given"):
        load_spec(LAND_COVER, ["dataset.segment.root_dir=land"])
    with pytest.raises(SpecError, match=r"root_dir is None"):
        load_spec(LAND_COVER, ["results_dir=runs"])
    assert load_spec(LAND_COVER, ["results_dir=runs"], task="export").spec.export.checkpoint
    path = written(tmp_path, "gen_trt_engine: {onnx_file: '${nowhere.at.all}'}\n")
    load_spec(path, ["dataset.segment.root_dir=a"])
    with pytest.raises(SpecError, match=r"gen_trt_engine.onnx_file cannot be resolved.*nowhere"):
        load_spec(path, task="gen_trt_engine")


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("${eval:'2 * (3 + 4) // 5'}", 2),
        ("${eval:'${dataset.segment.img_size} * 2 - 12'}", 500),
        ("${dataset.segment.img_size}", 256),
        ("${eval:'-7 % 4 + 2 ** 3'}", 9),
    ],
)
def test_interpolation_and_arithmetic(text: str, value: int, tmp_path: Path) -> None:
    values = {"dataset": {"segment": {"root_dir": "a", "img_size": 256}}, "studio": {"max_steps": text}}
    path = written(tmp_path, json.dumps(values))
    assert load_spec(path).spec.studio.max_steps == value


@pytest.mark.parametrize(
    "text", ["__import__('os')", "1 if 2 else 3", "9 ** 9 ** 9", "1 / 0", "[1]", "a", "1 +", "'x'"]
)
def test_arithmetic_is_nothing_but_arithmetic(text: str) -> None:
    with pytest.raises(ValueError, match="cannot be worked out"):
        arithmetic(text)


def test_code_in_a_spec_never_runs(tmp_path: Path) -> None:
    path = written(tmp_path, "results_dir: \"${eval:'open(1)'}\"\ndataset: {segment: {root_dir: a}}\n")
    with pytest.raises(SpecError, match=r"results_dir cannot be resolved.*only numbers"):
        load_spec(path)


def test_overrides_reach_lists_and_sections(tmp_path: Path) -> None:
    path = written(tmp_path, "studio: {sources: [{kind: scenes, count: 3}, {kind: scenes, count: 4}]}\n")
    spec = load_spec(
        path,
        [
            "studio.sources[1].count=9",
            "train.gpu_ids=[0,1]",
            "train.optim={lr: 0.1, optim: sgd}",
            "dataset.segment.label_transform=None",
            "studio.crops=[{height: 64, width: 96, batch: 2}]",
        ],
    ).spec
    assert [source.count for source in spec.studio.sources] == [3, 9]
    assert spec.train.gpu_ids == (0, 1)
    assert (spec.train.optim.optim, spec.train.optim.lr, spec.studio.crops[0].width) == ("sgd", 0.1, 96)


@pytest.mark.parametrize(
    "override", ["--fast", "train.seed", "=3", "studio.sources[7].count=1", "results_dir.a=1"]
)
def test_overrides_that_are_none(override: str, tmp_path: Path) -> None:
    path = written(tmp_path, "results_dir: a\nstudio: {sources: [{kind: scenes, count: 3}]}\n")
    with pytest.raises(SpecError):
        load_spec(path, [override])


@pytest.mark.parametrize("text", ["null", "None", "none", "'None'", '"null"', "", "~"])
def test_no_label_transform_in_any_spelling(text: str, tmp_path: Path) -> None:
    path = written(tmp_path, f"dataset: {{segment: {{root_dir: a, label_transform: {text}}}}}\n")
    assert load_spec(path).spec.dataset.segment.label_transform is None
    norm = written(tmp_path, "dataset: {segment: {root_dir: a}}\n")
    assert load_spec(norm).spec.dataset.segment.label_transform == "norm"


def test_null_sections_are_not_given(tmp_path: Path) -> None:
    path = written(
        tmp_path,
        "evaluate:\ntrain: {tensorboard: null, num_epochs: null}\ndataset: {segment: {root_dir: a}}\n",
    )
    spec = load_spec(path).spec
    assert spec.evaluate == ExperimentSpec().evaluate
    assert (spec.train.tensorboard.enabled, spec.train.num_epochs) == (False, 10)


def test_keys_without_effect_have_one_note_each_and_a_section_one_in_all(tmp_path: Path) -> None:
    path = written(
        tmp_path,
        "wandb: {enable: false, project: x, tags: [a]}\ntrain: {segment: {weights: [1.0]}}\n"
        "evaluate: {is_quantized: false}\ndataset: {segment: {root_dir: a, shuffle: true}}\n",
    )
    loaded = load_spec(path)
    assert [note.split(" has no effect: ")[0] for note in loaded.notes] == [
        "wandb",
        "dataset.segment.shuffle",
        "train.segment.weights",
        "evaluate.is_quantized",
    ]
    again = written(tmp_path, spec_yaml(loaded.spec))
    assert load_spec(again).spec == loaded.spec
    assert [note.split(" ")[0] for note in load_spec(again).notes] == ["wandb", "train.segment.weights"]


def test_keys_that_only_documents_have(tmp_path: Path) -> None:
    path = written(
        tmp_path,
        "model: {freeze_backbone: true, decode_head: {decoder_params: {embed_dims: 256}}}\n"
        "export: {gpu_ids: [2, 3]}\ndataset: {segment: {root_dir: a}}\n",
    )
    loaded = load_spec(path)
    assert loaded.spec.model.backbone.freeze_backbone is True
    assert (loaded.spec.model.decode_head.decoder_params.embed_dim, loaded.spec.export.gpu_id) == (256, 2)
    assert [line.split(" -> ")[0] for line in loaded.notes] == [
        "model.freeze_backbone",
        "model.decode_head.decoder_params.embed_dims",
        "export.gpu_ids",
    ]


def test_nulls_in_entries_are_not_given() -> None:
    layer = {"module_name": "*", "weights": {"dtype": "int8", "observer_or_fake_quant_kwargs": None}}
    spec = spec_from_dict({**MINIMAL, "quantize": {"layers": [layer], "skip_names": None}})
    assert spec.quantize.layers[0].weights is not None
    assert (spec.quantize.layers[0].weights.dtype, spec.quantize.layers[0].activations) == ("int8", None)


def test_a_saved_spec_has_no_notes(tmp_path: Path) -> None:
    path = written(tmp_path, spec_yaml(spec_from_dict(MINIMAL)))
    assert load_spec(path).notes == ()


def with_classes(number: int, palette: list[dict[str, object]]) -> dict[str, object]:
    return {"dataset": {"segment": {"root_dir": "a", "num_classes": number, "palette": palette}}}


def entry(name: str, number: int, counts_as: str = "") -> dict[str, object]:
    return {"seg_class": name, "label_id": number, "rgb": [number], "mapping_class": counts_as or name}


@pytest.mark.parametrize(
    ("number", "counts_as", "note"),
    [(0, "b", ""), (2, "b", ""), (3, "b", "255"), (2, "a", "mapping_class"), (1, "a", ""), (3, "a", "255")],
)
def test_the_number_of_classes_may_count_what_the_palette_has(
    number: int, counts_as: str, note: str, tmp_path: Path
) -> None:
    palette = [entry("a", 0), entry("b", 1, counts_as), entry("void", 255)]
    path = written(tmp_path, json.dumps(with_classes(number, palette)))
    loaded = load_spec(path)
    assert bool(loaded.notes) == bool(note)
    assert all(note in line for line in loaded.notes)
    assert loaded.spec.dataset.segment.num_classes in (0, model_palette(loaded.spec).count)


def test_another_number_of_classes_is_refused() -> None:
    error = refused(with_classes(5, [entry("a", 0), entry("b", 1), entry("void", 255)]))
    assert "num_classes is 5, dataset.segment.palette has 2 classes" in error.message
    assert "255 does not count" in error.hint


def test_wrong_palettes_name_the_file() -> None:
    assert "label_id" in refused(with_classes(2, [entry("a", 0), entry("b", 0)])).message


@pytest.mark.parametrize("task", TASKS)
@pytest.mark.parametrize("preset", PRESETS)
def test_printed_defaults_load_again_equal(task: str, preset: str, tmp_path: Path) -> None:
    overrides = [
        "dataset.segment.root_dir=a",
        "export.checkpoint=a.pth",
        "gen_trt_engine.onnx_file=a.onnx",
        "quantize.model_path=a.pth",
    ]
    path = written(tmp_path, default_yaml(task, preset))
    loaded = load_spec(path, overrides, task)
    assert loaded.notes == ()
    bare = written(tmp_path, f"studio: {{preset: {preset}}}\n")
    expected = load_spec(bare, overrides, task).spec
    for section in SECTIONS[task]:
        assert getattr(loaded.spec, section) == getattr(expected, section)


def test_printed_defaults_explain_every_key() -> None:
    lines = default_yaml("train").splitlines()
    for line, above in zip(lines[1:], lines, strict=False):
        if not line.lstrip().startswith("#") and not line.endswith(":"):
            assert above.lstrip().startswith("# ") or above.lstrip().startswith("#   "), line
    assert sum("kind: folder (images" in line for line in lines) == 1
    sections = {line.split(":")[0] for line in lines if line and not line.startswith((" ", "#"))}
    assert sections == {"results_dir", "model_name", "model", "dataset", "train", "studio"}


def test_there_is_no_other_task_or_preset() -> None:
    with pytest.raises(SpecError, match="there is no task 'prune'"):
        default_yaml("prune")
    with pytest.raises(SpecError, match=r"studio.preset is 'fast'"):
        default_yaml("train", "fast")


def test_without_test_samples_those_of_validation_are_scored(tmp_path: Path) -> None:
    path = written(
        tmp_path, "dataset: {segment: {palette: camvid-11}}\nstudio: {validation: [{images: a, masks: b}]}"
    )
    loaded = load_spec(path, task="evaluate")
    assert loaded.spec.studio.test == loaded.spec.studio.validation
    assert loaded.notes == ("studio.test is empty: studio.validation is scored",)
    of_its_own = load_spec(path, ["studio.test=[{images: c, masks: d}]"], "evaluate")
    assert of_its_own.spec.studio.test[0].images == "c"
    assert not of_its_own.notes
    with pytest.raises(SpecError, match="root_dir"):
        load_spec(written(tmp_path, "dataset: {segment: {palette: camvid-11}}\nstudio: {}"), task="evaluate")


def test_specs_are_read_without_torch() -> None:
    code = "import sys; import segstudio.training.spec.load; sys.exit('torch' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], check=False, cwd=REPOSITORY).returncode == 0
