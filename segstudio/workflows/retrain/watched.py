"""The pictures that a run keeps of a few validation samples: what it said of them at each validation."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from segstudio.workflows.retrain.folder import RunFolder


@dataclass(frozen=True)
class Watched:
    """Watched samples of a run.

    Attributes:
        samples: image and mask file by key; the mask is the frozen one.
        pictures: by step, then key: an indexed PNG, ids in the project's palette, smaller than the image.
    """

    samples: Mapping[str, tuple[Path, Path]] = field(default_factory=dict)
    pictures: Mapping[int, Mapping[str, Path]] = field(default_factory=dict)

    def after(self, run: RunFolder, event: Mapping[str, Any]) -> "Watched":
        """The same with one more event of the run."""
        kind, step = event.get("kind"), int(event.get("step") or 0)
        if kind == "start":
            # A run that goes on from a checkpoint repeats the steps after it.
            return Watched(self.samples, {at: found for at, found in self.pictures.items() if at <= step})
        if kind != "watched":
            return self
        keys = [str(key) for key in event.get("keys", ())]
        files = zip(event.get("images", ()), event.get("masks", ()), strict=False)
        samples = {key: (Path(image), Path(mask)) for key, (image, mask) in zip(keys, files, strict=False)}
        folder = run.watched / f"step_{step:05d}"
        pictures = {key: folder / f"{key}.png" for key in keys}
        return Watched({**self.samples, **samples}, {**self.pictures, step: pictures})
