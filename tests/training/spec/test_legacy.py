"""Specs of TAO 4 and 5: every key has its meaning or a note, and none is read as another than it was."""

import dataclasses
import json
import typing
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml

from segstudio.errors import SpecError
from segstudio.training.spec.derived import model_palette, resize_rule
from segstudio.training.spec.legacy.convert import is_old
from segstudio.training.spec.legacy.schema import OldSpec
from segstudio.training.spec.legacy.tables import MOVES
from segstudio.training.spec.load import LoadedSpec, load_spec, spec_yaml
from segstudio.training.spec.schema import ExperimentSpec
from segstudio.training.spec.studio import CropStage, SourceSpec
from segstudio.training.spec.typed import merge, section_of
from segstudio.training.spec.unused import REASON

ISBI = Path(__file__).parent / "specs" / "isbi_old.yaml"
OLD: dict[str, Any] = {"model": {"input_height": 512, "input_width": 512}, "train": {"max_iters": 1000}}
SAMPLES = {"dataset": {"train_dataset": {"img_dir": "images", "ann_dir": "masks"}}}


def load(folder: Path, values: dict[str, Any], *overrides: str, task: str = "train") -> LoadedSpec:
    path = folder / "old.yaml"
    path.write_text(json.dumps(merge(merge(OLD, SAMPLES), values)), encoding="utf-8")
    return load_spec(path, overrides, task)


def note(loaded: LoadedSpec, start: str) -> str:
    return next(line for line in loaded.notes if line.startswith(start))


def test_the_isbi_spec_loads_as_it_is(tmp_path: Path) -> None:
    loaded = load_spec(ISBI, ["results_dir=runs/cells"])
    spec, studio = loaded.spec, loaded.spec.studio
    assert model_palette(spec).names == ("foreground", "background")
    assert (studio.masks.encoding, studio.masks.threshold) == ("binary", 0.5)
    assert studio.data.grayscale is False
    assert spec.dataset.segment.label_transform is None
    assert studio.sources == (SourceSpec(images="cells/images/train", masks="cells/masks/train"),)
    assert studio.validation == (SourceSpec(images="cells/images/val", masks="cells/masks/val"),)
    assert studio.test == studio.validation
    assert studio.predict == (SourceSpec(images="cells/images/val"),)
    augmentation = spec.dataset.segment.augmentation
    assert augmentation.mean == augmentation.std == (0.5, 0.5, 0.5)
    assert augmentation.with_scale_random_crop.scale_range == (0.5, 2.0)
    assert (augmentation.random_flip.hflip_probability, augmentation.random_flip.vflip_probability) == (
        0.5,
        0.0,
    )
    assert augmentation.random_rotate.enable is False
    assert (studio.augmentation.kind, studio.augmentation.largest_class_share) == ("nvlabs", 0.75)
    assert (studio.max_steps, studio.log_every) == (1000, 50)
    train = spec.train
    assert (train.checkpoint_interval, train.validation_interval) == (200, 500)
    assert train.checkpoint_interval_unit == "step"
    assert (train.seed, train.optim.lr, train.optim.weight_decay) == (49, 6e-5, 5e-4)
    assert (spec.model.backbone.type, spec.model.decode_head.decoder_params.embed_dim) == ("mit_b1", 768)
    segment = spec.dataset.segment
    assert (segment.img_size, segment.batch_size, segment.workers) == (512, 4, 1)
    assert resize_rule(spec).size == 512
    assert "train.max_iters -> studio.max_steps = 1000 (steps are counted, not epochs)" in loaded.notes
    assert load_spec(ISBI, ["results_dir=a"], "evaluate").spec.studio.test
    saved = tmp_path / "experiment.yaml"
    saved.write_text(spec_yaml(spec), encoding="utf-8")
    assert load_spec(saved) == LoadedSpec(spec)


def leaves(kind: Any, key: str = "") -> Iterator[tuple[str, bool]]:
    """(dotted key, whether it is marked as without effect) of every leaf of a schema."""
    hints = typing.get_type_hints(kind)
    for field in dataclasses.fields(kind):
        where = f"{key}.{field.name}" if key else field.name
        inner = section_of(hints[field.name])
        if inner is None or REASON in field.metadata:
            yield where, REASON in field.metadata
        else:
            yield from leaves(inner, where)


