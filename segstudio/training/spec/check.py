"""Refuses values of a spec that would only fail after the work has begun."""

from segstudio.errors import SpecError
from segstudio.networks.architecture import HEAD_FORMS, NORM_EPS
from segstudio.networks.variants import BACKBONE_NAMES
from segstudio.training.spec.schema import ExperimentSpec

OPTIMISERS = ("adamw", "adam", "sgd")
INTERVAL_UNITS = ("epoch", "step")
PRECISIONS = ("32-true", "bf16-mixed", "16-mixed")
SOURCE_KINDS = ("folder", "list", "manifest", "scenes")


def check(spec: ExperimentSpec, where: str) -> None:
    """Refuses values that would only fail after the training has begun.

    Raises:
        SpecError: names the key, its value and what it may be.
    """
    segment, studio, optim = spec.dataset.segment, spec.studio, spec.train.optim
    rules: list[tuple[bool, str, object, str]] = [
        (spec.model.backbone.type in BACKBONE_NAMES, "model.backbone.type", spec.model.backbone.type,
         f"one of {', '.join(BACKBONE_NAMES)}"),
        (studio.network.head in HEAD_FORMS, "studio.network.head", studio.network.head,
         f"one of {', '.join(HEAD_FORMS)}"),
        (studio.network.norm_eps in NORM_EPS, "studio.network.norm_eps", studio.network.norm_eps,
         f"one of {', '.join(NORM_EPS)}"),
        (optim.optim in OPTIMISERS, "train.optim.optim", optim.optim, f"one of {', '.join(OPTIMISERS)}"),
        (optim.lr > 0, "train.optim.lr", optim.lr, "above 0"),
        (segment.batch_size > 0 or segment.batch_size == -1, "dataset.segment.batch_size",
         segment.batch_size, "1 or more, or -1 for the usual"),
        (segment.img_size >= 32, "dataset.segment.img_size", segment.img_size, "32 or more"),
        (studio.precision in PRECISIONS, "studio.precision", studio.precision,
         f"one of {', '.join(PRECISIONS)}"),
        (spec.train.checkpoint_interval_unit in INTERVAL_UNITS, "train.checkpoint_interval_unit",
         spec.train.checkpoint_interval_unit, f"one of {', '.join(INTERVAL_UNITS)}"),
        (min(spec.train.validation_interval, spec.train.checkpoint_interval) > 0,
         "train.validation_interval or checkpoint_interval",
         (spec.train.validation_interval, spec.train.checkpoint_interval), "1 or more"),
        (0 < studio.loss.hardest_share <= 1, "studio.loss.hardest_share", studio.loss.hardest_share,
         "above 0, up to 1"),
        (0 < segment.augmentation.with_scale_random_crop.scale_range[0]
         <= segment.augmentation.with_scale_random_crop.scale_range[1],
         "dataset.segment.augmentation.with_scale_random_crop.scale_range",
         segment.augmentation.with_scale_random_crop.scale_range, "two rising factors above 0"),
        (0 <= studio.balanced_share <= 1, "studio.balanced_share", studio.balanced_share, "0 to 1"),
        (0 <= studio.optim.ema_decay < 1, "studio.optim.ema_decay", studio.optim.ema_decay, "0 to below 1"),
        (spec.train.num_epochs > 0 or studio.max_steps > 0, "train.num_epochs", spec.train.num_epochs,
         "1 or more"),
        (bool(studio.sources) or segment.root_dir is not None, "dataset.segment.root_dir", segment.root_dir,
         "a folder, unless studio.sources are given"),
        (all(source.kind in SOURCE_KINDS for source in studio.sources), "studio.sources.kind", "",
         f"one of {', '.join(SOURCE_KINDS)}"),
        (all(stage.height % 32 == 0 and stage.width % 32 == 0 and stage.batch > 0 for stage in studio.crops),
         "studio.crops", "", "heights and widths that are multiples of 32, batch 1 or more"),
        (not studio.crops or studio.crops[0].start == 0.0, "studio.crops", "",
         "a first stage that starts at 0"),
    ]  # fmt: skip
    for right, key, value, wanted in rules:
        if not right:
            raise SpecError(f"{where}: {key} is {value!r}", hint=f"it must be {wanted}")
