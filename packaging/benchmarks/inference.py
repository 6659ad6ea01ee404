"""Times photo to mask: each stage with each backend, and beside transformers and plain ONNX Runtime.

python packaging/benchmarks/inference.py [--json] [--model street-b0] [--variants b0 b2] [--count 20]

Every comparison runs in turns within this process, with the same threads and weights; ratios are of medians,
above 1 where we are faster. One image at a time.

photo_to_mask_vs_transformers: decode a JPEG, predict, write a PNG; their torch network, as in its manual.
float_vs_plain_ort: pixels in memory to ids, float32: our best backend beside transformers' own network in
ONNX Runtime, normalised before and restored and argmaxed after it by torch. argmax_equal: the share of ids
that are equal there (random weights: ties are more frequent than in trained ones). int8_vs_plain_ort: the
same with the faster of NNCF's two int8 graphs (random weights: speed alone; the gate needs trained ones).
folder_vs_engine: images a second of `segstudio predict` on a folder of --folder images, from the first
that is decoded to the last mask, divided by those of the bare backend with as many calls under way.
All of these on scenes of 512x1024 (b0) and 512x512 (b2), which the network sees as they are.
folded_vs_plain: transformers' own ONNX export, as it is and with its decode head folded as `segstudio models
import` does it, both in the same runtime (b0 at 512x1024, b2 at 512x512), network alone.
latency: milliseconds by stage of --model; `X_vs_Y` is how many times faster X's median run is than Y's.
"""

import argparse
import importlib.util
import json
import statistics
import sys
import tempfile
import time
from collections.abc import Callable, Sequence
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import onnx
import torch
from numpy.typing import NDArray
from PIL import Image
from torch import nn

from segstudio.annotation.palette import load_palette
from segstudio.deploy.export import Exported, export_network
from segstudio.deploy.onnx_fold import fold_head
from segstudio.deploy.onnx_graph import load_onnx, save_onnx
from segstudio.deploy.peers import PlainExport, Transformers, export_plain
from segstudio.deploy.quantization import available_quantizers, quantized
from segstudio.images import read_image, write_image, write_mask
from segstudio.inference.backend import Backend, Options, available_backends, cpu_name, open_backend
from segstudio.inference.catalog import find_model
from segstudio.inference.predictor import Predictor
from segstudio.inference.resample import shrunk
from segstudio.inference.spec import ModelSpec, ResizeRule, load_spec, save_spec
from segstudio.jobs import JobContext, cores
from segstudio.networks.checkpoint_file import read_checkpoint_file
from segstudio.networks.key_maps import recognise
from segstudio.networks.mit import HEADS, MLP_RATIO, REDUCTIONS
from segstudio.networks.segformer import SegFormer
from segstudio.networks.variants import MIT_VARIANTS
from segstudio.networks.weights import load_tensors
from segstudio.scenes.street import draw_scene
from segstudio.workflows.bench import LEAST_SECONDS, timed_row
from segstudio.workflows.predict import MANY, predict_inputs

Bytes = NDArray[np.uint8]
SIZES = {"1024x2048": (1024, 2048), "512x512": (512, 512), "360x480": (360, 480)}
STAGES = ("read", "run", "write")
COLD = 2
CLASSES = 19
SHORT_SIDE = 512
VARIANT_SIZES = {"mit_b0": (512, 1024), "mit_b2": (512, 512)}
INT8_BY = ("nncf", "nncf-transformer")
CALIBRATED_ON = 16
MEAN = (0.485, 0.456, 0.406)
STD = (0.229, 0.224, 0.225)
KEYS = (
    "photo_to_mask_vs_transformers", "float_vs_plain_ort", "int8_vs_plain_ort", "argmax_equal",
    "folder_vs_engine", "folded_vs_plain",
)  # fmt: skip


def percentiles(seconds: Sequence[float] | NDArray[np.float64]) -> dict[str, float]:
    """p50, p95 and p99 in milliseconds."""
    values = np.array(seconds) * 1000
    return {f"p{p}": round(float(np.percentile(values, p)), 3) for p in (50, 95, 99)}


def say(text: str) -> None:
    """Tells what is not part of the figures."""
    print(text, file=sys.stderr, flush=True)


def photos(folder: Path, height: int, width: int, count: int) -> list[Path]:
    """Drawn street scenes as JPEG files."""
    paths = [folder / f"{height}x{width}_{number:03d}.jpg" for number in range(count)]
    for seed, path in enumerate(paths):
        write_image(path, draw_scene(seed, height, width).image)
    return paths


