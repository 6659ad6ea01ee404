"""The rows of the action table on how a sample is compared and shown."""

from segstudio.gui.actions.action_spec import ActionSpec, Needs, choice

A = ActionSpec
P, S = Needs.PROJECT, Needs.SAMPLE


COMPARING: tuple[ActionSpec, ...] = (
    choice("differ.all", "All disagreements", "looks.difference", S),
    choice("differ.active", "Active class: right, extra, missed", "looks.difference", S),
    choice("differ.wide", "Without thin borders", "looks.difference", S),
    choice("compare.off", "One layer", "looks.compare", S),
    choice("compare.split", "Split", "looks.compare", S, ("F6",)),
    choice("compare.beside", "Side by side", "looks.compare", S, ("F7",)),
    choice("other.prediction", "Prediction", "looks.other", S),
    choice("other.mask", "Mask", "looks.other", S),
    choice("other.version", "Version", "looks.other", S),
    choice("other.difference", "Difference", "looks.other", S),
    choice("other.confidence", "Confidence", "looks.other", S),
    choice("other.image", "Image alone", "looks.other", S),
    A("other.next", "Next", ("Shift+F6",), needs=S, calls="looks.next_other", separator=True),
    A(
        "view.divide_left",
        "Divider to the left",
        ("Shift+Left",),
        needs=S,
        calls="looks.divide",
        argument="-0.02",
        repeats=True,
    ),
    A(
        "view.divide_right",
        "Divider to the right",
        ("Shift+Right",),
        needs=S,
        calls="looks.divide",
        argument="0.02",
        repeats=True,
    ),
)

SHOWING: tuple[ActionSpec, ...] = (
    A(
        "view.patterns",
        "Class patterns",
        needs=P,
        hint="Stripes tell classes apart",
        calls="looks.patterns",
        ticks=True,
    ),
    A(
        "view.names",
        "Class names on the image",
        needs=P,
        hint="Names on large regions",
        calls="looks.names",
        ticks=True,
    ),
    A(
        "view.adjust",
        "Adjust image…",
        ("F8",),
        "sliders-horizontal",
        S,
        "Brightness, contrast, gamma and local contrast, on screen only",
        calls="looks.adjust",
    ),
    A("view.neutral", "Image as it is", ("Shift+F8",), needs=S, calls="looks.neutral"),
    A("view.minimap", "Minimap", ("F9",), needs=P, calls="looks.minimap", ticks=True),
)
