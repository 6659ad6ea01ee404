"""model.json: what is written is read again, and what cannot be used is refused with its name."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from segstudio.errors import ModelError
from segstudio.inference.spec import (
    FILE,
    ModelSpec,
    ResizeRule,
    load_spec,
    save_spec,
    spec_from_dict,
    spec_to_dict,
)

MakeSpec = Callable[..., ModelSpec]


def test_round_trip_keeps_every_field(make_spec: MakeSpec, tmp_path: Path) -> None:
    spec = make_spec(
        classes=("Straße", "sky"),
        files={"onnx": "model.onnx", "weights": "weights.safetensors"},
        resize=ResizeRule("stretch", 384, 640, 64),
        mean=(0.1, 0.2, 0.3),
        std=(0.4, 0.5, 0.6),
        precision="fp16",
        embed_dim=96,
        ignore_id=7,
        weights_sha256="ab" * 32,
        trained_on="drawn scenes",
        licence="Apache-2.0",
        parent="street-b0",
        created="2026-01-02",
        metrics={"miou": 0.625},
        speed=({"backend": "onnx", "fps": 3.5},),
        notes="two\nlines",
    )
    save_spec(spec, tmp_path)
    assert load_spec(tmp_path) == spec
    assert [path.name for path in tmp_path.iterdir()] == [FILE]


def test_written_file_is_plain_json_with_its_schema(make_spec: MakeSpec, tmp_path: Path) -> None:
    save_spec(make_spec(), tmp_path)
    values = json.loads((tmp_path / FILE).read_text(encoding="utf-8"))
    assert values["schema_version"] == 1
    assert values["classes"] == ["road", "sky"]
    assert values["resize"] == {"mode": "short_side", "size": 512, "width": 0, "multiple": 32}


def test_optional_keys_take_their_defaults(make_spec: MakeSpec) -> None:
    required = ("schema_version", "name", "architecture", "classes", "palette", "files")
    values = {key: value for key, value in spec_to_dict(make_spec()).items() if key in required}
    assert spec_from_dict(values) == make_spec()


@pytest.mark.parametrize("version", [None, 0, 2, "1"])
def test_another_schema_is_refused(make_spec: MakeSpec, version: object) -> None:
    values = {**spec_to_dict(make_spec()), "schema_version": version}
    with pytest.raises(ModelError, match="schema_version") as caught:
        spec_from_dict(values, "somewhere")
    assert "somewhere" in caught.value.message
    assert repr(version) in caught.value.message
    assert caught.value.hint


@pytest.mark.parametrize("key", ["name", "architecture", "classes", "palette", "files"])
def test_missing_key_is_named(make_spec: MakeSpec, key: str) -> None:
    values = spec_to_dict(make_spec())
    del values[key]
    with pytest.raises(ModelError, match=f"'{key}' is missing"):
        spec_from_dict(values)


def test_unknown_key_is_named(make_spec: MakeSpec) -> None:
    with pytest.raises(ModelError, match="unknown key 'colour'"):
        spec_from_dict({**spec_to_dict(make_spec()), "colour": 1})


@pytest.mark.parametrize(
    ("key", "value", "named"),
    [
        ("name", "../up", "name"),
        ("name", "", "name"),
        ("name", 5, "name"),
        ("classes", [], "classes"),
        ("classes", ["road", "road"], "classes"),
        ("classes", [str(number) for number in range(256)], "classes"),
        ("classes", "road", "classes"),
        ("classes", ["road", 2], "classes"),
        ("classes", 3, "model.json"),
        ("head", "boxes", "head"),
        ("resize", {"mode": "zoom"}, "resize.mode"),
        ("resize", {"size": 0}, "resize.size"),
        ("resize", {"size": 352.5}, "resize.size"),
        ("resize", {"size": "352"}, "resize.size"),
        ("resize", {"multiple": 0}, "resize.multiple"),
        ("resize", {"mode": "stretch", "width": -1}, "resize.width"),
        ("resize", {"colour": 3}, "colour"),
        ("resize", [1, 2], "model.json"),
        ("mean", [0.5], "mean"),
        ("mean", ["a", "b", "c"], "mean"),
        ("std", [1.0, 1.0, 0.0], "std"),
        ("std", None, "model.json"),
        ("files", ["model.onnx"], "files"),
    ],
)
def test_unusable_value_is_refused(make_spec: MakeSpec, key: str, value: Any, named: str) -> None:
    with pytest.raises(ModelError, match=named):
        spec_from_dict({**spec_to_dict(make_spec()), key: value})


@pytest.mark.parametrize("text", ["", "{", "[1]", "null"])
def test_file_that_holds_no_object_is_refused(tmp_path: Path, text: str) -> None:
    (tmp_path / FILE).write_text(text, encoding="utf-8")
    with pytest.raises(ModelError, match=FILE):
        load_spec(tmp_path)


def test_bytes_that_are_no_text_are_refused(tmp_path: Path) -> None:
    (tmp_path / FILE).write_bytes(b"\xff\xfe\x00{")
    with pytest.raises(ModelError, match="cannot be read"):
        load_spec(tmp_path)


def test_folder_without_a_spec_is_refused(tmp_path: Path) -> None:
    with pytest.raises(ModelError, match=f"has no {FILE}") as caught:
        load_spec(tmp_path / "nowhere")
    assert caught.value.hint


def test_file_of_a_kind(make_spec: MakeSpec, tmp_path: Path) -> None:
    (tmp_path / "model.onnx").write_bytes(b"x")
    assert make_spec().file(tmp_path, "onnx") == tmp_path / "model.onnx"


def test_file_that_is_not_there_is_said(make_spec: MakeSpec, tmp_path: Path) -> None:
    with pytest.raises(ModelError, match=r"model\.onnx is missing"):
        make_spec().file(tmp_path, "onnx")
    with pytest.raises(ModelError, match=r"has no engine file \(it has: onnx\)"):
        make_spec().file(tmp_path, "engine")


@pytest.mark.parametrize("outside", ["../secret.onnx", "a/../../secret.onnx"])
def test_file_outside_the_folder_is_refused(make_spec: MakeSpec, tmp_path: Path, outside: str) -> None:
    folder = tmp_path / "model"
    (folder / "a").mkdir(parents=True)
    (tmp_path / "secret.onnx").write_bytes(b"x")
    with pytest.raises(ModelError, match="outside"):
        make_spec(files={"onnx": outside}).file(folder, "onnx")
