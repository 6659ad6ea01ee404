"""Says what this machine can run, and for each "no" why and how to change it."""

import importlib.metadata
import os
import platform
import shutil
import sys
import tempfile
from dataclasses import dataclass
from pathlib import Path

from segstudio import paths
from segstudio.inference.backend import available_backends, cpu_name
from segstudio.inference.catalog import list_models
from segstudio.jobs import cores

LIBRARIES = ("PySide6_Essentials", "onnxruntime", "openvino", "torch", "opencv-python-headless", "numpy")


@dataclass(frozen=True)
class Finding:
    """One thing that was looked at: whether it is well, what was found, and what to do if it is not."""

    topic: str
    well: bool
    found: str
    hint: str = ""


def examine() -> list[Finding]:
    """Looks at Python, the processor, libraries, backends, the GPU, the user's folders and models."""
    findings = [
        Finding("Python", True, f"{platform.python_version()} on {platform.platform()}"),
        Finding("Processor", True, f"{cpu_name()}, {cores()} cores"),
        *(_library(name) for name in LIBRARIES),
    ]
    for status in available_backends():
        found = status.device if status.available else "not available"
        findings.append(Finding(f"Backend {status.name}", status.available, found, status.reason))
    findings.append(_gpu())
    for name, folder in (("settings", paths.user_config_dir()), ("models", paths.user_models_dir())):
        findings.append(_folder(name, folder))
    usable = [entry.name for entry in list_models() if entry.spec]
    findings += [
        Finding(f"Model {entry.name}", False, "not usable", entry.problem)
        for entry in list_models()
        if not entry.spec
    ]
    findings.append(
        Finding("Models", bool(usable), ", ".join(usable) or "none", "segstudio models import DIR")
    )
    return findings


def _library(name: str) -> Finding:
    try:
        return Finding(name, True, importlib.metadata.version(name))
    except importlib.metadata.PackageNotFoundError:
        return Finding(name, False, "not installed", f"{sys.executable} -m pip install {name}")


def _gpu() -> Finding:
    tool = shutil.which("nvidia-smi")
    if tool is None:
        hint = "with an NVIDIA GPU: install its driver, then pip install 'segstudio[gpu]'"
        return Finding("NVIDIA GPU", False, "no driver found", hint)
    return Finding("NVIDIA GPU", True, f"driver tool at {tool}")


def _folder(name: str, folder: Path) -> Finding:
    free = shutil.disk_usage(folder).free / 2**30
    try:
        with tempfile.NamedTemporaryFile(dir=folder):
            pass
    except OSError as error:
        hint = f"set {paths.HOME_VARIABLE} to a folder that you may write to"
        return Finding(f"Folder for {name}", False, f"{folder}: {error.strerror}", hint)
    well = free > 1
    return Finding(
        f"Folder for {name}", well, f"{folder}, {free:.1f} GiB free", "" if well else "free some space"
    )


def is_display_there() -> bool:
    """Whether a window can be shown."""
    if platform.system() != "Linux":
        return True
    return bool(os.environ.get("DISPLAY") or os.environ.get("WAYLAND_DISPLAY"))
