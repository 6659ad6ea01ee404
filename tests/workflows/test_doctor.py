"""What this machine can run: every no says what to do, and no broken tool ends the examination."""

import importlib.metadata
import importlib.util
import shutil
import sys
from pathlib import Path
from types import ModuleType, SimpleNamespace

import pytest

from segstudio import paths
from segstudio.workflows import doctor, machine
from segstudio.workflows.doctor import Finding, examine, pip_install
from segstudio.workflows.machine import (
    Gpu,
    backend_version,
    free_bytes,
    gpus,
    gpus_from_table,
    memory_bytes,
    this_machine,
)

H200 = Gpu("NVIDIA H200", 143771, "570.1", "9.0")
posix = pytest.mark.skipif(sys.platform == "win32", reason="its fake tool is a shell script")


def put_tool(monkeypatch: pytest.MonkeyPatch, folder: Path, script: str) -> None:
    """An nvidia-smi of ours, the only program that is found."""
    tool = folder / "nvidia-smi"
    tool.write_text(f"#!/bin/sh\n{script}\n", encoding="utf-8")
    tool.chmod(0o755)
    monkeypatch.setenv("PATH", str(folder))
    hide(monkeypatch, "pynvml")


def hide(monkeypatch: pytest.MonkeyPatch, *modules: str) -> None:
    """Makes modules look as if they were not installed."""
    found = importlib.util.find_spec
    monkeypatch.setattr(importlib.util, "find_spec", lambda name: None if name in modules else found(name))


def put_packages(monkeypatch: pytest.MonkeyPatch, installed: dict[str, str]) -> None:
    """Makes exactly these packages look installed, and torch, which its backend asks about."""
    installed = {"torch": "2.0+cpu", **installed}

    def version(name: str) -> str:
        if name not in installed:
            raise importlib.metadata.PackageNotFoundError(name)
        return installed[name]

    monkeypatch.setattr(importlib.metadata, "version", version)


def by_topic() -> dict[str, Finding]:
    return {finding.topic: finding for finding in examine()}


def test_every_no_says_what_to_do(monkeypatch: pytest.MonkeyPatch) -> None:
    put_packages(monkeypatch, {})
    findings = by_topic()
    assert all(finding.well or finding.hint for finding in findings.values())
    for name in ("numpy", "nncf", "transformers", "torchao"):
        assert findings[name].hint == f"{sys.executable} -m pip install {name}"
    assert "'segstudio[quantize]'" in findings["nvidia-modelopt"].hint
    assert "--against hf" in findings["transformers"].found


def test_another_build_of_a_library_stands_in_for_it(monkeypatch: pytest.MonkeyPatch) -> None:
    put_packages(monkeypatch, {"onnxruntime-gpu": "1.2"})
    assert by_topic()["onnxruntime"] == Finding("onnxruntime", True, "onnxruntime-gpu 1.2")
    assert (backend_version("onnx"), backend_version("openvino"), backend_version("?")) == ("1.2", "", "")


def test_runtimes_tell_their_devices_and_precisions() -> None:
    findings = by_topic()
    assert "CPU" in findings["ONNX Runtime's providers"].found
    assert "fp32" in findings["OpenVINO's CPU"].found


def test_nothing_is_asked_of_runtimes_that_are_not_there(monkeypatch: pytest.MonkeyPatch) -> None:
    hide(monkeypatch, "onnxruntime", "openvino")
    assert not {topic for topic in by_topic() if topic.startswith(("ONNX Runtime's", "OpenVINO's"))}


@pytest.mark.parametrize(
    ("flags", "found"),
    [
        ("fma avx512_vnni avx_vnni amx_int8 amx_bf16", "VNNI (int8), AMX (int8), AMX (bf16)"),
        ("fma avx2", "none"),
    ],
)
def test_units_of_the_processor(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, flags: str, found: str
) -> None:
    (tmp_path / "cpuinfo").write_text(f"model name\t: a CPU\nflags\t\t: {flags}\n", encoding="utf-8")
    monkeypatch.setattr(doctor, "Path", lambda _: tmp_path / "cpuinfo")
    (finding,) = doctor._cpu_units()
    assert finding.found.startswith(found)
    assert finding.well or "fp32" in finding.hint


