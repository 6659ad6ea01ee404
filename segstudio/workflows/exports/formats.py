"""The formats that a model is exported in, and the presets that choose some of them."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

from segstudio.errors import InputError

# The page that an export writes into its folder.
PAGE_FILE = "report.html"
# What an artefact is judged by: other numbers (int8), fewer digits (half), another form (float), or the proof
# that its own writer makes (proof).
Judged = Literal["int8", "half", "float", "proof"]


@dataclass(frozen=True)
class Format:
    """One form of a model.

    Attributes:
        title: for people.
        text: what it is for, one line.
        judged: how it is judged.
        maker: module and function that make it, see `exports.source`.
    """

    title: str
    text: str
    judged: Judged
    maker: str


ROOM = "segstudio.workflows.exports."
# A new format is a function, `make(source, folder, context) -> Made`, and one line.
FORMATS: dict[str, Format] = {
    "onnx": Format(
        "ONNX, float32",
        "Runs everywhere, with exactly the model's answers.",
        "float",
        f"{ROOM}graphs:make_float",
    ),
    "onnx-fp16": Format(
        "ONNX, float16",
        "For GPUs; normalisations and softmax stay float32.",
        "half",
        f"{ROOM}graphs:make_half",
    ),
    "onnx-int8": Format(
        "ONNX, int8",
        "For CPUs with 8-bit units; a quarter of the size.",
        "int8",
        f"{ROOM}graphs:make_int8",
    ),
    "openvino": Format(
        "OpenVINO IR",
        "For Intel's and AMD's CPUs, Intel's GPUs and NPUs.",
        "float",
        f"{ROOM}openvino_ir:make_float",
    ),
    "openvino-int8": Format(
        "OpenVINO IR, int8",
        "The fastest on most CPUs.",
        "int8",
        f"{ROOM}openvino_ir:make_int8",
    ),
    "tensorrt-fp16": Format(
        "TensorRT engine, float16",
        "For the NVIDIA GPU of this machine.",
        "half",
        f"{ROOM}engines:make_half",
    ),
    "tensorrt-int8": Format(
        "TensorRT engine, int8",
        "The same with 8-bit arithmetic.",
        "int8",
        f"{ROOM}engines:make_int8",
    ),
    "deepstream": Format(
        "DeepStream bundle",
        "nvinfer's settings, labels, colours, run lines.",
        "proof",
        f"{ROOM}others:make_deepstream",
    ),
    "tao": Format(
        "TAO-compatible ONNX",
        "Normalised input, logits at a quarter of the size.",
        "proof",
        f"{ROOM}others:make_tao",
    ),
    "huggingface": Format(
        "Hugging Face folder",
        "Weights and settings for transformers.",
        "proof",
        f"{ROOM}others:make_huggingface",
    ),
}


@dataclass(frozen=True)
class Preset:
    """Formats for one purpose.

    Attributes:
        title, text: for people.
        formats: keys of FORMATS.
    """

    title: str
    text: str
    formats: tuple[str, ...]


PRESETS: dict[str, Preset] = {
    "fast-cpu": Preset(
        "Fast CPU", "The fastest on this processor: int8 where it passes the gate, and float beside it.",
        ("onnx", "openvino", "onnx-int8", "openvino-int8"),
    ),
    "nvidia-gpu": Preset(
        "NVIDIA GPU", "Half precision for CUDA, and TensorRT engines built on the machine that runs them.",
        ("onnx-fp16", "tensorrt-fp16", "tensorrt-int8"),
    ),
    "deepstream": Preset(
        "DeepStream", "A folder that nvinfer runs, with every setting derived from the model.",
        ("deepstream",),
    ),
    "tao": Preset(
        "TAO-compatible", "What TAO's own tools, Triton and DeepStream configurations expect.",
        ("tao", "huggingface"),
    ),
    "everything": Preset("Keep everything", "All formats, each with its report.", tuple(FORMATS)),
}  # fmt: skip


def chosen_formats(preset: str, formats: Sequence[str]) -> tuple[str, ...]:
    """The formats of a preset and those named, each once.

    Raises:
        InputError: no such preset or format, or none at all.
    """
    if preset and preset not in PRESETS:
        raise InputError(f"there is no preset {preset!r}", hint=f"use one of: {', '.join(PRESETS)}")
    for name in formats:
        if name not in FORMATS:
            raise InputError(f"there is no format {name!r}", hint=f"use some of: {', '.join(FORMATS)}")
    found = dict.fromkeys([*(PRESETS[preset].formats if preset else ()), *formats])
    if not found:
        raise InputError("no format to export to", hint=f"give --preset: {', '.join(PRESETS)}; or --as")
    # In the order of the table, so that what others are made from comes first.
    return tuple(name for name in FORMATS if name in found)