def test_every_old_key_has_a_meaning_or_a_reason() -> None:
    source = "".join(
        (Path(__file__).parents[3] / "segstudio" / "training" / "spec" / f"{name}.py").read_text("utf-8")
        for name in ("legacy/parts", "legacy/tables")
    )
    moved = {move.old for move in MOVES}
    for key, unused in leaves(OldSpec):
        assert unused or key in moved or key.split(".")[-1] in source, key


def test_new_specs_are_not_taken_for_old_ones() -> None:
    new: list[dict[str, Any]] = [{}, {"dataset": {"segment": {"root_dir": "a"}}}, {"train": {"optim": {}}}]
    assert not any(is_old(values) for values in new)
    old: list[dict[str, Any]] = [
        OLD, {"dataset": {"data_root": None}}, {"export": {"onnx_config": {}}}, {"trainer": {}},
    ]  # fmt: skip
    assert all(is_old(values) for values in old)


def test_missing_values_of_old_files_hurt_only_where_they_are_needed(tmp_path: Path) -> None:
    path = tmp_path / "old.yaml"
    path.write_text(
        "results_dir: runs\nmodel: {input_height: 512, input_width: 512}\n"
        "dataset: {train_dataset: {img_dir: '???', ann_dir: '???'}, test_dataset: {img_dir: '${where}'}}\n"
        "export: {checkpoint: a.pth, onnx_file: '???'}\n",
        encoding="utf-8",
    )
    assert load_spec(path, task="export").spec.export.onnx_file == ""
    with pytest.raises(SpecError, match=r"dataset.test_dataset.img_dir cannot be resolved"):
        load_spec(path, task="evaluate")
    with pytest.raises(SpecError, match=r"root_dir is None"):
        load_spec(path)


def test_an_old_override_does_not_make_a_new_spec_old(tmp_path: Path) -> None:
    path = tmp_path / "new.yaml"
    path.write_text("dataset: {segment: {root_dir: a}}\n", encoding="utf-8")
    with pytest.raises(SpecError, match=r"unknown key 'train.max_iters'"):
        load_spec(path, ["train.max_iters=7"])


def test_new_keys_count_as_they_are_in_old_files(tmp_path: Path) -> None:
    spec = load(tmp_path, {"studio": {"precision": "bf16-mixed"}}, "train.seed=5", "studio.max_steps=3",
                "dataset.segment.img_size=64", "train.checkpoint_interval=2").spec  # fmt: skip
    assert (spec.train.seed, spec.studio.max_steps, spec.dataset.segment.img_size) == (5, 3, 64)
    assert (spec.studio.precision, spec.train.checkpoint_interval) == ("bf16-mixed", 2)


def test_misprints_of_the_documents_are_read_as_meant(tmp_path: Path) -> None:
    nested = {
        "cat_max_ratio": 0.5,
        "resize": {"ratio_range": [0.8, 1.5], "img_scale": [2048, 768]},
        "random_flip": {"prob": 0.25},
    }
    loaded = load(tmp_path, {
        "model": {"decode_head": {"decoder_params": {"embed_dims": 256}}},
        "train": {"trainer": {"sf_optim": {"betas": [0.0, 0.9], "paramwise_cfg": {"head": {"lr_mut": 5.0}}}}},
        "dataset": {"train_dataset": {"pipeline": {"augmentation_config": {"random_crop": nested}}}},
    })  # fmt: skip
    spec = loaded.spec
    assert spec.model.decode_head.decoder_params.embed_dim == 256
    assert (spec.studio.optim.head_lr_factor, spec.studio.optim.betas) == (5.0, (0.0, 0.9))
    augmentation = spec.dataset.segment.augmentation
    assert augmentation.with_scale_random_crop.scale_range == (0.8, 1.5)
    assert augmentation.random_flip.hflip_probability == 0.25
    assert (spec.studio.augmentation.largest_class_share, spec.studio.augmentation.base_side) == (0.5, 768)
    assert sum("misprint" in line for line in loaded.notes) == 2
    assert sum("wrong place" in line for line in loaded.notes) == 2


def test_swapped_height_and_width_get_a_note_and_no_change(tmp_path: Path) -> None:
    loaded = load(tmp_path, {"model": {"input_height": 1820, "input_width": 1024}})
    assert loaded.spec.studio.crops == (CropStage(height=1820, width=1024, batch=2),)
    assert "swapped" in note(loaded, "model.input_height: ")
    wide = load(tmp_path, {"model": {"input_height": 1024, "input_width": 1820}})
    assert not any("swapped" in line for line in wide.notes)


