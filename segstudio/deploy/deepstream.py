"""Writes the folder with which NVIDIA DeepStream runs a model: graph, settings, names, colours, run lines."""

import csv
import io
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path

from segstudio.annotation.palette import load_palette
from segstudio.deploy.fixed import Size
from segstudio.deploy.model_folder import folder_in_the_making
from segstudio.deploy.nvinfer import (
    FORMS,
    LABELS,
    MODES,
    PARSER_LIBRARY,
    PARSERS,
    BundleOutput,
    Network,
    Normalise,
    check_network,
    chosen_precision,
    config_name,
    preprocessing,
    scale_is_exact,
    write_settings,
)
from segstudio.deploy.tao_graph import OUTPUT, TaoForm, write_tao
from segstudio.images import atomic_write
from segstudio.inference.spec import ModelSpec, network_size, save_spec

COLOURS, PIPELINE, README = "colours.csv", "deepstream_app.txt", "README.md"
SAMPLE_VIDEO = "file:///opt/nvidia/deepstream/deepstream/samples/streams/sample_1080p_h264.mp4"
ALPHA = 0.5
README_TEXT = """\
# {name} for DeepStream

Input `input`: {channels} x {height} x {width} (height {height}, width {width}), RGB,
`{scale:.10g} * (x - [{offsets}])`. Output {output}.

| file | is |
|---|---|
| {onnx} | the graph; the engine is built from it at the first start, for this GPU alone |
| {config} | nvinfer's settings |
| {labels} | class names in the order of their ids |
| {colours} | the palette's colours; nvsegvisual takes its own |
| {pipeline} | an example for deepstream-app |
| model.json | what segstudio knows of the model |

The parser `{parser}` is part of NVIDIA's deepstream_tao_apps. Build it once, and put the file
where `custom-lib-path` of {config} says:

```
git clone https://github.com/NVIDIA-AI-IOT/deepstream_tao_apps && cd deepstream_tao_apps/post_processor
export CUDA_VER=12.8  # as /usr/local/cuda says
make && sudo cp libnvds_infercustomparser_tao.so {library}
```

Then, in this folder:

```
CUDA_MODULE_LOADING=LAZY deepstream-app -c {pipeline}

{launch}
```

`width` and `height` of nvsegvisual and of [segvisual] must be the network's: {width} and {height}. `alpha`
is how much of the colours is seen over the picture. On a Jetson, `nv3dsink` takes the place of
`nveglglessink`.

{notes}"""


def write_bundle(
    model_folder: Path,
    spec: ModelSpec,
    out: Path,
    *,
    output: BundleOutput = "argmax",
    size: Size,
    batch: int = 1,
    normalise: Normalise = "inside",
    precision: str = "",
    library: str = PARSER_LIBRARY,
    video: str = SAMPLE_VIDEO,
) -> tuple[str, ...]:
    """Writes a folder that DeepStream runs; returns notes for the user.

    Nothing appears unless its graph answers like the model's. Batch 1 is fixed in the graph; for more frames
    it stays free, since nvinfer also sends fewer.

    Args:
        model_folder: of the model.
        spec: of the model.
        out: the folder to make; files of the same names are replaced.
        output: argmax (int64 ids, edges as in segstudio), logits (float, parsed at a quarter of the size), or
            nvdsinfer (logits, and settings under the names that TAO's export gives them).
        size: height and width at which the network sees frames.
        batch: frames at once.
        normalise: inside the graph, or in nvinfer's settings.
        precision: of the engine: fp32, fp16 or int8; "" is the model's.
        library: the file of NVIDIA's parsers on the target machine.
        video: URI for the run lines.

    Raises:
        InputError: no such output, precision, size or batch.
        ModelError: the model has no scores inside, or its graph does not take the size.
        PaletteError: the model's palette is not there.
    """
    network = Network(
        spec, f"{spec.name}.onnx", output, size, batch, normalise, chosen_precision(spec, precision), library
    )
    check_network(network)
    form = TaoForm(FORMS[output], normalise == "inside", batch=batch if batch == 1 else 0, size=size)
    with folder_in_the_making(out) as folder:
        write_tao(model_folder, spec, folder / network.onnx_file, form)
        write_settings(network, folder)
        _write(folder / COLOURS, colours_csv(model_folder, spec))
        _write(folder / PIPELINE, pipeline(network, video))
        notes = notes_of(network)
        _write(folder / README, readme(network, video, notes))
        head = "ids" if output == "argmax" else "logits"
        save_spec(replace(spec, head=head, files={"deepstream": network.onnx_file}), folder)
    return notes


