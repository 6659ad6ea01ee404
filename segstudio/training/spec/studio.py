"""The keys of a spec that TAO has no name for: studio."""

from dataclasses import dataclass, field


@dataclass(frozen=True)
class SourceSpec:
    """One source of samples.

    Attributes:
        kind: folder (images and masks paired by name), list (a file that names pairs), manifest (frozen from
            a project) or scenes (drawn streets).
        images: folder of images.
        masks: folder of masks; "" for images without masks.
        path: the file of a list or manifest: CSV or text with `image,mask` a line, relative to the file.
        palette: name or path of the palette of the masks, mapped to dataset.segment.palette by class name;
            "" is the spec's own.
        encoding: as studio.masks.encoding; "" takes that.
        weight: share of the samples drawn from here, relative to the other sources.
        limit: at most so many samples, evenly spread; 0 takes all.
        count: of scenes.
        first_seed: of scenes.
        height: of scenes.
        width: of scenes.
    """

    kind: str = "folder"
    images: str = ""
    masks: str = ""
    path: str = ""
    palette: str = ""
    encoding: str = ""
    weight: float = 1.0
    limit: int = 0
    count: int = 0
    first_seed: int = 0
    height: int = 360
    width: int = 480


@dataclass(frozen=True)
class MaskRules:
    """studio.masks: how mask files are read.

    Attributes:
        encoding: auto, ids (numbers are class ids), colours (RGB of the palette), binary (0 and 255),
            cityscapes-ids (labelIds), cityscapes-train-ids.
        unmatched: what colours and ids outside the palette do: stop, or ignore (they never count).
        reduce_zero_label: 0 is ignored and all other ids are one lower, as in ADE20K.
        palette_order: an id in the file is a position in the palette, whatever its label_id (old specs).
        threshold: binary masks are 1 above this share of 255.
    """

    encoding: str = "auto"
    unmatched: str = "stop"
    reduce_zero_label: bool = False
    palette_order: bool = False
    threshold: float = 0.5


@dataclass(frozen=True)
class DataSpec:
    """studio.data: what is checked before a run.

    Attributes:
        grayscale: images are read as grey and given to the network as three equal channels.
        leakage: near-duplicates between training and validation: warn, stop or off.
        cache_mb: decoded samples are kept in memory up to this size, shared by the workers.
    """

    grayscale: bool = False
    leakage: str = "warn"
    cache_mb: int = 4096


@dataclass(frozen=True)
class Extras:
    """studio.augmentation: which set is used, and what TAO has no key for.

    Attributes:
        kind: studio, tao or nvlabs (mmsegmentation's); see docs/training.md.
        base_side: scale factors are relative to images of this shorter side; 0: as they are.
        largest_class_share: a crop is drawn again (up to 5 times) while one class covers more of it.
        rotate_degrees: small turns, uniform from -degrees to degrees (set studio).
        blur_probability: of a blur (set studio).
        noise_probability: of noise (set studio).
    """

    kind: str = "tao"
    base_side: int = 0
    largest_class_share: float = 1.0
    rotate_degrees: float = 0.0
    blur_probability: float = 0.1
    noise_probability: float = 0.1


@dataclass(frozen=True)
class CropStage:
    """From a fraction of the run on: crop size in pixels and samples a step (progressive resizing).

    Stages of equal start are mixed: each step takes one of them, by their shares.

    Attributes:
        start: share of the run after which the stage begins.
        height: of the crops.
        width: of the crops.
        batch: samples a step and process.
        share: of the steps, among stages of equal start.
        scale: factor on with_scale_random_crop.scale_range, so that a stage sees them larger or smaller.
    """

    start: float = 0.0
    height: int = 512
    width: int = 512
    batch: int = 8
    share: float = 1.0
    scale: float = 1.0


