"""The one table of the canvas's tools."""

from segstudio.gui.canvas.modes import ToolName
from segstudio.gui.canvas.surface import Surface
from segstudio.gui.canvas.tools.brush import BrushTool, EraserTool, RestoreTool
from segstudio.gui.canvas.tools.looking import PanTool, PickTool
from segstudio.gui.canvas.tools.outline import ExtendTool, LassoTool, PolygonTool
from segstudio.gui.canvas.tools.regions import AcceptRegionTool, FillTool, RelabelTool
from segstudio.gui.canvas.tools.reshape import ReshapeTool
from segstudio.gui.canvas.tools.scissors import ScissorsTool
from segstudio.gui.canvas.tools.segment import SegmentTool
from segstudio.gui.canvas.tools.superpixel import SuperpixelTool
from segstudio.gui.canvas.tools.tool import CanvasTool
from segstudio.gui.canvas.tools.wand import WandTool

TOOLS: dict[ToolName, type[CanvasTool]] = {
    ToolName.BRUSH: BrushTool,
    ToolName.ERASER: EraserTool,
    ToolName.RESTORE: RestoreTool,
    ToolName.POLYGON: PolygonTool,
    ToolName.LASSO: LassoTool,
    ToolName.EXTEND: ExtendTool,
    ToolName.FILL: FillTool,
    ToolName.RELABEL: RelabelTool,
    ToolName.WAND: WandTool,
    ToolName.SHAPE: ReshapeTool,
    ToolName.ACCEPT_REGION: AcceptRegionTool,
    ToolName.PICK: PickTool,
    ToolName.PAN: PanTool,
    ToolName.SUPERPIXEL: SuperpixelTool,
    ToolName.SCISSORS: ScissorsTool,
    ToolName.SEGMENT: SegmentTool,
}


def make_tools(canvas: Surface) -> dict[ToolName, CanvasTool]:
    """Every tool, once, for a canvas."""
    return {name: kind(canvas) for name, kind in TOOLS.items()}
