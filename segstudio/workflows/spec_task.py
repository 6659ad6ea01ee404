"""What the tasks of a spec have in common: their processes, and keys that other tools serve."""

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from segstudio.errors import SpecError
from segstudio.jobs import cores
from segstudio.training.spec.schema import CheckpointTask, ExperimentSpec

if TYPE_CHECKING:
    from segstudio.training.data.sources import Source
    from segstudio.training.data.split import Split
    from segstudio.training.loading import Loaded
    from segstudio.training.segment import Segmenter


def check_engine(spec: ExperimentSpec, task: str) -> tuple[str, ...]:
    """A note where a TensorRT engine is named beside a checkpoint.

    Raises:
        SpecError: an engine alone is named.
    """
    section: CheckpointTask = getattr(spec, task)
    if not section.trt_engine:
        return ()
    problem = f"{task}.trt_engine is set, and segstudio cannot run engines from a spec yet"
    if not section.checkpoint:
        raise SpecError(problem, hint=f"set {task}.checkpoint to the weights that the engine was built from")
    return (f"{problem}: {task}.checkpoint is used",)


def processes(spec: ExperimentSpec, task: str) -> int:
    """How many processes a task takes on this machine.

    Raises:
        SpecError: several machines are asked for.
    """
    section: CheckpointTask = getattr(spec, task)
    if section.num_nodes > 1:
        raise SpecError(
            f"{task}.num_nodes is {section.num_nodes}", hint=f"{task} runs on one machine: set it to 1"
        )
    return max(1, section.num_gpus)


@dataclass(frozen=True)
class Entry:
    """One sample of a split.

    Attributes:
        name: no other one has it; the path below the folder of the source, without suffix.
        path: of the image; where there is no file it only names the sample.
        source: what reads it.
        number: its number there.
    """

    name: str
    path: Path
    source: "Source"
    number: int


def list_entries(split: "Split") -> list[Entry]:
    """All samples of a split by names that do not depend on where the data lies."""
    found: list[Entry] = []
    taken: set[str] = set()
    for source in split.sources:
        for number in range(len(source)):
            image = source.paths(number)[0]
            path = image or Path(source.name(number).replace(" ", "_"))
            root = Path(source.title)
            relative = path.relative_to(root) if path.is_relative_to(root) else Path(path.name)
            name = relative.with_suffix("").as_posix()
            if name in taken:
                name = f"{name}-{len(found)}"
            taken.add(name)
            found.append(Entry(name, path, source, number))
    return found


def open_segmenter(spec: ExperimentSpec, task: str, loaded: "Loaded", rank: int, ranks: int) -> "Segmenter":
    """The network on the device of one of the processes, looking at images as the spec says.

    Raises:
        SpecError: its GPU is not there.
    """
    from segstudio.training.loading import choose_device
    from segstudio.training.process import keep_freed_memory, limit_threads
    from segstudio.training.segment import make_segmenter

    keep_freed_memory()
    threads = spec.studio.threads or (max(1, cores() // ranks) if ranks > 1 else 0)
    limit_threads(threads)
    device = choose_device(spec, getattr(spec, task), rank)
    return make_segmenter(spec, loaded.network.to(device), device, loaded.mean, loaded.std)
