"""The classifier of a graph: read, replaced, and refused where it has no plain numbers."""

from pathlib import Path

import numpy as np
import onnx
import onnxruntime
import pytest

from segstudio.deploy.export import Exported
from segstudio.errors import ModelError
from segstudio.inference.classifier import Classifier, read_classifier, with_classifier
from segstudio.inference.features import FeatureSegmenter
from tests.colour_model import make_model
from tests.inference.conftest import noise

NAMES = ("red", "green", "blue")


def numbers(seed: int) -> Classifier:
    random = np.random.default_rng(seed)
    return Classifier(random.normal(size=(3, 6)).astype(np.float32), random.normal(size=3).astype(np.float32))


@pytest.mark.parametrize("kind", [np.float32, np.float16])
def test_what_is_written_is_read(tmp_path: Path, kind: type[np.floating]) -> None:
    first, second = numbers(0), numbers(1)
    make_model(tmp_path / "m", NAMES, "people", first.weight, first.bias, kind=kind)
    path = tmp_path / "m" / "model.onnx"
    assert np.array_equal(read_classifier(path).weight, first.weight.astype(kind).astype(np.float32))
    content = with_classifier(path, second)
    path.write_bytes(content)
    found = read_classifier(path)
    assert np.array_equal(found.weight, second.weight)
    assert np.array_equal(found.bias, second.bias)
    # Adapted again and again it does not grow.
    assert len(with_classifier(path, first)) <= len(content) + 8
    onnx.checker.check_model(onnx.load(path))


def test_an_exported_network_answers_by_the_new_numbers(tiny_model: Exported) -> None:
    path = tiny_model.spec.file(tiny_model.folder, "onnx")
    old = read_classifier(path)
    new = Classifier(old.weight[::-1].copy(), old.bias[::-1].copy())
    session = onnxruntime.InferenceSession(with_classifier(path, new), providers=["CPUExecutionProvider"])
    image = noise(64, 96)
    ids = session.run(["ids"], {session.get_inputs()[0].name: image[None]})[0][0]
    before = onnxruntime.InferenceSession(str(path), providers=["CPUExecutionProvider"])
    old_ids = before.run(["ids"], {before.get_inputs()[0].name: image[None]})[0][0]
    assert np.mean(ids == len(old.bias) - 1 - old_ids) > 0.999
    shares, features = FeatureSegmenter(tiny_model.folder, tiny_model.spec).look(image)
    scores = old.scores(features)
    assert np.allclose(np.log(shares) - np.log(shares[:1]), scores - scores[:1], atol=0.02)


def test_quantised_numbers_are_refused(tmp_path: Path) -> None:
    first = numbers(0)
    make_model(tmp_path / "q", NAMES, "people", first.weight, first.bias, quantised=True)
    with pytest.raises(ModelError, match=r"quantised classifier.*adapt the float model"):
        read_classifier(tmp_path / "q" / "model.onnx")


def test_other_shapes_and_other_files_are_refused(tmp_path: Path) -> None:
    first = numbers(0)
    make_model(tmp_path / "m", NAMES, "people", first.weight, first.bias)
    wrong = Classifier(first.weight[:2], first.bias[:2])
    with pytest.raises(ModelError, match="has a classifier"):
        with_classifier(tmp_path / "m" / "model.onnx", wrong)
    with pytest.raises(ModelError, match="cannot be read"):
        read_classifier(tmp_path / "nowhere.onnx")
