"""One training in several processes: where each runs, how they start and end, what they add up."""

import logging
import multiprocessing
import os
import signal
import socket
import threading
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from multiprocessing.connection import wait
from multiprocessing.process import BaseProcess

import torch
from lightning_fabric import Fabric
from lightning_fabric.plugins import MixedPrecision, Precision
from lightning_fabric.plugins.environments import ClusterEnvironment
from torch import Tensor
from torch import distributed as dist

from segstudio.errors import SegstudioError, SpecError
from segstudio.networks.variants import MIT_VARIANTS
from segstudio.training.spec.schema import ExperimentSpec

LOOPBACK = "127.0.0.1"
# What torchrun tells each of its processes.
TORCHRUN = ("RANK", "LOCAL_RANK", "WORLD_SIZE", "MASTER_ADDR", "MASTER_PORT")
# How long a process may take to see that another one has ended.
GRACE_SECONDS = 10.0


@dataclass(frozen=True)
class Seat:
    """The place of one process among those of a training.

    Attributes:
        rank: its number over all nodes; the first one alone writes files.
        local_rank: its number on its node.
        ranks: of all nodes.
        node: the number of its node.
        address: where the first process listens.
        port: see above.
        starts_others: it is the one that the user started, and the others of its node are its children.
    """

    rank: int = 0
    local_rank: int = 0
    ranks: int = 1
    node: int = 0
    address: str = LOOPBACK
    port: int = 0
    starts_others: bool = False


class SeatEnvironment(ClusterEnvironment):  # type: ignore[misc]  # fabric says no types of it
    """Tells Fabric the seat of this process."""

    def __init__(self, seat: Seat) -> None:
        super().__init__()
        self._seat = seat

    @property
    def creates_processes_externally(self) -> bool:
        """True: the processes run already."""
        return True

    @property
    def main_address(self) -> str:
        """Where the first process listens."""
        return self._seat.address

    @property
    def main_port(self) -> int:
        """See `main_address`."""
        return self._seat.port

    @staticmethod
    def detect() -> bool:
        """False: it is made with its seat, never found."""
        return False

    def world_size(self) -> int:
        """The number of processes."""
        return self._seat.ranks

    def set_world_size(self, size: int) -> None:
        """Nothing: the seat says it."""

    def global_rank(self) -> int:
        """The number of this process."""
        return self._seat.rank

    def set_global_rank(self, rank: int) -> None:
        """Nothing: the seat says it."""

    def local_rank(self) -> int:
        """The number of this process on its node."""
        return self._seat.local_rank

    def node_rank(self) -> int:
        """The number of its node."""
        return self._seat.node