@dataclass(frozen=True)
class NetworkForm:
    """studio.network: what distinguishes the producers' networks of one backbone.

    It is to be set as `segstudio models inspect` shows it where a training starts from their weights.

    Attributes:
        head: linear (NVlabs, TAO, Hugging Face) or mmseg (BatchNorm and ReLU a level before the fusion).
        head_bias: TAO 6 has a bias in the fuse convolution.
        norm_eps: eps of a MiT's LayerNorms: nvlabs (and TAO), huggingface or mmseg.
        paired_waves: false for a FAN of NVlabs' segmentation weights.
    """

    head: str = "linear"
    head_bias: bool = False
    norm_eps: str = "nvlabs"
    paired_waves: bool = True


@dataclass(frozen=True)
class LossSpec:
    """studio.loss: weights of the parts of the loss; all leave ignored pixels out.

    Attributes:
        ce: weight of cross-entropy (train.segment.loss `mmiou` takes TAO's loss in its place).
        dice: weight of the soft Dice loss.
        focal: weight of the focal loss.
        focal_gamma: exponent of the focal loss.
        lovasz: weight of the Lovasz-softmax loss.
        boundary: how many times more a pixel at a border between classes counts in cross-entropy, less 1.
        boundary_width: reach of a border in pixels.
        class_weights: one a class, for cross-entropy and focal; empty: by class_weight_strength.
        class_weight_strength: frequency to the power -strength; 0 weighs all classes alike.
        label_smoothing: share of the target spread over all classes.
        hardest_share: share of the pixels that counts, hardest first (online hard example mining); 1: all.
    """

    ce: float = 1.0
    dice: float = 0.0
    focal: float = 0.0
    focal_gamma: float = 2.0
    lovasz: float = 0.0
    boundary: float = 0.0
    boundary_width: int = 3
    class_weights: tuple[float, ...] = ()
    class_weight_strength: float = 0.0
    label_smoothing: float = 0.0
    hardest_share: float = 1.0


@dataclass(frozen=True)
class ScheduleSpec:
    """studio.schedule: the learning rate over the run; everything is a share of the run's length.

    Attributes:
        policy: "" takes train.optim.policy; or linear, step, poly, cosine, constant.
        warmup_share: share of the run in which the rate rises linearly.
        warmup_start: share of the rate that the warm-up begins with.
        power: exponent of poly.
        end: the last rate, relative to train.optim.lr.
    """

    policy: str = ""
    warmup_share: float = 0.01
    warmup_start: float = 1e-6
    power: float = 1.0
    end: float = 0.0


@dataclass(frozen=True)
class OptimExtras:
    """studio.optim: what train.optim has no key for.

    Attributes:
        betas: decay rates of the moments of Adam and AdamW.
        head_lr_factor: the head's learning rate, relative to the backbone's.
        accumulation: batches a step; gradients are those of one batch of all of them.
        gradient_clip: largest norm of the gradient; 0 leaves it.
        ema_decay: decay of the averaged weights that are validated and exported; 0: the weights themselves.
        muon: matrices and kernels are moved by Muon, the rest by AdamW; needs train.optim.optim adamw.
    """

    betas: tuple[float, float] = (0.9, 0.999)
    head_lr_factor: float = 10.0
    accumulation: int = 1
    gradient_clip: float = 0.0
    ema_decay: float = 0.0
    muon: bool = False


@dataclass(frozen=True)
class EarlyStop:
    """studio.early_stop: ends a run that no longer gains.

    Attributes:
        patience: validations without a gain of the mIoU; 0: the run goes to its end.
        min_gain: what counts as a gain, as a fraction.
    """

    patience: int = 0
    min_gain: float = 0.0


@dataclass(frozen=True)
class EvaluationSpec:
    """studio.evaluation: how images are brought to the network and scored, in training and after it.

    Attributes:
        protocol: original (scored at the image's own size) or tao (image and mask stretched to img_size).
        resize: "" (stretch for the augmentation set tao, else short_side), short_side, stretch or native.
        short_side: pixels of the shorter side at which the network sees images; 0: as they are.
        window: whole, or slide (mmsegmentation's: window_size and stride, summed logits).
        window_size: side of a window in pixels.
        stride: pixels from one window to the next.
        flip: averages with the mirror image.
        scales: averages over these factors of the size.
        bootstrap: resamples for the confidence intervals; 0: none.
        boundary_share: half width of the band of boundary IoU, as a share of the diagonal.
    """

    protocol: str = "original"
    resize: str = ""
    short_side: int = 0
    window: str = "whole"
    window_size: int = 1024
    stride: int = 768
    flip: bool = False
    scales: tuple[float, ...] = (1.0,)
    bootstrap: int = 1000
    boundary_share: float = 0.005


