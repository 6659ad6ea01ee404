"""Whether the disk has room for what a run is going to write."""

import shutil
from pathlib import Path

from segstudio.errors import SegstudioError
from segstudio.workflows.retrain.folder import RunFolder

MEGABYTE = 1e6
# Checkpoints besides the latest: best and last weights, those kept for their score, and one being written.
COPIES = 6
USUAL_WEIGHTS = 60_000_000
RESERVE = 100_000_000
START_FILE = "start.safetensors"


def needed_bytes(run: RunFolder) -> int:
    """Bytes that a run may still write: weights several times, and the optimiser's moments."""
    start = run.path / START_FILE
    weights = start.stat().st_size if start.is_file() else USUAL_WEIGHTS
    # The latest checkpoint has weights, averages and two moments.
    return weights * (COPIES + 4) + RESERVE


def require_space(folder: Path, needed: int) -> None:
    """Refuses to begin what would end with a full disk.

    Raises:
        SegstudioError: says how much is free, and how much is needed.
    """
    free = shutil.disk_usage(folder).free
    if free < needed:
        raise SegstudioError(
            f"the disk of {folder} has {free / MEGABYTE:.0f} MB free,"
            f" the run may need {needed / MEGABYTE:.0f} MB",
            hint="free some space, or remove old runs: segstudio runs remove",
        )