def in_turns(sides: dict[str, Callable[[int], None]], count: int) -> dict[str, list[float]]:
    """Seconds of each side, which take turns; the first two of each, which may compile, are not counted."""
    seconds: dict[str, list[float]] = {name: [] for name in sides}
    for number in range(count + COLD):
        for name, act in sides.items():
            began = time.perf_counter()
            act(number)
            seconds[name].append(time.perf_counter() - began)
    return {name: times[COLD:] for name, times in seconds.items()}


def speed_up(fast: Sequence[float], slow: Sequence[float]) -> float:
    """How many times faster the first side is, by medians."""
    return round(statistics.median(slow) / statistics.median(fast), 3)


def opened(folder: Path, model: Any, threads: int) -> dict[str, Backend]:
    """Every backend that works here, the preferred one first."""
    found = {}
    for status in available_backends():
        if status.available:
            found[status.name] = open_backend(folder, model, status.name, Options(threads))
        else:
            say(f"{status.name}: null, {status.reason}")
    return found


def stage_times(predictor: Predictor, photo: Path, out: Path, colours: Bytes) -> list[float]:
    """Seconds of reading, running and writing one image."""
    marks = [time.perf_counter()]
    image = read_image(photo)
    marks.append(time.perf_counter())
    prediction = predictor.predict(image)
    marks.append(time.perf_counter())
    write_mask(out, prediction.ids, colours)
    marks.append(time.perf_counter())
    return np.diff(marks).tolist()


def latency(options: argparse.Namespace, folder: Path) -> dict[str, Any]:
    """Every size with every backend, by stage, and how the backends compare."""
    where, spec = find_model(options.model)
    backends = opened(where, spec, options.threads)
    predictors = {name: Predictor(backend, spec) for name, backend in backends.items()}
    colours = load_palette(spec.palette).colours()
    figures: dict[str, Any] = {"model": spec.name, "device": cpu_name(), "threads": options.threads}
    for size, (height, width) in SIZES.items():
        paths = photos(folder, height, width, 4)
        rows: dict[str, list[list[float]]] = {name: [] for name in predictors}
        for number in range(options.count + COLD):
            for name, predictor in predictors.items():
                rows[name].append(stage_times(predictor, paths[number % 4], folder / "out.png", colours))
        figures[size] = {}
        for name, times in rows.items():
            counted = np.array(times[COLD:])
            figures[size][name] = {
                **{stage: percentiles(counted[:, place]) for place, stage in enumerate(STAGES)},
                "total": percentiles(counted.sum(1)),
                "fps": round(1 / float(np.median(counted.sum(1))), 2),
                "device": backends[name].device,
            }
        runs = {name: np.array(times[COLD:])[:, 1].tolist() for name, times in rows.items()}
        best, *others = runs
        for other in others:
            figures[size][f"{best}_vs_{other}"] = speed_up(runs[best], runs[other])
    for backend in backends.values():
        backend.close()
    return figures


def transformers_network(variant: str) -> nn.Module:
    """transformers' SegFormer of a variant with random weights."""
    import transformers

    shape = MIT_VARIANTS[variant]
    config = transformers.SegformerConfig(
        hidden_sizes=list(shape.dims),
        depths=list(shape.depths),
        decoder_hidden_size=shape.embed_dim,
        num_attention_heads=list(HEADS),
        sr_ratios=list(REDUCTIONS),
        mlp_ratios=[MLP_RATIO] * len(HEADS),
        num_labels=CLASSES,
    )
    torch.manual_seed(0)
    model: nn.Module = transformers.SegformerForSemanticSegmentation(config).eval()
    with torch.no_grad():
        # Wider than the start values, whose scores are nearly equal everywhere.
        model.get_submodule("decode_head.classifier").get_parameter("weight").normal_(0, 0.5)
    return model


def same_weights(network: nn.Module, folder: Path) -> Exported:
    """Our model folder with the weights of transformers' network, brought in as a user's would be."""
    network.save_pretrained(folder / "theirs")  # type: ignore[operator]  # a method of transformers' models
    found = recognise(read_checkpoint_file(folder / "theirs"))
    ours = SegFormer(found.architecture)
    load_tensors(ours, found.tensors, "theirs")
    palette = load_palette("cityscapes")
    rule = ResizeRule("short_side", SHORT_SIDE)
    spec = ModelSpec(
        "peer", found.architecture.backbone, palette.names, palette.name, {}, rule, mean=MEAN, std=STD
    )
    return export_network(ours, spec, folder / "model")


