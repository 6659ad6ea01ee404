"""Opens the demo project in a window: made in a worker when it is not there yet."""

from pathlib import Path

from segstudio.gui.job_bridge import Replies
from segstudio.gui.session import Session
from segstudio.workflows.demo import demo_folder, make_demo


def open_demo_project(session: Session) -> None:
    """Makes the demo project if needed, then opens it."""

    def made(folder: Path) -> None:
        session.open_project(folder)

    session.bridge.start(
        "Make the demo project",
        lambda context: make_demo(demo_folder(), context),
        lane="gpu",
        replaces="demo",
        replies=Replies(done=made, failed=session.explain),
    )
