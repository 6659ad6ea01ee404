"""Where training samples come from: folders of images with masks, drawn street scenes, and their mixture."""

from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor
from torch.utils.data import Dataset

from segstudio.annotation.palette import Palette, load_palette, mapping
from segstudio.errors import SpecError
from segstudio.images import list_images, read_image, read_mask
from segstudio.jobs import JobContext
from segstudio.scenes.street import draw_scene
from segstudio.training.augment import augment
from segstudio.training.spec.derived import batch_size, model_palette
from segstudio.training.spec.schema import ExperimentSpec
from segstudio.training.spec.studio import CropStage, SourceSpec

Pair = tuple[NDArray[np.uint8], NDArray[np.uint8]]


@dataclass(frozen=True)
class Pairs:
    """Images and masks that belong together by their stem, and those without a partner."""

    pairs: tuple[tuple[Path, Path], ...]
    images_without_mask: tuple[Path, ...]
    masks_without_image: tuple[Path, ...]


def pair_by_stem(images: Path, masks: Path) -> Pairs:
    """Pairs the images below one folder with the masks below another by relative path without suffix.

    Raises:
        SpecError: a folder does not exist.
    """
    for folder in (images, masks):
        if not folder.is_dir():
            raise SpecError(f"{folder} is no folder", hint="give the folders of the images and of the masks")
    by_key = {_key(path, masks): path for path in list_images(masks)}
    pairs, lonely = [], []
    for image in list_images(images):
        mask = by_key.pop(_key(image, images), None)
        if mask is None:
            lonely.append(image)
        else:
            pairs.append((image, mask))
    return Pairs(tuple(pairs), tuple(lonely), tuple(by_key.values()))


def _key(path: Path, folder: Path) -> str:
    return path.relative_to(folder).with_suffix("").as_posix()


class Source(Protocol):
    """Samples by number, decoded, with ids of the target palette."""

    weight: float
    # Files without a partner.
    orphans: tuple[Path, ...]

    def __len__(self) -> int:
        """Number of samples."""
        ...

    def load(self, number: int) -> Pair:
        """RGB uint8 [H,W,3] and ids uint8 [H,W]."""
        ...


class FolderSource:
    """Pairs of files; decoded once and kept in memory, which worker processes share."""

    def __init__(self, spec: SourceSpec, target: Palette) -> None:
        self.weight = spec.weight
        found = pair_by_stem(Path(spec.images), Path(spec.masks))
        if not found.pairs:
            raise SpecError(f"{spec.images} and {spec.masks} have no pair of equal names")
        self.orphans = found.images_without_mask + found.masks_without_image
        source = load_palette(spec.palette) if spec.palette else target
        self._pairs = found.pairs
        self._lookup = (
            np.arange(256, dtype=np.uint8) if source.name == target.name else mapping(source, target)
        )
        with ThreadPoolExecutor(2) as pool:
            self._decoded = list(pool.map(self._decode, self._pairs))

    def __len__(self) -> int:
        """Number of pairs."""
        return len(self._decoded)

    def load(self, number: int) -> Pair:
        """See `Source.load`."""
        return self._decoded[number]

    def _decode(self, pair: tuple[Path, Path]) -> Pair:
        image, mask = read_image(pair[0]), self._lookup[read_mask(pair[1])]
        if image.shape[:2] != mask.shape:
            raise SpecError(f"{pair[1]} is {mask.shape[::-1]}, its image is {image.shape[1::-1]}")
        return image, mask


