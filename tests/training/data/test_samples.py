"""Draws become tensors, in this process and in workers; what cannot be read any more is replaced and told."""

import dataclasses
import os
import pickle
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from torch.utils.data import DataLoader

from segstudio.errors import ImageError
from segstudio.jobs import JobContext
from segstudio.training.augment.sets import augmenter
from segstudio.training.data.cache import SampleCache
from segstudio.training.data.draw import Draw
from segstudio.training.data.plan import Plan, StepSampler
from segstudio.training.data.samples import AugmentedSamples
from segstudio.training.data.split import open_split
from tests.training.conftest import SpecMaker


def draw_of(number: int) -> Draw:
    return Draw(source=0, number=number, height=32, width=48, focus=10, seed=77)


def test_a_draw_is_the_augmented_sample(make_spec: SpecMaker) -> None:
    spec = make_spec()
    split = open_split(spec, "train", JobContext())
    image, target = AugmentedSamples(split, spec)[draw_of(1)]
    expected = augmenter(spec)(*split.sources[0].load(1), (32, 48), np.random.default_rng(77), 10)
    assert np.array_equal(image.permute(1, 2, 0).numpy(), expected[0])
    assert np.array_equal(target.numpy(), expected[1])
    assert split.describe(draw_of(1)).endswith("frame_1.png")


def test_a_draw_carries_the_zoom_of_its_stage(make_spec: SpecMaker) -> None:
    stages = [
        {"start": 0.0, "height": 32, "width": 48, "batch": 2},
        {"start": 0.5, "height": 32, "width": 48, "batch": 2, "scale": 1.5},
    ]
    spec = make_spec(studio={"crops": stages})
    split = open_split(spec, "train", JobContext())
    plan = Plan(split, spec, 4)
    assert [plan.draws(step)[0].scale for step in range(4)] == [1.0, 1.0, 1.5, 1.5]
    draw = plan.draws(3)[0]
    image, _ = AugmentedSamples(split, spec)[draw]
    sample = split.sources[0].load(draw.number)
    zoomed = augmenter(spec, 1.5)(*sample, (32, 48), np.random.default_rng(draw.seed), draw.focus)
    assert np.array_equal(image.permute(1, 2, 0).numpy(), zoomed[0])
    plain = augmenter(spec)(*sample, (32, 48), np.random.default_rng(draw.seed), draw.focus)
    assert not np.array_equal(plain[0], zoomed[0])


@pytest.mark.parametrize("cache_mb", [0, 64])
def test_workers_give_what_this_process_gives(make_spec: SpecMaker, cache_mb: int) -> None:
    spec = make_spec(studio={"data": {"cache_mb": cache_mb}})
    split = open_split(spec, "train", JobContext())
    samples, plan = AugmentedSamples(split, spec), Plan(split, spec, 3)
    loader = DataLoader(samples, batch_sampler=StepSampler(plan, 0, 3), num_workers=2)
    for step, (images, targets) in enumerate(loader):
        for place, draw in enumerate(plan.draws(step)):
            image, target = samples[draw]
            assert np.array_equal(images[place], image)
            assert np.array_equal(targets[place], target)


def copied_frames(root: Path, frames: Path) -> Path:
    for path in frames.rglob("*.png"):
        target = root / path.relative_to(frames)
        target.parent.mkdir(parents=True, exist_ok=True)
        target.write_bytes(path.read_bytes())
    return root


def uncached(make_spec: SpecMaker, root: Path) -> AugmentedSamples:
    spec = make_spec(studio={"data": {"cache_mb": 0}})
    segment = dataclasses.replace(spec.dataset.segment, root_dir=str(root))
    spec = dataclasses.replace(spec, dataset=dataclasses.replace(spec.dataset, segment=segment))
    return AugmentedSamples(open_split(spec, "train", JobContext()), spec)


@pytest.mark.parametrize("workers", [0, 1])
def test_a_vanished_file_is_replaced_and_told_once(
    make_spec: SpecMaker, tiny_frames: Path, tmp_path: Path, workers: int
) -> None:
    root = copied_frames(tmp_path / "frames", tiny_frames)
    samples = uncached(make_spec, root)
    (root / "images" / "train" / "frame_1.png").unlink()
    loader = DataLoader(samples, batch_sampler=[[draw_of(1)], [draw_of(0)]], num_workers=workers)
    replaced, first = [images for images, _ in loader]
    assert np.array_equal(replaced, first)
    ((path, reason),) = samples.lost()
    assert path is not None
    assert path.name == "frame_1.png"
    assert "cannot be read" in reason
    assert not samples.lost()
    (root / "masks" / "train" / "frame_0.png").write_bytes(b"no mask")
    with pytest.raises(ImageError):
        samples[draw_of(0)]


def pair(value: int, height: int = 4, width: int = 6) -> tuple[np.ndarray, np.ndarray]:
    return np.full((height, width, 3), value, np.uint8), np.full((height, width), value, np.uint8)


def test_the_cache_keeps_what_fits() -> None:
    cache = SampleCache(3, 250)
    for number in range(3):
        cache.put(number, *pair(number))
    for number in range(2):
        found = cache.get(number)
        assert found is not None
        assert all(np.array_equal(*parts) for parts in zip(found, pair(number), strict=True))
        assert not found[0].flags.writeable
    assert cache.get(2) is None
    small = pair(9, 2, 2)
    cache.put(2, *small)
    found = cache.get(2)
    assert found is not None
    assert found[0].shape == (2, 2, 3)
    # Who comes second changes nothing.
    cache.put(0, *pair(5))
    again = cache.get(0)
    assert again is not None
    assert again[1].max() == 0


def test_a_pickled_cache_starts_empty() -> None:
    cache = SampleCache(1, 1000 * (os.cpu_count() or 1))
    cache.put(0, *pair(1))
    copy = pickle.loads(pickle.dumps(cache))
    assert copy.get(0) is None
    copy.put(0, *pair(2))
    assert copy.get(0) is not None


FORKED = """if 1:
    import multiprocessing
    import numpy as np
    from segstudio.training.data.cache import SampleCache

    def pair(value):
        return np.full((6, 8, 3), value, np.uint8), np.full((6, 8), value, np.uint8)

    cache = SampleCache(2, 1000)
    cache.put(0, *pair(1))

    def work():
        assert cache.get(0) is not None
        cache.put(1, *pair(7))

    child = multiprocessing.get_context("fork").Process(target=work)
    child.start()
    child.join()
    assert child.exitcode == 0
    print(cache.get(1)[1].max())
"""


@pytest.mark.skipif(sys.platform != "linux", reason="forked processes share memory on Linux alone")
def test_forked_processes_share_the_cache() -> None:
    # In a process of its own: the one of all tests is large and has threads of many libraries.
    done = subprocess.run([sys.executable, "-c", FORKED], capture_output=True, text=True, check=False)
    assert (done.returncode, done.stdout.strip()) == (0, "7"), done.stderr


def test_a_split_can_be_sent_to_spawned_workers(make_spec: SpecMaker) -> None:
    spec = make_spec()
    samples = AugmentedSamples(open_split(spec, "train", JobContext()), spec)
    copy = pickle.loads(pickle.dumps(samples))
    assert np.array_equal(copy[draw_of(1)][0], samples[draw_of(1)][0])