@dataclass(frozen=True)
class WatchSpec:
    """studio.watch: predictions of a few validation samples, kept at every validation.

    Attributes:
        count: samples, evenly spread over the validation split; 0 keeps none.
        side: the longer side of the kept pictures at most, in pixels.
    """

    count: int = 0
    side: int = 480


@dataclass(frozen=True)
class InferenceExtras:
    """studio.inference: what `inference` writes.

    Attributes:
        save: any of ids, color, overlay, confidence.
        tao_names: the same pictures under TAO's names too.
    """

    save: tuple[str, ...] = ("ids", "color", "overlay")
    tao_names: bool = False


@dataclass(frozen=True)
class ExportExtras:
    """studio.export: what `export` writes.

    Attributes:
        output: of TAO's ONNX file: logits (TAO 6 and 7), argmax (ids [N,1,H,W], TAO 5.5) or argmax-last
            (ids [N,H,W,1], TAO 5.0 to 5.3).
        model_folder: also makes a model beside it that segstudio itself runs.
    """

    output: str = "logits"
    model_folder: bool = True


@dataclass(frozen=True)
class StudioSpec:
    """studio

    Attributes:
        preset: the defaults that lie under a file: studio, scratch, nvlabs or tao; "" is studio for files
            with a studio section, else tao.
        name: name of the model.
        max_steps: optimiser steps; 0 takes train.num_epochs over all samples.
        sources: training samples, in place of root_dir's train_split.
        validation: samples to score, in place of root_dir's validation_split.
        test: samples for `evaluate`, in place of root_dir's test_split.
        predict: images for `inference`, in place of root_dir's predict_split.
        crops: empty: one stage of img_size x img_size with batch_size samples.
        balanced_share: share of the crops that are centred on a pixel of a class drawn with equal chances.
        drop_path: null takes the backbone's usual rate.
        head_dropout: share of the channels before the classifier that drop out in training.
        precision: 32-true, bf16-mixed or 16-mixed.
        accelerator: auto, cpu or cuda.
        threads: threads of one process on the CPU; 0 leaves torch's choice.
        log_every: steps between two entries of the log.
    """

    preset: str = ""
    name: str = "model"
    max_steps: int = 0
    sources: tuple[SourceSpec, ...] = ()
    validation: tuple[SourceSpec, ...] = ()
    test: tuple[SourceSpec, ...] = ()
    predict: tuple[SourceSpec, ...] = ()
    masks: MaskRules = field(default_factory=MaskRules)
    data: DataSpec = field(default_factory=DataSpec)
    augmentation: Extras = field(default_factory=Extras)
    crops: tuple[CropStage, ...] = ()
    balanced_share: float = 0.0
    network: NetworkForm = field(default_factory=NetworkForm)
    drop_path: float | None = None
    head_dropout: float = 0.1
    loss: LossSpec = field(default_factory=LossSpec)
    optim: OptimExtras = field(default_factory=OptimExtras)
    schedule: ScheduleSpec = field(default_factory=ScheduleSpec)
    early_stop: EarlyStop = field(default_factory=EarlyStop)
    evaluation: EvaluationSpec = field(default_factory=EvaluationSpec)
    watch: WatchSpec = field(default_factory=WatchSpec)
    inference: InferenceExtras = field(default_factory=InferenceExtras)
    export: ExportExtras = field(default_factory=ExportExtras)
    precision: str = "32-true"
    accelerator: str = "auto"
    threads: int = 0
    log_every: int = 20
