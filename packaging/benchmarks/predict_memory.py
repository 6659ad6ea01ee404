"""Watches the memory of `segstudio predict` while it works through many files.

python packaging/benchmarks/predict_memory.py [--json] [--files 10000] [--model M] [--save ids] [--backend B]

A few street scenes of 160x120 are drawn and linked under as many names as wanted; `segstudio predict` runs
over them in a process of its own, whose resident memory is read again and again. resident_mb: after so many
files; slope_kb_per_1000: of the line of least squares through all readings after the first tenth of the
files, and with it growth_mb, what that line adds up to there. Without --model it is a mit_b0 with random
weights at 64 pixels, so that files count and not the network.
"""

import argparse
import json
import os
import shutil
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import numpy as np

from segstudio.deploy.export import export_network
from segstudio.images import write_image
from segstudio.inference.spec import ModelSpec, ResizeRule
from segstudio.networks.architecture import Architecture
from segstudio.networks.segformer import SegFormer
from segstudio.scenes.street import draw_scene

HEIGHT, WIDTH = 120, 160
SCENES = 8
POLL = 0.25
# Shares of the files after which the memory is told, and where the slope begins.
MARKS = (0.1, 0.5, 1.0)
# Ten thousand names in one folder are slow to list on some file systems.
FOLDERS = 10
Reading = tuple[int, float]


def main() -> None:
    """Prints the figures."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("--files", type=int, default=10_000)
    parser.add_argument("--model", default="")
    parser.add_argument("--save", default="ids")
    parser.add_argument("--backend", default="auto")
    parser.add_argument("--json", action="store_true")
    options = parser.parse_args()
    if resident_mb(os.getpid()) is None:
        print("this system does not tell a process's memory in /proc", file=sys.stderr)
        print(json.dumps(dict.fromkeys(("files", "resident_mb", "slope_kb_per_1000", "growth_mb"))))
        return
    with tempfile.TemporaryDirectory() as folder:
        root = Path(folder)
        write_frames(root / "frames", options.files)
        model = options.model or str(small_model(root / "small"))
        command = (
            "predict", str(root / "frames"), "--out", str(root / "out"), "--model", model,
            "--save", options.save, "--backend", options.backend, "--json",
        )  # fmt: skip
        values = watch(command, root / "out", options.files)
    if options.json:
        print(json.dumps(values))
        return
    for name, value in values.items():
        print(f"{name}: {value}")


def write_frames(folder: Path, count: int) -> None:
    """So many files: links to a few scenes, or copies where the file system has no links."""
    for number in range(count):
        path = folder / f"{number % FOLDERS}" / f"{number:06d}.png"
        first = folder / f"{number % SCENES % FOLDERS}" / f"{number % SCENES:06d}.png"
        if number < SCENES:
            write_image(path, draw_scene(number, HEIGHT, WIDTH).image)
            continue
        path.parent.mkdir(parents=True, exist_ok=True)
        try:
            os.link(first, path)
        except OSError:
            shutil.copyfile(first, path)


def small_model(folder: Path) -> Path:
    """A network that takes little time: what is watched is the way of the files."""
    network = SegFormer(Architecture("mit_b0", 19)).eval()
    spec = ModelSpec("small", "mit_b0", tuple(f"class {n}" for n in range(19)), "cityscapes", {})
    return export_network(network, with_size(spec, 64), folder).folder


def with_size(spec: ModelSpec, side: int) -> ModelSpec:
    """The spec with another shorter side."""
    return ModelSpec(
        spec.name, spec.architecture, spec.classes, spec.palette, spec.files, ResizeRule("short_side", side)
    )


def watch(command: tuple[str, ...], out: Path, files: int) -> dict[str, object]:
    """Runs segstudio and reads its memory until it ends."""
    began = time.perf_counter()
    child = subprocess.Popen([sys.executable, "-m", "segstudio", *command], stdout=subprocess.PIPE, text=True)
    readings: list[Reading] = []
    while child.poll() is None:
        resident, done = resident_mb(child.pid), finished(out)
        # With the last file the process begins to give its memory back.
        if resident is not None and 0 < done < files:
            readings.append((done, resident))
        time.sleep(POLL)
    said = child.communicate()[0]
    if child.returncode:
        sys.exit(f"segstudio predict ended with {child.returncode}")
    result = json.loads(said)
    counts, memory = (np.array(column, np.float64) for column in zip(*readings, strict=True))
    later = counts >= MARKS[0] * files
    slope = float(np.polyfit(counts[later], memory[later], 1)[0])
    return {
        "files": result["images"],
        "backend": result["backend"],
        "seconds": round(time.perf_counter() - began, 1),
        "fps": result["fps"],
        "resident_mb": {
            str(round(mark * files)): round(float(memory[np.abs(counts - mark * files).argmin()]), 1)
            for mark in MARKS
        },
        "largest_mb": round(float(memory.max()), 1),
        "slope_kb_per_1000": round(slope * 1000 * 1024, 1),
        "growth_mb": round(slope * files * (1 - MARKS[0]), 1),
    }


def resident_mb(process: int) -> float | None:
    """Resident memory of a process; None where the system does not tell or the process has ended."""
    try:
        pages = int(Path(f"/proc/{process}/statm").read_text().split()[1])
    except (OSError, IndexError, ValueError):
        return None
    return pages * os.sysconf("SC_PAGE_SIZE") / 2**20


def finished(out: Path) -> int:
    """How many predictions are there."""
    if not out.is_dir():
        return 0
    return sum(
        entry.name.endswith(".png")
        for folder in os.scandir(out)
        if folder.is_dir()
        for entry in os.scandir(folder.path)
    )


if __name__ == "__main__":
    main()
