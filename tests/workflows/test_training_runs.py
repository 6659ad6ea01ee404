"""What runs leave behind, read back: curves, state, and the scores that go into an exported model."""

import json
import time
from dataclasses import replace
from pathlib import Path

import pytest

from segstudio.annotation.palette import load_palette
from segstudio.annotation.palette_choice import make_palette
from segstudio.errors import ModelError
from segstudio.inference.spec import ResizeRule, load_spec
from segstudio.networks.architecture import Architecture
from segstudio.networks.segformer import SegFormer
from segstudio.networks.weights import save_network_weights
from segstudio.training.spec.load import spec_from_dict, spec_yaml
from segstudio.workflows.export import export_run
from segstudio.workflows.model_palette import palette_of_run
from segstudio.workflows.training import SILENCE_SECONDS, RunReader, list_runs, read_run

EVENTS = (
    {"kind": "start", "steps": 40, "step": 0},
    {"kind": "step", "step": 20, "loss": 2.0, "lr": 0.1},
    {"kind": "validation", "step": 20, "miou": 0.6, "aacc": 0.8, "iou": {"road": 0.9, "train": None}},
    {"kind": "validation", "step": 40, "miou": 0.5, "aacc": 0.9, "iou": {"road": 0.7, "train": 0.3}},
)


def write_run(folder: Path, *events: dict[str, object], ended: float = 0.0) -> Path:
    """A run whose last event happened `ended` seconds ago."""
    folder.mkdir(parents=True)
    now = time.time() - ended
    lines = [json.dumps(event | {"time": now}) for event in events]
    # A crash in the middle of a line.
    (folder / "events.jsonl").write_text("\n".join([*lines, '{"kind": "st']), encoding="utf-8")
    return folder


def test_curves_and_the_scores_of_the_best_weights(tmp_path: Path) -> None:
    run = read_run(write_run(tmp_path / "run", *EVENTS))
    assert run.loss == ((20, 2.0),)
    assert run.class_iou == {"road": ((20, 0.9), (40, 0.7)), "train": ((40, 0.3),)}
    assert run.best_miou == 0.6
    assert run.scores_at_best() == {"val_miou": 0.6, "val_aacc": 0.8}
    assert read_run(tmp_path / "nothing").scores_at_best() == {}


def test_a_run_that_was_resumed_has_each_step_once(tmp_path: Path) -> None:
    again = (
        {"kind": "start", "steps": 40, "step": 20},
        {"kind": "step", "step": 40, "loss": 1.0, "lr": 0.05},
    )
    run = read_run(write_run(tmp_path / "run", *EVENTS, *again))
    assert run.loss == ((20, 2.0), (40, 1.0))
    assert run.miou == ((20, 0.6),)
    assert run.class_iou == {"road": ((20, 0.9),), "train": ()}


def test_the_state_of_a_run(tmp_path: Path) -> None:
    assert read_run(write_run(tmp_path / "busy", *EVENTS)).state == "running"
    assert read_run(write_run(tmp_path / "dead", *EVENTS, ended=SILENCE_SECONDS + 60)).state == "stopped"
    end: dict[str, object] = {"kind": "end", "step": 40, "stopped": False}
    assert read_run(write_run(tmp_path / "done", *EVENTS, end)).state == "finished"
    assert read_run(write_run(tmp_path / "paused", *EVENTS, end | {"stopped": True})).state == "stopped"
    assert {path.name for path in list_runs(tmp_path)} == {"busy", "dead", "done", "paused"}


def test_a_folder_without_weights_is_no_run(tmp_path: Path) -> None:
    with pytest.raises(ModelError, match="no run with weights"):
        export_run(write_run(tmp_path / "run", *EVENTS), tmp_path / "model")


WEEDS = [
    {"label_id": 0, "seg_class": "crop", "mapping_class": "crop", "rgb": [0, 200, 0]},
    {"label_id": 1, "seg_class": "weed", "mapping_class": "weed", "rgb": [200, 0, 0]},
    {"label_id": 255, "seg_class": "unknown", "mapping_class": "unknown", "rgb": [0, 0, 0]},
]


def test_a_run_with_classes_of_its_own_is_exported_with_its_palette(tmp_path: Path) -> None:
    folder = write_run(tmp_path / "results" / "train", *EVENTS)
    network = SegFormer(Architecture("mit_b0", 2))
    save_network_weights(network.state_dict(), folder / "best.safetensors", network.architecture)
    segment = {"root_dir": "data", "palette": WEEDS, "img_size": 64}
    spec = spec_from_dict({"dataset": {"segment": segment}, "model": {"backbone": {"type": "mit_b0"}}})
    (folder / "experiment.yaml").write_text(spec_yaml(spec), encoding="utf-8")
    made = export_run(tmp_path / "results", tmp_path / "field")
    assert made.spec.classes == ("crop", "weed")
    assert made.spec.resize == ResizeRule("stretch", 64, 64)
    assert (made.spec.mean, made.spec.metrics["val_miou"]) == ((0.5, 0.5, 0.5), 0.6)
    # The palette is known from now on, and goes with the model.
    assert made.spec.palette == "field"
    assert load_palette("field").names == ("crop", "weed")
    assert load_palette(tmp_path / "field" / "palette.yaml") == load_palette("field")
    assert load_spec(tmp_path / "field").files["palette"] == "palette.yaml"


def test_a_run_takes_the_known_palette_of_the_same_classes() -> None:
    cityscapes = load_palette("cityscapes")
    listed = make_palette("custom", [name.title() for name in cityscapes.names])
    assert palette_of_run(listed, "mine") == (cityscapes, None)
    fruit = make_palette("custom", ["apple", "pear"])
    palette, own = palette_of_run(fruit, "cityscapes")
    assert palette is own
    # A name that is taken gets an addition.
    assert (palette.name, palette.names) == ("cityscapes-classes", ("apple", "pear"))


def test_what_is_added_is_all_that_is_read_again(tmp_path: Path) -> None:
    folder = write_run(tmp_path / "run", *EVENTS[:2])
    reader = RunReader(folder)
    first = reader.read()
    assert (first.done, first.miou) == (20, ())
    with (folder / "events.jsonl").open("a", encoding="utf-8") as stream:
        # The line that was cut short is ended by the one who goes on.
        stream.write("\n" + json.dumps({**EVENTS[2], "time": 5.0}) + '\n{"kind": "step", "step": 60, "lo')
    second = reader.read()
    assert second.miou == ((20, 0.6),)
    assert second.loss is first.loss, "a curve that did not grow is not made again"
    with (folder / "events.jsonl").open("a", encoding="utf-8") as stream:
        stream.write('ss": 1.5, "lr": 0.1}\n')
    assert reader.read().loss == ((20, 2.0), (60, 1.5))
    assert replace(read_run(folder), silent_seconds=0) == replace(reader.read(), silent_seconds=0)


def test_a_file_that_was_replaced_is_read_anew(tmp_path: Path) -> None:
    folder = write_run(tmp_path / "run", *EVENTS)
    reader = RunReader(folder)
    assert len(reader.read().miou) == 2
    (folder / "events.jsonl").write_text(json.dumps({"kind": "start", "steps": 9}) + "\n", encoding="utf-8")
    assert (reader.read().steps, reader.read().miou) == (9, ())
