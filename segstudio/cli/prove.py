"""The commands that end a loop: prove that a new model is better, use it, and let it predict again."""

from typing import TYPE_CHECKING, Annotated, Any

import typer

from segstudio.cli.output import BackendName, Json, print_json, progress, watched
from segstudio.cli.projects import ProjectFolder
from segstudio.errors import InputError, ModelError

if TYPE_CHECKING:
    from segstudio.project.project import Project
    from segstudio.project.sample import SampleStatus
    from segstudio.workflows.prove.proof import Proof
    from segstudio.workflows.repredict.make import RepredictResult

app = typer.Typer(add_completion=False, pretty_exceptions_enable=False)
ROW = "{name:<18} {before:>6} {after:>6} {change:>7}  {interval:>15}  {fixed:>6} {broken:>6}  {verdict}"
HEAD = {name: name for name in ("before", "after", "change", "fixed", "broken", "verdict")}
HEAD |= {"name": "class", "interval": "95 %"}


@app.command()
def prove(
    folder: ProjectFolder,
    model: Annotated[str, typer.Option("--model", "-m", help="The new model: name or folder.")],
    against: Annotated[
        str, typer.Option(help="The model that it would replace; default: the one in use.")
    ] = "",
    split: Annotated[str, typer.Option(help="The samples that judge; default: those of val and test.")] = "",
    statuses: Annotated[
        list[str] | None,
        typer.Option("--status", help="Samples whose masks are the truth; repeatable. [default: accepted]"),
    ] = None,
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
    from segstudio.workflows.prove.promote import promote as put_to_use

    if why and not promote:
        raise InputError("--reason goes with --promote", hint="add --promote, or leave the reason out")
    with Project.open(folder, create=False) as project:
        used = _in_use(project) if promote or not against else ""
        current = against or used
        if promote:
            _refuse_outsider(model)
        order = ProofOrder(model, current, split, _statuses(statuses), backend, timed=speed)
        with watched(json_events=False) as context:
            proof = compare(project, order, context)
        if promote:
            put_to_use(project, proof, why, before=used)
    if as_json:
        print_json({**proof.to_json(), "promoted": promote})
    else:
        _print(proof)
        if promote:
            print(f"{proof.candidate.model} is in use from now on")


def _statuses(names: "list[str] | None") -> "tuple[SampleStatus, ...]":
    """The statuses of some names; accepted alone without any.

    Raises:
        InputError: there is none of a name.
    """
    from segstudio.project.sample import SampleStatus

    known = {status.value: status for status in SampleStatus}
    for name in names or ():
        if name not in known:
            raise InputError(f"there is no status {name!r}", hint=f"use one of {', '.join(known)}")
    return tuple(known[name] for name in names or (SampleStatus.ACCEPTED.value,))


def _in_use(project: "Project") -> str:
    """The model that a project uses, or the one that the settings name.

    Raises:
        ModelError: the project's model is gone, archived, or another one.
    """
    from segstudio.settings import Settings
    from segstudio.workflows.model_use import follow_renames, model_in_use

    follow_renames(project)
    entry, why = model_in_use(project)
    if why:
        raise ModelError(why, hint="choose another one: segstudio models use NAME PROJECT")
    return entry.name if entry is not None else Settings.load().text("model")


def _refuse_outsider(model: str) -> None:
    """Says so before the work where a model could not be used after it; raises ModelError."""
    from segstudio.inference.catalog import find_model
    from segstudio.workflows.evaluate_project import fingerprint_of
    from segstudio.workflows.model_use import check_usable

    folder, spec = find_model(model)
    check_usable(spec.name, fingerprint_of(folder, spec))


def _print(proof: "Proof") -> None:
    """The verdict, the classes with the largest loss first, what it costs to run, what to know."""
    from segstudio.workflows.prove.proof import headline, percent, points, reason, span

    print(f"{headline(proof)}: {proof.recommendation.value}")
    print(reason(proof))
    print(ROW.format_map(HEAD))
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


@app.command()
def repredict(
    folder: ProjectFolder,
    model: Annotated[
        str, typer.Option("--model", "-m", help="Name or folder; default: the one in use.")
    ] = "",
    apply: Annotated[
        bool, typer.Option("--apply/--dry-run", help="Change the predictions, or only say.")
    ] = False,
    undo: Annotated[bool, typer.Option("--undo", help="Take the last time back instead.")] = False,
    limit: Annotated[
        int, typer.Option(help="Samples that are printed, the largest change first.", min=0)
    ] = 20,
    backend: BackendName = "auto",
    as_json: Json = False,
) -> None:
    """Predict samples again that nobody worked on, and say what changes; masks of people stay as they are."""
    from segstudio.project.project import Project
    from segstudio.workflows.repredict.make import apply_plan, plan_repredict, undo_plan
    from segstudio.workflows.repredict.plan import newest_applied
    from segstudio.workflows.repredict.text import plan_json

    if undo and (apply or model):
        raise InputError("--undo goes with nothing else", hint="it takes the last new predictions back")
    with Project.open(folder, create=False) as project:
        result: RepredictResult | None = None
        with progress() as context:
            if undo:
                plan = newest_applied(project)
                result = undo_plan(project, plan, context)
            else:
                plan = plan_repredict(project, model or _in_use(project), context, backend=backend)
                if apply:
                    result = apply_plan(project, plan, context)
        values = plan_json(plan, project.palette.names, 0 if undo else limit)
        if result is None:
            plan.drop()
        values |= {"applied": apply, "undone": undo, "done": result.done if result else 0}
        values["left"] = [{"sample": key, "reason": why} for key, why in (result.left if result else ())]
    if as_json:
        print_json(values)
    else:
        _print_plan(values)


def _print_plan(values: dict[str, Any]) -> None:
    if not values["undone"]:
        print(f"{values['model']} on {values['samples']} samples that nobody worked on: {values['words']}")
    for pair in () if values["undone"] else values["classes"][:8]:
        print(f"  {pair['before']} -> {pair['after']}: {pair['pixels']:,} px")
    for one in values["changes"]:
        share = "first prediction" if one["share"] is None else f"{100 * one['share']:.1f} % changes"
        print(f"  {one['sample']}: {share}")
    for entry in (*values["skipped"], *values["left"]):
        print(f"  left {entry['sample']}: {entry['reason']}")
    done = values["done"]
    if values["undone"]:
        print(f"{done} samples have their predictions of before")
    else:
        print(f"{done} samples predicted again" if values["applied"] else "nothing was changed: use --apply")
