"""Says what this machine can run, and for each "no" why and how to change it."""

import importlib.metadata
import importlib.util
import os
import platform
import shutil
import subprocess
import sys
import tempfile
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from segstudio import paths
from segstudio.inference.backend import available_backends, cpu_name
from segstudio.inference.catalog import list_models
from segstudio.jobs import cores
from segstudio.workflows.machine import PACKAGES, gpus, memory_bytes

# ModelOpt's own extra would replace the ONNX Runtime that is here.
QUANTIZE_EXTRA = "'segstudio[quantize]'"
LIBRARIES = ("PySide6_Essentials", "onnxruntime", "openvino", "torch", "opencv-python-headless", "numpy")
# What is not for everyone: what it is needed for, and what to give to pip.
OPTIONAL = {
    "nncf": ("int8 models for CPUs", "nncf"),
    "nvidia-modelopt": ("quantize -e SPEC, and int8 models for TensorRT", QUANTIZE_EXTRA),
    "torchao": ("quantize -e SPEC with torchao", "torchao"),
    "transformers": ("bench --against hf", "transformers"),
}
# The same, where there is an NVIDIA GPU.
FOR_GPUS = {
    "tensorrt": ("the backend tensorrt", "tensorrt cuda-bindings"),
    "cuda-bindings": ("the backend tensorrt", "cuda-bindings"),
    "nvidia-ml-py": ("facts of the GPU without nvidia-smi", "nvidia-ml-py"),
}
# Units for small numbers, as Linux names them, and as people do.
CPU_UNITS = {
    "avx512_vnni": "VNNI (int8)",
    "avx_vnni": "VNNI (int8)",
    "amx_int8": "AMX (int8)",
    "amx_bf16": "AMX (bf16)",
}
CAPABILITIES = {"FP32": "fp32", "BF16": "bf16", "FP16": "fp16", "INT8": "int8"}
GPU_EXTRA = "'segstudio[gpu]'"
LEAST_FREE = 2**30


@dataclass(frozen=True)
class Finding:
    """One thing that was looked at: whether it is well, what was found, and what to do if it is not."""

    topic: str
    well: bool
    found: str
    hint: str = ""


def examine() -> list[Finding]:
    """Looks at Python, the processor, libraries, backends, GPUs, the user's folders and models."""
    has_gpu = bool(gpus())
    findings = [
        Finding("Python", True, f"{platform.python_version()} on {platform.platform()}"),
        Finding("Processor", True, f"{cpu_name()}, {cores()} cores, {memory_bytes() / 2**30:.0f} GiB"),
        *(_library(name) for name in LIBRARIES),
    ]
    for status in available_backends():
        found = status.device if status.available else "not available"
        findings.append(Finding(f"Backend {status.name}", status.available, found, status.reason))
    findings += [*_providers(), *_devices(), *_cpu_units(), *_gpus()]
    if has_gpu:
        findings += _unused_gpu()
    wanted = {**OPTIONAL, **(FOR_GPUS if has_gpu else {})}
    findings += [_optional(name, *about) for name, about in wanted.items()]
    for name, folder in (("settings", paths.user_config_dir()), ("models", paths.user_models_dir())):
        findings.append(_folder(name, folder))
    return findings + _models()


def pip_install(packages: str) -> str:
    """The line that installs packages for the Python that segstudio runs in."""
    return f"{sys.executable} -m pip install {packages}"


def _library(name: str) -> Finding:
    # A package of the same library for other devices stands in for it.
    stand_ins = next((packages for packages in PACKAGES.values() if name in packages), (name,))
    for package in stand_ins:
        version = _version(package)
        if version:
            return Finding(name, True, version if package == name else f"{package} {version}")
    return Finding(name, False, "not installed", pip_install(name))


def _optional(name: str, purpose: str, packages: str) -> Finding:
    version = _version(name)
    if version:
        return Finding(name, True, version)
    return Finding(name, False, f"not installed; for {purpose}", pip_install(packages))


def _version(package: str) -> str:
    try:
        return importlib.metadata.version(package)
    except importlib.metadata.PackageNotFoundError:
        return ""


def _providers() -> list[Finding]:
    """What ONNX Runtime's package was built for; empty without it."""
    if importlib.util.find_spec("onnxruntime") is None:
        return []
    import onnxruntime

    names = (name.removesuffix("ExecutionProvider") for name in onnxruntime.get_available_providers())
    return [Finding("ONNX Runtime's providers", True, ", ".join(names))]