def folder_vs_engine(made: Exported, paths: list[Path], rounds: int) -> float:
    """Images a second of a whole folder by those of the backend alone; the two take turns."""
    image = read_image(paths[0])[None]
    # As the folder's prediction opens it.
    backend = open_backend(made.folder, made.spec, options=MANY)
    ratios = []
    for _ in range(rounds):
        engine = timed_row(backend, image, LEAST_SECONDS, JobContext()).fps
        with tempfile.TemporaryDirectory() as out:
            result = predict_inputs(paths, str(made.folder), Path(out), backend=backend.name)
        say(f"folder {result.fps:.2f} images/s, engine {engine:.2f}, {backend.lanes} calls at a time")
        ratios.append(result.fps / engine)
    backend.close()
    return round(statistics.median(ratios), 3)


def int8_models(made: Exported, size: tuple[int, int], folder: Path) -> dict[str, Path]:
    """Model folders of int8 graphs of the same weights."""
    inputs = [shown(draw_scene(seed, *size).image, size) for seed in range(CALIBRATED_ON)]
    found = {}
    for name in INT8_BY:
        if available_quantizers()[name]:
            say(f"int8: null, {available_quantizers()[name]}")
            continue
        graph = quantized(load_onnx(made.folder / "model.onnx"), inputs, name)
        found[name] = folder / name
        found[name].mkdir()
        save_onnx(graph, found[name] / "model.onnx")
        save_spec(replace(made.spec, precision="int8", files={"onnx": "model.onnx"}), found[name])
    return found


def shown(image: Bytes, size: tuple[int, int]) -> NDArray[np.float32]:
    """An image as the core of a graph takes it, float32 [1,3,h,w] of 0-1."""
    return shrunk(image, size, (slice(0, size[0]), slice(0, size[1])))[None]


def compare(variant: str, options: argparse.Namespace, folder: Path) -> dict[str, Any]:
    """The ratios of one variant beside its peers, on scenes that both see without a change of size."""
    network = transformers_network(variant)
    size = VARIANT_SIZES[variant]
    made = same_weights(network, folder)
    paths = photos(folder, *size, 4)
    figures: dict[str, Any] = dict.fromkeys(KEYS)
    figures["photo_to_mask_vs_transformers"] = photo_to_mask(variant, made, paths, options, folder)
    figures |= pixels_to_ids(variant, made, paths, options, folder)
    figures["folded_vs_plain"] = folding(variant, network, options, folder)
    many = photos(folder, *size, options.folder)
    figures["folder_vs_engine"] = folder_vs_engine(made, many, options.rounds)
    return figures


def photo_to_mask(
    variant: str, made: Exported, paths: list[Path], options: argparse.Namespace, folder: Path
) -> float:
    """How many times faster our way from a JPEG to a PNG is than transformers'."""
    eager = Transformers(folder / "theirs", made.spec, options.threads)
    backend = open_backend(made.folder, made.spec, options=Options(options.threads))
    predictor, colours = Predictor(backend, made.spec), load_palette("cityscapes").colours()

    def theirs(number: int) -> None:
        with Image.open(paths[number % len(paths)]) as opened_image:
            image = np.array(opened_image.convert("RGB"))
        Image.fromarray(eager.ids(image)).save(folder / "theirs.png")

    def ours(number: int) -> None:
        stage_times(predictor, paths[number % len(paths)], folder / "ours.png", colours)

    times = in_turns({"ours": ours, "theirs": theirs}, options.count)
    backend.close()
    medians = {name: percentiles(seconds) for name, seconds in times.items()}
    say(f"{variant} photo to mask: {medians['ours']} ms; transformers: {medians['theirs']} ms")
    return speed_up(times["ours"], times["theirs"])


def pixels_to_ids(
    variant: str, made: Exported, paths: list[Path], options: argparse.Namespace, folder: Path
) -> dict[str, Any]:
    """float_vs_plain_ort, int8_vs_plain_ort and argmax_equal."""
    images = [read_image(path) for path in paths]
    plain = PlainExport(folder / "theirs", made.spec, options.threads)
    folders = {"float": made.folder, **int8_models(made, VARIANT_SIZES[variant], folder)}
    ours = {
        name: open_backend(place, load_spec(place), options=Options(options.threads))
        for name, place in folders.items()
    }

    def run(one: Backend, number: int) -> None:
        one.run(images[number % len(images)][None])

    times = in_turns(
        {
            **{name: partial(run, one) for name, one in ours.items()},
            "plain": lambda number: void(plain.ids(images[number % len(images)])),
        },
        options.count,
    )
    expected = [plain.ids(image) for image in images]
    say(f"{variant}: {[len(np.unique(ids)) for ids in expected]} classes in the images of argmax_equal")
    say(f"{variant} plain: {percentiles(times['plain'])} ms")
    equal = {}
    for name, one in ours.items():
        answers = [one.run(image[None])[0][0] for image in images]
        equal[name] = float(np.mean([np.mean(a == b) for a, b in zip(answers, expected, strict=True)]))
        say(f"{variant} {name} in {one.name}: {percentiles(times[name])} ms, {equal[name]:.4%} of ids equal")
        one.close()
    eights = [speed_up(times[name], times["plain"]) for name in ours if name != "float"]
    return {
        "float_vs_plain_ort": speed_up(times["float"], times["plain"]),
        "int8_vs_plain_ort": max(eights) if eights else None,
        "argmax_equal": round(equal["float"], 6),
    }


