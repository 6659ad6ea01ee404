"""What a user chooses about a retraining: samples, start, preset, time, and what follows it."""

from collections.abc import Mapping
from dataclasses import asdict, dataclass, fields, replace
from typing import Any

from segstudio.errors import InputError
from segstudio.project.sample import SampleStatus

SCRATCH = "scratch"
MODEL_SIGN = "model:"
CLASSES = ("auto", "model", "project")


@dataclass(frozen=True)
class RetrainChoice:
    """One retraining of a project's samples.

    Attributes:
        start: "model:NAME" or "model:FOLDER", the path of .safetensors weights, or "scratch".
        query: which samples to learn from, in the query language of samples; "" takes all.
        statuses: of the samples that are learnt from and scored.
        validation: name of the split that is scored; neither its samples nor those of "test" are learnt
            from.
        drawn_share: share of the samples that is drawn for validation, whole sequences together, where that
            split has no sample; 0 trains without validation.
        seed: of what is drawn.
        classes: of the network: "model" keeps those of the start, "project" takes the project's; "auto" keeps
            the model's where each of the project's classes has a counterpart of its own there.
        preset: key of presets.PRESETS; "" takes what fits this machine.
        minutes: how long the training may take.
        name: of the run and of its model; "" makes one of the start's name and a number.
        balanced_share: share of the crops that are centred on a class drawn with equal chances, 0-1.
        class_weight_strength: how much rare classes weigh in the loss: frequency to the power -strength, 0-1.
        freeze_backbone: only the decode head learns.
        evaluate: the result is scored on the held-out samples after the training.
        formats: the result is exported to these; keys of workflows.exports.formats.FORMATS.
        spec: YAML of the experiment that takes the place of what follows from all of these; "" for none.
    """

    start: str = ""
    query: str = ""
    statuses: tuple[str, ...] = (SampleStatus.ACCEPTED.value,)
    validation: str = "val"
    drawn_share: float = 0.2
    seed: int = 0
    classes: str = "auto"
    preset: str = ""
    minutes: float = 10.0
    name: str = ""
    balanced_share: float = 0.5
    class_weight_strength: float = 0.2
    freeze_backbone: bool = False
    evaluate: bool = True
    formats: tuple[str, ...] = ()
    spec: str = ""

    def __post_init__(self) -> None:
        """Refuses what no training could do.

        Raises:
            InputError: names the field and what it may be.
        """
        known = [status.value for status in SampleStatus]
        shares = {"balanced_share": self.balanced_share, "drawn_share": self.drawn_share}
        for name, share in shares.items():
            if not 0 <= share <= (1 if name == "balanced_share" else 0.9):
                raise InputError(f"{name} is {share:g}", hint="give a share between 0 and 1")
        if self.minutes <= 0:
            raise InputError(f"{self.minutes:g} minutes are no time to train", hint="give a number above 0")
        if not 0 <= self.class_weight_strength <= 1:
            raise InputError(f"class weights of {self.class_weight_strength:g}", hint="give 0 to 1")
        if self.classes not in CLASSES:
            raise InputError(f"classes {self.classes!r}", hint=f"use one of {', '.join(CLASSES)}")
        for status in self.statuses:
            if status not in known:
                raise InputError(f"there is no status {status!r}", hint=f"use one of {', '.join(known)}")

    @property
    def model(self) -> str:
        """Name or folder of the model to start from; "" where it is none."""
        return self.start.removeprefix(MODEL_SIGN) if self.start.startswith(MODEL_SIGN) else ""

    @property
    def from_scratch(self) -> bool:
        """Whether the network starts from random weights."""
        return self.start in ("", SCRATCH)

    def with_spec(self, text: str) -> "RetrainChoice":
        """The same with an edited YAML."""
        return replace(self, spec=text)

    def to_json(self) -> dict[str, Any]:
        """A JSON-ready form."""
        return asdict(self)


def choice_from_json(values: Mapping[str, Any]) -> RetrainChoice:
    """The choice that a JSON object holds; what it lacks is as by default, what is unknown is left out."""
    known = {field.name for field in fields(RetrainChoice)}
    given: dict[str, Any] = {
        key: tuple(value) if isinstance(value, list) else value
        for key, value in values.items()
        if key in known
    }
    return RetrainChoice(**given)
