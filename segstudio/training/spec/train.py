"""The keys of a spec that concern the training: train."""

from dataclasses import dataclass, field

from segstudio.training.spec.unused import unused


@dataclass(frozen=True)
class OptimSpec:
    """train.optim

    Attributes:
        optim: adamw, adam or sgd.
        lr: the backbone's learning rate; the head's is studio.optim.head_lr_factor times that.
        policy: linear (warm-up, then down to 0), step (a tenth after each third of the run), poly, cosine or
            constant; studio.schedule has what belongs to it.
        momentum: of sgd.
        weight_decay: not of norms, biases, scales and positions.
    """

    optim: str = "adamw"
    lr: float = 6e-5
    policy: str = "linear"
    momentum: float = 0.9
    weight_decay: float = 0.01
    monitor_name: str = unused("val_loss", "no schedule waits for a plateau")


@dataclass(frozen=True)
class TrainSegment:
    """train.segment

    Attributes:
        loss: ce, or TAO's mmiou (minus the sum of mean and worst soft IoU); studio.loss adds others.
    """

    loss: str = "ce"
    weights: tuple[float, ...] = unused(
        (0.5, 0.5, 0.5, 0.8, 1.0), "the head has one scale; for class weights see studio.loss.class_weights"
    )


@dataclass(frozen=True)
class Cudnn:
    """train.cudnn

    Attributes:
        benchmark: measures which convolutions are fastest; results may differ between runs.
        deterministic: the same run gives the same weights.
    """

    benchmark: bool = False
    deterministic: bool = True


@dataclass(frozen=True)
class Tensorboard:
    """train.tensorboard

    Attributes:
        enabled: writes curves for TensorBoard, which must be installed.
        infrequent_logging_frequency: log entries from one point of a curve to the next.
    """

    enabled: bool = False
    infrequent_logging_frequency: int = 2


@dataclass(frozen=True)
class Checkpointer:
    """train.checkpointer: which checkpoints are kept besides the latest and the best.

    Attributes:
        enable_topk: keeps the save_top_k best; else one for every train.checkpoint_interval.
        monitor: the score that decides which is best.
        mode: max or min.
        save_top_k: how many; -1 keeps all.
    """

    enable_topk: bool = False
    monitor: str = "val_miou"
    mode: str = "max"
    save_top_k: int = 3
    save_last: bool = unused(True, "the latest checkpoint is always kept")
    dirpath: str | None = unused(None, "checkpoints lie in the run's folder")
    filename: str | None = unused(None, "checkpoints are named by epoch and step")
    auto_insert_metric_name: bool = unused(False, "checkpoints are named by epoch and step")


@dataclass(frozen=True)
class TrainSection:
    """train

    Attributes:
        num_gpus: processes; 1 takes gpu_ids[0]; on the CPU it is the number of processes.
        gpu_ids: which GPUs.
        num_nodes: machines.
        seed: of everything that is drawn; negative: not seeded.
        num_epochs: rounds through all samples; studio.max_steps takes its place when given.
        checkpoint_interval: between two checkpoints, in the unit below.
        checkpoint_interval_unit: epoch or step; with step, validation_interval counts steps too.
        validation_interval: epochs between two validations.
        resume_training_checkpoint_path: goes on from this file of an earlier run; null goes on from the
            run's own latest.
        results_dir: null is <results_dir>/train.
        pretrained_model_path: a whole network to start from; null starts from random weights.
        checkpointer: null, or keys of its own (enable_topk, monitor, mode, save_top_k).
        sync_batchnorm: processes share the statistics of the head's BatchNorm, as TAO 6 always does.
    """

    num_gpus: int = 1
    gpu_ids: tuple[int, ...] = (0,)
    num_nodes: int = 1
    seed: int = 1234
    cudnn: Cudnn = field(default_factory=Cudnn)
    num_epochs: int = 10
    checkpoint_interval: int = 1
    checkpoint_interval_unit: str = "epoch"
    validation_interval: int = 1
    resume_training_checkpoint_path: str | None = None
    results_dir: str | None = None
    pretrained_model_path: str | None = None
    optim: OptimSpec = field(default_factory=OptimSpec)
    segment: TrainSegment = field(default_factory=TrainSegment)
    tensorboard: Tensorboard = field(default_factory=Tensorboard)
    checkpointer: Checkpointer | None = None
    use_distributed_sampler: bool = unused(False, "processes always share the samples of a step")
    sync_batchnorm: bool = True
    enable_lr_monitor: bool | None = unused(None, "the learning rate is always logged")
