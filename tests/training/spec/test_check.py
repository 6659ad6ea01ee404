"""What a spec may hold is checked before the work begins, for the task at hand; TAO's own traps among it."""

from functools import reduce
from typing import Any

import pytest

from segstudio.errors import SpecError
from segstudio.training.spec.check import SECTIONS
from segstudio.training.spec.derived import decisive, task_folder
from segstudio.training.spec.limits import BATCHES, CHOICES, RANGES
from segstudio.training.spec.load import merge, spec_from_dict
from segstudio.training.spec.schema import ExperimentSpec

ENOUGH: dict[str, Any] = {
    "dataset": {"segment": {"root_dir": "frames"}},
    "train": {"checkpointer": {}},
    "export": {"checkpoint": "a.pth"},
    "gen_trt_engine": {"onnx_file": "a.onnx"},
    "quantize": {"model_path": "a.pth"},
}


def nested(key: str, value: object) -> dict[str, Any]:
    *sections, last = key.split(".")
    return reduce(lambda inner, name: {name: inner}, reversed(sections), {last: value})


def loaded(key: str, value: object, task: str = "train") -> ExperimentSpec:
    return spec_from_dict(merge(ENOUGH, nested(key, value)), "mine.yaml", task)


def task_of(key: str) -> str:
    return next(task for task, sections in SECTIONS.items() if key.split(".")[0] in sections)


@pytest.mark.parametrize("key", CHOICES)
def test_choices(key: str) -> None:
    for value in CHOICES[key]:
        loaded(key, value, task_of(key))
    wrong: object = 7 if isinstance(CHOICES[key][0], int) else "something else"
    with pytest.raises(SpecError) as caught:
        loaded(key, wrong, task_of(key))
    assert caught.value.message == f"mine.yaml: {key} is {wrong!r}"
    assert "one of" in caught.value.hint


@pytest.mark.parametrize("key", RANGES)
def test_ranges(key: str) -> None:
    low, high = RANGES[key]
    for wrong in (low - 1, high + 1):
        if wrong == high:
            continue
        with pytest.raises(SpecError) as caught:
            loaded(key, wrong, task_of(key))
        assert caught.value.message.startswith(f"mine.yaml: {key} is {wrong}")


@pytest.mark.parametrize("key", BATCHES)
def test_batches(key: str) -> None:
    for value in (-1, 1, 7):
        loaded(key, value, task_of(key))
    for value in (0, -2):
        with pytest.raises(SpecError, match="1 or more, or -1"):
            loaded(key, value, task_of(key))


@pytest.mark.parametrize(
    ("key", "value", "named", "task"),
    [
        ("train.optim.lr", 0.0, "train.optim.lr", "train"),
        ("train.gpu_ids", [0, 0], "train.gpu_ids", "train"),
        ("train", {"num_gpus": 2, "gpu_ids": [0, 1, 2]}, "train.gpu_ids", "train"),
        ("train.checkpointer.monitor", "loss", "train.checkpointer.monitor", "train"),
        ("dataset.segment.augmentation.std", [0.5, 0.0, 0.5], "augmentation.std", "evaluate"),
        (
            "dataset.segment.augmentation.random_rotate",
            {"enable": True, "angle_list": []},
            "angle_list",
            "train",
        ),
        ("dataset.segment.augmentation.random_rotate.angle_list", [400], "angle_list", "train"),
        ("dataset.segment.augmentation.with_scale_random_crop.scale_range", [2, 1], "scale_range", "train"),
        ("dataset.segment.augmentation.with_scale_random_crop.scale_range", [0, 1], "scale_range", "train"),
        ("studio.optim.betas", [0.9, 1.0], "studio.optim.betas", "train"),
        ("studio.loss", {"ce": 0.0}, "studio.loss", "train"),
        ("studio.loss.hardest_share", 0.0, "studio.loss.hardest_share", "train"),
        ("studio.loss.class_weights", [1.0, 2.0], "studio.loss.class_weights", "train"),
        ("studio.crops", [{"start": 0.5}], "studio.crops", "train"),
        ("studio.crops", [{}, {"start": 0.8}, {"start": 0.4}], "studio.crops", "train"),
        ("studio.crops", [{"height": 16}], "studio.crops[0].height", "train"),
        ("studio.crops", [{"batch": 0}], "studio.crops[0].batch", "train"),
        ("studio.crops", [{"share": 0}], "studio.crops[0].share", "train"),
        ("studio.sources", [{"kind": "video"}], "studio.sources[0].kind", "train"),
        ("studio.sources", [{"images": "a"}], "studio.sources[0].masks", "train"),
        ("studio.sources", [{"kind": "list"}], "studio.sources[0].path", "train"),
        ("studio.crops", [{"scale": 0.0}], "studio.crops[0].scale", "train"),
        ("studio.sources", [{"kind": "scenes"}], "studio.sources[0].count", "train"),
        (
            "studio.validation",
            [{"kind": "scenes", "count": 1, "width": 8}],
            "studio.validation[0].width",
            "train",
        ),
        ("studio.test", [{"images": ""}], "studio.test[0].images", "evaluate"),
        ("studio.predict", [{"images": "a", "encoding": "rgb"}], "studio.predict[0].encoding", "inference"),
        ("studio.evaluation.scales", [], "studio.evaluation.scales", "evaluate"),
        ("studio.evaluation", {"window_size": 512, "stride": 600}, "studio.evaluation.stride", "evaluate"),
        ("studio.inference.save", ["gif"], "studio.inference.save", "inference"),
        ("studio", {"precision": "16-mixed", "accelerator": "cpu"}, "studio.precision", "train"),
        ("studio.augmentation.largest_class_share", 0.0, "largest_class_share", "train"),
        ("export.checkpoint", "", "export.checkpoint", "export"),
        ("gen_trt_engine.onnx_file", "", "gen_trt_engine.onnx_file", "gen_trt_engine"),
        ("gen_trt_engine.tensorrt.data_type", "fp8", "data_type", "gen_trt_engine"),
        ("gen_trt_engine.tensorrt.data_type", "INT8", "cal_image_dir", "gen_trt_engine"),
        ("gen_trt_engine.tensorrt.max_batch_size", 0, "max_batch_size", "gen_trt_engine"),
        ("gen_trt_engine.tensorrt", {"min_height": 64, "opt_height": 32}, "max_height", "gen_trt_engine"),
        ("gen_trt_engine.tensorrt.layers_precision", ["conv"], "layers_precision", "gen_trt_engine"),
        ("quantize.model_path", "", "quantize.model_path", "quantize"),
        ("quantize.device", "tpu", "quantize.device", "quantize"),
        ("quantize.layers", [{"weights": {"dtype": "int4"}}], "quantize.layers[0].weights.dtype", "quantize"),
    ],
)
def test_values_that_would_only_fail_later(key: str, value: object, named: str, task: str) -> None:
    studio = {"studio": {"preset": "studio"}}
    with pytest.raises(SpecError) as caught:
        spec_from_dict(merge(merge(ENOUGH, studio), nested(key, value)), "mine.yaml", task)
    assert named in caught.value.message
    assert caught.value.hint.startswith("it must be ")


