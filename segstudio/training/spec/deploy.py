"""The keys of a spec that concern export, engines and quantization: export, gen_trt_engine, quantize."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from segstudio.training.spec.unused import unused


@dataclass(frozen=True)
class ExportSpec:
    """export

    Attributes:
        results_dir: null is <results_dir>/export.
        gpu_id: which GPU.
        checkpoint: the weights to export.
        onnx_file: the file to write.
        on_cpu: exports without a GPU, and without plugin operations.
        input_channel: 3, or 1 for grey images.
        input_width: pixels.
        input_height: pixels.
        opset_version: of ONNX; 17 or more keeps LayerNorm whole.
        batch_size: -1 is any batch.
        verbose: prints the graph.
        serialize_nvdsinfer: writes DeepStream's files too.
    """

    results_dir: str | None = None
    gpu_id: int = 0
    checkpoint: str = ""
    onnx_file: str = ""
    on_cpu: bool = False
    input_channel: int = 3
    input_width: int = 544
    input_height: int = 544
    opset_version: int = 17
    batch_size: int = -1
    verbose: bool = False
    format: str = unused("onnx", "the format is always ONNX")
    serialize_nvdsinfer: bool = False


@dataclass(frozen=True)
class CalibrationSpec:
    """gen_trt_engine.tensorrt.calibration

    Attributes:
        cal_image_dir: folders of images for int8.
        cal_cache_file: where TAO keeps the scales.
        cal_batch_size: images a batch.
        cal_batches: batches.
    """

    cal_image_dir: tuple[str, ...] = ()
    cal_cache_file: str = ""
    cal_batch_size: int = 1
    cal_batches: int = 1


@dataclass(frozen=True)
class TensorRtSpec:
    """gen_trt_engine.tensorrt

    Attributes:
        data_type: fp32, fp16, bf16 or int8, in small or capital letters.
        workspace_size: megabytes.
        min_batch_size: the smallest batch the engine takes.
        opt_batch_size: the batch it is made for.
        max_batch_size: the largest batch it takes.
        min_height: smallest height it takes; 0: the ONNX file's (so with the five below).
        opt_height: the height it is made for.
        max_height: largest height.
        min_width: smallest width.
        opt_width: the width it is made for.
        max_width: largest width.
        layers_precision: `layer:precision`, with `*` for any text in the name.
    """

    data_type: str = "FP32"
    workspace_size: int = 1024
    min_batch_size: int = 1
    opt_batch_size: int = 1
    max_batch_size: int = 1
    min_height: int = 0
    opt_height: int = 0
    max_height: int = 0
    min_width: int = 0
    opt_width: int = 0
    max_width: int = 0
    layers_precision: tuple[str, ...] | None = ()
    calibration: CalibrationSpec = field(default_factory=CalibrationSpec)


@dataclass(frozen=True)
class GenTrtEngineSpec:
    """gen_trt_engine

    Attributes:
        results_dir: null is <results_dir>/gen_trt_engine.
        gpu_id: which GPU.
        onnx_file: the file to build from.
        trt_engine: the engine to write.
        batch_size: of an ONNX file with any batch; -1 leaves it so.
        verbose: prints TensorRT's log.
        timing_cache: a file that makes later builds quicker.
    """

    results_dir: str | None = None
    gpu_id: int = 0
    onnx_file: str = ""
    trt_engine: str | None = ""
    batch_size: int = -1
    verbose: bool = False
    timing_cache: str | None = None
    input_channel: int = unused(3, "the ONNX file has its channels")
    input_width: int = unused(0, "the ONNX file has its size")
    input_height: int = unused(0, "the ONNX file has its size")
    opset_version: int = unused(17, "the ONNX file has its opset")
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
    weights: QuantizedType | None = None
    activations: QuantizedType | None = None


@dataclass(frozen=True)
class QuantizeSpec:
    """quantize

    Attributes:
        backend: torchao, modelopt.pytorch (or modelopt) or modelopt.onnx.
        mode: weight_only_ptq or static_ptq.
        algorithm: minmax, max, entropy, awq_clip, awq_lite, awq_full or rtn_dq.
        layers: module_name, weights.dtype and activations.dtype of each layer.
        skip_names: names that stay as they are.
        model_path: the checkpoint to quantize.
        results_dir: null is <results_dir>/quantize.
        backend_kwargs: for the backend.
        device: cuda, cuda:N, cpu or trt.
    """

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
