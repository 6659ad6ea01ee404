"""Ties the canvas to the Session: what it shows, what may be edited, and what the user does on it."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from PySide6.QtCore import QObject, Signal

from segstudio.annotation.colour_sets import screen_colours
from segstudio.annotation.history import Edit
from segstudio.annotation.mask import MaskDocument
from segstudio.gui.canvas.canvas import Canvas
from segstudio.gui.canvas.interactions import relabel
from segstudio.gui.canvas.modes import ShapeOp, Source, ToolName
from segstudio.gui.canvas.tools import reshape
from segstudio.gui.canvas.tools.tool import may_edit
from segstudio.gui.canvas.view import View
from segstudio.gui.correcting.cell_finder import CellFinder
from segstudio.gui.correcting.embeddings import Embeddings
from segstudio.gui.correcting.region_area import RegionArea
from segstudio.gui.correcting.screen_brush import ScreenBrush
from segstudio.gui.correcting.tool_state import ToolState
from segstudio.gui.panels.status_bar import Reading
from segstudio.gui.saving.large_changes import LargeChanges
from segstudio.gui.session import Session
from segstudio.gui.view.looks_link import LooksLink
from segstudio.gui.view.view_state import ViewState

# Views of samples that were open before; each is a few numbers.
VIEWS_KEPT = 500


@dataclass(frozen=True)
class Spot:
    """A pixel of a mask."""

    document: MaskDocument
    x: int
    y: int


class CanvasLink(QObject):
    """Everything that flows between Session and Canvas; neither knows the other."""

    tool_changed = Signal(str)
    reading_changed = Signal(object)

    def __init__(self, session: Session, view: ViewState, canvas: Canvas) -> None:
        super().__init__(canvas)
        self._session = session
        self._view = view
        self.canvas = canvas
        self.tool = ToolName.BRUSH
        self.tool_state = ToolState(session.memory)
        self.embeddings = Embeddings(session.bridge, session.predictions, session.settings.text("backend"))
        self.looks = LooksLink(view, session.classes, canvas)
        self._area = RegionArea(session.bridge)
        self._shown: str | None = None
        self._pixel: tuple[int, int] | None = None
        self._views: dict[str, View] = {}
        ScreenBrush(canvas)
        canvas.restorable = self._restorable
        canvas.cell_finder = CellFinder(session.bridge).ask
        self.large_changes = LargeChanges(session, self)
        self.large_changes.locks_changed.connect(self._show_editable)
        canvas.large_changes = self.large_changes.start
        self._connect()
        self._show_view()
        self._show_classes()
        self._show_options()
        self.choose_tool(ToolName.BRUSH)

    def _connect(self) -> None:
        session, canvas = self._session, self.canvas
        session.project_changed.connect(self._project_changed)
        session.sample_opened.connect(self._sample_opened)
        session.prediction_changed.connect(self._show_prediction)
        session.changed.connect(lambda _: self._show_editable())
        session.document_changed.connect(canvas.mask_changed)
        session.document_changed.connect(lambda _: self._view.propose(False))
        session.classes.changed.connect(self._show_classes)
        session.classes.active_changed.connect(canvas.set_active_class)
        session.paint_filter.changed.connect(self._show_filter)
        session.version_changed.connect(self._show_version)
        session.predictions.models_changed.connect(self._show_embedding)
        self.embeddings.ready.connect(self._show_embedding)
        self.embeddings.failed.connect(session.explain)
        self._view.changed.connect(self._show_view)
        self.tool_state.changed.connect(self._show_options)
        canvas.option_turned.connect(lambda notches: self.tool_state.turn(canvas.tool, notches))
        canvas.edited.connect(self._edited)
        canvas.stroke_active.connect(self._stroke)
        canvas.class_picked.connect(session.classes.set_active)
        canvas.hovered.connect(self._hovered)
        canvas.left.connect(lambda: self._hovered(-1, -1))
        session.closing.connect(self._area.drop)
        # What is painted by then belongs to the mask that is saved or judged.
        session.closing.connect(canvas.finish)
        session.judging.connect(canvas.finish)
        self._area.measured.connect(lambda: self._hovered(*(self._pixel or (-1, -1))))

    # -- what is shown ------------------------------------------------------------------------------------

    def _project_changed(self) -> None:
        self._views.clear()
        self.embeddings.clear()
        self._show_colours()
        if self._session.project is None:
            self._shown = None
            self.canvas.clear()

    def _sample_opened(self, key: str) -> None:
        session, canvas = self._session, self.canvas
        loaded, entry = session.loaded, session.entry
        if loaded is None:
            return
        same = key == self._shown
        self._remember_view()
        keep = self._view.keep_view and canvas.has_image
        state = canvas.view_state() if keep or same else self._views.get(key)
        # A stroke that is under way ends here, and still belongs to the sample before.
        canvas.set_image(loaded.image)
        canvas.set_document(entry.document if entry is not None else None)
        if not same:
            self.looks.show_version(None)
        self._shown = key
        self._show_editable()
        if state is not None:
            canvas.set_view_state(state)
        else:
            canvas.fit()
        self._show_embedding()

    def _show_editable(self) -> None:
        problem = self._session.problem
        reason = problem.message if problem else self.large_changes.reason(self._shown) or self._session.lock
        self.canvas.set_editable(not reason, reason)

    def _restorable(self, source: Source) -> NDArray[np.uint8] | None:
        session = self._session
        return session.version_shown if source is Source.VERSION else session.saved_mask()

    def _remember_view(self) -> None:
        if self._shown is not None and self.canvas.has_image:
            self._views[self._shown] = self.canvas.view_state()
            while len(self._views) > VIEWS_KEPT:
                del self._views[next(iter(self._views))]

    def _show_prediction(self) -> None:
        prediction = self._session.prediction
        if prediction is None:
            self.canvas.set_prediction(None, None)
        else:
            self.canvas.set_prediction(prediction.ids, prediction.confidence)
        loaded, entry = self._session.loaded, self._session.entry
        untouched = entry is not None and not entry.document.history.can_undo
        empty = loaded is not None and loaded.mask is None and untouched
        self.looks.offer()
        self._view.propose(empty and prediction is not None)
        self._show_filter()
        self._show_view()

    def _show_version(self) -> None:
        """Shows the version that was chosen in the list; without one, the mask again."""
        self.looks.show_version(self._session.version_shown)
        if "version" in self._view.available:
            self._view.set_layer("version")
        elif self._view.layer == "version":
            self._view.set_layer("mask")

    def _show_embedding(self) -> None:
        """Gives the tool that clicks what a model sees here, and has it look if it did not yet."""
        session, canvas = self._session, self.canvas
        shown = session.book.get(self._shown) if self._shown is not None else None
        embedding = self.embeddings.get(shown.key) if shown is not None else None
        if embedding is not canvas.embedding:
            canvas.set_embedding(embedding)
        if shown is not None and canvas.tool is ToolName.SEGMENT:
            after = session.book.neighbour(shown.key, 1)
            self.embeddings.want([shown] if after is None else [shown, after])

    def _show_view(self) -> None:
        self.looks.show()
        self._show_colours()

    def _show_colours(self) -> None:
        self.canvas.set_colours(self.colours())

    def colours(self) -> NDArray[np.uint8]:
        """uint8 [256,3]: the colours on screen, of the set that the user chose."""
        palette = self._session.classes.palette
        if palette is None:
            return np.zeros((256, 3), np.uint8)
        return screen_colours(palette, self._view.colours)

    def _show_classes(self) -> None:
        classes = self._session.classes
        self.canvas.set_hidden(classes.hidden)
        self.canvas.set_solo(classes.solo)
        self.canvas.set_active_class(classes.active)
        self._show_filter()

    def _show_filter(self) -> None:
        session, size = self._session, self.canvas.image_size[::-1]
        protection = session.paint_filter.protection(session.classes.locked, session.prediction, size)
        self.canvas.set_filter(protection, under_start=session.paint_filter.in_force.under_start)

    def _show_options(self) -> None:
        self.canvas.options = self.tool_state.options
        # What a tool outlines at the cursor may depend on them.
        self.canvas.update()

    # -- what the user does -------------------------------------------------------------------------------

    def choose_tool(self, tool: ToolName) -> None:
        """Uses another tool from now on."""
        self.tool = tool
        self.canvas.set_tool(tool)
        self._show_embedding()
        self.tool_changed.emit(tool.value)

    def lend_tool(self, tool: ToolName | None) -> None:
        """Uses a tool for as long as a key is held; None gives the chosen one back."""
        self.canvas.set_tool(tool or self.tool)
        self._show_embedding()

    def blink(self, on: bool) -> None:
        """Shows what is compared with in place of the present layer while a key is held."""
        self.looks.blink(on)

    def resize_brush(self, factor: float) -> None:
        """Multiplies the brush's radius, by at least one pixel."""
        radius = self.canvas.brush_radius
        wanted = radius * factor
        least = radius + (0.5 if factor > 1 else -0.5)
        self.canvas.set_brush_radius(max(wanted, least) if factor > 1 else min(wanted, least))

    def choose_slot(self, slot: int) -> None:
        """A class key: makes the class active; with the relabel tool it relabels what is pointed at."""
        if slot >= len(self._session.classes.classes):
            return
        self._session.classes.choose_slot(slot)
        spot = self.spot()
        if self.canvas.tool is ToolName.RELABEL and spot is not None:
            self.relabel(spot)

    def spot(self) -> Spot | None:
        """What the cursor points at, to be kept while a list lies over it; None outside the image."""
        document, pixel = self.canvas.document, self.pointed_at
        return Spot(document, *pixel) if document is not None and pixel is not None else None

    def relabel(self, spot: Spot) -> None:
        """The region at a spot takes the active class, if its mask is still the one on screen."""
        document = self.canvas.document
        if document is not spot.document or not self._can_change():
            return
        value = self._session.classes.active
        protection = self.canvas.protection_at((spot.x, spot.y))
        self.canvas.report_edit(relabel(document, spot.x, spot.y, value, protection, "Relabel"))

    def reshape(self, op: ShapeOp) -> None:
        """Changes the region under the cursor.

        A menu takes the cursor elsewhere, and a split needs a line: then the region tool does it where the
        user clicks next.
        """
        pixel = self.pointed_at
        if pixel is None or op is ShapeOp.SPLIT:
            self.tool_state.set_op(op)
            self.choose_tool(ToolName.SHAPE)
        elif self._can_change():
            reshape.reshape(self.canvas, op, pixel)

    def reshape_class(self, op: ShapeOp) -> None:
        """Changes the active class in the whole image."""
        if self._can_change():
            reshape.reshape_class(self.canvas, op, self._session.classes.active)

    @property
    def pointed_at(self) -> tuple[int, int] | None:
        """The pixel under the cursor, or None; the cursor may rest where the image before was larger."""
        width, height = self.canvas.image_size
        pixel = self._pixel
        return pixel if pixel is not None and pixel[0] < width and pixel[1] < height else None

    def target(self) -> tuple[int, int] | None:
        """The pixel under the cursor, for a change of the mask there now; says why there can be none."""
        pixel = self.pointed_at
        if pixel is None:
            self.canvas.status_text.emit("Point at a region and use its key")
        return pixel if pixel is not None and self._can_change() else None

    def _can_change(self) -> bool:
        document = self.canvas.document
        return may_edit(self.canvas) and document is not None and not document.in_stroke

    def _stroke(self, active: bool) -> None:
        self.canvas.show_whole(active)
        if active:
            self._view.show_edits()

    def _edited(self, edit: Edit) -> None:
        # Whoever takes over regions by clicks wants to see the next one, not the last.
        if self.canvas.tool is not ToolName.ACCEPT_REGION:
            self._view.show_edits()
        if self._shown is not None:
            self._session.documents.committed(self._shown, edit)

    def _hovered(self, x: int, y: int) -> None:
        self._pixel = (x, y) if x >= 0 else None
        self.reading_changed.emit(self.reading(x, y))

    def reading(self, x: int, y: int) -> Reading | None:
        """What lies at a pixel of the open sample, or None outside."""
        loaded = self._session.loaded
        if loaded is None or loaded.image is None:
            return None
        height, width = loaded.image.shape[:2]
        if not (0 <= x < width and 0 <= y < height):
            return None
        red, green, blue = (int(channel) for channel in loaded.image[y, x])
        entry, prediction, name = self._session.entry, self._session.prediction, self._session.classes.name
        own = name(int(entry.document.array[y, x])) if entry is not None else ""
        area = self._area.at(entry.document, x, y) if entry is not None else None
        if prediction is None:
            return Reading(x, y, (red, green, blue), own, area=area)
        predicted, sure = int(prediction.ids[y, x]), float(prediction.confidence[y, x]) / 255
        return Reading(x, y, (red, green, blue), own, name(predicted), sure, area)