class SceneSource:
    """Street scenes, drawn once from consecutive seeds; every third one has rare classes in focus."""

    orphans: tuple[Path, ...]
    RARE = (3, 6, 9, 12, 14, 15, 16, 17, 18)

    def __init__(self, spec: SourceSpec, target: Palette, context: JobContext) -> None:
        self.weight, self.orphans = spec.weight, ()
        lookup = mapping(load_palette("cityscapes"), target)
        self._scenes: list[Pair] = []
        for number in range(spec.count):
            context.check()
            if number % 50 == 0:
                context.progress(number, spec.count, "drawing scenes")
            focus = (self.RARE[number // 3 % len(self.RARE)],) if number % 3 == 0 else None
            scene = draw_scene(spec.first_seed + number, spec.height, spec.width, focus=focus)
            self._scenes.append((scene.image, lookup[scene.mask]))

    def __len__(self) -> int:
        """Number of scenes."""
        return len(self._scenes)

    def load(self, number: int) -> Pair:
        """See `Source.load`."""
        return self._scenes[number]


def open_sources(spec: ExperimentSpec, context: JobContext) -> list[Source]:
    """All sources that a spec names.

    Raises:
        SpecError: a source is unusable or empty.
    """
    segment = spec.dataset.segment
    target = model_palette(spec)
    wanted = spec.studio.sources
    if not wanted:
        root = Path(segment.root_dir or ".")
        images, masks = root / "images" / segment.train_split, root / "masks" / segment.train_split
        wanted = (SourceSpec(images=str(images), masks=str(masks)),)
    sources: list[Source] = []
    for entry in wanted:
        if entry.kind == "scenes":
            sources.append(SceneSource(entry, target, context))
        else:
            sources.append(FolderSource(entry, target))
        if not len(sources[-1]):
            raise SpecError(f"a source of kind {entry.kind} has no samples")
    return sources


@dataclass(frozen=True)
class Draw:
    """One planned sample: which, in what crop, and the seed of its augmentation."""

    source: int
    number: int
    height: int
    width: int
    focus: int | None
    seed: int


class Plan:
    """Decides for every step which samples it sees: a pure function of seed and step, so runs can resume."""

    def __init__(self, sources: Sequence[Source], classes: int, spec: ExperimentSpec, steps: int) -> None:
        self._sources, self._spec, self._steps = sources, spec, steps
        weights = np.array([source.weight for source in sources], np.float64)
        self._weights = weights / weights.sum()
        self.pixels = [
            np.stack(
                [np.bincount(source.load(n)[1].ravel(), minlength=256)[:classes] for n in range(len(source))]
            )
            for source in sources
        ]

    def class_pixels(self) -> NDArray[np.int64]:
        """int64 [K]: pixels of each class over all samples."""
        total: NDArray[np.int64] = np.sum([table.sum(0) for table in self.pixels], axis=0).astype(np.int64)
        return total

    def stage(self, step: int) -> CropStage:
        """The crop stage that a step belongs to."""
        segment = self._spec.dataset.segment
        single = CropStage(0.0, segment.img_size, segment.img_size, batch_size(self._spec))
        stages = self._spec.studio.crops or (single,)
        return [stage for stage in stages if stage.start * self._steps <= step][-1]

    def draws(self, step: int) -> list[Draw]:
        """The samples of one step."""
        generator = np.random.default_rng((max(self._spec.train.seed, 0), step))
        stage = self.stage(step)
        return [self._draw(generator, stage) for _ in range(stage.batch)]

    def _draw(self, generator: np.random.Generator, stage: CropStage) -> Draw:
        source = int(generator.choice(len(self._sources), p=self._weights))
        table = self.pixels[source]
        focus: int | None = None
        number = int(generator.integers(len(table)))
        if generator.random() < self._spec.studio.balanced_share:
            present = np.flatnonzero(table.sum(0))
            if present.size:
                focus = int(generator.choice(present))
                # Larger areas are a little more likely, so that specks do not dominate.
                chances = np.sqrt(table[:, focus].astype(np.float64))
                number = int(generator.choice(len(table), p=chances / chances.sum()))
        seed = int(generator.integers(2**62))
        return Draw(source, number, stage.height, stage.width, focus, seed)


class StepSampler:
    """Yields the draws of each step from a first step on: DataLoader's batch sampler."""

    def __init__(self, plan: Plan, first: int, last: int) -> None:
        self._plan, self._first, self._last = plan, first, last

    def __iter__(self) -> Iterator[list[Draw]]:
        """One list of draws a step."""
        for step in range(self._first, self._last):
            yield self._plan.draws(step)

    def __len__(self) -> int:
        """Number of steps."""
        return self._last - self._first


class AugmentedSamples(Dataset[tuple[Tensor, Tensor]]):
    """Turns a `Draw` into an augmented sample: uint8 [3,h,w] and uint8 [h,w]."""

    def __init__(self, sources: Sequence[Source], spec: ExperimentSpec) -> None:
        self._sources, self._augmentation = sources, spec.dataset.segment.augmentation
        self._extras = spec.studio.augmentation

    def __getitem__(self, draw: Draw) -> tuple[Tensor, Tensor]:
        """The same draw always gives the same sample."""
        image, mask = self._sources[draw.source].load(draw.number)
        generator = np.random.default_rng(draw.seed)
        size = (draw.height, draw.width)
        crop, target = augment(image, mask, size, self._augmentation, self._extras, generator, draw.focus)
        return torch.from_numpy(crop).permute(2, 0, 1), torch.from_numpy(target)