def test_the_schedule_is_tied_to_the_length_of_the_run(tmp_path: Path) -> None:
    parts = [
        {"type": "LinearLR", "start_factor": 1e-4, "by_epoch": False, "begin": 0, "end": 1500},
        {"type": "PolyLR", "power": 0.9, "eta_min": 6e-7, "begin": 1500, "end": 160000},
    ]
    values = {"train": {"max_iters": 20000, "validation_interval": 4000, "checkpoint_interval": 2000}}
    places: tuple[dict[str, Any], ...] = ({"param_scheduler": parts}, {"trainer": {"param_scheduler": parts}})
    for place in places:
        schedule = load(tmp_path, merge(values, {"train": place})).spec.studio.schedule
        assert (schedule.policy, schedule.power, schedule.end) == ("poly", 0.9, 0.01)
        assert (schedule.warmup_share, schedule.warmup_start) == (0.075, 1e-4)
    rate = {"warmup_iters": 100, "min_lr": 0.0, "power": 2.0}
    loaded = load(
        tmp_path, merge(values, {"train": {"param_scheduler": parts, "trainer": {"lr_config": rate}}})
    )
    assert (loaded.spec.studio.schedule.power, loaded.spec.studio.schedule.warmup_share) == (2.0, 0.005)
    # The intervals may be in any order.
    assert (loaded.spec.train.validation_interval, loaded.spec.train.checkpoint_interval) == (4000, 2000)


def test_a_warm_up_longer_than_the_run_takes_the_usual_share(tmp_path: Path) -> None:
    loaded = load(tmp_path, {"train": {"max_iters": 1000, "trainer": {"lr_config": {"warmup_iters": 1500}}}})
    assert loaded.spec.studio.schedule.warmup_share == pytest.approx(1500 / 160000)
    assert "1500 of 1000" in note(loaded, "train.trainer.lr_config.warmup_iters")
    none = load(tmp_path, {"train": {"trainer": {"lr_config": {"warmup": None}}}})
    assert none.spec.studio.schedule.warmup_share == 0


def palette(*rows: tuple[str, int, str]) -> list[dict[str, Any]]:
    return [
        {"seg_class": name, "label_id": number, "rgb": [number, 0, 0], "mapping_class": counts_as}
        for name, number, counts_as in rows
    ]


CITY = palette(("void", 255, "void"), ("car", 26, "car"), ("road", 7, "road"), ("truck", 27, "car"))


def test_ids_in_masks_are_label_ids_in_tao_5_0(tmp_path: Path) -> None:
    spec = load(tmp_path, {"dataset": {"palette": CITY, "input_type": "rgb"}}).spec
    assert (spec.studio.masks.encoding, spec.studio.masks.palette_order) == ("ids", False)
    assert model_palette(spec).names == ("road", "car")
    entries = spec.dataset.segment.palette
    assert not isinstance(entries, str)
    assert {(entry.seg_class, entry.label_id, entry.mapping_class) for entry in entries} == {
        ("road", 7, "road"), ("car", 26, "car"), ("truck", 27, "car"), ("void", 255, "void"),
    }  # fmt: skip


def test_ids_in_masks_are_positions_in_tao_5_5(tmp_path: Path) -> None:
    values = {"dataset": {"palette": CITY, "input_type": "rgb", "reduce_zero_label": False}}
    loaded = load(tmp_path, values)
    assert loaded.spec.studio.masks.palette_order is True
    entries = loaded.spec.dataset.segment.palette
    assert not isinstance(entries, str)
    assert [(entry.seg_class, entry.label_id, entry.rgb[0]) for entry in entries] == [
        ("road", 0, 7), ("car", 1, 26), ("void", 255, 255),
    ]  # fmt: skip
    assert "positions" in note(loaded, "dataset.palette -> studio.masks.palette_order")


def test_colours_of_an_old_palette_are_for_display_alone(tmp_path: Path) -> None:
    colours = palette(("sky", 0, "sky"), ("road", 1, "road"))
    loaded = load(tmp_path, {"dataset": {"palette": colours, "input_type": "rgb"}})
    assert loaded.spec.studio.masks.encoding == "ids"
    assert "display" in note(loaded, "dataset.palette -> dataset.segment.palette")
    binary = load(tmp_path, {"dataset": {"palette": CITY, "input_type": "grayscale"}})
    assert "is it rgb?" in note(binary, "dataset.input_type: ")
    with pytest.raises(SpecError, match="must be rgb or grayscale"):
        load(tmp_path, {"dataset": {"input_type": "gray"}})


