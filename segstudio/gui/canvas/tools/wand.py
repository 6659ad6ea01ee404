"""The magic wand: paints the connected pixels whose colour is like the pressed one's."""

from segstudio.gui.canvas.interactions import WandStroke
from segstudio.gui.canvas.tools.held import HeldTool
from segstudio.gui.canvas.tools.tool import UNLABELLED, Touch

# Screen pixels that the wand is dragged for one step of its tolerance.
SCREEN_PER_TOLERANCE = 4.0


class WandTool(HeldTool):
    """Gives them the active class; its opposite erases. A drag to the right raises the tolerance."""

    has_options = True

    def begin(self, touch: Touch) -> WandStroke | None:
        """See HeldTool."""
        canvas = self._canvas
        assert canvas.document is not None
        if touch.pixel is None or canvas.rgb is None:
            return None
        value, title = (UNLABELLED, "Erase by wand") if touch.opposite else (canvas.active_class, "Wand")
        return WandStroke(
            canvas.document,
            canvas.rgb,
            touch.pixel,
            canvas.options.tolerance,
            canvas.view.scale / SCREEN_PER_TOLERANCE,
            value,
            canvas.protection_at(touch.pixel),
            touch.point,
            title,
        )