def take_seat(spec: ExperimentSpec) -> Seat:
    """The seat of the process that the user, or torchrun, has started.

    Raises:
        SpecError: several nodes without torchrun, or another number of processes than torchrun has.
    """
    wanted = spec.train.num_gpus
    if all(name in os.environ for name in TORCHRUN):
        rank, local, ranks = (int(os.environ[name]) for name in TORCHRUN[:3])
        local_ranks = int(os.environ.get("LOCAL_WORLD_SIZE", wanted))
        if (local_ranks, ranks) != (wanted, wanted * spec.train.num_nodes):
            raise SpecError(
                f"torchrun has {ranks} processes, {local_ranks} on this node; train.num_gpus is {wanted},"
                f" train.num_nodes is {spec.train.num_nodes}",
                hint="give torchrun --nproc-per-node=<num_gpus> --nnodes=<num_nodes>",
            )
        node = int(os.environ.get("GROUP_RANK", rank // local_ranks))
        return Seat(rank, local, ranks, node, os.environ["MASTER_ADDR"], int(os.environ["MASTER_PORT"]))
    if spec.train.num_nodes > 1:
        raise SpecError(
            f"train.num_nodes is {spec.train.num_nodes}",
            hint="start one process a GPU on every node: torchrun --nnodes ... -m segstudio train -e SPEC",
        )
    if wanted == 1:
        return Seat()
    return Seat(ranks=wanted, port=_free_port(), starts_others=True)


def is_companion() -> bool:
    """Whether torchrun has started this process beside another one, which tells the result."""
    return int(os.environ.get("RANK", "0")) > 0


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind((LOOPBACK, 0))
        return int(probe.getsockname()[1])


def make_fabric(spec: ExperimentSpec, seat: Seat) -> Fabric:
    """Devices, precision and the joining of gradients, as a spec wants them for the process of a seat.

    Raises:
        SpecError: the machine lacks the GPUs.
    """
    # Of its words only warnings are for the user.
    logging.getLogger("lightning_fabric").setLevel(logging.WARNING)
    accelerator = spec.studio.accelerator
    if accelerator == "auto":
        accelerator = "cuda" if torch.cuda.is_available() else "cpu"
    devices: int | list[int] = spec.train.num_gpus
    if accelerator == "cuda":
        devices = chosen_gpus(spec)
    precision: Precision = Precision()
    if spec.studio.precision in ("bf16-mixed", "16-mixed"):
        # Named here: Fabric would quietly make bf16 of 16-mixed on the CPU.
        precision = MixedPrecision(spec.studio.precision, accelerator)
    if seat.ranks == 1:
        return Fabric(accelerator=accelerator, devices=devices, plugins=[precision])
    # The ViT backbones have parameters that no loss reaches; looking for such costs time.
    found = spec.model.backbone.type in MIT_VARIANTS
    return Fabric(
        accelerator=accelerator,
        devices=devices,
        num_nodes=spec.train.num_nodes,
        strategy="ddp" if found else "ddp_find_unused_parameters_true",
        plugins=[precision, SeatEnvironment(seat)],
    )


def chosen_gpus(spec: ExperimentSpec) -> list[int]:
    """The numbers of the GPUs of a node: the first num_gpus of gpu_ids, or of all where these are too few.

    Raises:
        SpecError: one of them is not there.
    """
    wanted, named = spec.train.num_gpus, list(spec.train.gpu_ids)
    chosen = named[:wanted] if len(named) >= wanted else list(range(wanted))
    there = torch.cuda.device_count()
    absent = [number for number in chosen if number >= there]
    if absent:
        raise SpecError(
            f"there is no GPU {absent[0]}: this machine has {there}",
            hint="correct train.num_gpus and train.gpu_ids, or set studio.accelerator: cpu",
        )
    return chosen


@contextmanager
def company(seat: Seat, work: Callable[[Seat], None]) -> Iterator[None]:
    """Runs `work` in a process for each other seat of this node, while the body runs here.

    The other processes end with this one, however it ends. An error here ends them; where one of them fails
    on its own, the body's joint work fails, and that is told.

    Raises:
        SegstudioError: another process failed; its own message is on stderr.
    """
    others = _start_others(seat, work) if seat.starts_others else []
    try:
        yield
    except RuntimeError as error:
        lost = _failed(others)
        if lost is None:
            raise
        raise SegstudioError(
            f"process {lost[0]} of the training ended with exit code {lost[1]}",
            hint="its message is above; -9 is often too little memory",
        ) from error
    finally:
        _leave_group()
        for process in others:
            process.join(GRACE_SECONDS)
            if process.is_alive():
                process.kill()
                process.join()


def _start_others(seat: Seat, work: Callable[[Seat], None]) -> list[BaseProcess]:
    context = multiprocessing.get_context("spawn")
    processes: list[BaseProcess] = []
    for rank in range(1, seat.ranks):
        other = Seat(rank, rank, seat.ranks, 0, seat.address, seat.port)
        process = context.Process(target=_live, args=(work, other), name=f"rank {rank}")
        process.start()
        processes.append(process)
    return processes


def _live(work: Callable[[Seat], None], seat: Seat) -> None:
    # The first process is told to stop, saves, and takes the others with it.
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, signal.SIG_IGN)
    threading.Thread(target=_end_with_parent, daemon=True).start()
    try:
        work(seat)
    except SegstudioError as error:
        raise SystemExit(f"process {seat.rank}: {error}") from error
    finally:
        _leave_group()


def _end_with_parent() -> None:
    parent = multiprocessing.parent_process()
    assert parent is not None
    wait([parent.sentinel])
    os._exit(1)


def _leave_group() -> None:
    if dist.is_available() and dist.is_initialized():
        dist.destroy_process_group()


def _failed(others: Sequence[BaseProcess]) -> tuple[int, int] | None:
    for rank, process in enumerate(others, 1):
        process.join(GRACE_SECONDS)
        if process.exitcode:
            return rank, process.exitcode
    return None


class Processes:
    """What the processes of a training tell each other, besides their gradients."""

    def __init__(self, seat: Seat) -> None:
        self.rank, self.ranks = seat.rank, seat.ranks
        # Words on the host: a GPU would have to be waited for.
        self._host = dist.new_group(backend="gloo") if seat.ranks > 1 else None

    def summed(self, values: Tensor) -> Tensor:
        """The sum of a tensor over all processes, on its device; itself where there is one."""
        if self._host is None:
            return values
        total = values.clone()
        dist.all_reduce(total)
        return total

    def summed_on_host(self, values: Tensor) -> Tensor:
        """The same for a tensor on the CPU, without waiting for a GPU."""
        if self._host is None:
            return values
        total = values.clone()
        dist.all_reduce(total, group=self._host)
        return total

    def any(self, flag: bool) -> bool:
        """Whether one of the processes says yes; all get the same answer."""
        return flag if self._host is None else bool(self.summed_on_host(torch.tensor([int(flag)])).item())

    def gathered(self, value: object) -> list[object]:
        """What each process holds, by rank: plain values, and tensors on the CPU."""
        if self._host is None:
            return [value]
        values: list[object] = [None] * self.ranks
        dist.all_gather_object(values, value, group=self._host)
        return values

    def barrier(self) -> None:
        """Waits for all."""
        self.any(False)
