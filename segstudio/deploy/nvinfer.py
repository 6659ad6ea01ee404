"""The settings of DeepStream's nvinfer for a model: preprocessing, sizes, classes, output."""

import math
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

import yaml

from segstudio.deploy.fixed import Size
from segstudio.deploy.tao_graph import OUTPUT, Output
from segstudio.errors import InputError
from segstudio.images import atomic_write
from segstudio.inference.spec import ModelSpec

BundleOutput = Literal["logits", "argmax", "nvdsinfer"]
BUNDLE_OUTPUTS: tuple[BundleOutput, ...] = ("logits", "argmax", "nvdsinfer")
Normalise = Literal["inside", "config"]
# The parsers of NVIDIA's deepstream_tao_apps, by what they read.
PARSERS: Mapping[str, str] = {
    "argmax": "NvDsInferParseCustomSegformerTAO",
    "logits": "NvDsInferParseCustomSegformerTAO2",
    "nvdsinfer": "NvDsInferParseCustomSegformerTAO2",
}
FORMS: Mapping[str, Output] = {"argmax": "argmax-last", "logits": "logits", "nvdsinfer": "logits"}
PARSER_LIBRARY = "/opt/nvidia/deepstream/deepstream/lib/libnvds_infercustomparser_tao.so"
CONFIG, TAO_CONFIG = "nvinfer_config.txt", "nvdsinfer_config.yaml"
LABELS = "labels.txt"
MODES: Mapping[str, int] = {"fp32": 0, "int8": 1, "fp16": 2}


@dataclass(frozen=True)
class Network:
    """What nvinfer has to know of a model.

    Attributes:
        spec: the model.
        onnx_file: the graph, relative to the settings.
        output: which output it has, and so which parser reads it.
        size: height and width of its input.
        batch: frames at once.
        normalise: inside: the graph takes 0-1; config: nvinfer normalises, with one scale for all channels.
        precision: fp32, fp16 or int8.
        library: the file of the parsers.
        channels: 3, or 1 for grey frames.
    """

    spec: ModelSpec
    onnx_file: str
    output: BundleOutput
    size: Size
    batch: int = 1
    normalise: Normalise = "inside"
    precision: str = "fp32"
    library: str = PARSER_LIBRARY
    channels: int = 3


def write_settings(network: Network, folder: Path) -> tuple[str, ...]:
    """Writes nvinfer's settings and the class names beside a graph; returns the names of the files.

    Raises:
        InputError: see `check_network`.
    """
    check_network(network)
    values = properties(network)
    if network.output == "nvdsinfer":
        text = yaml.safe_dump({"property": values}, sort_keys=False, allow_unicode=True)
    else:
        text = "[property]\n" + "".join(f"{key}={value}\n" for key, value in values.items())
    atomic_write(folder / config_name(network.output), text.encode())
    atomic_write(folder / LABELS, labels(network).encode())
    return config_name(network.output), LABELS


def config_name(output: BundleOutput) -> str:
    """The file of nvinfer's settings."""
    return TAO_CONFIG if output == "nvdsinfer" else CONFIG


def chosen_precision(spec: ModelSpec, wanted: str) -> str:
    """The precision of the engine; nvinfer has no mode for bf16, so that such graphs keep their own types.

    Raises:
        InputError: there is no such precision.
    """
    if wanted and wanted not in MODES:
        raise InputError(f"precision {wanted!r}", hint=f"DeepStream knows {', '.join(MODES)}")
    return wanted or (spec.precision if spec.precision in MODES else "fp32")


def check_network(network: Network) -> None:
    """Refuses what nvinfer cannot be told.

    Raises:
        InputError: no such output, size or batch, or a class name that the file of names cannot hold.
    """
    if network.output not in BUNDLE_OUTPUTS:
        raise InputError(f"output {network.output!r}", hint=f"use one of {', '.join(BUNDLE_OUTPUTS)}")
    if network.batch < 1 or min(network.size) < 1:
        raise InputError(
            f"batch {network.batch} at {network.size[1]} x {network.size[0]}", hint="give numbers above 0"
        )
    if any(character in name for name in network.spec.classes for character in ";\n"):
        raise InputError(
            "a class name holds a semicolon or a line break, which DeepStream's file of names cannot",
            hint="rename the class in the palette",
        )


def properties(network: Network) -> dict[str, str | int | float]:
    """nvinfer's group [property], keys in the order of the file."""
    height, width = network.size
    scale, offsets = preprocessing(network)
    engine = f"{network.onnx_file}_b{network.batch}_gpu0_{network.precision}.engine"
    return {
        "gpu-id": 0,
        "gie-unique-id": 1,
        "process-mode": 1,
        "onnx-file": network.onnx_file,
        "model-engine-file": engine,
        "labelfile-path": LABELS,
        "infer-dims": f"{network.channels};{height};{width}",
        "batch-size": network.batch,
        "network-mode": MODES[network.precision],
        "network-type": 2,
        "num-detected-classes": len(network.spec.classes),
        "model-color-format": 0 if network.channels == 3 else 2,
        "net-scale-factor": scale,
        "offsets": offsets,
        "maintain-aspect-ratio": 0,
        "scaling-filter": 1,
        "scaling-compute-hw": 1,
        "interval": 0,
        "cluster-mode": 2,
        "output-blob-names": OUTPUT,
        "segmentation-output-order": 1 if network.output == "argmax" else 0,
        "segmentation-threshold": 0.0,
        "parse-segmentation-func-name": PARSERS[network.output],
        "custom-lib-path": network.library,
    }


def preprocessing(network: Network) -> tuple[float, str]:
    """net-scale-factor and offsets: nvinfer computes scale * (x - offset) on pixels of 0-255.

    Where nvinfer normalises, the scale is one over the mean of the three stds.
    """
    if network.normalise == "inside":
        return 1 / 255, ";".join(["0"] * network.channels)
    spec = network.spec
    means = ";".join(f"{value * 255:.10g}" for value in spec.mean[: network.channels])
    return 1 / (255 * sum(spec.std) / len(spec.std)), means


def scale_is_exact(spec: ModelSpec) -> bool:
    """Whether one scale does for all channels."""
    return all(math.isclose(value, spec.std[0], rel_tol=1e-6) for value in spec.std)


def labels(network: Network) -> str:
    """Class names as the settings' readers take them: one line in TAO's form, else one name a line."""
    if network.output == "nvdsinfer":
        return ";".join(network.spec.classes) + "\n"
    return "".join(f"{name}\n" for name in network.spec.classes)