def folding(variant: str, network: nn.Module, options: argparse.Namespace, folder: Path) -> dict[str, float]:
    """How many times faster a foreign export runs with its head folded, by runtime."""
    height, width = VARIANT_SIZES[variant]
    sample = torch.randn(1, 3, height, width)
    export_plain(network, folder / "plain.onnx", (height, width))
    outcome = fold_head(onnx.load(folder / "plain.onnx"))
    say(f"{variant}: folded {outcome.folded} {outcome.reason}, relative error {outcome.error:.1e},"
        f" argmax equal on {outcome.agreement:.6%}")  # fmt: skip
    onnx.save(outcome.model, folder / "folded.onnx")
    ratios = {}
    for runtime, opened_by in (("onnx", session_run), ("openvino", compiled_run)):
        runs = {name: opened_by(folder / f"{name}.onnx", options.threads) for name in ("plain", "folded")}
        times = in_turns(
            {name: lambda _, run=run: void(run(sample.numpy())) for name, run in runs.items()}, options.count  # type: ignore[misc]  # binds this run
        )  # fmt: skip
        medians = {name: percentiles(seconds)["p50"] for name, seconds in times.items()}
        say(f"{variant} {height}x{width} {runtime}: {medians} ms")
        ratios[runtime] = speed_up(times["folded"], times["plain"])
    return ratios


def session_run(path: Path, threads: int) -> Callable[[Any], object]:
    """Runs a file in ONNX Runtime."""
    import onnxruntime

    settings = onnxruntime.SessionOptions()
    settings.intra_op_num_threads = threads
    settings.log_severity_level = 3
    # Threads that spin while the other side runs would slow it down.
    settings.add_session_config_entry("session.intra_op.allow_spinning", "0")
    session = onnxruntime.InferenceSession(str(path), settings, providers=["CPUExecutionProvider"])
    return lambda images: session.run(None, {"images": images})


def compiled_run(path: Path, threads: int) -> Callable[[Any], object]:
    """Runs a file in OpenVINO."""
    import openvino

    hints = {"INFERENCE_PRECISION_HINT": "f32", "INFERENCE_NUM_THREADS": threads}
    model = openvino.Core().compile_model(str(path), "CPU", hints)
    return lambda images: model([images])


def void(_answer: object) -> None:
    """Drops an answer."""


def main() -> int:
    """Prints all figures."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--json", action="store_true")
    parser.add_argument("--model", default="street-b0", help="name or folder of the model of `latency`")
    parser.add_argument("--variants", nargs="*", default=["b0"], choices=("b0", "b2"))
    parser.add_argument("--count", type=int, default=20, help="timed runs of each side")
    parser.add_argument("--rounds", type=int, default=3, help="of folder_vs_engine")
    parser.add_argument("--folder", type=int, default=60, help="images of folder_vs_engine")
    parser.add_argument("--threads", type=int, default=0, help="0: as many as cores")
    options = parser.parse_args()
    options.threads = options.threads or cores()
    torch.set_num_threads(options.threads)
    cv2.setNumThreads(options.threads)
    figures: dict[str, Any] = {name: dict.fromkeys(KEYS) for name in ("b0", "b2")}
    for name in figures:
        if name not in options.variants:
            say(f"{name}: null, not asked for by --variants")
        elif importlib.util.find_spec("transformers") is None:
            say(f"{name}: null, transformers is not installed: pip install transformers")
        else:
            with tempfile.TemporaryDirectory() as folder:
                figures[name] = compare(f"mit_{name}", options, Path(folder))
    with tempfile.TemporaryDirectory() as folder:
        figures["latency"] = latency(options, Path(folder))
    print(json.dumps(figures, indent=None if options.json else 2))
    return 0


if __name__ == "__main__":
    sys.exit(main())
