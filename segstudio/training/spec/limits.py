"""The values that a spec's keys may have, one by one: literal tables of choices and ranges."""

from collections.abc import Mapping
from math import inf

from segstudio.inference.spec import RESIZE_MODES
from segstudio.networks.architecture import HEAD_FORMS, NORM_EPS
from segstudio.networks.variants import BACKBONE_NAMES

ENCODINGS = ("auto", "ids", "colours", "binary", "cityscapes-ids", "cityscapes-train-ids")
SOURCE_KINDS = ("folder", "list", "manifest", "scenes")
# TAO has the first two.
POLICIES = ("linear", "step", "poly", "cosine", "constant")
PICTURES = ("ids", "color", "overlay", "confidence")
QUANTIZED_TYPES = ("int8", "fp8_e4m3fn", "fp8_e5m2", "float8_e4m3fn", "float8_e5m2", "native")
ENGINE_TYPES = ("fp32", "fp16", "bf16", "int8")
LAYER_TYPES = ("fp32", "fp16", "int32", "int8")

CHOICES: Mapping[str, tuple[str | int | None, ...]] = {
    "model.backbone.type": BACKBONE_NAMES,
    "dataset.segment.dataset": ("SFDataset",),
    "dataset.segment.label_transform": ("norm", None),
    "train.checkpoint_interval_unit": ("epoch", "step"),
    "train.optim.optim": ("adamw", "adam", "sgd"),
    "train.optim.policy": POLICIES,
    "train.segment.loss": ("ce", "mmiou"),
    "train.checkpointer.mode": ("max", "min"),
    "export.input_channel": (1, 3),
    "quantize.backend": ("torchao", "modelopt", "modelopt.pytorch", "modelopt.onnx"),
    "quantize.mode": ("weight_only_ptq", "static_ptq"),
    "quantize.algorithm": ("minmax", "max", "entropy", "awq_clip", "awq_lite", "awq_full", "rtn_dq"),
    "studio.masks.encoding": ENCODINGS,
    "studio.masks.unmatched": ("stop", "ignore"),
    "studio.data.leakage": ("warn", "stop", "off"),
    "studio.augmentation.kind": ("studio", "tao", "nvlabs"),
    "studio.network.head": HEAD_FORMS,
    "studio.network.norm_eps": tuple(NORM_EPS),
    "studio.schedule.policy": ("", *POLICIES),
    "studio.evaluation.protocol": ("original", "tao"),
    "studio.evaluation.resize": ("", *RESIZE_MODES),
    "studio.evaluation.window": ("whole", "slide"),
    "studio.precision": ("32-true", "bf16-mixed", "16-mixed"),
    "studio.accelerator": ("auto", "cpu", "cuda"),
}

# Inclusive ends.
RANGES: Mapping[str, tuple[float, float]] = {
    "model.decode_head.decoder_params.embed_dim": (0, inf),
    "dataset.segment.img_size": (32, inf),
    "dataset.segment.workers": (0, inf),
    "dataset.segment.augmentation.random_flip.hflip_probability": (0, 1),
    "dataset.segment.augmentation.random_flip.vflip_probability": (0, 1),
    "dataset.segment.augmentation.random_rotate.rotate_probability": (0, 1),
    "dataset.segment.augmentation.random_color.brightness": (0, 2),
    "dataset.segment.augmentation.random_color.contrast": (0, 2),
    "dataset.segment.augmentation.random_color.saturation": (0, 2),
    "dataset.segment.augmentation.random_color.hue": (0, 0.5),
    "dataset.segment.augmentation.random_color.color_probability": (0, 1),
    "train.num_gpus": (1, inf),
    "train.num_nodes": (1, inf),
    "train.num_epochs": (1, inf),
    "train.checkpoint_interval": (1, inf),
    "train.validation_interval": (1, inf),
    "train.optim.momentum": (0, 1),
    "train.optim.weight_decay": (0, 1),
    "train.tensorboard.infrequent_logging_frequency": (0, inf),
    "train.checkpointer.save_top_k": (-1, inf),
    "export.gpu_id": (0, inf),
    "export.input_width": (32, inf),
    "export.input_height": (32, inf),
    "export.opset_version": (11, inf),
    "gen_trt_engine.gpu_id": (0, inf),
    "gen_trt_engine.tensorrt.workspace_size": (0, inf),
    "gen_trt_engine.tensorrt.calibration.cal_batch_size": (1, inf),
    "gen_trt_engine.tensorrt.calibration.cal_batches": (1, inf),
    "studio.max_steps": (0, inf),
    "studio.masks.threshold": (0, 1),
    "studio.data.cache_mb": (0, inf),
    "studio.augmentation.base_side": (0, inf),
    "studio.augmentation.largest_class_share": (0, 1),
    "studio.augmentation.rotate_degrees": (0, 180),
    "studio.augmentation.blur_probability": (0, 1),
    "studio.augmentation.noise_probability": (0, 1),
    "studio.balanced_share": (0, 1),
    "studio.drop_path": (0, 0.99),
    "studio.head_dropout": (0, 0.99),
    "studio.loss.ce": (0, inf),
    "studio.loss.dice": (0, inf),
    "studio.loss.focal": (0, inf),
    "studio.loss.focal_gamma": (0, inf),
    "studio.loss.lovasz": (0, inf),
    "studio.loss.boundary": (0, inf),
    "studio.loss.boundary_width": (1, inf),
    "studio.loss.class_weight_strength": (0, inf),
    "studio.loss.label_smoothing": (0, 0.99),
    "studio.schedule.warmup_share": (0, 1),
    "studio.schedule.warmup_start": (0, 1),
    "studio.schedule.power": (0, inf),
    "studio.schedule.end": (0, 1),
    "studio.optim.head_lr_factor": (0, inf),
    "studio.optim.accumulation": (1, inf),
    "studio.optim.gradient_clip": (0, inf),
    "studio.optim.ema_decay": (0, 0.999999),
    "studio.early_stop.patience": (0, inf),
    "studio.early_stop.min_gain": (0, 1),
    "studio.evaluation.short_side": (0, inf),
    "studio.evaluation.window_size": (32, inf),
    "studio.evaluation.stride": (1, inf),
    "studio.evaluation.bootstrap": (0, inf),
    "studio.evaluation.boundary_share": (0, 1),
    "studio.watch.count": (0, inf),
    "studio.watch.side": (32, inf),
    "studio.threads": (0, inf),
    "studio.log_every": (1, inf),
    **{
        f"{task}.{key}": (1, inf)
        for task in ("evaluate", "inference")
        for key in ("num_gpus", "num_nodes", "vis_after_n_batches")
    },
}

# -1, or 1 and more.
BATCHES = (
    "dataset.segment.batch_size",
    "evaluate.batch_size",
    "inference.batch_size",
    "export.batch_size",
    "gen_trt_engine.batch_size",
)
