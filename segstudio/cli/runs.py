"""The commands of runs: list, follow and steer the trainings of a project, whoever started them."""

from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from segstudio.cli.output import Json, print_facts, print_json, progress
from segstudio.cli.projects import ProjectFolder, with_project
from segstudio.errors import InputError

if TYPE_CHECKING:
    from segstudio.workflows.retrain.folder import RunFolder
    from segstudio.workflows.retrain.runs import RunStatus

app = typer.Typer(no_args_is_help=True, help="Trainings of a project: they go on without a window.")

RunName = Annotated[str, typer.Argument(help="The run's name. [default: the newest]")]


@app.command("list")
def runs_list(folder: ProjectFolder, as_json: Json = False) -> None:
    """List the runs of a project, oldest first, with their state, best mIoU and time left."""
    from segstudio.workflows.retrain.folder import list_runs
    from segstudio.workflows.retrain.runs import all_statuses

    def work(project: Any) -> None:
        found = all_statuses(list_runs(project))
        if as_json:
            print_json({"runs": [status.to_json() for status in found]})
            return
        for status in found:
            print(line_of(status))
        if not found:
            print("no runs yet: segstudio retrain PROJECT makes one")

    with_project(folder, work, create=False)


@app.command("show")
def runs_show(folder: ProjectFolder, name: RunName = "", as_json: Json = False) -> None:
    """Say how far a run is, how it ended and why, and what follows."""
    from segstudio.workflows.retrain.chain import chain_result

    def work(run: "RunFolder") -> None:
        from segstudio.workflows.retrain.runs import status_of

        made = chain_result(run)
        values = {**status_of(run).to_json(), "chain": made.to_json() if made else None}
        if as_json:
            print_json(values)
        else:
            print_facts({key: value for key, value in values.items() if value not in ("", None, 0)})

    _with_run(folder, name, work)


@app.command("follow")
def runs_follow(folder: ProjectFolder, name: RunName = "", as_json: Json = False) -> None:
    """Follow a run until it ends; Ctrl+C ends the following, not the run."""
    _with_run(folder, name, lambda run: follow_run(run, as_json=as_json))


@app.command("pause")
def runs_pause(folder: ProjectFolder, name: RunName = "") -> None:
    """Let a run save and wait where it is."""
    from segstudio.workflows.retrain import supervise

    _steer(folder, name, supervise.pause, "is asked to wait")


@app.command("resume")
def runs_resume(folder: ProjectFolder, name: RunName = "") -> None:
    """Let a paused run go on, or queue one that ended: it goes on from its last checkpoint."""
    from segstudio.workflows.retrain import supervise
    from segstudio.workflows.retrain.runs import RunState, status_of

    def resume(run: "RunFolder") -> None:
        state = status_of(run).state
        if state.alive:
            supervise.go_on(run)
            print(f"{run.name} goes on")
            return
        if state is not RunState.QUEUED:
            supervise.queue_up(run)
        supervise.start_next_below(run.path.parent)
        status = status_of(run)
        if status.state is RunState.FAILED and status.reason is not None:
            raise InputError(status.reason.message, hint=status.reason.hint)
        waits = status.state is RunState.QUEUED
        print(f"{run.name} waits until no other run trains" if waits else f"{run.name} goes on")

    _with_run(folder, name, resume)


@app.command("stop")
def runs_stop(folder: ProjectFolder, name: RunName = "") -> None:
    """Let a run save and end; `resume` goes on from there."""
    from segstudio.workflows.retrain import supervise

    _steer(folder, name, supervise.stop, "is asked to save and end")


@app.command("cancel")
def runs_cancel(folder: ProjectFolder, name: RunName = "") -> None:
    """End a run, so that nothing follows it, or take it out of the queue."""
    from segstudio.workflows.retrain import supervise

    _steer(folder, name, supervise.cancel, "is cancelled")


@app.command("remove")
def runs_remove(folder: ProjectFolder, name: Annotated[str, typer.Argument(help="The run's name.")]) -> None:
    """Delete a run's folder with its checkpoints; the model that was made of it stays."""
    from segstudio.workflows.retrain import supervise

    _steer(folder, name, supervise.remove, "is removed")


@app.command("finish")
def runs_finish(
    folder: ProjectFolder,
    name: RunName = "",
    formats: Annotated[str, typer.Option("--as", help="Also export to these formats, with commas.")] = "",
    as_json: Json = False,
) -> None:
    """Make the model of a run, score and export it: what its training would have gone on with."""
    from segstudio.cli.spec_tasks import words
    from segstudio.workflows.retrain.chain import run_chain

    def work(run: "RunFolder") -> None:
        with progress() as context:
            found = run_chain(run, context, formats=tuple(words(formats)) or None)
        (print_json if as_json else print_facts)(found.to_json())

    _with_run(folder, name, work)


@app.command("work", hidden=True)
def runs_work(run: Annotated[Path, typer.Argument()]) -> None:
    """What the process of a run does."""
    from segstudio.workflows.retrain.folder import RunFolder
    from segstudio.workflows.retrain.worker import work

    if not work(RunFolder(run.resolve())):
        raise InputError(f"another process works on {run}")


def follow_run(run: "RunFolder", *, as_json: bool) -> None:
    """Follows a run on the terminal and says how it ended.

    Raises:
        InputError: it failed; says why and what to do.
    """
    from segstudio.workflows.retrain.chain import chain_result
    from segstudio.workflows.retrain.runs import RunState
    from segstudio.workflows.retrain.supervise import follow

    with progress() as context:
        status = follow(run, context)
    made = chain_result(run)
    if as_json:
        print_json({**status.to_json(), "chain": made.to_json() if made else None})
    else:
        print(line_of(status))
        if made is not None:
            print_facts(made.to_json())
    if status.state is RunState.FAILED and status.reason is not None:
        raise InputError(status.reason.message, hint=status.reason.hint)


def line_of(status: "RunStatus") -> str:
    """A run in one line."""
    pace = status.pace
    parts = [f"{status.run.name}: {status.state.value}"]
    if status.place:
        parts.append(f"number {status.place} in the queue")
    if status.state.alive and status.doing:
        parts.append(status.doing)
    if pace.steps:
        parts.append(f"step {pace.step} of {pace.steps}")
    if pace.best_miou is not None:
        parts.append(f"best mIoU {pace.best_miou * 100:.1f} %")
    if status.state.alive and pace.seconds_left:
        parts.append(f"{pace.seconds_left / 60:.0f} min left")
    return ", ".join(parts) + (f". {status.reason}" if status.reason else "")


def _steer(folder: Path, name: str, act: "Callable[[RunFolder], None]", said: str) -> None:
    def work(run: "RunFolder") -> None:
        act(run)
        print(f"{run.name} {said}")

    _with_run(folder, name, work)


def _with_run(folder: Path, name: str, work: "Callable[[RunFolder], None]") -> None:
    from segstudio.workflows.retrain.folder import find_run

    # The project is let go before anything long begins.
    found: list[RunFolder] = []
    with_project(folder, lambda project: found.append(find_run(project, name)), create=False)
    work(found[0])
