"""What the actions do: one method an action, grouped like the action table; the table names them."""

from collections.abc import Callable
from typing import Any

from PySide6.QtCore import QUrl
from PySide6.QtGui import QDesktopServices

from segstudio import paths
from segstudio.gui.actions.action_spec import ActionSpec
from segstudio.gui.canvas.modes import ToolName
from segstudio.gui.commands.command_group import CommandGroup, Window
from segstudio.gui.commands.looks_commands import LooksCommands
from segstudio.gui.commands.model_commands import ModelCommands
from segstudio.gui.commands.queue_commands import QueueCommands
from segstudio.gui.commands.region_commands import RegionCommands
from segstudio.gui.commands.review_commands import ReviewCommands
from segstudio.gui.commands.train_commands import TrainCommands
from segstudio.gui.message import INFO, Message
from segstudio.gui.pages import EDITOR
from segstudio.project.sample import SampleStatus

RADIUS_FACTOR = 1.15


class FileCommands(CommandGroup):
    """Folders and files."""

    def open(self) -> None:
        """Asks for a folder and opens it."""
        self.window.dialogs.ask_folder()

    def demo(self) -> None:
        """Opens the demo project."""
        self.window.dialogs.open_demo()

    def rescan(self) -> None:
        """Looks for new and gone images."""
        self.session.rescan()

    def save(self) -> None:
        """Saves the open sample's mask now."""
        self.window.editing.save()

    def close(self) -> None:
        """Closes the project."""
        self.window.link.canvas.finish()
        self.session.trouble.leave(self.session.close_project)

    def quit(self) -> None:
        """Closes the window."""
        self.window.close()


class EditCommands(CommandGroup):
    """The history."""

    def undo(self) -> None:
        """Takes the last edit back."""
        self.window.editing.undo()

    def redo(self) -> None:
        """Makes the last undone edit again."""
        self.window.editing.redo()

    def undo_batch(self) -> None:
        """Takes the last relabelling of many samples back."""
        self.window.corrections.batches.undo_last()


class ToolCommands(CommandGroup):
    """Tools and the brush."""

    def choose(self, tool: str) -> None:
        """Uses a tool."""
        self.window.link.choose_tool(ToolName(tool))

    def resize(self, steps: str) -> None:
        """Makes the brush larger or smaller."""
        self.window.link.resize_brush(RADIUS_FACTOR ** int(steps))

    def filter(self) -> None:
        """Puts the paint filter in force or lifts it; without rules it asks for them."""
        paint_filter = self.session.paint_filter
        if paint_filter.rules.is_empty:
            self.filter_rules()
        else:
            paint_filter.set_on(not paint_filter.is_on)

    def filter_rules(self) -> None:
        """Asks which pixels may be painted."""
        self.window.editor.ask_filter()

    def hold_pan(self, held: bool) -> None:
        """Pans while Space is down."""
        self.window.link.lend_tool(ToolName.PAN if held else None)


class ClassCommands(CommandGroup):
    """The class list."""

    def find(self) -> None:
        """Opens a list of classes to type into."""
        self.window.dialogs.find_class(self.window.link)

    def swap(self) -> None:
        """Back to the class that was active before."""
        self.session.classes.swap()

    def step(self, by: str) -> None:
        """Activates a neighbour in the list."""
        self.session.classes.step(int(by))

    def move(self, by: str) -> None:
        """Moves the active class in the list, and so to another key."""
        classes = self.session.classes
        classes.move(classes.active, classes.slot(classes.active) + int(by))

    def reset_order(self) -> None:
        """The classes stand in the palette's order again."""
        self.session.classes.reset_slots()

    def lock(self) -> None:
        """Locks or unlocks the active class."""
        self.session.classes.toggle_locked(self.session.classes.active)

    def lock_others(self) -> None:
        """Locks all but the active class."""
        self.session.classes.lock_others()

    def unlock_all(self) -> None:
        """Unlocks every class."""
        self.session.classes.unlock_all()

    def hide(self) -> None:
        """Hides or shows the active class."""
        self.session.classes.toggle_hidden(self.session.classes.active)

    def solo(self) -> None:
        """Shows the active class alone."""
        self.session.classes.toggle_solo(self.session.classes.active)

    def show_all(self) -> None:
        """Shows every class."""
        self.session.classes.show_all()


class PageCommands(CommandGroup):
    """The pages of the window."""

    def show(self, page: str) -> None:
        """Shows a page."""
        self.window.show_page(page)


