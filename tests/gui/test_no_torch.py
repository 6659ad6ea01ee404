"""Opening a project and painting in the window loads no network library: torch alone costs seconds."""

import subprocess
import sys
from pathlib import Path

CODE = """
import sys
from pathlib import Path
from PySide6.QtCore import QPoint, Qt
from PySide6.QtTest import QTest
from segstudio.gui import app
from segstudio.images import read_mask

application = app.make_application()
window = app.make_window(application)
window.resize(1000, 700)
window.show()
session = window.session
session.open_project(Path(sys.argv[1]), "cityscapes")
while session.entry is None:
    application.processEvents()
canvas = window.link.canvas
QTest.mouseClick(canvas, Qt.MouseButton.LeftButton, pos=QPoint(canvas.width() // 2, canvas.height() // 2))
assert session.documents.dirty_keys
window.close()
application.processEvents()
assert (read_mask(Path(sys.argv[1]) / "masks" / "frame_0.png") == 0).any()
loaded = {name.split(".")[0] for name in sys.modules}
print(sorted(loaded & {"torch", "lightning_fabric", "transformers", "tensorrt"}))
"""


def test_a_window_with_a_project_has_no_torch(folder: Path) -> None:
    done = subprocess.run(
        [sys.executable, "-c", CODE, str(folder)], capture_output=True, text=True, timeout=300, check=False
    )
    assert done.returncode == 0, done.stderr
    assert done.stdout.strip() == "[]"