def _devices() -> list[Finding]:
    """What OpenVINO finds, and in what precisions it computes there; empty without it."""
    if importlib.util.find_spec("openvino") is None:
        return []
    import openvino

    core: Any = openvino.Core()
    found = []
    for device in core.available_devices:
        words = core.get_property(device, "OPTIMIZATION_CAPABILITIES")
        precisions = ", ".join(name for word, name in CAPABILITIES.items() if word in words)
        name = core.get_property(device, "FULL_DEVICE_NAME")
        found.append(Finding(f"OpenVINO's {device}", True, f"{name}: {precisions}"))
    return found


def _cpu_units() -> list[Finding]:
    """Units for int8 and bf16 of the processor; empty where the system does not tell."""
    info = Path("/proc/cpuinfo")
    if not info.exists():
        return []
    lines = info.read_text(encoding="utf-8", errors="replace").splitlines()
    flags = next((line.split(":", 1)[1].split() for line in lines if line.startswith("flags")), None)
    if flags is None:
        return []
    units = dict.fromkeys(name for flag, name in CPU_UNITS.items() if flag in flags)
    if units:
        return [Finding("Processor's units", True, ", ".join(units))]
    hint = "int8 models run, but hardly faster than fp32: prefer the fp32 model on this machine"
    return [Finding("Processor's units", False, "none for int8", hint)]


def _gpus() -> list[Finding]:
    found = gpus()
    if found:
        return [
            Finding(f"NVIDIA GPU {number}" if number else "NVIDIA GPU", True, str(gpu))
            for number, gpu in enumerate(found)
        ]
    if shutil.which("nvidia-smi"):
        hint = "run nvidia-smi and do what it says: often a restart after an update of the driver"
        return [Finding("NVIDIA GPU", False, "the driver is there and finds none", hint)]
    hint = f"with an NVIDIA GPU: install its driver, then {pip_install(GPU_EXTRA)}"
    return [Finding("NVIDIA GPU", False, "no driver found", hint)]


def _unused_gpu() -> list[Finding]:
    """Libraries that would use the GPU and were installed for the CPU alone."""
    findings = []
    if _version("onnxruntime") and not _version("onnxruntime-gpu"):
        hint = f"{sys.executable} -m pip uninstall -y onnxruntime && {pip_install('onnxruntime-gpu')}"
        findings.append(Finding("ONNX Runtime on the GPU", False, "installed for the CPU alone", hint))
    if _version("torch") and not _torch_sees_cuda():
        # PyPI's builds are for CUDA on Linux alone.
        hint = pip_install("--force-reinstall torch")
        if platform.system() != "Linux":
            hint = "take the line for your version of CUDA from https://pytorch.org/get-started"
        findings.append(Finding("torch on the GPU", False, f"torch {_version('torch')} sees no GPU", hint))
    return findings


def _torch_sees_cuda() -> bool:
    """Asked in a process of its own: torch takes long to load, and is not for this room."""
    command = [sys.executable, "-c", "import torch; raise SystemExit(not torch.cuda.is_available())"]
    try:
        return subprocess.run(command, capture_output=True, timeout=60, check=False).returncode == 0
    except (OSError, subprocess.TimeoutExpired):
        return False


def _models() -> list[Finding]:
    entries = list_models()
    findings = [
        Finding(f"Model {entry.name}", False, "not usable", entry.problem)
        for entry in entries
        if not entry.spec
    ]
    usable = [entry.name for entry in entries if entry.spec]
    return [
        *findings,
        Finding("Models", bool(usable), ", ".join(usable) or "none", "segstudio models import DIR"),
    ]


def _folder(name: str, folder: Path) -> Finding:
    free = shutil.disk_usage(folder).free
    try:
        with tempfile.NamedTemporaryFile(dir=folder):
            pass
    except OSError as error:
        hint = f"set {paths.HOME_VARIABLE} to a folder that you may write to"
        return Finding(f"Folder for {name}", False, f"{folder}: {error.strerror}", hint)
    well = free > LEAST_FREE
    found = f"{folder}, {free / 2**30:.1f} GiB free"
    return Finding(f"Folder for {name}", well, found, "" if well else "free some space")


def is_display_there() -> bool:
    """Whether a window can be shown."""
    if platform.system() != "Linux":
        return True
    return bool(os.environ.get("DISPLAY") or os.environ.get("WAYLAND_DISPLAY"))
