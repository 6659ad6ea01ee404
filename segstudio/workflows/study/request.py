"""What a study is asked to do, checked before anything long begins, and the spec of its trainings."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise
from math import isfinite
from pathlib import Path
from typing import TYPE_CHECKING, Any

from segstudio.annotation.palette import load_palette
from segstudio.errors import InputError, ModelError
from segstudio.inference.catalog import find_model
from segstudio.workflows.study.strategies import STRATEGIES, Strategy

if TYPE_CHECKING:
    from segstudio.training.spec.schema import ExperimentSpec

SCRATCH = "scratch"
HEAD, FULL_TRAINING = "head", "full"
# Optimiser steps of one training, by trainer.
USUAL_STEPS = {HEAD: 300, FULL_TRAINING: 300}
RATES = {HEAD: {"lr": 0.003, "head": 1.0}, FULL_TRAINING: {"lr": 0.0005, "head": 3.0}}
SIDE_MULTIPLE = 32
BUDGET_HINT = "give frames or shares, such as 8,16,32 or 2%,5%,10%"


@dataclass(frozen=True)
class StudyRequest:
    """What `segstudio study active` is given.

    Attributes:
        images, masks: folders of the frames to choose from and of their true masks.
        palette: of the masks, by name or path; the trained networks have its classes.
        budgets: frames whose truth is known, as numbers or shares such as "5%", ascending.
        out: folder for what is found; a study that stopped goes on there.
        val_images, val_masks: folders of the frames to score on; without them the last `val_share` of the
            frames, by name, are held out.
        val_share: see above, 0-1.
        strategies: names.
        seeds: repetitions.
        start: name or folder of a model, a file of weights, or SCRATCH.
        trainer: HEAD (backbone as it is, head refitted) or FULL_TRAINING.
        steps: optimiser steps of every training; 0: the trainer's usual.
        side: pixels of the shorter side at which frames are seen, a multiple of 32.
        threads: of torch; 0 leaves its choice.
    """

    images: Path
    masks: Path
    palette: str
    budgets: tuple[str, ...]
    out: Path
    val_images: Path | None = None
    val_masks: Path | None = None
    val_share: float = 0.2
    strategies: tuple[str, ...] = tuple(STRATEGIES)
    seeds: int = 3
    start: str = "street-b0"
    trainer: str = HEAD
    steps: int = 0
    side: int = 256
    threads: int = 0

    def __post_init__(self) -> None:
        """Refuses what no study can do.

        Raises:
            InputError: says what, and what to do.
        """
        unknown = [name for name in self.strategies if name not in STRATEGIES]
        if unknown or not self.strategies or len(set(self.strategies)) < len(self.strategies):
            raise InputError(
                f"strategies {','.join(self.strategies)!r}", hint=f"give some of {', '.join(STRATEGIES)}"
            )
        if self.trainer not in USUAL_STEPS:
            raise InputError(f"trainer {self.trainer!r}", hint=f"give one of {', '.join(USUAL_STEPS)}")
        if self.trainer == HEAD and self.start == SCRATCH:
            raise InputError(
                "a head alone learns nothing on a backbone of random numbers",
                hint="give --start a model, or --trainer full",
            )
        if (self.val_images is None) != (self.val_masks is None):
            raise InputError("validation frames need images and masks", hint="give both, or neither")
        if not 0 < self.val_share < 1:
            raise InputError(f"--val-share {self.val_share:g}", hint="give a share between 0 and 1")
        if self.side < SIDE_MULTIPLE or self.side % SIDE_MULTIPLE:
            raise InputError(f"--side {self.side}", hint=f"give a multiple of {SIDE_MULTIPLE}")

    @property
    def chosen(self) -> Mapping[str, Strategy]:
        """The strategies by name."""
        return {name: STRATEGIES[name] for name in self.strategies}

    @property
    def used_steps(self) -> int:
        """Optimiser steps of every training."""
        return self.steps or USUAL_STEPS[self.trainer]

    def settings(self) -> dict[str, Any]:
        """All that the score of a point depends on, besides its frames and seed."""
        return {
            "images": str(self.images.resolve()),
            "masks": str(self.masks.resolve()),
            "palette": self.palette,
            "val_images": str(self.val_images.resolve()) if self.val_images else "",
            "val_masks": str(self.val_masks.resolve()) if self.val_masks else "",
            "val_share": 0.0 if self.val_images else self.val_share,
            "start": self.start,
            "trainer": self.trainer,
            "steps": self.used_steps,
            "side": self.side,
        }


def budgets_of(words: Sequence[str], frames: int) -> tuple[int, ...]:
    """Numbers of frames from words such as "8" or "5%".

    Raises:
        InputError: a word is neither, they do not ascend, or there are not as many frames.
    """
    found = [_budget(word, frames) for word in words]
    if len(found) < 2:
        raise InputError("a study needs two budgets at least", hint=BUDGET_HINT)
    if any(later <= earlier for earlier, later in pairwise(found)):
        shown = ",".join(words)
        raise InputError(
            f"the budgets {shown} are {', '.join(map(str, found))} of {frames} frames, which do not ascend",
            hint=BUDGET_HINT,
        )
    if found[0] < 1 or found[-1] > frames:
        raise InputError(
            f"the budgets go from {found[0]} to {found[-1]} frames, and there are {frames}", hint=BUDGET_HINT
        )
    return tuple(found)


def _budget(word: str, frames: int) -> int:
    number = word.removesuffix("%")
    try:
        value = float(number) if word.endswith("%") else int(number)
    except ValueError as error:
        raise InputError(f"budget {word!r}", hint=BUDGET_HINT) from error
    if not isfinite(value):
        raise InputError(f"budget {word!r}", hint=BUDGET_HINT)
    return round(value / 100 * frames) if word.endswith("%") else int(value)


def spec_of(request: StudyRequest, pool: Path, validation: Path) -> "ExperimentSpec":
    """The spec of every training of a study; its seed and frames apart.

    Args:
        request: what was asked.
        pool, validation: files with a line `image,mask` a frame.

    Raises:
        InputError: the palette or the start cannot be used.
    """
    from segstudio.training.spec.load import spec_from_dict

    load_palette(request.palette)
    backbone, source = start_of(request.start)
    rates, side, steps = RATES[request.trainer], request.side, request.used_steps
    crop = {"height": side, "width": side * 4 // 3 // SIDE_MULTIPLE * SIDE_MULTIPLE, "batch": 8}
    return spec_from_dict(
        {
            "results_dir": str(request.out),
            "model": {"backbone": {"type": backbone}},
            "dataset": {
                "segment": {
                    "palette": request.palette,
                    "workers": 0,
                    "augmentation": {"with_scale_random_crop": {"scale_range": [0.8, 1.5]}},
                }
            },
            "train": {
                "pretrained_model_path": source,
                "optim": {"optim": "adamw", "lr": rates["lr"], "weight_decay": 0.05},
            },
            "studio": {
                "max_steps": steps,
                "threads": request.threads,
                "precision": "bf16-mixed" if request.trainer == FULL_TRAINING else "32-true",
                "data": {"leakage": "off"},
                "augmentation": {"base_side": side},
                "drop_path": 0.0,
                "loss": {"class_weight_strength": 0.2},
                "schedule": {"warmup_share": 0.1},
                "optim": {"head_lr_factor": rates["head"], "ema_decay": 0.98},
                "evaluation": {"short_side": side},
                "crops": [crop],
                "sources": [{"kind": "list", "path": str(pool)}],
                "validation": [{"kind": "list", "path": str(validation)}],
            },
        },
        "the study",
    )


def start_of(start: str) -> tuple[str, str | None]:
    """Backbone and weights that every training begins with; no weights for SCRATCH.

    Raises:
        ModelError: there is no such model or file, or it holds no network that can be trained.
    """
    from segstudio.networks.checkpoint_file import read_checkpoint_file
    from segstudio.networks.key_maps import recognise

    if start == SCRATCH:
        return "mit_b0", None
    path = Path(start)
    if not path.exists():
        try:
            path = find_model(start)[0]
        except ModelError as error:
            raise ModelError(
                f"--start {start}: {error.message}",
                hint=f"give a model, a file of weights, or {SCRATCH}",
            ) from error
    return recognise(read_checkpoint_file(path)).architecture.backbone, str(path)


def note_on_start(start: str) -> str:
    """What a start may make of the figures; "" for SCRATCH, which has seen nothing."""
    if start == SCRATCH:
        return ""
    try:
        seen = find_model(start)[1].trained_on
    except ModelError:
        # A file of weights, or a folder of them, says nothing about itself.
        seen = ""
    known = f"was trained on {seen}" if seen else "does not say what it was trained on"
    return f"the start {start} {known}; one that has seen these frames flatters every strategy"
