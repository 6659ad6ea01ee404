"""What a press begins with the brush and the wand, and what one click does with the other tools."""

from PySide6.QtCore import Qt

from segstudio.annotation.history import Edit
from segstudio.annotation.tools import Point
from segstudio.gui.canvas import interactions, reshaping
from segstudio.gui.canvas.modes import ShapeOp, ToolName
from segstudio.gui.canvas.surface import Surface

# What erasing leaves.
UNLABELLED = 255
CONTROL = Qt.KeyboardModifier.ControlModifier
RIGHT = Qt.MouseButton.RightButton
# Screen pixels that the wand is dragged for one step of its tolerance.
SCREEN_PER_TOLERANCE = 4.0
Pixel = tuple[int, int]


def may_edit(canvas: Surface) -> bool:
    """Whether the mask can be changed now; says why not."""
    if not canvas.editable:
        canvas.status_text.emit(canvas.uneditable_reason or "This mask cannot be edited")
    elif canvas.document is None:
        canvas.status_text.emit("There is no mask to edit yet")
    else:
        return True
    return False


def brush_stroke(canvas: Surface, start: Point, *, erase: bool) -> interactions.Stroke:
    """Begins a brush or eraser stroke in a mask that may be edited."""
    assert canvas.document is not None
    value, title = (UNLABELLED, "Erase") if erase else (canvas.active_class, "Brush")
    radius, protection = canvas.brush_radius, canvas.protection
    return interactions.Stroke(canvas.document, value, radius, protection, start, title)


def wand_stroke(canvas: Surface, start: Point, pixel: Pixel, *, erase: bool) -> interactions.WandStroke:
    """Begins a wand's stroke in a mask that may be edited."""
    assert canvas.document is not None
    assert canvas.rgb is not None
    value, title = (UNLABELLED, "Erase by wand") if erase else (canvas.active_class, "Wand")
    return interactions.WandStroke(
        canvas.document,
        canvas.rgb,
        pixel,
        canvas.options.tolerance,
        canvas.view.scale / SCREEN_PER_TOLERANCE,
        value,
        canvas.protection,
        start,
        title,
    )


def click(canvas: Surface, pixel: Pixel, button: Qt.MouseButton, modifiers: Qt.KeyboardModifier) -> None:
    """Uses the tool on a pixel of a mask that may be edited."""
    document, tool = canvas.document, canvas.tool
    assert document is not None
    control = bool(modifiers & CONTROL)
    value, protection = canvas.active_class, canvas.protection
    if tool is ToolName.FILL and control:
        edit = interactions.fill_everywhere(document, *pixel, value, protection, "Fill class")
    elif tool is ToolName.FILL:
        edit = interactions.relabel(document, *pixel, value, protection, "Fill")
    elif tool is ToolName.RELABEL:
        edit = interactions.relabel(document, *pixel, value, protection, "Relabel")
    elif tool is ToolName.SHAPE:
        reshape(canvas, canvas.options.op, pixel, opposite=control or button == RIGHT)
        return
    else:
        prediction = canvas.overlay.prediction
        if prediction is None or prediction.shape != document.array.shape:
            canvas.status_text.emit("There is no prediction to accept from: predict this image first")
            return
        edit = interactions.accept_at(document, prediction, *pixel, protection)
    canvas.report_edit(edit)


def reshape(canvas: Surface, op: ShapeOp, pixel: Pixel, *, opposite: bool = False) -> None:
    """Changes the region under a pixel of a mask that may be edited.

    The opposite of growing is shrinking; holes are then those of the region's class in the whole image, and
    what merges are all of its islands.
    """
    document, options, protection = canvas.document, canvas.options, canvas.protection
    assert document is not None
    class_id = int(document.array[pixel[1], pixel[0]])
    if opposite and op in (ShapeOp.GROW, ShapeOp.SHRINK):
        op = ShapeOp.SHRINK if op is ShapeOp.GROW else ShapeOp.GROW
    if opposite and op is ShapeOp.FILL_HOLES:
        fill_class_holes(canvas, class_id)
    elif opposite and op is ShapeOp.MERGE:
        remove_islands(canvas, class_id)
    else:
        edit = reshaping.reshape(document, op, options, *pixel, protection)
        _report(canvas, edit, reshaping.TITLES[op])


def fill_class_holes(canvas: Surface, class_id: int) -> None:
    """Fills what a class encloses, in the whole image of a mask that may be edited."""
    assert canvas.document is not None
    edit = reshaping.fill_class_holes(canvas.document, class_id, canvas.protection)
    _report(canvas, edit, "Fill holes")


def remove_islands(canvas: Surface, class_id: int) -> None:
    """Removes a class's islands in the whole image of a mask that may be edited."""
    assert canvas.document is not None
    smaller_than = canvas.options.island
    edit = reshaping.remove_islands(canvas.document, class_id, smaller_than, canvas.protection)
    _report(canvas, edit, f"Islands below {smaller_than} px")


def _report(canvas: Surface, edit: Edit | None, title: str) -> None:
    canvas.report_edit(edit)
    if edit is None:
        locked = "; locked classes stay" if canvas.protection.locked else ""
        canvas.status_text.emit(f"{title}: nothing to change{locked}")
