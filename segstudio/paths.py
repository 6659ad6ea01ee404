"""The only place that knows where resources, palettes, models and the user's own files are."""

import os
import sys
from pathlib import Path

import platformdirs

from segstudio.errors import InputError

PACKAGE = Path(__file__).resolve().parent
HOME_VARIABLE = "SEGSTUDIO_HOME"


def share_dir() -> Path:
    """The folder that holds resources/, palettes/ and models/: frozen program, wheel or source tree."""
    frozen = getattr(sys, "_MEIPASS", None)
    if frozen:
        return Path(frozen)
    installed = PACKAGE / "_share"
    return installed if installed.is_dir() else PACKAGE.parent


def resources_dir() -> Path:
    """QSS, texts and reference tables that ship with segstudio."""
    return share_dir() / "resources"


def resource(name: str) -> Path:
    """One shipped file, by its path below resources/.

    Raises:
        InputError: it is not there, so the installation is damaged.
    """
    path = resources_dir() / name
    if not path.exists():
        raise InputError(f"resource {name} is missing from {resources_dir()}", hint="install segstudio again")
    return path


def palettes_dir() -> Path:
    """The shipped palettes, one YAML each."""
    return share_dir() / "palettes"


def bundled_models_dir() -> Path:
    """The shipped models, one folder each."""
    return share_dir() / "models"


def user_config_dir() -> Path:
    """Settings; made when it is asked for."""
    return _made("config", platformdirs.user_config_path("segstudio", appauthor=False))


def user_cache_dir() -> Path:
    """What may be deleted at any time: compiled models, thumbnails."""
    return _made("cache", platformdirs.user_cache_path("segstudio", appauthor=False))


def user_log_dir() -> Path:
    """Log files and reports of bugs."""
    return _made("log", platformdirs.user_log_path("segstudio", appauthor=False))


def user_data_dir() -> Path:
    """The user's own things that are not settings, such as the demo project."""
    return _made("data", platformdirs.user_data_path("segstudio", appauthor=False))


def user_models_dir() -> Path:
    """Models that the user imported or trained."""
    folder = user_data_dir() / "models"
    folder.mkdir(parents=True, exist_ok=True)
    return folder


def user_palettes_dir() -> Path:
    """Palettes that came with imported models, one YAML each."""
    folder = user_data_dir() / "palettes"
    folder.mkdir(parents=True, exist_ok=True)
    return folder


def _made(name: str, usual: Path) -> Path:
    home = os.environ.get(HOME_VARIABLE)
    folder = Path(home) / name if home else usual
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise InputError(
            f"cannot create {folder}: {error.strerror}",
            hint=f"set {HOME_VARIABLE} to a folder that you may write to",
        ) from error
    return folder
