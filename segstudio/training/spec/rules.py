"""The rules of a spec that take more than a choice or a range: lists, pairs of keys, sources of samples."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass

from segstudio.networks.variants import VIT_VARIANTS
from segstudio.training.spec.derived import model_palette, side_multiple
from segstudio.training.spec.limits import (
    ENCODINGS,
    ENGINE_TYPES,
    LAYER_TYPES,
    PICTURES,
    QUANTIZED_TYPES,
    SOURCE_KINDS,
)
from segstudio.training.spec.schema import ExperimentSpec
from segstudio.training.spec.studio import SourceSpec

SMALLEST_SIDE = 32


@dataclass(frozen=True)
class Rule:
    """Whether a key's value is right, and what it must be if it is not."""

    right: bool
    key: str
    value: object
    wanted: str


Rules = Callable[[ExperimentSpec, str], Iterator[Rule]]
# Where the samples of a task come from, if not from root_dir.
SAMPLES = {"train": "sources", "evaluate": "test", "inference": "predict"}


def _samples(spec: ExperimentSpec, task: str) -> Iterator[Rule]:
    if task not in SAMPLES:
        return
    root, name = spec.dataset.segment.root_dir, SAMPLES[task]
    sources: tuple[SourceSpec, ...] = getattr(spec.studio, name)
    yield Rule(
        bool(sources or root), "dataset.segment.root_dir", root, f"a folder, unless studio.{name} are given"
    )
    yield from _sources(f"studio.{name}", sources, with_masks=task == "train")
    if task == "train":
        yield from _sources("studio.validation", spec.studio.validation, with_masks=True)


def _sources(key: str, sources: Sequence[SourceSpec], *, with_masks: bool) -> Iterator[Rule]:
    for number, source in enumerate(sources):
        where = f"{key}[{number}]"
        yield Rule(
            source.kind in SOURCE_KINDS, f"{where}.kind", source.kind, f"one of {', '.join(SOURCE_KINDS)}"
        )
        if source.kind == "folder":
            yield Rule(bool(source.images), f"{where}.images", source.images, "a folder of images")
            if with_masks:
                yield Rule(bool(source.masks), f"{where}.masks", source.masks, "a folder of masks")
        elif source.kind == "scenes":
            yield Rule(source.count > 0, f"{where}.count", source.count, "1 or more")
            for name, side in (("height", source.height), ("width", source.width)):
                yield Rule(side >= SMALLEST_SIDE, f"{where}.{name}", side, f"{SMALLEST_SIDE} or more")
        else:
            yield Rule(bool(source.path), f"{where}.path", source.path, f"the file of the {source.kind}")
        yield Rule(source.encoding in ("", *ENCODINGS), f"{where}.encoding", source.encoding,
                   f"one of {', '.join(ENCODINGS)}")  # fmt: skip
        yield Rule(source.weight > 0, f"{where}.weight", source.weight, "above 0")
        yield Rule(source.limit >= 0, f"{where}.limit", source.limit, "0 or more")


def _sizes(spec: ExperimentSpec, task: str) -> Iterator[Rule]:
    if (task == "train" and not spec.studio.crops) or spec.model.backbone.type in VIT_VARIANTS:
        multiple, side = side_multiple(spec.model.backbone.type), spec.dataset.segment.img_size
        yield Rule(side % multiple == 0, "dataset.segment.img_size", side,
                   f"a multiple of {multiple} for {spec.model.backbone.type}")  # fmt: skip


