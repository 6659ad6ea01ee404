"""Says on what hardware this runs: processor, memory, NVIDIA GPUs, and the versions of what computes."""

import csv
import importlib.metadata
import importlib.util
import os
import platform
import shutil
import subprocess
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from segstudio.inference.backend import cpu_name
from segstudio.jobs import cores

# The first that is installed counts.
PACKAGES = {
    "onnx": ("onnxruntime", "onnxruntime-gpu", "onnxruntime-openvino"),
    "openvino": ("openvino",),
    "torch": ("torch",),
    "tensorrt": ("tensorrt", "tensorrt-cu13", "tensorrt-cu12"),
}
SMI_FIELDS = "name,memory.total,driver_version,compute_cap"
SMI_SECONDS = 5.0
# What a container may use at most, in control groups of version 2 and 1.
MEMORY_LIMITS = ("/sys/fs/cgroup/memory.max", "/sys/fs/cgroup/memory/memory.limit_in_bytes")

MEMORY_INFO = Path("/proc/meminfo")


@dataclass(frozen=True)
class Gpu:
    """An NVIDIA GPU: memory in MiB, compute capability such as 9.0; texts are empty where unknown."""

    name: str
    memory: int
    driver: str
    capability: str

    def __str__(self) -> str:
        capability = f", compute capability {self.capability}" if self.capability else ""
        return f"{self.name}, {self.memory / 1024:.0f} GiB, driver {self.driver}{capability}"


@dataclass(frozen=True)
class Machine:
    """What decides the speed of a machine; equal for machines whose figures may stand in one list."""

    cpu: str
    cores: int
    system: str
    gpus: tuple[str, ...] = ()

    def __str__(self) -> str:
        return ", ".join((self.cpu, f"{self.cores} cores", self.system, *self.gpus))


def this_machine() -> Machine:
    """The machine that this process runs on."""
    system = f"{platform.system()} {platform.machine()}"
    return Machine(cpu_name(), cores(), system, tuple(gpu.name for gpu in gpus()))


def backend_version(backend: str) -> str:
    """The version of the library below a backend; empty if it is not known."""
    for package in PACKAGES.get(backend, ()):
        try:
            return importlib.metadata.version(package)
        except importlib.metadata.PackageNotFoundError:
            continue
    return ""


def memory_bytes() -> int:
    """Bytes of memory that this process may use, by the machine and by its container; 0 if unknown."""
    known = []
    if hasattr(os, "sysconf") and "SC_PHYS_PAGES" in os.sysconf_names:
        known.append(os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE"))
    for path in map(Path, MEMORY_LIMITS):
        try:
            text = path.read_text(encoding="ascii").strip()
        except OSError:
            continue
        if text.isdigit():
            known.append(int(text))
    return min((value for value in known if value > 0), default=0)


def free_bytes() -> int:
    """Bytes of memory that are free now, or could be; 0 if unknown."""
    whole = memory_bytes()
    try:
        lines = MEMORY_INFO.read_text(encoding="ascii").splitlines()
        (free,) = (int(line.split()[1]) << 10 for line in lines if line.startswith("MemAvailable:"))
    except (OSError, ValueError, IndexError):
        return whole
    return min(free, whole) if whole else free


def gpus() -> tuple[Gpu, ...]:
    """The NVIDIA GPUs by nvidia-ml-py where it is installed, else by nvidia-smi; empty without a driver."""
    if importlib.util.find_spec("pynvml") is not None:
        return _by_library()
    return _by_tool()


def _by_library() -> tuple[Gpu, ...]:
    # By name: it comes with TensorRT and others, and segstudio does without it.
    nvml: Any = importlib.import_module("pynvml")
    try:
        nvml.nvmlInit()
    except nvml.NVMLError:
        return ()
    try:
        driver = _text(nvml.nvmlSystemGetDriverVersion())
        return tuple(_gpu(nvml, number, driver) for number in range(nvml.nvmlDeviceGetCount()))
    except nvml.NVMLError:
        return ()
    finally:
        nvml.nvmlShutdown()


def _gpu(nvml: Any, number: int, driver: str) -> Gpu:
    device = nvml.nvmlDeviceGetHandleByIndex(number)
    major, minor = nvml.nvmlDeviceGetCudaComputeCapability(device)
    memory = int(nvml.nvmlDeviceGetMemoryInfo(device).total) >> 20
    return Gpu(_text(nvml.nvmlDeviceGetName(device)), memory, driver, f"{major}.{minor}")


def _text(value: str | bytes) -> str:
    """Old versions of the library give bytes."""
    return value.decode(errors="replace") if isinstance(value, bytes) else value


def _by_tool() -> tuple[Gpu, ...]:
    tool = shutil.which("nvidia-smi")
    if tool is None:
        return ()
    command = [tool, f"--query-gpu={SMI_FIELDS}", "--format=csv,noheader,nounits"]
    try:
        done = subprocess.run(command, capture_output=True, text=True, timeout=SMI_SECONDS, check=False)
    except (OSError, subprocess.TimeoutExpired):
        return ()
    return gpus_from_table(done.stdout.splitlines()) if done.returncode == 0 else ()


def gpus_from_table(lines: Iterable[str]) -> tuple[Gpu, ...]:
    """The GPUs of nvidia-smi's answer to a query for SMI_FIELDS, as CSV without head and units."""
    found = []
    for row in csv.reader(lines, skipinitialspace=True):
        if len(row) == len(SMI_FIELDS.split(",")):
            # Integrated GPUs have no memory of their own, and it says so in words.
            memory = int(row[1]) if row[1].isdigit() else 0
            found.append(Gpu(row[0], memory, row[2], row[3] if row[3][:1].isdigit() else ""))
    return tuple(found)