def test_what_a_task_does_not_use_may_be_anything() -> None:
    values = merge(ENOUGH, {"train": {"optim": {"lr": -1.0}}, "export": {"checkpoint": ""}})
    for task in ("evaluate", "inference", "quantize"):
        spec_from_dict(values, task=task)
    with pytest.raises(SpecError, match=r"train.optim.lr"):
        spec_from_dict(values, task="train")


@pytest.mark.parametrize(("backbone", "multiple"), [("fan_tiny_8_p4_hybrid", 16), ("vit_large_nvdinov2", 32)])
def test_sides_fit_the_backbone(backbone: str, multiple: int) -> None:
    model = {"model": {"backbone": {"type": backbone}}}
    side = 7 * multiple
    for values in (
        nested("dataset.segment.img_size", side + 8),
        nested("studio.crops", [{"height": side + 8}]),
    ):
        with pytest.raises(SpecError) as caught:
            spec_from_dict(merge(merge(ENOUGH, model), values))
        assert f"a multiple of {multiple} for {backbone}" in caught.value.hint
    spec_from_dict(merge(merge(ENOUGH, model), nested("dataset.segment.img_size", side)))


def test_a_mit_takes_any_side_from_32_on() -> None:
    model = {"model": {"backbone": {"type": "mit_b0"}}}
    spec_from_dict(merge(merge(ENOUGH, model), nested("dataset.segment.img_size", 250)))


def test_trap_16_the_step_policy_works_with_any_number_of_epochs() -> None:
    for epochs in (1, 2, 3):
        spec_from_dict(merge(ENOUGH, {"train": {"num_epochs": epochs, "optim": {"policy": "step"}}}))


def test_trap_16_tensorboard_is_allowed() -> None:
    assert loaded("train.tensorboard.enabled", True).train.tensorboard.enabled


def test_trap_14_a_folder_per_task_and_no_stale_checkpoint_of_another_spec() -> None:
    spec = loaded("results_dir", "runs/a")
    assert str(task_folder(spec, "train")) == "runs/a/train"
    assert str(task_folder(loaded("train.results_dir", "here"), "train")) == "here"
    assert decisive(spec) != decisive(loaded("train.optim.lr", 1e-3))
    assert decisive(spec) == decisive(loaded("results_dir", "runs/b"))


def test_trap_19_intervals_may_be_in_any_order() -> None:
    spec_from_dict(merge(ENOUGH, {"train": {"validation_interval": 5, "checkpoint_interval": 2}}))


def test_num_epochs_do_not_matter_where_steps_are_given() -> None:
    spec_from_dict(merge(ENOUGH, {"train": {"num_epochs": 0}, "studio": {"max_steps": 3}}))