def _crops(spec: ExperimentSpec, task: str) -> Iterator[Rule]:
    if task != "train":
        return
    multiple, crops = side_multiple(spec.model.backbone.type), spec.studio.crops
    for number, stage in enumerate(crops):
        where = f"studio.crops[{number}]"
        for name, side in (("height", stage.height), ("width", stage.width)):
            yield Rule(
                side >= SMALLEST_SIDE and side % multiple == 0,
                f"{where}.{name}",
                side,
                f"{SMALLEST_SIDE} or more and a multiple of {multiple} for {spec.model.backbone.type}",
            )
        yield Rule(stage.batch > 0, f"{where}.batch", stage.batch, "1 or more")
        yield Rule(stage.share > 0, f"{where}.share", stage.share, "above 0")
        yield Rule(0 < stage.scale <= 16, f"{where}.scale", stage.scale, "above 0 and at most 16")
        yield Rule(0 <= stage.start < 1, f"{where}.start", stage.start, "0 to below 1")
    starts = [stage.start for stage in crops]
    yield Rule(
        not crops or starts[0] == 0, "studio.crops", starts[:1], "a list whose first stage starts at 0"
    )
    yield Rule(starts == sorted(starts), "studio.crops", starts, "in the order of start")


def _augmentation(spec: ExperimentSpec, task: str) -> Iterator[Rule]:
    augmentation, key = spec.dataset.segment.augmentation, "dataset.segment.augmentation"
    yield Rule(min(augmentation.std) > 0, f"{key}.std", augmentation.std, "above 0 in every channel")
    if task != "train":
        return
    low, high = augmentation.with_scale_random_crop.scale_range
    yield Rule(0 < low <= high, f"{key}.with_scale_random_crop.scale_range", (low, high),
               "two rising factors above 0")  # fmt: skip
    turns = augmentation.random_rotate
    angles, key = turns.angle_list, f"{key}.random_rotate.angle_list"
    yield Rule(bool(angles) or not turns.enable, key, angles, "at least one angle, unless enable is false")
    yield Rule(all(-360 <= angle <= 360 for angle in angles), key, angles, "degrees from -360 to 360")


def _training(spec: ExperimentSpec, _task: str) -> Iterator[Rule]:
    train, studio = spec.train, spec.studio
    yield Rule(train.optim.lr > 0, "train.optim.lr", train.optim.lr, "above 0")
    yield from _devices("train", train.num_gpus, train.gpu_ids)
    if train.checkpointer is not None:
        monitor = train.checkpointer.monitor
        yield Rule(monitor.startswith("val_"), "train.checkpointer.monitor", monitor,
                   "a score of the validation, such as val_miou")  # fmt: skip
    yield Rule(not studio.optim.muon or train.optim.optim == "adamw", "train.optim.optim", train.optim.optim,
               "adamw where studio.optim.muon is true, which moves matrices only")  # fmt: skip
    yield Rule(all(0 <= beta < 1 for beta in studio.optim.betas), "studio.optim.betas", studio.optim.betas,
               "two numbers from 0 to below 1")  # fmt: skip
    yield Rule(not (studio.precision == "16-mixed" and studio.accelerator == "cpu"), "studio.precision",
               studio.precision, "32-true or bf16-mixed on the CPU")  # fmt: skip
    share = studio.augmentation.largest_class_share
    yield Rule(share > 0, "studio.augmentation.largest_class_share", share, "above 0")


def _loss(spec: ExperimentSpec, task: str) -> Iterator[Rule]:
    if task != "train":
        return
    loss = spec.studio.loss
    yield Rule(loss.ce + loss.dice + loss.focal + loss.lovasz > 0, "studio.loss", (loss.ce, loss.dice),
               "a loss of which one part counts")  # fmt: skip
    yield Rule(
        0 < loss.hardest_share <= 1, "studio.loss.hardest_share", loss.hardest_share, "above 0, up to 1"
    )
    if loss.class_weights:
        count, weights = model_palette(spec).count, loss.class_weights
        yield Rule(len(weights) == count and min(weights) >= 0, "studio.loss.class_weights", weights,
                   f"{count} numbers, one a class, 0 or more")  # fmt: skip


def _evaluation(spec: ExperimentSpec, _task: str) -> Iterator[Rule]:
    evaluation, key = spec.studio.evaluation, "studio.evaluation"
    yield Rule(bool(evaluation.scales) and min(evaluation.scales, default=0) > 0, f"{key}.scales",
               evaluation.scales, "at least one factor, all above 0")  # fmt: skip
    yield Rule(evaluation.stride <= evaluation.window_size, f"{key}.stride", evaluation.stride,
               f"up to window_size, which is {evaluation.window_size}")  # fmt: skip
    save = spec.studio.inference.save
    yield Rule(set(save) <= set(PICTURES), "studio.inference.save", save, f"any of {', '.join(PICTURES)}")


