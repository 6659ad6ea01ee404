"""What a training is made of while it runs."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path

from lightning_fabric import Fabric
from torch import nn

from segstudio.jobs import JobContext
from segstudio.metrics.confusion import Scores
from segstudio.networks.segformer import SegFormer
from segstudio.training.checkpoint import TrainingState
from segstudio.training.data.plan import Plan
from segstudio.training.data.split import Split
from segstudio.training.distributed import Processes
from segstudio.training.journal import Journal
from segstudio.training.objective import Objective
from segstudio.training.spec.schema import ExperimentSpec
from segstudio.training.validate import Validation


@dataclass
class Run:
    """Everything that a training is made of.

    Attributes:
        spec: everything that decides the result.
        folder: where it writes.
        fabric: device, precision, joined gradients.
        processes: that share the work.
        model: the network as fabric runs it.
        state: what a checkpoint holds.
        scored: a network for the averaged weights while they are validated.
        train: its samples.
        plan: which of them each step sees.
        validation: the samples to score; falsy without any.
        objective: the loss.
        steps: of the whole run.
        validation_steps: from one validation to the next.
        checkpoint_steps: from one checkpoint to the next.
        journal: what it tells.
        context: that may ask it to stop.
        last: scores of the last validation of this session.
    """

    spec: ExperimentSpec
    folder: Path
    fabric: Fabric
    processes: Processes
    model: nn.Module
    state: TrainingState
    scored: SegFormer
    train: Split
    plan: Plan
    validation: Validation
    objective: Objective
    steps: int
    validation_steps: int
    checkpoint_steps: int
    journal: Journal
    context: JobContext
    last: Scores | None = field(default=None)

    @property
    def leads(self) -> bool:
        """Whether this process is the first, which alone writes files."""
        return self.processes.rank == 0

    @property
    def done(self) -> bool:
        """Whether no step is to follow."""
        return self.state.ended or self.state.step >= self.steps

    @property
    def epoch(self) -> int:
        """The epoch of the last finished step, from 0."""
        return max(0, self.state.step - 1) // self.plan.steps_per_epoch

    def names(self, step: int) -> Sequence[str]:
        """The samples that a step sees, of all processes and accumulated batches."""
        return [self.train.describe(draw) for draw in self.plan.draws(step)]
