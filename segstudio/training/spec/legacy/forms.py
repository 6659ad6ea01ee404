"""Brings the spellings and nestings that TAO's old specs and TAO's documents have into one form."""

from collections.abc import Mapping
from typing import Any

SETS = ("train_dataset", "val_dataset", "test_dataset")
AUGMENTATION = "dataset.{}.pipeline.augmentation_config"
MISPLACED = "TAO's documentation has it in the wrong place"
MISSPELT = "a misprint of TAO's documentation"
# Old key, the key that it stands for, and why; {} is each of the three sets of samples.
MOVED = (
    ("exp_config", "train.exp_config", "TAO 4 had it at the root"),
    ("trainer", "train.trainer", "TAO 4 had it at the root"),
    ("trt_config", "gen_trt_engine.tensorrt", "TAO 4 had it at the root"),
    ("export.trt_config", "gen_trt_engine.tensorrt", "engines are a task of their own"),
    ("export.trt_engine", "gen_trt_engine.trt_engine", "engines are a task of their own"),
    ("train.trainer.param_scheduler", "train.param_scheduler", "one place for both"),
    ("train.encryption_key", "encryption_key", "one key for all tasks"),
    ("model.decode_head.decoder_params.embed_dims", "model.decode_head.decoder_params.embed_dim", MISSPELT),
    ("train.trainer.sf_optim.paramwise_cfg.head.lr_mut", "train.trainer.sf_optim.paramwise_cfg.head.lr_mult",
     MISSPELT),
    (AUGMENTATION + ".random_crop.resize", AUGMENTATION + ".resize", MISPLACED),
    (AUGMENTATION + ".random_crop.random_flip", AUGMENTATION + ".random_flip", MISPLACED),
    (AUGMENTATION + ".random_crop.color_aug", AUGMENTATION + ".color_aug", MISPLACED),
    (AUGMENTATION + ".Pad", "dataset.{}.pipeline.Pad", MISPLACED),
    (AUGMENTATION + ".multi_scale", "dataset.{}.pipeline.multi_scale", MISPLACED),
    ("evaluate.gpu_id", "evaluate.gpu_ids", "a list of one"),
    ("inference.gpu_id", "inference.gpu_ids", "a list of one"),
)  # fmt: skip
# The same for specs of today: keys that only documents have.
MOVED_TODAY = (
    ("model.freeze_backbone", "model.backbone.freeze_backbone", MISPLACED),
    ("model.decode_head.decoder_params.embed_dims", "model.decode_head.decoder_params.embed_dim", MISSPELT),
    ("export.gpu_ids", "export.gpu_id", "an export runs on one device, the first"),
    ("gen_trt_engine.gpu_ids", "gen_trt_engine.gpu_id", "an engine is built on one device, the first"),
)
# Keys that hold a list here and may hold one value in a file.
LISTS = (
    "dataset.{}.img_dir",
    "dataset.{}.ann_dir",
    "model.decode_head.loss_decode",
    "evaluate.gpu_ids",
    "inference.gpu_ids",
)


def one_form(values: Mapping[str, Any]) -> tuple[dict[str, Any], tuple[str, ...]]:
    """The values with every key in its usual place and spelling, and a note for each that was not."""
    tidy = _copied(values)
    notes = []
    for old, new, why in _each(MOVED):
        found, value = take(tidy, old)
        if found:
            place(tidy, new, value)
            notes.append(f"{old} -> {new} ({why})")
    for (key,) in _each(tuple((key,) for key in LISTS)):
        found, value = take(tidy, key)
        if found:
            place(tidy, key, value if isinstance(value, list) or value is None else [value])
    found, clip = take(tidy, "train.trainer.grad_clip")
    if found:
        norm = clip.get("max_norm", 0.0) if isinstance(clip, Mapping) else clip
        place(tidy, "train.trainer.grad_clip", norm)
    return tidy, tuple(notes)


def todays_form(values: Mapping[str, Any]) -> tuple[dict[str, Any], tuple[str, ...]]:
    """The values of a spec of today with the keys that only documents have as those that the code has."""
    tidy = _copied(values)
    notes = []
    for old, new, why in MOVED_TODAY:
        found, value = take(tidy, old)
        if found:
            first = new.endswith(".gpu_id") and isinstance(value, list) and value
            place(tidy, new, value[0] if first else value)
            notes.append(f"{old} -> {new} ({why})")
    return tidy, tuple(notes)


def take(values: dict[str, Any], key: str) -> tuple[bool, Any]:
    """Removes the value at a dotted key: (whether there was one, the value)."""
    *path, last = key.split(".")
    for part in path:
        inner = values.get(part)
        if not isinstance(inner, dict):
            return False, None
        values = inner
    return last in values, values.pop(last, None)


def place(values: dict[str, Any], key: str, value: Any) -> None:
    """Sets the value at a dotted key; of two sections with one key, the one that is there counts."""
    *path, last = key.split(".")
    for part in path:
        inner = values.get(part)
        if not isinstance(inner, dict):
            inner = values[part] = {}
        values = inner
    below = values.get(last)
    values[last] = {**value, **below} if isinstance(below, dict) and isinstance(value, dict) else value


def keys_of(values: Mapping[str, Any], key: str = "") -> set[str]:
    """The dotted keys of all values and sections."""
    found = set()
    for name, value in values.items():
        where = f"{key}.{name}" if key else str(name)
        found.add(where)
        if isinstance(value, Mapping):
            found |= keys_of(value, where)
    return found


def _copied(values: Mapping[str, Any]) -> dict[str, Any]:
    return {
        str(key): _copied(value) if isinstance(value, Mapping) else value for key, value in values.items()
    }


def _each(rows: tuple[tuple[str, ...], ...]) -> list[tuple[str, ...]]:
    """The rows of a table, those with {} once for every set of samples."""
    expanded: list[tuple[str, ...]] = []
    for row in rows:
        names = SETS if "{}" in row[0] else ("",)
        expanded += [tuple(part.replace("{}", name) for part in row) for name in names]
    return expanded
