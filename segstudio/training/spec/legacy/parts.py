"""The conversions of an old TAO spec that take more than one key: samples, classes, sizes, rate and loss."""

from collections.abc import Sequence
from pathlib import PurePosixPath
from typing import Any

from segstudio.errors import SpecError
from segstudio.training.spec.derived import USUAL_BATCH, side_multiple
from segstudio.training.spec.legacy.conversion import Conversion
from segstudio.training.spec.legacy.dataset import OldClass, OldResize, OldTestSet, OldTrainSet

IGNORED = 255
# The recipe that the old defaults come from: 1500 of 160000 steps.
USUAL_WARMUP = 1500 / 160_000
# A longer warm-up leaves no run to speak of; TAO's default of 1500 steps does so in every short run.
LONGEST_WARMUP = 0.5
POLICIES = {"poly": "poly", "cosineannealing": "cosine", "fixed": "constant", "step": "step"}
LOSSES = {
    "CrossEntropyLoss": "ce",
    "DiceLoss": "dice",
    "FocalLoss": "focal",
    "LovaszLoss": "lovasz",
}
SWAPPED = "the input is taller than wide; TAO's test_cityscapes.yaml has the two swapped: has yours too?"
SCHEDULER = "the schedule ends with the run, whatever `end` says; TAO took lr_config's defaults for the rest"
AUGMENTATION = "dataset.segment.augmentation"


def convert_parts(conversion: Conversion) -> None:
    """Adds today's values for all that the table of single keys leaves.

    Raises:
        SpecError: the old values contradict each other or have no counterpart.
    """
    for part in (_samples, _palette, _masks, _normalisation, _augmentation, _crop, _seen_size, _window,
                 _validation, _rate, _loss, _export):  # fmt: skip
        part(conversion)


def _samples(conversion: Conversion) -> None:
    dataset = conversion.old.dataset
    sets: tuple[tuple[str, OldTrainSet | OldTestSet, tuple[str, ...]], ...] = (
        ("train_dataset", dataset.train_dataset, ("sources",)),
        ("val_dataset", dataset.val_dataset,
         ("validation",) if dataset.test_dataset.img_dir else ("validation", "test", "predict")),
        ("test_dataset", dataset.test_dataset, ("test", "predict")),
    )  # fmt: skip
    for name, samples, uses in sets:
        if not samples.img_dir:
            continue
        if samples.ann_dir and len(samples.ann_dir) != len(samples.img_dir):
            raise SpecError(
                f"{conversion.where}: dataset.{name} has {len(samples.img_dir)} folders of images and "
                f"{len(samples.ann_dir)} of masks",
                hint="every entry of img_dir needs one of ann_dir",
            )
        for use in uses:
            masks = () if use == "predict" else samples.ann_dir
            sources = _sources(samples.img_dir, masks, dataset.data_root)
            conversion.put(f"dataset.{name}.img_dir", f"studio.{use}", sources)
        conversion.tell(f"dataset.{name}.ann_dir", f"the masks of studio.{uses[0]}")
    conversion.tell("dataset.data_root", "folders that are relative lie below it")


def _sources(images: Sequence[str], masks: Sequence[str], root: str | None) -> list[dict[str, Any]]:
    def joined(folder: str) -> str:
        return str(PurePosixPath(root or "") / folder)

    pairs = zip(images, masks or ("",) * len(images), strict=True)
    return [
        {"kind": "folder", "images": joined(image), **({"masks": joined(mask)} if mask else {})}
        for image, mask in pairs
    ]


def _palette(conversion: Conversion) -> None:
    """As it is for TAO 5.0, whose masks hold label_ids; in 5.5 they hold positions of merged classes."""
    whole = conversion.old.dataset.palette
    classes = sorted(
        (entry for entry in whole if entry.label_id != IGNORED), key=lambda entry: entry.label_id
    )
    ignored = [entry for entry in whole if entry.label_id == IGNORED]
    if conversion.newest:
        classes = _merged(classes)
        if [entry.label_id for entry in classes] != list(range(len(classes))):
            classes = [OldClass(entry.seg_class, n, entry.rgb) for n, entry in enumerate(classes)]
            conversion.put("dataset.palette", "studio.masks.palette_order", True,
                           "in TAO 5.5 a mask's ids are positions, whatever label_id says")  # fmt: skip
    palette = [
        {
            "seg_class": entry.seg_class,
            "label_id": entry.label_id,
            "rgb": list(entry.rgb),
            "mapping_class": entry.mapping_class or entry.seg_class,
        }
        for entry in (*classes, *ignored)
    ]
    conversion.put("dataset.palette", "dataset.segment.palette", palette, "colours are for display alone")
    if ignored:
        conversion.tell(
            "dataset.palette", "the entry with label_id 255 is ignored; TAO counted it as a class"
        )


def _merged(entries: Sequence[OldClass]) -> list[OldClass]:
    """One entry for all that have the same mapping_class, under its name and colour."""
    named = {entry.seg_class: entry for entry in entries}
    merged: dict[str, OldClass] = {}
    for entry in entries:
        name = entry.mapping_class or entry.seg_class
        shown = named.get(name, entry)
        merged.setdefault(name, OldClass(name, shown.label_id, shown.rgb))
    return sorted(merged.values(), key=lambda entry: entry.label_id)