class ViewCommands(CommandGroup):
    """How the sample is shown, and the window's looks."""

    def overlay(self) -> None:
        """Shows or hides the overlay."""
        self.window.view.set_overlay(not self.window.view.overlay)

    def hold_peek(self, held: bool) -> None:
        """Shows the bare image while H is down."""
        self.window.link.canvas.peek(held)

    def hold_blink(self, held: bool) -> None:
        """Shows what is compared with while the backslash is down."""
        self.window.link.blink(held)

    def layer(self, layer: str) -> None:
        """Shows a layer."""
        self.window.view.set_layer(layer)

    def next_layer(self) -> None:
        """Shows the next layer."""
        self.window.view.next_layer()

    def outline(self, outline: str) -> None:
        """Draws regions in a style."""
        self.window.view.set_outline(outline)

    def next_outline(self) -> None:
        """Draws regions in the next style."""
        self.window.view.next_outline()

    def opacity(self, by: str) -> None:
        """Makes the overlay more or less opaque."""
        self.window.view.set_opacity(self.window.view.opacity + float(by))

    def colours(self, colours: str) -> None:
        """Shows classes in a set of colours."""
        self.window.view.set_colours(colours)

    def fit(self) -> None:
        """Shows the whole image."""
        self.window.link.canvas.fit()

    def fit_width(self) -> None:
        """Shows the image's whole width."""
        self.window.link.canvas.fit_width()

    def actual(self) -> None:
        """One image pixel is one screen pixel."""
        self.window.link.canvas.zoom_to(1.0)

    def zoom(self, factor: str) -> None:
        """Zooms in or out about the middle."""
        self.window.link.canvas.zoom_by(float(factor))

    def keep(self) -> None:
        """Carries the view to the next sample, or not."""
        self.window.view.set_keep_view(not self.window.view.keep_view)

    def left(self) -> None:
        """Shows or hides the samples."""
        self.window.editor.toggle_left()

    def right(self) -> None:
        """Shows or hides the classes."""
        self.window.editor.toggle_right()

    def theme(self, choice: str) -> None:
        """Switches between light, dark and the system's choice."""
        self.window.choose_theme(choice)

    def text_size(self, by: str) -> None:
        """Makes the interface's text larger or smaller."""
        self.window.change_text_size(float(by))

    def full(self) -> None:
        """Fills the screen, or not."""
        self.window.toggle_full_screen()


class GoCommands(CommandGroup):
    """From sample to sample."""

    def step(self, by: str) -> None:
        """Opens a neighbour in the list."""
        self.session.step(int(by))

    def step_work(self, by: str) -> None:
        """Opens the nearest sample that needs work."""
        self.session.step(int(by), work_only=True)

    def queue(self) -> None:
        """Goes to the next region of the correction queue."""
        self.window.show_page(EDITOR)
        self.window.corrections.queue.begin()

    def back(self) -> None:
        """Shows the page of before."""
        self.window.go_back()

    def submit(self) -> None:
        """Submits the open sample and opens the next one."""
        if self.session.lock:
            self.session.message.emit(Message(INFO, self.session.lock, topic="lock"))
            return
        self.window.editing.mark(SampleStatus.SUBMITTED)
        self.session.step(1)

    def mark(self, status: str) -> None:
        """Sets the open sample's status."""
        self.window.editing.mark(SampleStatus(status))


class HelpCommands(CommandGroup):
    """Finding one's way."""

    def keys(self) -> None:
        """Shows the sheet of keys."""
        self.window.dialogs.show_keys()

    def layouts(self) -> None:
        """Shows all actions with their keys, to change them."""
        self.window.dialogs.show_layouts()

    def commands(self) -> None:
        """Opens the command palette."""
        self.window.dialogs.show_commands()

    def log(self) -> None:
        """Opens the folder with the log."""
        QDesktopServices.openUrl(QUrl.fromLocalFile(str(paths.user_log_dir())))

    def about(self) -> None:
        """Tells version and licence."""
        self.window.dialogs.show_about()


# The groups that `ActionSpec.target` names.
GROUPS: dict[str, type[CommandGroup]] = {
    "file": FileCommands,
    "edit": EditCommands,
    "tool": ToolCommands,
    "region": RegionCommands,
    "class": ClassCommands,
    "page": PageCommands,
    "view": ViewCommands,
    "looks": LooksCommands,
    "go": GoCommands,
    "review": ReviewCommands,
    "queue": QueueCommands,
    "model": ModelCommands,
    "train": TrainCommands,
    "help": HelpCommands,
}


class Commands:
    """Runs actions by their specs."""

    def __init__(self, window: Window) -> None:
        self._groups = {name: kind(window) for name, kind in GROUPS.items()}

    def find(self, spec: ActionSpec) -> Callable[..., None]:
        """The method that does an action."""
        group, method = spec.target
        found: Any = getattr(self._groups[group], method)
        return found  # type: ignore[no-any-return]  # looked up by name; a test calls it for every action

    def run(self, spec: ActionSpec) -> None:
        """Does an action."""
        self.find(spec)(*([spec.argument] if spec.argument else []))
