"""Model folders that nothing can run, with the facts that a catalog reads."""

from segstudio import paths
from segstudio.inference.catalog import ModelEntry, find_entry
from segstudio.inference.spec import ModelSpec, save_spec


def make_model(name: str, parent: str = "", **values: object) -> ModelEntry:
    """A model of the user's with two classes, whose weights are its name."""
    folder = paths.user_models_dir() / name
    folder.mkdir()
    (folder / "model.onnx").write_text(name, encoding="utf-8")
    base: dict[str, object] = {
        "name": name,
        "architecture": "mit_b0",
        "classes": ("road", "sky"),
        "palette": "cityscapes",
        "files": {"onnx": "model.onnx"},
        "parent": parent,
        "weights_sha256": name,
    }
    save_spec(ModelSpec(**{**base, **values}), folder)  # type: ignore[arg-type]  # the test's own
    return find_entry(name)