def test_a_machine_with_a_gpu_is_told_what_would_use_it(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(doctor, "gpus", lambda: (H200, H200))
    monkeypatch.setattr(doctor, "_torch_sees_cuda", lambda: False)
    put_packages(monkeypatch, {"onnxruntime": "1", "torch": "2+cpu"})
    findings = by_topic()
    assert findings["NVIDIA GPU"].found == "NVIDIA H200, 140 GiB, driver 570.1, compute capability 9.0"
    assert findings["NVIDIA GPU 1"].well
    assert findings["tensorrt"].hint == pip_install("tensorrt cuda-bindings")
    assert "uninstall -y onnxruntime && " in findings["ONNX Runtime on the GPU"].hint
    assert "torch" in findings["torch on the GPU"].hint


def test_a_full_disk_and_a_broken_model_are_named(monkeypatch: pytest.MonkeyPatch) -> None:
    broken = paths.user_models_dir() / "broken"
    broken.mkdir()
    (broken / "model.json").write_text("{", encoding="utf-8")
    monkeypatch.setattr(shutil, "disk_usage", lambda _: SimpleNamespace(free=5))
    findings = by_topic()
    assert not findings["Model broken"].well
    assert "model.json" in findings["Model broken"].hint
    assert findings["Folder for models"].hint == "free some space"


# -- the machine ---------------------------------------------------------------------------------------------


def test_gpus_of_the_tools_table() -> None:
    lines = [
        "NVIDIA H200, 143771, 570.1, 9.0",
        "Orin (nvgpu), [N/A], 540.4, [N/A]",
        "No devices were found",
        "",
    ]
    assert gpus_from_table(lines) == (H200, Gpu("Orin (nvgpu)", 0, "540.4", ""))


@posix
def test_the_tool_is_asked_without_the_library(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    put_tool(
        monkeypatch,
        tmp_path,
        'test "$2" = --format=csv,noheader,nounits && echo "NVIDIA H200, 143771, 570.1, 9.0"',
    )
    assert gpus() == (H200,)
    assert this_machine().gpus == ("NVIDIA H200",)


@posix
@pytest.mark.parametrize("script", ["exit 9", "echo broken", "exec /bin/sleep 9"])
def test_a_tool_that_fails_or_hangs_means_no_gpu(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, script: str
) -> None:
    monkeypatch.setattr(machine, "SMI_SECONDS", 0.2)
    put_tool(monkeypatch, tmp_path, script)
    assert gpus() == ()
    (finding,) = doctor._gpus()
    assert not finding.well
    assert "nvidia-smi" in finding.hint


class FakeNvml(ModuleType):
    """The library with one GPU, or one whose driver does not answer."""

    class NVMLError(Exception):
        """As the library has it."""

    def __init__(self, *, broken: bool) -> None:
        super().__init__("pynvml")
        self.__spec__ = importlib.util.spec_from_loader("pynvml", None)
        self._broken = broken
        self.open = 0

    def nvmlInit(self) -> None:
        if self._broken:
            raise self.NVMLError("driver not loaded")
        self.open += 1

    def nvmlShutdown(self) -> None:
        self.open -= 1

    def nvmlSystemGetDriverVersion(self) -> bytes:
        return b"570.1"

    def nvmlDeviceGetCount(self) -> int:
        return 1

    def nvmlDeviceGetHandleByIndex(self, number: int) -> int:
        return number

    def nvmlDeviceGetCudaComputeCapability(self, device: int) -> tuple[int, int]:
        return 9, 0

    def nvmlDeviceGetMemoryInfo(self, device: int) -> SimpleNamespace:
        return SimpleNamespace(total=143771 << 20)

    def nvmlDeviceGetName(self, device: int) -> str:
        return "NVIDIA H200"


@pytest.mark.parametrize("broken", [False, True])
def test_the_library_is_asked_first(monkeypatch: pytest.MonkeyPatch, broken: bool) -> None:
    library = FakeNvml(broken=broken)
    monkeypatch.setitem(sys.modules, "pynvml", library)
    assert gpus() == (() if broken else (H200,))
    assert library.open == 0


def test_the_smaller_of_machine_and_container_counts(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    limit = tmp_path / "memory.max"
    monkeypatch.setattr(machine, "MEMORY_LIMITS", (str(limit), str(tmp_path / "none")))
    whole = memory_bytes()
    assert whole > 2**28
    limit.write_text("max\n", encoding="ascii")
    assert memory_bytes() == whole
    limit.write_text("1048576\n", encoding="ascii")
    assert memory_bytes() == 1048576


@pytest.mark.parametrize(
    ("text", "free"),
    [("MemTotal: 9 kB\nMemAvailable:   1024 kB\n", 2**20), ("MemFree: 1 kB\n", None), ("", None)],
)
def test_free_memory_is_what_the_system_says(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, text: str, free: int | None
) -> None:
    (tmp_path / "meminfo").write_text(text, encoding="ascii")
    monkeypatch.setattr(machine, "MEMORY_INFO", tmp_path / "meminfo")
    assert free_bytes() == (memory_bytes() if free is None else free)
