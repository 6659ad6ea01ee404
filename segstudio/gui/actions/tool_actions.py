"""The rows of the action table on tools, the brush and regions."""

from segstudio.gui.actions.action_spec import ActionSpec, Needs

A = ActionSpec
S, E = Needs.SAMPLE, Needs.EDITABLE


def _tool(
    tool: str, text: str, icon: str, keys: tuple[str, ...], hint: str, needs: Needs = Needs.SAMPLE
) -> ActionSpec:
    calls = "tool.choose"
    return ActionSpec(
        f"tool.{tool}", text, keys, icon, needs, hint, calls, tool, ticks=True, choice=True, strip=True
    )


def _region(op: str, text: str, key: str, hint: str) -> ActionSpec:
    return ActionSpec(
        f"region.{op}",
        text,
        (key,) if key else (),
        needs=Needs.EDITABLE,
        hint=hint,
        calls="region.reshape",
        argument=op,
    )


def _class(name: str, op: str, text: str, hint: str = "", *, separator: bool = False) -> ActionSpec:
    calls = "region.reshape_class"
    return ActionSpec(
        f"region.{name}",
        text,
        needs=Needs.EDITABLE,
        hint=hint,
        calls=calls,
        argument=op,
        separator=separator,
    )


TOOLS: tuple[ActionSpec, ...] = (
    _tool("brush", "Brush", "paint-brush", ("B",), "Brush: paint the active class"),
    _tool("eraser", "Eraser", "eraser", ("E",), "Eraser: back to unlabelled, or to what its options say"),
    _tool(
        "restore",
        "Restore brush",
        "clock-counter-clockwise",
        ("Shift+B",),
        "Restore: paint back what was predicted or saved",
    ),
    _tool("polygon", "Polygon", "polygon", ("P",), "Polygon: click corners, Enter fills"),
    _tool("lasso", "Lasso", "scribble-loop", ("L",), "Lasso: drag round an area, it takes the active class"),
    _tool(
        "extend",
        "Extend region",
        "arrows-out-cardinal",
        ("Shift+L",),
        "Extend: drag out of a region and round what belongs to it too",
    ),
    _tool("fill", "Fill region", "paint-bucket", ("F",), "Fill: the clicked region takes the active class"),
    _tool("relabel", "Relabel region", "swap", ("R",), "Relabel: the region takes the class you choose"),
    _tool("wand", "Magic wand", "magic-wand", ("W",), "Wand: connected pixels of like colour"),
    _tool("superpixel", "Superpixels", "hexagon", ("S",), "Superpixels: cells of like colour, click or drag"),
    _tool("scissors", "Scissors", "scissors", ("C",), "Scissors: an outline that follows edges, Enter fills"),
    _tool("segment", "Click to segment", "crosshair", ("Q",), "Segment: click what belongs, Enter paints"),
    _tool(
        "shape",
        "Reshape region",
        "bounding-box",
        ("Z",),
        "Reshape: grow, shrink, smooth, fill, merge or split the clicked region",
    ),
    _tool(
        "accept_region",
        "Use prediction here",
        "selection-plus",
        ("U",),
        "Take the predicted region you click",
        Needs.PREDICTION,
    ),
    _tool("pick", "Pick class", "eyedropper", ("I",), "Pick: the clicked class becomes active"),
    _tool("pan", "Pan", "hand", (), "Pan: drag the image (hold {tool.hold_pan} in any other tool)"),
    A(
        "tool.filter",
        "Paint filter",
        ("T",),
        "",
        S,
        "Paint only over some classes, or where the model is unsure",
        ticks=True,
    ),
    A("tool.filter_rules", "Paint only…", ("Shift+T",), "funnel", S, "Which pixels tools may paint"),
    A("tool.hold_pan", "Pan", ("Space",), needs=S, hold=True),
    A(
        "tool.bigger",
        "Larger brush",
        ("]",),
        "",
        S,
        calls="tool.resize",
        argument="1",
        repeats=True,
        separator=True,
    ),
    A("tool.smaller", "Smaller brush", ("[",), "", S, calls="tool.resize", argument="-1", repeats=True),
    A(
        "tool.big",
        "Brush larger ×10",
        ("}", "Shift+]"),
        "",
        S,
        calls="tool.resize",
        argument="10",
        repeats=True,
    ),
    A(
        "tool.small",
        "Brush smaller ×10",
        ("{", "Shift+["),
        "",
        S,
        calls="tool.resize",
        argument="-10",
        repeats=True,
    ),
)

REGIONS: tuple[ActionSpec, ...] = (
    _region("grow", "Grow region", "Ctrl+]", "The region under the cursor gets wider on all sides"),
    _region("shrink", "Shrink region", "Ctrl+[", "The nearest class takes the region's rim"),
    _region("smooth", "Smooth region", "Shift+S", "Round the region's border off"),
    _region("fill_holes", "Fill holes of region", "Shift+F", "What the region encloses takes its class"),
    _region("merge", "Merge region into surroundings", "Shift+M", "It takes the class of its longest border"),
    _region("split", "Split region along a line", "Shift+C", "The smaller part takes the active class"),
    A(
        "region.second_choice",
        "Model's second choice",
        ("Shift+R",),
        "",
        Needs.PREDICTION,
        "The region under the cursor takes the next class that the model sees in it",
        separator=True,
    ),
    A(
        "region.candidates",
        "Choose among what the model sees…",
        ("Ctrl+R",),
        "",
        Needs.PREDICTION,
        "The classes that the model sees in the region under the cursor, with scores",
    ),
    A(
        "region.accept",
        "Accept the model here",
        ("Shift+U",),
        "",
        Needs.PREDICTION,
        "The region under the cursor becomes what the model says there",
    ),
    A(
        "region.alike",
        "All regions like this…",
        ("Shift+G",),
        "",
        E,
        "Find regions like the one under the cursor in all samples, and relabel them together",
    ),
    _region("keep", "Keep this region of its class", "", "Its other regions take the class around them"),
    _class("class_holes", "fill_holes", "Fill all holes of active class", separator=True),
    _class(
        "islands",
        "merge",
        "Remove islands of active class",
        "Its small regions take the class around them; the region tool's Merge says how small",
    ),
    _class(
        "class_largest",
        "keep",
        "Keep largest region of active class",
        "The others take the class around them",
    ),
    _class("class_grow", "grow", "Grow active class", "As far as the region tool's Grow says"),
    _class("class_shrink", "shrink", "Shrink active class", "As far as the region tool's Shrink says"),
    _class("class_smooth", "smooth", "Smooth active class", "As much as the region tool's Smooth says"),
)
