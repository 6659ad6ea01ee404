"""Times the augmentation sets: milliseconds a crop on one thread, at the presets' own settings.

python packaging/benchmarks/augment.py [--json] [--rounds 60]

Keys: set, then "<width>x<height>": {"256": {"p50", "p95"}, "512": ...}. A set runs with its preset, a random
class in focus for half of the samples where the preset says so. Times are the thread's own: other work on the
machine does not count.
"""

import argparse
import json
import sys
import time

import cv2
import numpy as np
from numpy.typing import NDArray

from segstudio.scenes.street import draw_scene
from segstudio.training.augment.sets import KINDS, augmenter
from segstudio.training.spec.load import spec_from_dict

FRAMES = ((480, 360), (2048, 1024))
CROPS = (256, 512)


def frame(width: int, height: int) -> tuple[NDArray[np.uint8], NDArray[np.uint8]]:
    """A drawn street scene."""
    scene = draw_scene(1, height, width)
    return scene.image, scene.mask


def measure(
    kind: str, image: NDArray[np.uint8], mask: NDArray[np.uint8], side: int, rounds: int
) -> dict[str, float]:
    """p50 and p95 of one crop, milliseconds."""
    spec = spec_from_dict({"dataset": {"segment": {"root_dir": "."}}, "studio": {"preset": kind}})
    augment = augmenter(spec)
    present = np.unique(mask[mask < 255])
    share = spec.studio.balanced_share
    seconds = []
    for seed in range(-3, rounds):
        generator = np.random.default_rng(abs(seed))
        focus = int(generator.choice(present)) if generator.random() < share else None
        start = time.thread_time()
        augment(image, mask, (side, side), generator, focus)
        # Negative seeds warm up.
        seconds += [time.thread_time() - start] if seed >= 0 else []
    values = np.array(seconds) * 1000
    return {f"p{p}": round(float(np.percentile(values, p)), 2) for p in (50, 95)}


def main() -> None:
    """Prints the table, or one JSON object."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("--json", action="store_true")
    parser.add_argument("--rounds", type=int, default=60)
    options = parser.parse_args()
    cv2.setNumThreads(0)
    table: dict[str, dict[str, dict[str, dict[str, float]]]] = {kind: {} for kind in KINDS}
    for size in FRAMES:
        image, mask = frame(*size)
        for kind in KINDS:
            table[kind][f"{size[0]}x{size[1]}"] = {
                str(side): measure(kind, image, mask, side, options.rounds) for side in CROPS
            }
    if options.json:
        json.dump(table, sys.stdout)
        print()
        return
    for kind, rows in table.items():
        for name, row in rows.items():
            cells = ", ".join(f"{side}: {cell['p50']} (p95 {cell['p95']})" for side, cell in row.items())
            print(f"{kind:7} {name:10} ms a crop {cells}")


if __name__ == "__main__":
    main()
