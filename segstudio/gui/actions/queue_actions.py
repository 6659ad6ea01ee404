"""The rows of the action table on the list of samples and its grid."""

from segstudio.gui.actions.action_spec import ActionSpec, Needs

A = ActionSpec
P = Needs.PROJECT


QUEUE: tuple[ActionSpec, ...] = (
    A("queue.find", "Filter samples…", ("Ctrl+G",), "funnel", P, separator=True),
    A("queue.grid", "Grid of samples", ("G",), "grid-four", P, "The listed samples as tiles, and back"),
    A(
        "queue.regions",
        "Regions of the active class",
        ("Ctrl+Shift+G",),
        "crop",
        P,
        "Every region of the class in the listed samples, as a crop",
    ),
)