def _tested(spec: ExperimentSpec, task: str) -> Iterator[Rule]:
    section = spec.evaluate if task == "evaluate" else spec.inference
    yield from _devices(task, section.num_gpus, section.gpu_ids)


def _devices(section: str, count: int, ids: Sequence[int]) -> Iterator[Rule]:
    known = all(number >= 0 for number in ids) and len(set(ids)) == len(ids)
    yield Rule(known, f"{section}.gpu_ids", ids, "different numbers of GPUs")
    yield Rule(count == 1 or len(ids) == count or tuple(ids) == (0,), f"{section}.gpu_ids", ids,
               f"{count} numbers, as num_gpus says")  # fmt: skip


def _export(spec: ExperimentSpec, _task: str) -> Iterator[Rule]:
    yield Rule(bool(spec.export.checkpoint), "export.checkpoint", spec.export.checkpoint, "a file of weights")


def _engine(spec: ExperimentSpec, _task: str) -> Iterator[Rule]:
    engine, key = spec.gen_trt_engine, "gen_trt_engine"
    rt = engine.tensorrt
    yield Rule(bool(engine.onnx_file), f"{key}.onnx_file", engine.onnx_file, "an ONNX file")
    yield Rule(rt.data_type.lower() in ENGINE_TYPES, f"{key}.tensorrt.data_type", rt.data_type,
               f"one of {', '.join(ENGINE_TYPES)}")  # fmt: skip
    sizes = (
        ("batch_size", rt.min_batch_size, rt.opt_batch_size, rt.max_batch_size, 1),
        ("height", rt.min_height, rt.opt_height, rt.max_height, 0),
        ("width", rt.min_width, rt.opt_width, rt.max_width, 0),
    )
    for name, low, usual, high, least in sizes:
        yield Rule(least <= low <= usual <= high, f"{key}.tensorrt.min/opt/max_{name}", (low, usual, high),
                   f"three rising numbers, {least} or more")  # fmt: skip
    for layer in rt.layers_precision or ():
        name, _, kind = layer.rpartition(":")
        yield Rule(bool(name) and kind.lower() in LAYER_TYPES, f"{key}.tensorrt.layers_precision", layer,
                   f"layer:precision, of {', '.join(LAYER_TYPES)}")  # fmt: skip
    folders = rt.calibration.cal_image_dir
    yield Rule(rt.data_type.lower() != "int8" or bool(folders), f"{key}.tensorrt.calibration.cal_image_dir",
               folders, "folders of images, for int8")  # fmt: skip


def _quantize(spec: ExperimentSpec, _task: str) -> Iterator[Rule]:
    quantize = spec.quantize
    yield Rule(bool(quantize.model_path), "quantize.model_path", quantize.model_path, "a file of weights")
    device, _, number = quantize.device.partition(":")
    yield Rule(device in ("cuda", "cpu", "trt") and (not number or number.isdecimal()), "quantize.device",
               quantize.device, "cuda, cuda:N, cpu or trt")  # fmt: skip
    for position, layer in enumerate(quantize.layers):
        for name, kind in (("weights", layer.weights), ("activations", layer.activations)):
            if kind is not None:
                key = f"quantize.layers[{position}].{name}.dtype"
                yield Rule(
                    kind.dtype in QUANTIZED_TYPES, key, kind.dtype, f"one of {', '.join(QUANTIZED_TYPES)}"
                )


# By section: a task has the rules of the sections that it uses.
RULES: Mapping[str, tuple[Rules, ...]] = {
    "dataset": (_samples, _sizes, _augmentation),
    "studio": (_crops, _loss, _evaluation),
    "train": (_training,),
    "evaluate": (_tested,),
    "inference": (_tested,),
    "export": (_export,),
    "gen_trt_engine": (_engine,),
    "quantize": (_quantize,),
}
