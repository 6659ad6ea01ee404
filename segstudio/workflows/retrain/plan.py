"""The spec of a retraining: the experiment that follows from a choice, as YAML to be edited."""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml

from segstudio.annotation.palette import Palette, list_palettes, load_palette
from segstudio.errors import InputError, SegstudioError, SpecError
from segstudio.project.config import PALETTE_FILE
from segstudio.project.project import Project
from segstudio.training.spec.load import merge, spec_from_dict
from segstudio.training.spec.schema import ExperimentSpec
from segstudio.workflows.retrain.choice import RetrainChoice
from segstudio.workflows.retrain.estimate import Estimate, estimate_run
from segstudio.workflows.retrain.presets import Preset, presets_for, this_machine_facts
from segstudio.workflows.retrain.start import Start, find_start, keeps_classes

MANIFEST, START_FILE = "data/manifest.json", "start.safetensors"
# Of these keys, relative paths are meant from the run's folder.
PATH_KEYS = ("results_dir", "pretrained_model_path", "pretrained_backbone_path", "path", "images", "masks")
# From weights that know the classes, and from random ones (the preset "scratch").
FINE_TUNING_RATE, NEW_HEAD_RATE = 2e-4, 4e-4
WATCHED = 4
HEAD = """\
# What the training does. Paths are meant from the run's folder; docs/specs.md explains every key.
"""


@dataclass(frozen=True)
class Plan:
    """What a choice comes to on this machine.

    Attributes:
        start: where it starts.
        preset: how this machine trains, and why.
        network_palette: the network's classes.
        keeps_classes: whether they are the start's.
        short_side: at which images are scored, in pixels.
        estimate: steps and seconds.
        values: of the experiment, nested, with paths relative to the run's folder.
    """

    start: Start
    preset: Preset
    network_palette: Palette
    keeps_classes: bool
    short_side: int
    estimate: Estimate
    values: Mapping[str, Any]

    @property
    def text(self) -> str:
        """The values as YAML."""
        return HEAD + yaml.safe_dump(
            self.values, sort_keys=False, allow_unicode=True, default_flow_style=None, width=100
        )


def make_plan(project: Project, choice: RetrainChoice, validation_samples: int = -1) -> Plan:
    """The plan of a choice.

    Args:
        project: whose samples are learnt from.
        choice: what the user wants.
        validation_samples: how many samples are scored; 0 trains without validation, -1 is not known yet.

    Raises:
        ModelError: the start cannot be used. InputError: there is no such preset.
    """
    start = find_start(choice)
    preset = choose_preset(choice.preset)
    keeps = keeps_classes(start, project.palette, choice)
    palette = start.palette if keeps and start.palette is not None else project.palette
    short_side = _short_side(start, preset, project)
    backbone = start.architecture.backbone if start.architecture else preset.backbone
    estimate = estimate_run(
        preset, backbone, choice.minutes, max(validation_samples, 0), short_side,
        frozen=choice.freeze_backbone, runs=project.runs_dir,
    )  # fmt: skip
    values = merge(preset.spec(), _experiment(start, choice, palette, project, short_side, backbone, keeps))
    values = merge(values, timetable_values(estimate, validation_samples))
    return Plan(start, preset, palette, keeps, short_side, estimate, _in_order(values))


def choose_preset(key: str) -> Preset:
    """The preset of a key, or the one that fits this machine.

    Raises:
        InputError: this machine has none of that key.
    """
    known = presets_for(this_machine_facts())
    for preset in known:
        if key in ("", preset.key):
            return preset
    named = ", ".join(preset.key for preset in known)
    raise InputError(f"there is no preset {key!r} on this machine", hint=f"use one of {named}")


def spec_text(project: Project, choice: RetrainChoice) -> str:
    """The experiment of a choice as YAML, to be edited; the edited text goes into `choice.spec`.

    Raises:
        ModelError: the start cannot be used. InputError: there is no such preset.
    """
    return choice.spec or make_plan(project, choice).text


def check_spec(project: Project, text: str) -> str:
    """What is wrong with an edited experiment, in one line: what, where, what to do; "" if nothing is.

    Nothing is read but the text and the palette: quick enough for every pause of typing.
    """
    try:
        read_experiment(project, text, Path("run"))
    except SegstudioError as error:
        return str(error)
    return ""


def read_experiment(project: Project, text: str, folder: Path) -> ExperimentSpec:
    """The experiment of a text whose relative paths are meant from a folder.

    Raises:
        SpecError: no YAML, an unknown key, or an unusable value; names it.
    """
    return spec_from_dict(experiment_values(project, text, folder), "spec")


def experiment_values(project: Project, text: str, folder: Path) -> dict[str, Any]:
    """The values of a text, with the paths of a folder.

    Raises:
        SpecError: it is no YAML, or holds no keys.
    """
    try:
        values = yaml.safe_load(text)
    except yaml.YAMLError as error:
        mark = getattr(error, "problem_mark", None)
        where = f"line {mark.line + 1}: " if mark else ""
        problem = getattr(error, "problem", None) or " ".join(str(error).split())
        raise SpecError(f"{where}the spec is no YAML: {problem}", hint="check colons and indents") from error
    if not isinstance(values, dict):
        raise SpecError("the spec holds no keys", hint="reset it, and change single values")
    placed: dict[str, Any] = _placed(values, folder)
    return placed


