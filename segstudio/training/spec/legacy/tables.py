"""What an old TAO spec is known by, and its keys that have one counterpart each."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

# Keys that only TAO 4 and 5 had.
MARKS_OF_OLD = frozenset({
    "dataset.data_root", "dataset.img_norm_cfg", "dataset.input_type", "dataset.repeat_data_times",
    "dataset.test_dataset", "dataset.train_dataset", "dataset.val_dataset", "dataset.workers_per_gpu",
    "exp_config", "export.codebase_config", "export.onnx_config", "export.simplify", "export.verify",
    "model.input_height", "model.input_width", "model.test_cfg", "train.exp_config", "train.max_iters",
    "train.trainer", "trainer",
})  # fmt: skip
# Keys that TAO 5.5 brought (mmengine).
MARKS_OF_5_5 = frozenset({
    "dataset.reduce_zero_label", "dataset.type", "export.codebase_config", "export.onnx_config",
    "model.type", "train.default_hooks", "train.exp_config.default_scope",
    "train.exp_config.deterministic", "train.exp_config.env_cfg", "train.exp_config.log_level",
    "train.param_scheduler", "train.resume",
})  # fmt: skip
# What TAO 5.5 takes where a key is not given and TAO 5.0 takes something else.
DEFAULTS: Mapping[bool, Mapping[str, Any]] = {
    False: {},
    True: {
        "model": {"backbone": {"type": "mit_b1"}},
        "dataset": {"input_type": "grayscale", "batch_size": 32, "workers_per_gpu": 8},
        "train": {
            "exp_config": {"env_cfg": {"cudnn_benchmark": True}},
            "trainer": {"sf_optim": {"betas": [0.0, 0.9]}},
        },
        "export": {"opset_version": 13},
    },
}


def same(value: Any) -> Any:
    """The value itself."""
    return value


@dataclass(frozen=True)
class Move:
    """An old key, the one that takes its place, what becomes of the value, and why if that is not plain."""

    old: str
    new: str
    change: Callable[[Any], Any] = same
    why: str = ""


OPTIMISER = "train.trainer.sf_optim"
TRAIN_AUGMENTATION = "dataset.train_dataset.pipeline.augmentation_config"
AUGMENTATION = "dataset.segment.augmentation"
MOVES = (
    Move("model.backbone.type", "model.backbone.type"),
    Move("model.backbone.init_cfg.checkpoint", "model.backbone.pretrained_backbone_path"),
    Move("model.pretrained_model_path", "model.backbone.pretrained_backbone_path",
         why="weights of the backbone alone"),
    Move("model.decode_head.dropout_ratio", "studio.head_dropout"),
    Move("model.decode_head.decoder_params.embed_dim", "model.decode_head.decoder_params.embed_dim"),
    Move("model.decode_head.norm_cfg.type", "train.sync_batchnorm", lambda kind: kind == "SyncBN"),
    Move("dataset.batch_size", "dataset.segment.batch_size"),
    Move("dataset.workers_per_gpu", "dataset.segment.workers"),
    Move("dataset.reduce_zero_label", "studio.masks.reduce_zero_label"),
    Move(f"{TRAIN_AUGMENTATION}.random_crop.cat_max_ratio", "studio.augmentation.largest_class_share"),
    Move(f"{TRAIN_AUGMENTATION}.resize.ratio_range", f"{AUGMENTATION}.with_scale_random_crop.scale_range"),
    Move(f"{TRAIN_AUGMENTATION}.random_flip.prob", f"{AUGMENTATION}.random_flip.hflip_probability",
         why="left and right only; no turns"),
    Move("train.max_iters", "studio.max_steps", why="steps are counted, not epochs"),
    Move("train.logging_interval", "studio.log_every"),
    Move("train.checkpoint_interval", "train.checkpoint_interval", why="steps, as before"),
    Move("train.resume_training_checkpoint_path", "train.pretrained_model_path",
         why="its weights; an optimiser of mmsegmentation cannot go on here"),
    Move("train.exp_config.manual_seed", "train.seed"),
    Move("train.exp_config.deterministic", "train.cudnn.deterministic"),
    Move("train.exp_config.env_cfg.cudnn_benchmark", "train.cudnn.benchmark"),
    Move(f"{OPTIMISER}.type", "train.optim.optim", lambda kind: str(kind).lower()),
    Move(f"{OPTIMISER}.lr", "train.optim.lr"),
    Move(f"{OPTIMISER}.betas", "studio.optim.betas"),
    Move(f"{OPTIMISER}.weight_decay", "train.optim.weight_decay"),
    Move(f"{OPTIMISER}.paramwise_cfg.head.lr_mult", "studio.optim.head_lr_factor"),
    Move("train.trainer.grad_clip", "studio.optim.gradient_clip", why="TAO read it and clipped nothing"),
    Move("export.batch_size", "export.batch_size"),
    Move("export.opset_version", "export.opset_version", lambda version: max(17, version),
         why="LayerNorm is whole from 17 on"),
)  # fmt: skip
