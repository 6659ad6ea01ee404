"""Layouts: the keys of other tools, for the actions that those tools have as well.

An action that a layout does not name keeps its keys of the action table, except those that the layout gives
to another action. Digits stay with the class slots, so that only the letters of napari's tools are taken.

Where the keys come from, looked up in each tool's own files:

- labelme: `shortcuts` of labelme/config/default_config.yaml (open_dir, open_next, open_prev, create_polygon,
  edit_polygon, edit_label, toggle_all_polygons).
- CVAT: the default key map of cvat-ui (NEXT_FRAME, PREV_FRAME, SEARCH_FORWARD, SEARCH_BACKWARD,
  SWITCH_DRAW_MODE, SWITCH_HIDDEN, SWITCH_LOCK, SWITCH_SPLIT_MODE).
- napari: napari/utils/shortcuts.py (the tools of its layer, decrease and increase of its id, brush size,
  toggle_preserve_labels, increment_dims, reset_view, show_shortcuts).
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from types import MappingProxyType

STUDIO = "studio"


@dataclass(frozen=True)
class KeyLayout:
    """A set of keys: its name, one sentence on it, and the keys of the actions that differ from the table."""

    name: str
    about: str
    keys: Mapping[str, tuple[str, ...]] = field(default_factory=dict)


LABELME = {
    "file.open": ("Ctrl+U", "Ctrl+O"),
    "go.previous": ("A", "Ctrl+Shift+A", "PgUp"),
    "go.next": ("D", "Ctrl+Shift+D", "PgDown"),
    "tool.polygon": ("Ctrl+N", "P"),
    "tool.shape": ("Ctrl+J", "Z"),
    "tool.relabel": ("Ctrl+E", "R"),
    "view.overlay": ("T", "V"),
    # Their keys went to actions above.
    "model.accept": ("Ctrl+Alt+A",),
    "model.evaluate": ("Ctrl+Alt+E",),
    "view.right": ("Ctrl+Alt+J",),
    "tool.filter": ("Ctrl+T",),
}

CVAT = {
    "go.previous": ("D", "PgUp"),
    "go.next": ("F", "PgDown"),
    "go.work_before": ("Shift+A", "Left"),
    "go.work_after": ("Shift+D", "Right"),
    "tool.brush": ("N", "B"),
    "view.overlay": ("H",),
    "class.lock": ("L", "K"),
    "region.split": ("Alt+M", "Shift+C"),
    # Their keys went to actions above.
    "view.hold_peek": ("V",),
    "tool.fill": ("A",),
    "tool.lasso": ("Ctrl+L",),
    "model.disagreement": ("Alt+N",),
    "go.queue": ("Ctrl+Alt+N",),
}

NAPARI = {
    "tool.brush": ("P",),
    "tool.eraser": ("E",),
    "tool.fill": ("F",),
    "tool.pick": ("L", "I"),
    "tool.pan": ("Z",),
    "tool.bigger": ("]",),
    "tool.smaller": ("[",),
    "class.above": ("-", ","),
    "class.below": ("=", "."),
    "class.swap": ("X",),
    "class.lock_others": ("B", "Shift+K"),
    "view.overlay": ("V",),
    "view.fit": ("Ctrl+R", "Ctrl+F"),
    "go.previous": ("A", "PgUp", "Left"),
    "go.next": ("D", "PgDown", "Right"),
    "help.keys": ("Ctrl+Alt+/", "F1"),
    # Their keys went to actions above.
    "tool.polygon": ("Shift+P",),
    "tool.shape": ("Shift+Z",),
    "tool.lasso": ("Ctrl+L",),
    "region.candidates": ("Ctrl+Alt+R",),
    "view.more": ("+", "Shift+="),
    "view.less": ("_", "Shift+-"),
}

LAYOUTS: Mapping[str, KeyLayout] = MappingProxyType(
    {
        layout.name: layout
        for layout in (
            KeyLayout(STUDIO, "segstudio's own keys"),
            KeyLayout("labelme", "Images, polygons and the overlay as in labelme", LABELME),
            KeyLayout("CVAT", "Frames, drawing, hiding and locking as in CVAT", CVAT),
            KeyLayout("napari", "Tools, brush and classes as in napari's layer of ids", NAPARI),
        )
    }
)
