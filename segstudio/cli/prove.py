"""The commands that end a loop: prove that a new model is better, use it, and let it predict again."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from segstudio.cli.output import BackendName, Json, print_json, watched
from segstudio.cli.projects import ProjectFolder
from segstudio.errors import InputError
from segstudio.project.sample import SampleStatus

if TYPE_CHECKING:
    from segstudio.project.project import Project
    from segstudio.workflows.prove.proof import Proof

app = typer.Typer(add_completion=False, pretty_exceptions_enable=False)
HEAD = f"{'class':<18} {'before':>6} {'after':>6} {'change':>7}  {'95 %':>15}  {'fixed':>6} {'broken':>6}  verdict"
ROW = "{name:<18} {before:>6} {after:>6} {change:>7}  {interval:>15}  {fixed:>6} {broken:>6}  {verdict}"


@app.command()
def prove(
    folder: ProjectFolder,
    model: Annotated[str, typer.Option("--model", "-m", help="The new model: name or folder.")],
    against: Annotated[
        str, typer.Option(help="The model that it would replace; default: the one in use.")
    ] = "",
    split: Annotated[str, typer.Option(help="The samples that judge; default: those of val and test.")] = "",
    status: Annotated[
        list[SampleStatus], typer.Option(help="Samples whose masks count as the truth; may be repeated.")
    ] = [SampleStatus.ACCEPTED],  # noqa: B006 - typer copies it
    speed: Annotated[bool, typer.Option("--speed/--no-speed", help="Measure both models' speed too.")] = True,
    promote: Annotated[
        bool, typer.Option("--promote", help="Use the new model from now on, whatever the result is.")
    ] = False,
    why: Annotated[str, typer.Option("--reason", help="With --promote: why, kept with the model.")] = "",
    backend: BackendName = "auto",
    as_json: Json = False,
) -> None:
    """Compare a new model with the one in use, class by class, on samples that neither learnt from."""
    from segstudio.project.project import Project
    from segstudio.workflows.prove.compare import ProofOrder
    from segstudio.workflows.prove.compare import prove as compare

    if why and not promote:
        raise InputError("--reason goes with --promote", hint="add --promote, or leave the reason out")
    with Project.open(folder, create=False) as project:
        current = against or _in_use(project)
        order = ProofOrder(model, current, split, tuple(status), backend, timed=speed)
        with watched(json_events=False) as context:
            proof = compare(project, order, context)
        if promote:
            _promote(project, proof, why)
    if as_json:
        print_json({**proof.to_json(), "promoted": promote})
    else:
        _print(proof)
        if promote:
            print(f"{proof.candidate.model} is in use from now on")


def _in_use(project: "Project") -> str:
    """The model that a project uses, or the one that the settings name."""
    from segstudio.settings import Settings

    promoted = project.promotions.current()
    return promoted.model if promoted else Settings.load().text("model")


def _promote(project: "Project", proof: "Proof", why: str) -> None:
    from segstudio.workflows.prove.proof import reason

    project.promotions.promote(
        proof.candidate.model, proof.candidate.fingerprint, reason=why or reason(proof)
    )


def _print(proof: "Proof") -> None:
    """The verdict, the classes with the largest loss first, what it costs to run, what to know."""
    from segstudio.workflows.prove.proof import headline, percent, points, reason, span

    print(f"{headline(proof)}: {proof.recommendation.value}")
    print(reason(proof))
    print(HEAD)
    for entry in proof.by_change:
        print(
            ROW.format(
                name=entry.name,
                before=percent(entry.before),
                after=percent(entry.after),
                change=points(entry.difference),
                interval=span(entry.interval),
                fixed=entry.changes.fixed.count,
                broken=entry.changes.broken.count,
                verdict=entry.verdict.value,
            )
        )
    for side in (proof.current, proof.candidate):
        cost = side.cost
        pace = "" if cost.milliseconds is None else f", {cost.milliseconds:.0f} ms an image on {cost.backend}"
        print(f"{side.model}: {cost.bytes / 2**20:.1f} MiB{pace}")
    for warning in proof.warnings():
        print(f"  {warning}")
