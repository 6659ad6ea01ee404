"""The rows of the action table on training."""

from segstudio.gui.actions.action_spec import ActionSpec, Needs

A = ActionSpec

TRAINING: tuple[ActionSpec, ...] = (
    A(
        "train.retrain",
        "Retrain…",
        ("Ctrl+Shift+T",),
        "graduation-cap",
        Needs.PROJECT,
        "A model learns from the samples that you have accepted",
        separator=True,
    ),
    A(
        "train.stop_on_close",
        "Stop training when the window closes",
        hint="Else it goes on, and is here again when the folder is opened",
        ticks=True,
    ),
)
