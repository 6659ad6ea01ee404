"""The rows of the action table on how a sample is compared and shown."""

from segstudio.gui.action_spec import ActionSpec, Needs

A = ActionSpec
P, S = Needs.PROJECT, Needs.SAMPLE


def _choice(action_id: str, text: str, calls: str, keys: tuple[str, ...] = ()) -> ActionSpec:
    argument = action_id.partition(".")[2]
    return A(action_id, text, keys, needs=S, calls=calls, argument=argument, ticks=True, choice=True)


COMPARING: tuple[ActionSpec, ...] = (
    _choice("differ.all", "All disagreements", "looks.difference"),
    _choice("differ.active", "Active class: right, extra, missed", "looks.difference"),
    _choice("differ.wide", "Without thin borders", "looks.difference"),
    _choice("compare.off", "One layer", "looks.compare"),
    _choice("compare.split", "Split", "looks.compare", ("F6",)),
    _choice("compare.beside", "Side by side", "looks.compare", ("F7",)),
    _choice("other.prediction", "Prediction", "looks.other"),
    _choice("other.mask", "Mask", "looks.other"),
    _choice("other.version", "Version", "looks.other"),
    _choice("other.difference", "Difference", "looks.other"),
    _choice("other.confidence", "Confidence", "looks.other"),
    _choice("other.image", "Image alone", "looks.other"),
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