def test_folders_in_lists_and_relative_ones(tmp_path: Path) -> None:
    both = {"img_dir": ["a/images", "/b/images"], "ann_dir": ["a/masks", "/b/masks"]}
    spec = load(tmp_path, {"dataset": {
        "data_root": "/frames", "train_dataset": both, "val_dataset": both, "test_dataset": {"img_dir": "c"},
        "reduce_zero_label": True, "img_suffix": ".jpg",
    }}).spec  # fmt: skip
    expected = (
        SourceSpec(images="/frames/a/images", masks="/frames/a/masks"),
        SourceSpec(images="/b/images", masks="/b/masks"),
    )
    assert spec.studio.sources == spec.studio.validation == expected
    assert spec.studio.test == spec.studio.predict == (SourceSpec(images="/frames/c"),)
    assert spec.studio.masks.reduce_zero_label is True
    with pytest.raises(SpecError, match="2 folders of images and 1 of masks"):
        load(tmp_path, {"dataset": {"train_dataset": {"img_dir": ["a", "b"], "ann_dir": "c"}}})


def test_normalisation(tmp_path: Path) -> None:
    values = {"mean": [123.675, 116.28, 103.53], "std": [58.395, 57.12, 57.375], "pad_val": 0}
    spec = load(tmp_path, {"dataset": {"img_norm_cfg": values}}).spec
    assert spec.dataset.segment.augmentation.mean == (0.485, 0.456, 0.406)
    assert spec.dataset.segment.augmentation.std == (0.229, 0.224, 0.225)
    turned = load(tmp_path, {"dataset": {"img_norm_cfg": {**values, "to_rgb": False}}})
    assert turned.spec.dataset.segment.augmentation.mean == (0.406, 0.456, 0.485)
    assert "red, green, blue" in note(turned, "dataset.img_norm_cfg.to_rgb")


def test_windows_sizes_and_loss(tmp_path: Path) -> None:
    loss = [
        {"type": "CrossEntropyLoss", "use_sigmoid": False, "loss_weight": 0.5, "class_weight": [1.0, 2.0]},
        {"type": "DiceLoss", "loss_weight": 2.0},
    ]
    head = {
        "type": "TAOSegFormerHead", "loss_decode": loss, "dropout_ratio": 0.2, "align_corners": True,
        "norm_cfg": {"type": "BN", "requires_grad": True}, "num_classes": 2,
    }  # fmt: skip
    slide = {"mode": "slide", "crop_size": [768, 768], "stride": [512, 512]}
    loaded = load(tmp_path, {
        "model": {"test_cfg": slide, "decode_head": head},
        "dataset": {"val_dataset": {"pipeline": {"multi_scale": [2048, 768]}}},
    })  # fmt: skip
    evaluation = loaded.spec.studio.evaluation
    assert (evaluation.window, evaluation.window_size, evaluation.stride) == ("slide", 768, 512)
    assert (evaluation.resize, evaluation.short_side) == ("short_side", 768)
    assert (loaded.spec.studio.loss.ce, loaded.spec.studio.loss.dice) == (0.5, 2.0)
    assert loaded.spec.studio.loss.class_weights == (1.0, 2.0)
    assert (loaded.spec.studio.head_dropout, loaded.spec.train.sync_batchnorm) == (0.2, False)
    note(loaded, "model.decode_head.align_corners has no effect")
    one = load(tmp_path, {"model": {"decode_head": {"loss_decode": {"type": "FocalLoss", "gamma": 3.0}}}})
    assert (one.spec.studio.loss.focal, one.spec.studio.loss.focal_gamma, one.spec.studio.loss.ce) == (
        1,
        3,
        0,
    )
    with pytest.raises(SpecError, match="OhemLoss"):
        load(tmp_path, {"model": {"decode_head": {"loss_decode": {"type": "OhemLoss"}}}})


