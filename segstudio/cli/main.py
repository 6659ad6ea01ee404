"""The command line: one subcommand a workflow; every import of a room happens inside its command."""

import os
import sys
import time
import traceback
from collections.abc import Sequence
from pathlib import Path
from typing import NoReturn

import typer.core
import typer.main

from segstudio.cli import (
    adapt,
    bench,
    engines,
    export,
    failures,
    models,
    projects,
    prove,
    quality,
    quantize,
    retrain,
    reviews,
    runs,
    spec_tasks,
    study,
)
from segstudio.cli.tasks import app
from segstudio.errors import Cancelled, InputError, SegstudioError

BAD_INPUT, BUG = 2, 1
REPORT = "this is a bug: please report it with the file"

app.add_typer(spec_tasks.app)
app.add_typer(quantize.app)
app.add_typer(engines.app)
app.add_typer(bench.app)
app.add_typer(export.app)
app.add_typer(failures.app)
app.add_typer(prove.app)
app.add_typer(adapt.app)
app.add_typer(quality.app)
app.add_typer(retrain.app)
app.add_typer(runs.app, name="runs")
app.add_typer(models.app, name="models")
projects.app.add_typer(reviews.project_app)
app.add_typer(projects.app, name="project")
app.add_typer(study.app, name="study")
app.add_typer(reviews.app)


def main() -> None:
    """Runs the command line; exit status 0 done, 2 bad input, 1 a bug."""
    arguments = sys.argv[1:]
    try:
        if is_folder_call(arguments):
            _open_window(Path(arguments[0]) if arguments else None)
        app(args=arguments, prog_name="segstudio", standalone_mode=True)
    except Cancelled:
        sys.exit(130)
    except SegstudioError as error:
        print(f"segstudio: {error}", file=sys.stderr)
        sys.exit(BAD_INPUT)
    except KeyboardInterrupt:
        print("segstudio: stopped", file=sys.stderr)
        sys.exit(130)
    except Exception as error:  # noqa: BLE001 - the last place that can say how to report a bug
        _report_bug(error)


def is_folder_call(arguments: Sequence[str]) -> bool:
    """Whether the words mean "open the window": nothing, or one that is neither command nor option."""
    if not arguments:
        return True
    first = arguments[0]
    return len(arguments) == 1 and not first.startswith("-") and first not in command_names()


def command_names() -> list[str]:
    """The commands and groups by the words that call them."""
    command = typer.main.get_command(app)
    return sorted(command.commands) if isinstance(command, typer.core.TyperGroup) else []


def _open_window(folder: Path | None) -> NoReturn:
    from segstudio.workflows.doctor import is_display_there

    if folder is not None and not folder.is_dir():
        raise InputError(
            f"{folder} is neither a folder nor a command", hint=f"commands are {', '.join(command_names())}"
        )
    if not is_display_there() and "QT_QPA_PLATFORM" not in os.environ:
        raise InputError(
            "there is no display to open a window on", hint="see `segstudio --help` for commands"
        )
    from segstudio.gui.app import main as open_window

    sys.exit(open_window(folder))


def _report_bug(error: BaseException) -> NoReturn:
    from segstudio import paths

    report = paths.user_log_dir() / f"bug-{time.strftime('%Y%m%d-%H%M%S')}.txt"
    text = "".join(traceback.format_exception(error))
    report.write_text(f"segstudio {' '.join(sys.argv[1:])}\n\n{text}", encoding="utf-8")
    print(f"segstudio: {type(error).__name__}: {error}\n{REPORT} {report}", file=sys.stderr)
    sys.exit(BUG)