def _masks(conversion: Conversion) -> None:
    kind, key = conversion.old.dataset.input_type, "dataset.input_type"
    if kind not in ("rgb", "grayscale"):
        raise SpecError(f"{conversion.where}: {key} is {kind!r}", hint="it must be rgb or grayscale")
    conversion.put(key, "dataset.segment.label_transform", None)
    if kind == "grayscale":
        conversion.put(
            key, "studio.masks.encoding", "binary", "it concerned masks alone: 1 above half of 255"
        )
        classes = {entry.label_id for entry in conversion.old.dataset.palette} - {IGNORED}
        if len(classes) > len(("below", "above")):
            conversion.tell(
                key, f"grayscale masks hold two classes, the palette has {len(classes)}: is it rgb?"
            )
    else:
        conversion.put(key, "studio.masks.encoding", "ids", "the numbers in the files, not their colours")


def _normalisation(conversion: Conversion) -> None:
    old, key = conversion.old.dataset.img_norm_cfg, "dataset.img_norm_cfg"
    turn = 1 if old.to_rgb else -1
    for name, values in (("mean", old.mean), ("std", old.std)):
        scaled = [round(value / 255, 6) for value in values][::turn]
        conversion.put(f"{key}.{name}", f"{AUGMENTATION}.{name}", scaled, "for pixels 0-1")
    if not old.to_rgb:
        conversion.tell(f"{key}.to_rgb", "segstudio always gives red, green, blue: mean and std are turned "
                        "round, and weights trained on blue, green, red do not fit")  # fmt: skip
    else:
        conversion.tell(f"{key}.to_rgb", "as always")


def _augmentation(conversion: Conversion) -> None:
    key = "dataset.train_dataset.pipeline.augmentation_config"
    old = conversion.old.dataset.train_dataset.pipeline.augmentation_config
    conversion.put(f"{key}.color_aug.type", "studio.augmentation.kind", "nvlabs", "mmsegmentation's set")
    if old.color_aug.type != "PhotoMetricDistortion":
        conversion.tell(f"{key}.color_aug.type", "TAO knew PhotoMetricDistortion alone, which is taken")
    for name, value in (("random_flip.vflip_probability", 0.0), ("random_rotate.enable", False)):
        conversion.put("", f"{AUGMENTATION}.{name}", value)
    model = conversion.old.model
    conversion.put(
        f"{key}.resize.img_scale",
        "studio.augmentation.base_side",
        min(old.resize.img_scale or (model.input_height, model.input_width)),
        "the shorter side; the limit of the longer one is left out",
    )
    if not old.resize.keep_ratio:
        conversion.tell(f"{key}.resize.keep_ratio", "training samples keep their aspect all the same")
    else:
        conversion.tell(f"{key}.resize.keep_ratio", "as always")