def test_weights_seeds_devices_and_tasks(tmp_path: Path) -> None:
    loaded = load(tmp_path, {
        "exp_config": {"manual_seed": 11, "MASTER_PORT": 631},
        "model": {"pretrained_model_path": "mit.pth", "backbone": {"type": "fan_tiny_8_p4_hybrid"}},
        "train": {
            "num_gpus": 2, "gpu_ids": [0, 1], "resume_training_checkpoint_path": "iter_100.pth",
            "validate": False, "trainer": {"grad_clip": {"max_norm": 0.5}, "find_unused_parameters": True},
            "exp_config": {"deterministic": True, "env_cfg": {"cudnn_benchmark": True}},
        },
        "evaluate": {"checkpoint": "a.pth", "gpu_id": 1, "exp_config": {"manual_seed": 1}},
        "export": {"simplify": True, "onnx_file": "a.onnx", "opset_version": 11,
                   "trt_config": {"data_type": "FP16"}},
        "gen_trt_engine": {"trt_engine": "a.engine", "input_width": 224},
    })  # fmt: skip
    spec = loaded.spec
    assert spec.model.backbone.pretrained_backbone_path == "mit.pth"
    assert spec.train.pretrained_model_path == "iter_100.pth"
    assert (spec.train.seed, spec.train.num_gpus, spec.train.gpu_ids) == (11, 2, (0, 1))
    assert (spec.train.cudnn.deterministic, spec.train.cudnn.benchmark) == (True, True)
    assert spec.train.validation_interval == spec.studio.max_steps == 1000
    assert (spec.studio.optim.gradient_clip, spec.studio.drop_path) == (0.5, 0.0)
    assert (spec.evaluate.checkpoint, spec.evaluate.gpu_ids) == ("a.pth", (1,))
    assert (spec.export.onnx_file, spec.export.opset_version, spec.export.input_width) == ("a.onnx", 17, 512)
    assert spec.gen_trt_engine.trt_engine == "a.engine"
    assert spec.gen_trt_engine.tensorrt.data_type == "FP16"
    note(loaded, "evaluate.exp_config has no effect")
    note(loaded, "export.simplify has no effect")
    note(loaded, "train.exp_config.MASTER_PORT has no effect")


def test_defaults_are_those_of_the_generation(tmp_path: Path) -> None:
    first = load(tmp_path, {}).spec
    assert (first.model.backbone.type, first.dataset.segment.batch_size) == ("mit_b5", 2)
    assert first.studio.optim.betas == (0.9, 0.999)
    second = load(tmp_path, {"train": {"resume": False}})
    assert (second.spec.model.backbone.type, second.spec.dataset.segment.batch_size) == ("mit_b1", 32)
    assert second.spec.studio.optim.betas == (0.0, 0.9)
    assert second.spec.studio.masks.encoding == "binary"
    assert "studio.optim.betas = [0.0, 0.9]" in note(second, "not in the file, so as TAO 5.5 has it")


@pytest.mark.parametrize(
    ("values", "key", "nearest"),
    [
        ({"dataset": {"img_sufix": ".png"}}, "dataset.img_sufix", "img_suffix"),
        ({"train": {"max_iter": 3}}, "train.max_iter", "max_iters"),
        ({"train": {"trainer": {"sf_optim": {"weight_decai": 3}}}}, "train.trainer.sf_optim.weight_decai",
         "weight_decay"),
        ({"evaluate": {"checkpont": "a"}}, "evaluate.checkpont", "checkpoint"),
        ({"model": {"test_cfg": {"strides": [1]}}}, "model.test_cfg.strides", "stride"),
    ],
)  # fmt: skip
def test_unknown_old_keys_name_the_nearest(
    values: dict[str, Any], key: str, nearest: str, tmp_path: Path
) -> None:
    with pytest.raises(SpecError) as caught:
        load(tmp_path, values)
    assert f"unknown key {key!r}" in caught.value.message
    assert f"{nearest!r}" in caught.value.hint


def test_old_values_of_wrong_types_name_their_old_key(tmp_path: Path) -> None:
    with pytest.raises(SpecError, match=r"train.trainer.sf_optim.lr is 'fast'"):
        load(tmp_path, {"train": {"trainer": {"sf_optim": {"lr": "fast"}}}})


def test_a_converted_spec_is_a_whole_spec_of_today(tmp_path: Path) -> None:
    spec = load(tmp_path, {"dataset": {"palette": CITY, "reduce_zero_label": True}}).spec
    assert isinstance(spec, ExperimentSpec)
    saved = tmp_path / "experiment.yaml"
    saved.write_text(spec_yaml(spec), encoding="utf-8")
    assert load_spec(saved) == LoadedSpec(spec)
    assert not is_old(yaml.safe_load(saved.read_text("utf-8")))
