"""The command palette and the class finder: what they list, in which order, and what a choice does."""

from PySide6.QtCore import QPoint, QPointF
from PySide6.QtWidgets import QWidget

from segstudio.gui.actions.action_set import ActionSet
from segstudio.gui.actions.action_spec import ActionSpec
from segstudio.gui.actions.table import ACTIONS
from segstudio.gui.canvas.modes import ToolName
from segstudio.gui.class_state import ClassState
from segstudio.gui.dialogs.chooser import Choice, Chooser
from segstudio.gui.keys.key_book import plain_text
from segstudio.gui.keys.physical_keys import slot_text
from segstudio.gui.session import Session
from segstudio.gui.theme import ThemeSwitch
from segstudio.gui.view.canvas_link import CanvasLink, Spot

OWN_ACTION = "help.commands"
RECENT_COMMANDS = 8
CLASS_WIDTH = 380


class Finders:
    """Opens the lists inside the window."""

    def __init__(self, window: QWidget, session: Session, themes: ThemeSwitch, actions: ActionSet) -> None:
        self._window = window
        self._session = session
        self._themes = themes
        self._actions = actions

    # -- commands -----------------------------------------------------------------------------------------

    def find_command(self) -> None:
        """Lists every action, those chosen here last first; what is of no use now says what it needs.

        A list that is open already closes: the key that opened it is pressed again.
        """
        if self._close():
            return
        recent = self._session.memory.commands
        order = {action_id: place for place, action_id in enumerate(recent)}
        specs = [spec for spec in ACTIONS if spec.menu and spec.id != OWN_ACTION]
        specs.sort(key=lambda spec: order.get(spec.id, len(order)))
        choices = [self._command(spec) for spec in specs]
        Chooser(self._window, self._themes, "Type a command", choices, self._run).open_at_top()

    def _command(self, spec: ActionSpec) -> Choice:
        action = self._actions[spec.id]
        why = "" if action.isEnabled() else f"needs {spec.needs.value}"
        path = spec.menu.replace("/", " › ")
        return Choice(
            plain_text(spec), spec, self._actions.keys.text(spec.id), path, aliases=spec.finds, why=why
        )

    def _run(self, spec: ActionSpec, _: bool) -> None:
        memory = self._session.memory
        others = [name for name in memory.commands if name != spec.id]
        memory.commands = [spec.id, *others][:RECENT_COMMANDS]
        self._actions[spec.id].trigger()

    def _close(self) -> bool:
        opened = [list_ for list_ in self._window.findChildren(Chooser) if list_.isVisible()]
        for chooser in opened:
            chooser.leave()
        return bool(opened)

    # -- classes ------------------------------------------------------------------------------------------

    def find_class(self, link: CanvasLink) -> None:
        """Lists the classes at the cursor; with Shift, or with the relabel tool, the region there changes."""
        classes = self._session.classes
        if classes.palette is None:
            return
        spot = link.spot()
        relabels = link.canvas.tool is ToolName.RELABEL

        def chosen(class_id: int, other: bool) -> None:
            classes.set_active(class_id)
            if spot is not None and (other or relabels):
                link.relabel(spot)

        hint = ""
        if spot is not None and link.canvas.editable:
            key = "Enter" if relabels else "Shift+Enter"
            hint = f"{key}: the region under the cursor takes the class, too"
        chooser = Chooser(
            self._window,
            self._themes,
            "Find a class by name or slot",
            class_choices(classes, link),
            chosen,
            hint=hint,
            width=CLASS_WIDTH,
        )
        if spot is None:
            chooser.open_at_top()
        else:
            chooser.open_at(self._place(link, spot))

    def _place(self, link: CanvasLink, spot: Spot) -> QPoint:
        canvas = link.canvas
        ratio = canvas.devicePixelRatioF()
        left, top = canvas.view.to_screen(spot.x, spot.y)
        return canvas.mapTo(self._window, QPointF(left / ratio, top / ratio).toPoint())


def class_choices(classes: ClassState, link: CanvasLink) -> list[Choice]:
    """The classes, recent ones first, with their colours on screen, slots, and names in other palettes."""
    colours = link.colours()
    order = {class_id: place for place, class_id in enumerate(classes.recent)}
    entries = sorted(classes.classes, key=lambda entry: order.get(entry.id, len(order)))
    return [
        Choice(
            entry.name,
            entry.id,
            slot_text(classes.slot(entry.id)),
            entry.group,
            (int(colours[entry.id, 0]), int(colours[entry.id, 1]), int(colours[entry.id, 2])),
            classes.aliases(entry.id),
            classes.slot(entry.id) + 1,
        )
        for entry in entries
    ]