def _placed(value: Any, folder: Path, key: str = "") -> Any:
    """A value whose paths are absolute."""
    if isinstance(value, dict):
        return {name: _placed(inner, folder, str(name)) for name, inner in value.items()}
    if isinstance(value, list):
        return [_placed(inner, folder, key) for inner in value]
    if key in PATH_KEYS and isinstance(value, str) and value and not value.startswith("$"):
        return str(folder / value)
    return value


def _experiment(
    start: Start, choice: RetrainChoice, palette: Palette, project: Project, short_side: int, backbone: str,
    keeps: bool,
) -> dict[str, Any]:  # fmt: skip
    scratch = start.architecture is None
    manifest = [{"kind": "manifest", "path": MANIFEST}]
    values: dict[str, Any] = {
        "results_dir": ".",
        "model": {"backbone": {"type": backbone, "freeze_backbone": choice.freeze_backbone}},
        "dataset": {
            "segment": {
                "palette": palette_word(palette, project),
                "augmentation": {"mean": list(start.mean), "std": list(start.std)},
            }
        },
        "studio": {
            "preset": "scratch" if scratch else "studio",
            "sources": manifest,
            "validation": manifest,
            "balanced_share": choice.balanced_share,
            "loss": {"class_weight_strength": choice.class_weight_strength},
            "evaluation": _protocol(start, short_side),
            "watch": {"count": WATCHED},
        },
    }
    return values if scratch else merge(values, _from_weights(start, keeps))


def _from_weights(start: Start, keeps: bool) -> dict[str, Any]:
    """The keys of an experiment that follow from the weights that it starts from."""
    network = start.architecture
    assert network is not None
    rate = FINE_TUNING_RATE if keeps else NEW_HEAD_RATE
    augmentation = {"with_scale_random_crop": {"scale_range": [0.75, 1.75]}}
    return {
        "model": {"decode_head": {"decoder_params": {"embed_dim": network.embed_dim}}},
        "train": {"pretrained_model_path": START_FILE, "optim": {"lr": rate, "weight_decay": 0.05}},
        "dataset": {"segment": {"augmentation": augmentation}},
        "studio": {
            "network": {
                "head": network.head,
                "head_bias": network.head_bias,
                "norm_eps": start.norm_eps,
                "paired_waves": network.paired_waves,
            },
            "drop_path": 0.05,
            # A new classifier has to catch up with a network that knows its features.
            "optim": {"head_lr_factor": 1.0 if keeps else 5.0, "ema_decay": 0.99},
        },
    }


def timetable_values(estimate: Estimate, validation_samples: int, manifest: str = MANIFEST) -> dict[str, Any]:
    """The keys of an experiment for its steps, and when they are validated and saved."""
    values: dict[str, Any] = {
        "train": {
            "checkpoint_interval_unit": "step",
            "validation_interval": estimate.validation_steps,
            "checkpoint_interval": estimate.checkpoint_steps,
            "checkpointer": {"enable_topk": True, "save_top_k": 1},
        },
        "studio": {"max_steps": estimate.steps, "log_every": max(1, min(20, estimate.steps // 50))},
    }
    if validation_samples == 0:
        values["studio"]["validation"] = []
    elif estimate.validation_limit:
        limited = {"kind": "manifest", "path": manifest, "limit": estimate.validation_limit}
        values["studio"]["validation"] = [limited]
    elif validation_samples > 0:
        values["studio"]["validation"] = [{"kind": "manifest", "path": manifest}]
    return values


def _protocol(start: Start, short_side: int) -> dict[str, Any]:
    rule = start.resize
    if rule is not None and rule.mode != "short_side":
        return {"resize": rule.mode, "bootstrap": 0}
    return {"short_side": short_side, "bootstrap": 0}


def _short_side(start: Start, preset: Preset, project: Project) -> int:
    """The shorter side at which images are scored: the start's, else that of the frames as far as it goes."""
    if start.resize is not None and start.resize.mode == "short_side":
        return start.resize.size
    sides = sorted(min(sample.width, sample.height) for sample in project.first_samples(100) if sample.width)
    usual = sides[len(sides) // 2] if sides else preset.most_short_side
    return max(32, min(preset.most_short_side, math.ceil(usual / 32) * 32))


def palette_word(palette: Palette, project: Project) -> str:
    """How a spec names a palette: by name where it is a known one, else by the project's file."""
    if palette.name in list_palettes() and load_palette(palette.name).classes == palette.classes:
        return palette.name
    return str(project.facts_dir / PALETTE_FILE)


def _in_order(values: Mapping[str, Any]) -> dict[str, Any]:
    """Sections in the order in which people read them."""
    order: Sequence[str] = ("results_dir", "model", "train", "studio", "dataset")
    return {key: values[key] for key in (*order, *(set(values) - set(order))) if key in values}
