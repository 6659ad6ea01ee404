"""The tasks of a spec as a user calls them, one after the other: train, evaluate, inference, export."""

import json
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import yaml

from segstudio.cli import main as cli
from segstudio.images import read_mask
from tests.workflows.spec_samples import COUNT, street_values, write_network, write_streets

STEPS = 2
# Status, stdout, stderr.
Outcome = tuple[int, str, str]
Call = Callable[..., Outcome]


def write_spec(root: Path, **more: Any) -> Path:
    path = root / "spec.yaml"
    path.write_text(yaml.safe_dump(json.loads(json.dumps(street_values(root, **more)))), encoding="utf-8")
    return path


@pytest.fixture
def here(monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]) -> Call:
    """`segstudio ARGUMENTS` inside this process."""

    def run(*arguments: str | Path) -> Outcome:
        monkeypatch.setattr("sys.argv", ["segstudio", *map(str, arguments)])
        status: object = 0
        try:
            cli.main()
        except SystemExit as end:
            status = end.code or 0
        said = capfd.readouterr()
        assert isinstance(status, int)
        return status, said.out, said.err

    return run


@pytest.fixture(scope="module")
def trained(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Outcome]:
    """The folder of a short training, and what it said."""
    root = tmp_path_factory.mktemp("streets")
    write_streets(root, "train")
    write_streets(root)
    spec = write_spec(
        root,
        dataset={"segment": {"workers": 0, "batch_size": 2, "train_split": "train"}},
        evaluate={"checkpoint": ""},
        inference={"checkpoint": ""},
        studio={"max_steps": STEPS},
        wandb={"enable": True},
    )
    command = [sys.executable, "-m", "segstudio", "train", "-e", str(spec), "--json", "train.seed=5"]
    done = subprocess.run(command, capture_output=True, text=True, check=False, timeout=300)
    return root, (done.returncode, done.stdout, done.stderr)


def test_train_prints_one_object_and_reports_on_the_data(trained: tuple[Path, Outcome]) -> None:
    root, (status, out, err) = trained
    assert status == 0, err
    values = json.loads(out)
    assert (values["steps"], values["stopped"]) == (STEPS, False)
    assert values["folder"] == str(root / "out/train")
    assert 0 <= values["best_miou"] <= 1
    # Notes of the loader and the report on the data are for people.
    assert "note: " in err
    assert "wandb" in err
    assert "train" in err
    assert "road" in err
    assert (root / "out/train/best.safetensors").is_file()


def test_evaluate_takes_the_trained_weights(trained: tuple[Path, Outcome], here: Call) -> None:
    root, _ = trained
    status, out, err = here("evaluate", "-e", root / "spec.yaml", "--json", "studio.evaluation.flip=true")
    assert status == 0, err
    values = json.loads(out)
    assert values["model"] == str(root / "out/train/best.safetensors")
    assert (values["images"], values["palette"]) == (COUNT, "cityscapes")
    assert values["protocol"]["flip"] is True
    assert json.loads((root / "out/evaluate/results.json").read_text()) == values
    status, out, _ = here("evaluate", "-e", root / "spec.yaml")
    assert status == 0
    lines = [[cell.strip() for cell in line.split("|")[1:-1]] for line in out.splitlines()]
    assert ["Class", "IoU", "Acc"] in lines
    assert ["Scope", "mIoU", "mAcc", "aAcc"] in lines
    printed = json.loads((root / "out/evaluate/results.json").read_text())
    scope = [f"{100 * printed[key]:.2f}" for key in ("miou", "macc", "aacc")]
    assert ["global", *scope] in lines


def test_both_forms_of_evaluate_print_the_same_keys(trained: tuple[Path, Outcome], here: Call) -> None:
    root, _ = trained
    by_spec = json.loads(here("evaluate", "-e", root / "spec.yaml", "--json")[1])
    folders = ("--images", root / "images/val", "--masks", root / "masks/val")
    status, out, err = here("evaluate", *folders, "--json", "--robustness", "--kinds", "contrast")
    assert status == 0, err
    by_model = json.loads(out)
    assert set(by_spec) == set(by_model)
    assert set(by_spec["per_class"]["road"]) == set(by_model["per_class"]["road"])
    assert set(by_spec["protocol"]) == set(by_model["protocol"])
    assert set(by_model["robustness"]["kinds"]) == {"contrast"}
    assert set(by_model["robustness"]["kinds"]["contrast"]["severities"]) == set("12345")


def test_events_end_with_the_result(trained: tuple[Path, Outcome], here: Call) -> None:
    root, _ = trained
    for task in ("evaluate", "inference"):
        status, out, _ = here(task, "-e", root / "spec.yaml", "--json-events")
        assert status == 0
        last = json.loads(out.splitlines()[-1])
        assert last["result"]["images"] + last["result"].get("resumed", 0) == COUNT


def test_several_processes_of_the_program(tmp_path: Path) -> None:
    write_streets(tmp_path)
    write_network(tmp_path / "net.safetensors")
    spec = write_spec(tmp_path, inference={"num_gpus": 2}, studio={"inference": {"tao_names": True}})
    command = [sys.executable, "-m", "segstudio", "inference", "-e", str(spec), "--json"]
    done = subprocess.run(command, capture_output=True, text=True, check=False, timeout=300)
    assert done.returncode == 0, done.stderr
    assert json.loads(done.stdout)["images"] == COUNT
    for number in range(COUNT):
        ids = read_mask(tmp_path / f"out/inference/ids/street{number}.png")
        assert ids.shape == (64, 72 + 16 * number)
        assert (tmp_path / f"out/inference/mask_tao/street{number}.png").is_file()


def test_the_run_becomes_a_model(trained: tuple[Path, Outcome], here: Call, tmp_path: Path) -> None:
    root, (_, out, _) = trained
    status, said, err = here("export", root / "out", "--out", tmp_path / "streets", "--json")
    assert status == 0, err
    assert all(report["agreement"] > 0.999 for report in json.loads(said)["parity"])
    spec = json.loads((tmp_path / "streets/model.json").read_text())
    assert spec["palette"] == "cityscapes"
    assert spec["metrics"]["val_miou"] == pytest.approx(json.loads(out)["best_miou"], abs=1e-4)


def test_a_wrong_key_is_one_line(tmp_path: Path, here: Call) -> None:
    write_streets(tmp_path)
    spec = write_spec(tmp_path)
    for task in ("train", "evaluate", "inference"):
        status, out, err = here(task, "-e", spec, "studio.evaluation.flipp=true")
        assert (status, out) == (2, "")
        assert "did you mean 'flip'" in err
        assert err.count("\n") == 1
