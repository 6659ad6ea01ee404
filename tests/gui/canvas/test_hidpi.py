"""At display scales that are no whole numbers nothing is off by one and nothing leaves a seam."""

import json
import os
import subprocess
import sys

import pytest


@pytest.mark.parametrize("factor", ["1.25", "1.5", "2"])
def test_pixels_are_exact_at_a_display_scale(factor: str) -> None:
    environment = {**os.environ, "QT_SCALE_FACTOR": factor, "QT_QPA_PLATFORM": "offscreen"}
    command = [sys.executable, "-m", "tests.gui.canvas.hidpi_probe"]
    done = subprocess.run(command, env=environment, capture_output=True, text=True, timeout=300, check=False)
    assert done.returncode == 0, done.stderr
    found = json.loads(done.stdout.splitlines()[-1])
    assert found.pop("ratio") == float(factor)
    assert len(found) == 14
    assert not any(found.values()), found
