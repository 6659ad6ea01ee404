"""The keys of a spec that concern export, engines and quantization: export, gen_trt_engine, quantize."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from segstudio.training.spec.unused import unused


@dataclass(frozen=True)
class ExportSpec:
    """export"""

    results_dir: str | None = None
    gpu_id: int = 0
    checkpoint: str = ""
    onnx_file: str = ""
    on_cpu: bool = False
    input_channel: int = 3
    input_width: int = 544
    input_height: int = 544
    opset_version: int = 17
    # -1: any batch.
    batch_size: int = -1
    verbose: bool = False
    format: str = "onnx"
    serialize_nvdsinfer: bool = False


@dataclass(frozen=True)
class CalibrationSpec:
    """gen_trt_engine.tensorrt.calibration"""

    cal_image_dir: tuple[str, ...] = ()
    cal_cache_file: str = ""
    cal_batch_size: int = 1
    cal_batches: int = 1


@dataclass(frozen=True)
class TensorRtSpec:
    """gen_trt_engine.tensorrt"""

    data_type: str = "FP32"
    # Megabytes.
    workspace_size: int = 1024
    min_batch_size: int = 1
    opt_batch_size: int = 1
    max_batch_size: int = 1
    layers_precision: tuple[str, ...] | None = ()
    calibration: CalibrationSpec = field(default_factory=CalibrationSpec)


@dataclass(frozen=True)
class GenTrtEngineSpec:
    """gen_trt_engine"""

    results_dir: str | None = None
    gpu_id: int = 0
    onnx_file: str = ""
    trt_engine: str = ""
    batch_size: int = -1
    verbose: bool = False
    timing_cache: str | None = None
    tensorrt: TensorRtSpec = field(default_factory=TensorRtSpec)


@dataclass(frozen=True)
class QuantizedType:
    """quantize.layers[n].weights or .activations"""

    dtype: str = "native"
    observer_or_fake_quant: str = ""
    quant_axis: int | None = None
    observer_or_fake_quant_kwargs: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True)
class QuantizedLayer:
    """quantize.layers[n]: a glob on a module's name, then on its class, and what becomes of it."""

    module_name: str = ""
    weights: QuantizedType = field(default_factory=QuantizedType)
    activations: QuantizedType = field(default_factory=QuantizedType)


@dataclass(frozen=True)
class QuantizeSpec:
    """quantize"""

    backend: str = "torchao"
    mode: str = "weight_only_ptq"
    algorithm: str = "minmax"
    layers: tuple[QuantizedLayer, ...] = ()
    skip_names: tuple[str, ...] = ()
    model_path: str = ""
    results_dir: str | None = None
    backend_kwargs: Mapping[str, Any] = field(default_factory=dict)
    device: str = "cuda"
    num_gpus: int = unused(1, "quantization runs on one device")
    gpu_ids: tuple[int, ...] = unused((0,), "quantization runs on one device")
