"""Training learns, repeats from its seed, resumes bit for bit, stops after saving, and says what it does."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
from safetensors.torch import load_file
from torch import Tensor

from segstudio.errors import Cancelled, ModelError, SpecError
from segstudio.jobs import JobContext
from segstudio.networks.architecture import Architecture
from segstudio.networks.segformer import SegFormer
from segstudio.training.checkpoint import read_checkpoint
from segstudio.training.events import read_events
from segstudio.training.journal import Journal
from segstudio.training.loop import TrainResult, train
from segstudio.training.prepare import prepare
from segstudio.training.spec.load import spec_from_dict, spec_to_dict
from segstudio.training.spec.schema import ExperimentSpec
from segstudio.training.step import Feed, StepLog
from segstudio.training.validate import Validation
from tests.training.conftest import SpecMaker

EASY = {
    "random_color": {"enable": False},
    "with_scale_random_crop": {"scale_range": [0.8, 1.25]},
}


def run(spec: ExperimentSpec) -> TrainResult:
    return train(spec, JobContext())


def latest_weights(result: TrainResult) -> dict[str, Tensor]:
    return load_file(result.folder / "latest.safetensors")


def stop_after(step: int) -> JobContext:
    """A context that is cancelled when its run has validated a step."""

    def hear(event: object) -> None:
        assert isinstance(event, dict)
        if event["kind"] == "validation" and event["step"] == step:
            context.cancel()

    context = JobContext(on_event=hear)
    return context


def test_overfits_two_samples(make_spec: SpecMaker) -> None:
    studio = {"optim": {"ema_decay": 0.8}, "balanced_share": 0.0, "drop_path": 0.0, "head_dropout": 0.0}
    result = run(make_spec(steps=40, studio=studio, augmentation=EASY))
    assert result.aacc > 0.95
    assert result.miou > 0.9
    losses = [event["loss"] for event in read_events(result.folder) if event["kind"] == "step"]
    assert losses[-1] < 0.5 * losses[0]


def test_same_seed_same_weights_other_seed_others(make_spec: SpecMaker) -> None:
    first, second = (latest_weights(run(make_spec(folder, steps=3))) for folder in ("a", "b"))
    other = latest_weights(run(make_spec("c", steps=3, train={"seed": 4})))
    assert all(torch.equal(first[name], second[name]) for name in first)
    assert not torch.equal(first["decode_head.linear_pred.weight"], other["decode_head.linear_pred.weight"])


def test_workers_do_not_change_the_result(make_spec: SpecMaker) -> None:
    alone = latest_weights(run(make_spec("a", steps=2)))
    helped = latest_weights(run(make_spec("b", steps=2, workers=1)))
    assert all(torch.equal(alone[name], helped[name]) for name in alone)


@pytest.mark.parametrize("stop_at", [1, 3])
def test_resumed_run_equals_an_uninterrupted_one(make_spec: SpecMaker, stop_at: int) -> None:
    def spec(folder: str) -> ExperimentSpec:
        # Dropout and drop-path draw from torch's generator, crops from the plan: both must go on.
        return make_spec(
            folder,
            steps=5,
            train={"validation_interval": 1},
            studio={"drop_path": 0.3, "crops": [{"height": 64, "width": 64, "batch": 2}]},
        )

    whole = run(spec("whole"))
    stopped = train(spec("parts"), stop_after(stop_at))
    assert stopped.stopped
    assert stopped.steps == stop_at
    resumed = run(spec("parts"))
    assert not resumed.stopped
    assert resumed.steps == 5
    expected, got = (read_checkpoint(result.folder / "latest.pth") for result in (whole, resumed))
    for part in ("network", "average"):
        assert expected[part].keys() == got[part].keys()
        assert all(torch.equal(expected[part][name], got[part][name]) for name in expected[part]), part
    for number, moments in expected["optimiser"]["state"].items():
        for name, value in moments.items():
            assert torch.equal(value, got["optimiser"]["state"][number][name]), (number, name)
    (own,), (other,) = expected["chances"], got["chances"]
    assert torch.equal(own["torch"], other["torch"])
    assert torch.equal(own["numpy"], other["numpy"])
    assert own["python"] == other["python"]
    assert expected["best_miou"] == got["best_miou"]


def test_a_validation_that_was_stopped_is_made_up_for(
    make_spec: SpecMaker, monkeypatch: pytest.MonkeyPatch
) -> None:
    def spec(folder: str) -> ExperimentSpec:
        return make_spec(folder, steps=4, train={"validation_interval": 2})

    def stop(*_: object) -> None:
        raise Cancelled("cancelled")

    whole = run(spec("whole"))
    monkeypatch.setattr(Validation, "tally", stop)
    stopped = run(spec("parts"))
    assert (stopped.stopped, stopped.steps) == (True, 2)
    assert "Train was interrupted." in (stopped.folder / "status.json").read_text(encoding="utf-8")
    monkeypatch.undo()
    resumed = run(spec("parts"))
    scored = [
        [
            (event["step"], event["miou"])
            for event in read_events(result.folder)
            if event["kind"] == "validation"
        ]
        for result in (whole, resumed)
    ]
    assert scored[0] == scored[1]
    assert [step for step, _ in scored[0]] == [2, 4]
    assert resumed.best_miou == whole.best_miou


def test_resume_with_another_spec_is_refused_and_without_resume_starts_anew(make_spec: SpecMaker) -> None:
    run(make_spec(steps=1))
    changed = make_spec(steps=1, train={"optim": {"lr": 5e-4}})
    with pytest.raises(SpecError, match=r"another spec: train\.optim\.lr was 0\.001, is 0\.0005\."):
        run(changed)
    assert train(changed, JobContext(), resume=False).steps == 1


def test_a_finished_run_does_nothing_more(make_spec: SpecMaker) -> None:
    first = run(make_spec(steps=1))
    before = (first.folder / "latest.pth").read_bytes()
    assert run(make_spec(steps=1)).steps == 1
    assert (first.folder / "latest.pth").read_bytes() == before


def test_best_weights_are_those_of_the_best_validation(make_spec: SpecMaker) -> None:
    result = run(make_spec(steps=4, train={"validation_interval": 1}))
    scored = [event for event in read_events(result.folder) if event["kind"] == "validation"]
    assert [event["step"] for event in scored] == [1, 2, 3, 4]
    assert result.best_miou == pytest.approx(max(event["miou"] for event in scored), abs=1e-5)
    assert (result.folder / "best.safetensors").exists()


def test_start_weights_are_taken(make_spec: SpecMaker) -> None:
    first = run(make_spec("a", steps=1))
    weights = {"pretrained_model_path": str(first.folder / "latest.safetensors"), "optim": {"lr": 1e-12}}
    second = run(make_spec("b", steps=1, train=weights))
    before, after = latest_weights(first), latest_weights(second)
    for name in before:
        if "bn." not in name:
            torch.testing.assert_close(before[name], after[name], rtol=0, atol=1e-6, msg=name)


def test_frozen_encoder_stays(make_spec: SpecMaker) -> None:
    values = spec_to_dict(make_spec(steps=2))
    values["model"]["backbone"]["freeze_backbone"] = True
    state = read_checkpoint(run(spec_from_dict(values)).folder / "latest.pth")
    torch.manual_seed(3)
    fresh = SegFormer(Architecture("mit_b0", 19)).state_dict()
    moved = {
        name.split(".")[0]
        for name, tensor in state["network"].items()
        if not torch.equal(tensor, fresh[name])
    }
    assert moved == {"decode_head"}


def test_events_tell_the_whole_story(make_spec: SpecMaker, tmp_path: Path) -> None:
    heard: list[object] = []
    progress: list[tuple[float, float]] = []
    context = JobContext(lambda done, total, _: progress.append((done, total)), heard.append)
    result = train(make_spec(steps=2, train={"validation_interval": 2}), context)
    events = list(read_events(result.folder))
    assert heard == events
    by_kind = {event["kind"]: event for event in events}
    assert [event["kind"] for event in events if event["kind"] not in ("source", "notes")] == [
        "data_report", "start", "step", "validation", "checkpoint", "saved", "end",
    ]  # fmt: skip
    assert by_kind["start"]["classes"][10] == "sky"
    assert set(by_kind["validation"]["iou"]) == set(by_kind["start"]["classes"])
    assert by_kind["validation"]["iou"]["train"] is None
    assert 0 <= by_kind["step"]["wait_share"] <= 1
    assert by_kind["step"]["eta"] == 0
    assert by_kind["step"]["images_per_second"] > 0
    assert any("sky" in line for line in by_kind["data_report"]["lines"])
    assert progress[-1] == (2.0, 2.0)
    assert (result.folder / "experiment.yaml").read_text(encoding="utf-8").startswith("results_dir:")


def test_a_line_that_a_crash_cut_short_is_left_out(tmp_path: Path) -> None:
    (tmp_path / "events.jsonl").write_text('{"kind": "step", "step": 1}\n{"kind": "st', encoding="utf-8")
    assert list(read_events(tmp_path)) == [{"kind": "step", "step": 1}]
    assert list(read_events(tmp_path / "absent")) == []


def test_diverging_loss_is_explained(make_spec: SpecMaker) -> None:
    with pytest.raises(SpecError, match=r"the loss is .* at step 2"):
        run(make_spec(steps=2, train={"optim": {"lr": 1e30}}, studio={"optim": {"gradient_clip": 0.0}}))


def test_a_diverging_run_names_its_step_rate_and_samples(make_spec: SpecMaker) -> None:
    spec = make_spec(steps=4, train={"optim": {"lr": 1e30}, "checkpoint_interval": 1})
    with pytest.raises(SpecError, match=r"at step 2 \(learning rate 1e\+30; samples .*frame_\d"):
        run(spec)
    folder = Path(spec.results_dir) / "train"
    (told,) = [event for event in read_events(folder) if event["kind"] == "diverged"]
    assert told["step"] == 2
    assert len(told["samples"]) == 2
    assert all("frame_" in name for name in told["samples"])
    # What was saved is from before.
    state = read_checkpoint(folder / "latest.pth")
    assert state["step"] == 1


def test_a_loss_that_is_read_late_names_the_step_all_the_same(
    make_spec: SpecMaker, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    spec = make_spec(steps=9, studio={"log_every": 5})
    with Journal(tmp_path, JobContext(), spec, silent=True) as journal:
        built = prepare(spec, JobContext(), journal)
    log = StepLog(built, Feed(built))
    monkeypatch.setattr(log, "_reads_each", False)
    losses = [1.0, 2.0, float("inf"), 3.0, 1.0]
    for number, loss in enumerate(losses[:-1], 1):
        built.state.step = number
        log.add(torch.tensor(loss), 2, due=False)
    built.state.step = len(losses)
    with pytest.raises(SpecError, match="the loss is inf at step 3 "):
        log.add(torch.tensor(losses[-1]), 2, due=False)


def test_early_stop_ends_the_run_for_good(make_spec: SpecMaker) -> None:
    spec = make_spec(
        steps=9,
        train={"validation_interval": 1, "optim": {"lr": 1e-12}},
        studio={"early_stop": {"patience": 2, "min_gain": 0.5}},
    )
    result = run(spec)
    # The first validation may be a gain over none; two without one follow.
    assert result.steps in (2, 3)
    assert not result.stopped
    kinds = [event["kind"] for event in read_events(result.folder)]
    assert kinds.count("early_stop") == 1
    assert run(spec).steps == result.steps


def test_half_precision_scales_its_gradients_and_remembers_how(make_spec: SpecMaker) -> None:
    spec = make_spec(steps=2, studio={"optim": {"gradient_clip": 1.0}})
    # A spec that names the CPU may not ask for it, as no CPU is quick at it.
    spec = replace(spec, studio=replace(spec.studio, precision="16-mixed", accelerator="auto"))
    result = run(spec)
    state = read_checkpoint(result.folder / "latest.pth")
    assert state["scaler"]["scale"] > 1
    assert all(tensor.isfinite().all() for tensor in latest_weights(result).values())
    state["scaler"]["scale"] = 512.0
    state["step"] = 1
    torch.save(state, result.folder / "latest.pth")
    run(spec)
    assert read_checkpoint(result.folder / "latest.pth")["scaler"]["scale"] in (512.0, 256.0)


def test_tensorboard_is_asked_for_before_anything_starts(
    make_spec: SpecMaker, monkeypatch: pytest.MonkeyPatch
) -> None:
    spec = make_spec(train={"tensorboard": {"enabled": True}})
    monkeypatch.setattr("importlib.util.find_spec", lambda _name: None)
    with pytest.raises(SpecError, match="pip install tensorboard"):
        run(spec)
    assert not Path(spec.results_dir).exists()


def test_unseeded_runs_differ(make_spec: SpecMaker) -> None:
    first, second = (latest_weights(run(make_spec(folder, steps=1, train={"seed": -1}))) for folder in "ab")
    name = "decode_head.linear_pred.weight"
    assert not torch.equal(first[name], second[name])


def test_half_precision_by_autocast(make_spec: SpecMaker) -> None:
    weights = latest_weights(run(make_spec(steps=2, studio={"precision": "bf16-mixed"})))
    assert all(tensor.isfinite().all() for tensor in weights.values())
    assert weights["backbone.patch_embed1.proj.weight"].dtype == torch.float32


def test_checkpoints_never_run_what_is_pickled_in_them(tmp_path: Path) -> None:
    class Trap:
        def __reduce__(self) -> tuple[object, tuple[str]]:
            return Path.touch, (Path(tmp_path / "sprung"),)  # type: ignore[return-value]  # a pickle trap

    torch.save({"format": 1, "network": Trap()}, tmp_path / "latest.pth")
    with pytest.raises(ModelError, match=r"latest\.pth"):
        read_checkpoint(tmp_path / "latest.pth")
    assert not (tmp_path / "sprung").exists()
    (tmp_path / "other.pth").write_bytes(b"")
    torch.save({"weights": torch.zeros(1)}, tmp_path / "foreign.pth")
    for name in ("other.pth", "foreign.pth", "absent.pth"):
        with pytest.raises(ModelError, match=name):
            read_checkpoint(tmp_path / name)


def test_lovasz_hardest_pixels_and_class_weights_together(make_spec: SpecMaker) -> None:
    studio = {
        "loss": {
            "lovasz": 0.5,
            "hardest_share": 0.5,
            "label_smoothing": 0.05,
            "class_weight_strength": 0.5,
        },
        "max_steps": 2,
    }
    result = run(make_spec(studio=studio))
    losses = [event["loss"] for event in read_events(result.folder) if event["kind"] == "step"]
    assert np.isfinite(losses).all()


class PausedOnce(JobContext):
    """Asks for a pause after a step, for a few looks."""

    def __init__(self) -> None:
        super().__init__(on_event=self.note)
        self.kinds: list[str] = []
        self.looks = 0

    def note(self, event: object) -> None:
        assert isinstance(event, dict)
        self.kinds.append(event["kind"])

    @property
    def paused(self) -> bool:
        self.looks += 1
        return 2 <= self.looks <= 4


def test_a_pause_saves_and_changes_nothing(make_spec: SpecMaker) -> None:
    paused = PausedOnce()
    one = train(make_spec("one", steps=3), paused)
    other = train(make_spec("other", steps=3), JobContext())
    assert [kind for kind in paused.kinds if kind in ("saved", "paused", "resumed", "end")] == [
        "saved", "paused", "resumed", "saved", "end",
    ]  # fmt: skip
    ours, theirs = latest_weights(one), latest_weights(other)
    assert all(torch.equal(ours[name], theirs[name]) for name in theirs)