def _crop(conversion: Conversion) -> None:
    model, multiple = conversion.old.model, side_multiple(conversion.old.model.backbone.type)
    height, width = (-(-side // multiple) * multiple for side in (model.input_height, model.input_width))
    why = "" if (height, width) == (model.input_height, model.input_width) else f"multiples of {multiple}"
    conversion.put("model.input_height", "dataset.segment.img_size", min(height, width), why)
    if height == width:
        conversion.tell("model.input_width", "as model.input_height: the side of img_size")
    else:
        batch = conversion.old.dataset.batch_size
        stage = {"height": height, "width": width, "batch": batch if batch > 0 else USUAL_BATCH}
        conversion.put("model.input_width", "studio.crops", [stage], "img_size is a square's")
    if height > width:
        conversion.tell("model.input_height", SWAPPED)


def _seen_size(conversion: Conversion) -> None:
    """How large the network sees images that are scored: whole, by their shorter side."""
    model, dataset = conversion.old.model, conversion.old.dataset
    conversion.put("", "studio.evaluation.protocol", "original")
    conversion.put("", "studio.evaluation.resize", "short_side")
    sizes = []
    for name, samples in (("test_dataset", dataset.test_dataset), ("val_dataset", dataset.val_dataset)):
        pipeline, key = samples.pipeline, f"dataset.{name}.pipeline"
        resize: OldResize = pipeline.augmentation_config.resize
        sizes += [(f"{key}.multi_scale", pipeline.multi_scale),
                  (f"{key}.augmentation_config.resize.img_scale", resize.img_scale)]  # fmt: skip
        kept = "as always" if resize.keep_ratio else "images keep their aspect; see studio.evaluation.resize"
        conversion.tell(f"{key}.augmentation_config.resize.keep_ratio", kept)
        conversion.tell(
            f"{key}.augmentation_config.resize.ratio_range", "only training samples are augmented"
        )
    sizes.append(("dataset.train_dataset.pipeline.augmentation_config.resize.img_scale",
                  dataset.train_dataset.pipeline.augmentation_config.resize.img_scale))  # fmt: skip
    given = [(key, size) for key, size in sizes if size]
    key, size = given[0] if given else ("model.input_height", (model.input_height, model.input_width))
    conversion.put(
        key, "studio.evaluation.short_side", min(size), "the shorter side of images that are scored"
    )
    for other, _ in given[1:]:
        conversion.tell(other, f"{key} decides how large images are scored")


def _window(conversion: Conversion) -> None:
    old = conversion.old.model.test_cfg
    if old.mode not in ("whole", "slide"):
        raise SpecError(f"{conversion.where}: model.test_cfg.mode is {old.mode!r}", hint="use whole or slide")
    conversion.put("model.test_cfg.mode", "studio.evaluation.window", old.mode)
    sides = (("crop_size", "window_size", old.crop_size), ("stride", "stride", old.stride))
    for name, new, values in sides:
        if values:
            why = "" if len(set(values)) == 1 else "windows are square: the larger side"
            conversion.put(f"model.test_cfg.{name}", f"studio.evaluation.{new}", max(values), why)


def _validation(conversion: Conversion) -> None:
    train = conversion.old.train
    conversion.put("", "train.checkpoint_interval_unit", "step")
    if train.validate:
        interval = train.validation_interval or train.max_iters
        conversion.put("train.validation_interval", "train.validation_interval", interval, "steps, as before")
        conversion.tell("train.validate", "as always, where there are validation samples")
    else:
        conversion.put("train.validate", "train.validation_interval", train.max_iters, "at the end alone")
        conversion.tell("train.validation_interval", "train.validate is false")
    if conversion.newest:
        conversion.notes.append(
            "TAO 5.5 trains in mixed precision: studio.precision=16-mixed does so on a GPU"
        )


def _rate(conversion: Conversion) -> None:
    """mmengine's schedulers are the same rate in other words; lr_config wins, as in TAO."""
    train, key = conversion.old.train, "train.trainer.lr_config"
    rate, lr = train.trainer.lr_config, train.trainer.sf_optim.lr
    kinds = {str(part.get("type")): part for part in train.param_scheduler}
    linear, poly = kinds.get("LinearLR", {}), kinds.get("PolyLR", {})
    if key in conversion.keys:
        linear, poly = {}, {}
        conversion.tell("train.param_scheduler", f"{key} counts, as in TAO")
    elif train.param_scheduler:
        conversion.tell("train.param_scheduler", SCHEDULER)
    source = key if key in conversion.keys else "train.param_scheduler"
    policy = POLICIES.get(rate.policy.lower().replace("_", ""), rate.policy)
    steps = linear.get("end", rate.warmup_iters) if rate.warmup else 0
    share, why = steps / max(1, train.max_iters), f"{steps} of {train.max_iters} steps"
    if share > LONGEST_WARMUP:
        share, why = USUAL_WARMUP, f"{steps} of {train.max_iters} steps would leave no run: the usual share"
    rows = (
        (f"{key}.policy", "policy", policy, "tied to the run's length"),
        (f"{key}.warmup_iters", "warmup_share", round(share, 6), why),
        (f"{key}.warmup_ratio", "warmup_start", linear.get("start_factor", rate.warmup_ratio), ""),
        (f"{key}.power", "power", poly.get("power", rate.power), ""),
        (f"{key}.min_lr", "end", round(poly.get("eta_min", rate.min_lr) / lr, 6) if lr > 0 else 0.0,
         "relative to the rate"),
    )  # fmt: skip
    for old, new, value, reason in rows:
        conversion.put(old if source == key else source, f"studio.schedule.{new}", value, reason)
    conversion.tell(f"{key}.warmup", "linear, as always" if rate.warmup else "no warm-up")


def _loss(conversion: Conversion) -> None:
    key = "model.decode_head.loss_decode"
    weights = dict.fromkeys(LOSSES.values(), 0.0)
    for part in conversion.old.model.decode_head.loss_decode:
        if part.type not in LOSSES:
            raise SpecError(f"{conversion.where}: {key}.type is {part.type!r}",
                            hint=f"it must be one of {', '.join(LOSSES)}")  # fmt: skip
        weights[LOSSES[part.type]] += part.loss_weight
        if part.class_weight:
            conversion.put(key, "studio.loss.class_weights", part.class_weight)
        if part.type == "FocalLoss":
            conversion.put(key, "studio.loss.focal_gamma", part.gamma)
    for name, weight in weights.items():
        if weight or name == "ce":
            conversion.put(key, f"studio.loss.{name}", weight)


def _export(conversion: Conversion) -> None:
    old, model = conversion.old.export, conversion.old.model
    for name, side, usual in (("input_height", old.input_height, model.input_height),
                              ("input_width", old.input_width, model.input_width)):  # fmt: skip
        conversion.put(f"export.{name}", f"export.{name}", side or usual)
    output = "logits" if old.codebase_config.get("with_argmax", True) is False else "argmax"
    # TAO 5.0 put the ids last, as DeepStream's parser of its files reads them.
    output = output if conversion.newest else "argmax-last"
    conversion.put("export.codebase_config", "studio.export.output", output)
    if conversion.old.model.backbone.type.startswith("fan"):
        conversion.put("", "studio.drop_path", 0.0)