def colours_csv(folder: Path, spec: ModelSpec) -> str:
    """The palette of a model folder as `id,name,red,green,blue`.

    Raises:
        PaletteError: it is not there.
    """
    own = spec.files.get("palette")
    table = load_palette(folder / own if own else spec.palette).colours()
    text = io.StringIO()
    lines = csv.writer(text, lineterminator="\n")
    lines.writerow(["id", "name", "red", "green", "blue"])
    for number, name in enumerate(spec.classes):
        lines.writerow([number, name, *(int(value) for value in table[number])])
    return text.getvalue()


def pipeline(network: Network, video: str) -> str:
    """A file for deepstream-app: one video, the network, its classes over the picture."""
    height, width = network.size
    groups: Mapping[str, Mapping[str, str | int]] = {
        "application": {"enable-perf-measurement": 1, "perf-measurement-interval-sec": 5},
        "source0": {"enable": 1, "type": 3, "uri": video, "num-sources": 1, "gpu-id": 0},
        "streammux": {
            "batch-size": network.batch,
            "width": width,
            "height": height,
            "enable-padding": 0,
            "batched-push-timeout": 40000,
            "live-source": 0,
        },
        "primary-gie": {
            "enable": 1,
            "gpu-id": 0,
            "gie-unique-id": 1,
            "batch-size": network.batch,
            "config-file": config_name(network.output),
        },
        "segvisual": {"enable": 1, "batch-size": network.batch, "width": width, "height": height},
        "sink0": {"enable": 1, "type": 2, "sync": 0, "gpu-id": 0},
    }
    return "\n".join(
        f"[{name}]\n" + "".join(f"{key}={value}\n" for key, value in values.items())
        for name, values in groups.items()
    )


def launch_line(network: Network, video: str) -> str:
    """The same as a gst-launch line, with the picture shining through."""
    height, width = network.size
    size = f"width={width} height={height}"
    return (
        f"gst-launch-1.0 uridecodebin uri={video} ! mux.sink_0 \\\n"
        f"  nvstreammux name=mux batch-size={network.batch} {size} interpolation-method=1"
        " batched-push-timeout=40000 ! \\\n"
        f"  nvinfer config-file-path={config_name(network.output)} ! \\\n"
        f"  nvsegvisual batch-size={network.batch} {size} alpha={ALPHA} ! \\\n"
        "  nvvideoconvert ! nveglglessink"
    )


def notes_of(network: Network) -> tuple[str, ...]:
    """What the user should know of the bundle."""
    spec, (height, width) = network.spec, network.size
    notes = []
    if spec.resize.mode != "stretch" or network_size(spec.resize, height, width) != network.size:
        notes.append(
            f"every frame is stretched to {width} x {height}, and in segstudio this model sees images"
            f" {usual_view(spec)}: choose a size with the aspect of the video"
        )
    if network.output != "argmax":
        notes.append(
            "NVIDIA's parser takes the best class at a quarter of the size and repeats it: edges are coarser"
            " than in segstudio; the form argmax has them whole"
        )
    if network.normalise == "config" and not scale_is_exact(spec):
        notes.append(
            "nvinfer has one scale for all channels, and this model's stds differ: answers differ a little;"
            " normalise inside the graph"
        )
    if network.precision != "fp32" or spec.precision != "fp32":
        notes.append(
            f"network-mode {MODES[network.precision]} counts where TensorRT chooses types itself (before 11);"
            f" where networks are strongly typed, the graph's own count, which are {spec.precision}"
        )
    if network.batch > 1:
        notes.append(f"the batch is free in the graph: nvinfer builds an engine for 1 to {network.batch}")
    return tuple(notes)


def usual_view(spec: ModelSpec) -> str:
    """How segstudio brings images to a model."""
    rule = spec.resize
    if rule.mode == "stretch":
        return f"stretched to {rule.width or rule.size} x {rule.size}"
    kept = "with their aspect kept"
    return (
        f"{kept}, at a shorter side of {rule.size}" if rule.mode == "short_side" else f"{kept}, as they are"
    )


def readme(network: Network, video: str, notes: tuple[str, ...]) -> str:
    """What is in the bundle, and how to run it."""
    scale, offsets = preprocessing(network)
    form = "int64 class ids [N,H,W,1]" if network.output == "argmax" else "float32 logits [N,K,H/4,W/4]"
    return README_TEXT.format(
        name=network.spec.name,
        channels=network.channels,
        height=network.size[0],
        width=network.size[1],
        scale=scale,
        offsets=offsets,
        output=f"`{OUTPUT}`: {form}, {len(network.spec.classes)} classes",
        onnx=network.onnx_file,
        config=config_name(network.output),
        parser=PARSERS[network.output],
        library=network.library,
        launch=launch_line(network, video),
        labels=LABELS,
        colours=COLOURS,
        pipeline=PIPELINE,
        notes="".join(f"- {note[0].upper()}{note[1:]}.\n" for note in notes),
    )


def _write(path: Path, text: str) -> None:
    atomic_write(path, text.encode())
