"""Fixtures that every test shares: an isolated home, the real frames where they are, offscreen Qt."""

import os
from pathlib import Path

import pytest

os.environ.setdefault("QT_QPA_PLATFORM", "offscreen")

REPOSITORY = Path(__file__).resolve().parents[1]


@pytest.fixture(autouse=True)
def isolated_home(tmp_path_factory: pytest.TempPathFactory, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Settings, caches, logs and imported models of a test stay in a folder of its own."""
    home = tmp_path_factory.mktemp("home")
    monkeypatch.setenv("SEGSTUDIO_HOME", str(home))
    return home


@pytest.fixture(scope="session")
def camvid() -> Path:
    """The folder of real dashcam frames with masks (`images/{train,val}`, `masks/{train,val}`), or a skip."""
    folder = Path(os.environ.get("SEGSTUDIO_CAMVID", REPOSITORY.parent / "shared" / "data" / "camvid"))
    if not (folder / "images" / "val").is_dir():
        pytest.skip("real frames are not here: set SEGSTUDIO_CAMVID to a CamVid folder to run this")
    return folder
