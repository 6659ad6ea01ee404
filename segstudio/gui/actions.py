"""The one table of everything the user can do: menus, toolbar, keys, key sheet and palette come from it."""

from segstudio.gui.action_spec import ActionSpec, Needs
from segstudio.gui.looks_actions import COMPARING, SHOWING


def _tool(
    tool: str, text: str, icon: str, keys: tuple[str, ...], hint: str, needs: Needs = Needs.SAMPLE
) -> ActionSpec:
    calls = "tool.choose"
    return ActionSpec(
        f"tool.{tool}", text, keys, icon, needs, hint, calls, tool, ticks=True, choice=True, strip=True
    )


def _choice(action_id: str, text: str, calls: str, needs: Needs, keys: tuple[str, ...] = ()) -> ActionSpec:
    argument = action_id.partition(".")[2]
    return ActionSpec(
        action_id, text, keys, needs=needs, calls=calls, argument=argument, ticks=True, choice=True
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


A = ActionSpec
N, P, S, E = Needs.NOTHING, Needs.PROJECT, Needs.SAMPLE, Needs.EDITABLE

ACTIONS: tuple[ActionSpec, ...] = (
    A("file.open", "Open folder…", ("Ctrl+O",), "folder-open"),
    A("file.demo", "Open the demo project", (), "play-circle"),
    A("file.rescan", "Look for new images", ("F5",), needs=P, separator=True),
    A("file.save", "Save mask", ("Ctrl+S",), "floppy-disk", E),
    A("file.close", "Close folder", ("Ctrl+W",), needs=P),
    A("file.quit", "Quit", ("Ctrl+Q",), separator=True),
    A("edit.undo", "Undo", ("Ctrl+Z",), "arrow-u-up-left", Needs.UNDO, repeats=True),
    A("edit.redo", "Redo", ("Ctrl+Shift+Z", "Ctrl+Y"), "arrow-u-up-right", Needs.REDO, repeats=True),
    A(
        "edit.undo_batch",
        "Undo the last batch",
        needs=P,
        hint="Gives all samples of the last batch the pixels of before",
        separator=True,
    ),
    _tool("brush", "Brush", "paint-brush", ("B",), "Brush: paint the active class"),
    _tool("eraser", "Eraser", "eraser", ("E",), "Eraser: back to unlabelled"),
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
    A("class.move_up", "Move class up", ("Alt+Up",), "", P, calls="class.move", argument="-1", repeats=True),
    A(
        "class.move_down",
        "Move class down",
        ("Alt+Down",),
        "",
        P,
        calls="class.move",
        argument="1",
        repeats=True,
    ),
    A("class.reset_order", "Classes in the palette's order", needs=P),
    A("class.find", "Find class…", ("/", "Tab"), "magnifying-glass", P),
    A("class.swap", "Previous active class", ("X",), needs=P),
    A("class.above", "Class above", (",",), needs=P, calls="class.step", argument="-1", repeats=True),
    A("class.below", "Class below", (".",), needs=P, calls="class.step", argument="1", repeats=True),
    A(
        "class.lock",
        "Lock active class",
        ("K",),
        "",
        P,
        "Nothing changes a locked class",
        ticks=True,
        separator=True,
    ),
    A("class.lock_others", "Lock all other classes", ("Shift+K",), needs=P),
    A("class.unlock_all", "Unlock all classes", needs=P),
    A("class.hide", "Hide active class", ("Shift+H",), needs=P, ticks=True, separator=True),
    A("class.solo", "Show active class alone", ("Shift+V",), needs=P, ticks=True),
    A("class.show_all", "Show all classes", needs=P),
    _choice("page.editor", "Editor", "page.show", N, ("Ctrl+1",)),
    _choice("page.classes", "Classes", "page.show", N, ("Ctrl+2",)),
    _choice("page.speed", "Speed", "page.show", N, ("Ctrl+3",)),
    _choice("page.runs", "Runs", "page.show", N, ("Ctrl+4",)),
    A("view.overlay", "Overlay", ("V",), needs=S, ticks=True, separator=True),
    A("view.hold_peek", "Image without mask", ("H",), needs=S, hold=True),
    A("view.hold_blink", "Compared layer instead of this one", ("\\",), needs=S, hold=True),
    _choice("layer.mask", "Mask", "view.layer", S),
    _choice("layer.prediction", "Prediction", "view.layer", S),
    _choice("layer.difference", "Difference", "view.layer", S),
    _choice("layer.confidence", "Confidence", "view.layer", S),
    _choice("layer.version", "Version", "view.layer", S),
    A("layer.next", "Next layer", ("M",), needs=S, calls="view.next_layer", separator=True),
    _choice("style.fill", "Filled", "view.outline", S),
    _choice("style.outline", "Outlines", "view.outline", S),
    _choice("style.both", "Filled with outlines", "view.outline", S),
    *COMPARING,
    A("style.next", "Next style", ("O",), needs=S, calls="view.next_outline", separator=True),
    A("view.more", "More opaque", ("=",), needs=S, calls="view.opacity", argument="0.1", repeats=True),
    A("view.less", "Less opaque", ("-",), needs=S, calls="view.opacity", argument="-0.1", repeats=True),
    _choice("colours.original", "Original", "view.colours", P),
    _choice("colours.contrast", "High contrast", "view.colours", P),
    _choice("colours.safe", "Colour-blind safe", "view.colours", P),
    *SHOWING,
    A("view.fit", "Fit window", ("Ctrl+F",), "arrows-out", S, separator=True),
    A("view.fit_width", "Fit width", ("Ctrl+Shift+F",), needs=S),
    A("view.actual", "Actual pixels", ("Ctrl+0",), needs=S),
    A("view.in", "Zoom in", ("Ctrl++", "Ctrl+="), "", S, calls="view.zoom", argument="1.25", repeats=True),
    A("view.out", "Zoom out", ("Ctrl+-",), "", S, calls="view.zoom", argument="0.8", repeats=True),
    A("view.keep", "Keep view between samples", needs=P, ticks=True),
    A("view.left", "Samples panel", ("Ctrl+B",), ticks=True, separator=True),
    A("view.right", "Class panel", ("Ctrl+J",), ticks=True),
    _choice("theme.system", "Like the system", "view.theme", N),
    _choice("theme.light", "Light", "view.theme", N),
    _choice("theme.dark", "Dark", "view.theme", N),
    A("view.larger", "Larger text", calls="view.text_size", argument="0.1"),
    A("view.tinier", "Smaller text", calls="view.text_size", argument="-0.1"),
    A("view.full", "Full screen", ("F11",), ticks=True),
    A(
        "go.previous",
        "Previous sample",
        ("A", "PgUp"),
        "caret-left",
        P,
        calls="go.step",
        argument="-1",
        repeats=True,
    ),
    A(
        "go.next",
        "Next sample",
        ("D", "PgDown"),
        "caret-right",
        P,
        calls="go.step",
        argument="1",
        repeats=True,
    ),
    A("go.work_before", "Previous that needs work", ("Shift+A",), "", P, calls="go.step_work", argument="-1"),
    A("go.work_after", "Next that needs work", ("Shift+D",), "", P, calls="go.step_work", argument="1"),
    A("go.submit", "Submit and next", ("Ctrl+Return",), "check", S, separator=True),
    A("mark.accepted", "Mark as accepted", needs=S, calls="go.mark", argument="accepted"),
    A("mark.rejected", "Mark as rejected", needs=S, calls="go.mark", argument="rejected"),
    A("mark.skipped", "Mark as skipped", needs=S, calls="go.mark", argument="skipped"),
    A("mark.in_progress", "Mark as in progress", needs=S, calls="go.mark", argument="in_progress"),
    A("model.predict", "Predict this sample", ("Ctrl+P",), "sparkle", Needs.MODEL),
    A("model.predict_all", "Predict all samples", ("Ctrl+Shift+P",), "stack", Needs.MODEL),
    A("model.cancel", "Cancel the running job", ("Ctrl+.",), "x", Needs.JOB),
    A(
        "model.accept",
        "Accept whole prediction",
        ("Ctrl+Shift+A",),
        "check-circle",
        Needs.PREDICTION,
        "The mask becomes the prediction; locked classes stay",
        separator=True,
    ),
    A(
        "model.accept_class",
        "Accept active class",
        ("Ctrl+Shift+C",),
        "",
        Needs.PREDICTION,
        "Take what is predicted as the active class",
    ),
    A(
        "model.fill",
        "Fill unlabelled pixels",
        ("Ctrl+Shift+U",),
        "",
        Needs.PREDICTION,
        "Use the prediction where the mask is unlabelled",
    ),
    A(
        "model.disagreement",
        "Next disagreement",
        ("N",),
        "",
        Needs.PREDICTION,
        "Where mask and model differ, the weightiest region first",
        calls="model.disagree",
        argument="1",
        separator=True,
    ),
    A(
        "model.disagreement_before",
        "Previous disagreement",
        ("Shift+N",),
        "",
        Needs.PREDICTION,
        calls="model.disagree",
        argument="-1",
    ),
    A(
        "model.take_side",
        "Take the model's side",
        needs=Needs.PREDICTION,
        hint="The disagreement that is shown becomes what the model says (Enter)",
    ),
    A(
        "model.keep_side",
        "Keep the mask's side",
        needs=Needs.PREDICTION,
        hint="The disagreement that is shown does not come back (Shift+Enter)",
    ),
    A("model.drop", "Discard prediction", (), "trash", Needs.PREDICTION),
    A(
        "model.evaluate",
        "Evaluate on this folder's masks",
        ("Ctrl+E",),
        "chart-bar",
        Needs.MODEL,
        separator=True,
    ),
    A(
        "model.import_model",
        "Import a model…",
        icon="download-simple",
        hint="Weights of TAO, NVlabs, mmsegmentation or Hugging Face, an ONNX file, or a model folder",
    ),
    A(
        "model.export_model",
        "Export a model…",
        ("Ctrl+Shift+E",),
        "export",
        hint="To ONNX, OpenVINO, TensorRT, DeepStream, TAO's form or Hugging Face, each judged by a gate",
    ),
    A("help.keys", "Keys", ("F1",), "keyboard"),
    A("help.layouts", "Keys and layouts…"),
    A("help.commands", "Command palette…", ("Ctrl+K",), "command"),
    A("help.log", "Open the log folder", separator=True),
    A("help.about", "About segstudio"),
)

BY_ID: dict[str, ActionSpec] = {spec.id: spec for spec in ACTIONS}


def key_conflicts(actions: tuple[ActionSpec, ...] = ACTIONS) -> dict[str, list[str]]:
    """Keys that more than one action claims, with the actions' ids; digits belong to the class slots."""
    owners: dict[str, list[str]] = {}
    for spec in actions:
        for key in spec.keys:
            owners.setdefault(key.casefold(), []).append(spec.id)
    for digit in "1234567890":
        owners.setdefault(digit, []).append("class slots")
        owners.setdefault(f"shift+{digit}", []).append("class slots")
    return {key: ids for key, ids in owners.items() if len(ids) > 1}
