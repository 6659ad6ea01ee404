"""The commands of projects: folders of samples."""

from collections.abc import Callable
from dataclasses import asdict
from pathlib import Path
from typing import Annotated, Any

import typer

from segstudio.cli.output import Json, print_facts, print_json, progress
from segstudio.errors import InputError

app = typer.Typer(no_args_is_help=True, help="Projects: folders of samples.")

ProjectFolder = Annotated[Path, typer.Argument(help="The project's folder.")]


def with_project(folder: Path, work: Callable[[Any], None], **options: Any) -> None:
    from segstudio.project.project import Project
    from segstudio.settings import Settings

    versions_bytes = round(Settings.load().number("versions_mb") * 2**20)
    project = Project.open(folder, versions_bytes=versions_bytes, **options)
    try:
        work(project)
    finally:
        project.close()


def _print_info(project: Any, as_json: bool) -> None:
    info = asdict(project.info())
    if as_json:
        print_json({key: str(value) if isinstance(value, Path) else value for key, value in info.items()})
        return
    print_facts(info)


@app.command("init")
def project_init(
    folder: ProjectFolder,
    images: Annotated[Path | None, typer.Option(help="Images elsewhere.")] = None,
    palette: Annotated[
        str | None, typer.Option(help="Palette of the masks: a name or a YAML file; cityscapes if new.")
    ] = None,
    as_json: Json = False,
) -> None:
    """Make a project of a folder; an existing one keeps its palette unless you give another."""
    folder.mkdir(parents=True, exist_ok=True)
    with_project(folder, lambda project: _print_info(project, as_json), images=images, palette=palette)


@app.command("info")
def project_info(folder: ProjectFolder, as_json: Json = False) -> None:
    """Print a project in numbers."""
    with_project(folder, lambda project: _print_info(project, as_json), create=False)


@app.command("rescan")
def project_rescan(folder: ProjectFolder, as_json: Json = False) -> None:
    """Make the facts match the files again."""

    def work(project: Any) -> None:
        with progress() as context:
            project.rescan(context)
        _print_info(project, as_json)

    with_project(folder, work, create=False)


@app.command("split")
def project_split(
    folder: ProjectFolder,
    shares: Annotated[list[str], typer.Argument(help="NAME=SHARE, such as train=0.8 val=0.2.")],
    seed: Annotated[int, typer.Option(help="Another one, another division.")] = 0,
    as_json: Json = False,
) -> None:
    """Divide the samples at random into splits; the same seed gives the same division."""
    fractions = {}
    for share in shares:
        name, _, value = share.partition("=")
        try:
            fractions[name] = float(value)
        except ValueError:
            raise InputError(f"{share!r} is no NAME=SHARE", hint="such as train=0.8 val=0.2") from None

    def work(project: Any) -> None:
        project.assign_splits(fractions, seed)
        _print_info(project, as_json)

    with_project(folder, work, create=False)


SampleKey = Annotated[str, typer.Argument(help="The sample, as `frames/0001`.")]


@app.command("versions")
def project_versions(folder: ProjectFolder, key: SampleKey, as_json: Json = False) -> None:
    """List earlier states of a sample's mask: when, why, who, which model, pixels changed."""

    def work(project: Any) -> None:
        project.sample(key)
        rows = [_version_values(version) for version in project.versions(key)]
        if as_json:
            print_json({"key": key, "versions": rows})
            return
        for row in rows or [{}]:
            print("  ".join(str(value) for value in row.values() if value not in ("", None)) or "none")

    with_project(folder, work, create=False)


def _version_values(version: Any) -> dict[str, Any]:
    from datetime import UTC, datetime

    return {
        "id": version.id,
        "when": datetime.fromtimestamp(version.when, UTC).isoformat(timespec="seconds"),
        "why": version.note.why.value,
        "who": version.who,
        "model": version.note.model,
        "pixels": version.pixels,
        "file": str(version.file),
    }


@app.command("restore")
def project_restore(
    folder: ProjectFolder,
    key: SampleKey,
    version: Annotated[str, typer.Argument(help="An id from `project versions`, or how it begins.")],
    as_json: Json = False,
) -> None:
    """Make an earlier state of a sample's mask the mask again; the one that it replaces becomes a version."""
    from segstudio.project.versions import VersionNote, Why

    def work(project: Any) -> None:
        project.sample(key)
        if project.recovery.is_pending(key):
            raise InputError(
                f"{key} has edits from before a crash", hint="open the folder and recover or discard them"
            )
        mask = project.load_version(key, version)
        project.load_mask(key)
        project.save_mask(key, mask, note=VersionNote(Why.RESTORED))
        values = {"key": key, "restored": version, "mask": str(project.mask_path(key))}
        if as_json:
            print_json(values)
        else:
            print_facts(values)

    # The lock: a window that has this mask open would be surprised by another file.
    with_project(folder, work, create=False, editor=True)


@app.command("freeze")
def project_freeze(
    folder: ProjectFolder,
    out: Annotated[Path, typer.Argument(help="A new folder for the manifest and copies of the masks.")],
    splits: Annotated[list[str] | None, typer.Option("--split", help="Only this split; repeatable.")] = None,
    statuses: Annotated[
        list[str] | None, typer.Option("--status", help="Only this status; repeatable. [default: accepted]")
    ] = None,
    as_json: Json = False,
) -> None:
    """Freeze samples for a training: a manifest that later work on the project does not change."""
    from segstudio.project.sample import SampleStatus
    from segstudio.workflows.freeze import freeze

    known = {status.value: status for status in SampleStatus}
    for name in statuses or ():
        if name not in known:
            raise InputError(f"there is no status {name!r}", hint=f"use one of {', '.join(known)}")
    chosen = [known[name] for name in statuses or (SampleStatus.ACCEPTED.value,)]

    def work(project: Any) -> None:
        with progress() as context:
            result = freeze(project, out, context, splits=splits or (), statuses=chosen)
        skipped = [{"path": str(path), "reason": reason} for path, reason in result.skipped]
        values = {**asdict(result), "manifest": str(result.manifest), "skipped": skipped}
        if as_json:
            print_json(values)
            return
        print_facts({**values, "skipped": [f"{entry['path']} ({entry['reason']})" for entry in skipped]})

    with_project(folder, work, create=False)


@app.command("relabel")
def project_relabel(
    folder: ProjectFolder,
    source: Annotated[str, typer.Argument(metavar="FROM", help="The class of the regions.")],
    target: Annotated[str, typer.Argument(metavar="TO", help="The class that they take.")],
    where: Annotated[str, typer.Option("--in", help="mask or prediction: where they have it.")] = "mask",
    least: Annotated[int, typer.Option(help="Their area in pixels at least.")] = 1,
    most: Annotated[int, typer.Option(help="Their area at most; 0 is any.")] = 0,
    surest: Annotated[float, typer.Option(help="The model's mean confidence at most, 0-1.")] = 1.0,
    touching: Annotated[str, typer.Option(help="Only those that touch this class.")] = "",
    second: Annotated[str, typer.Option(help="Only those of which this is the model's second choice.")] = "",
    accepted: Annotated[bool, typer.Option("--accepted", help="Accepted samples too.")] = False,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Only say what would change.")] = False,
    as_json: Json = False,
) -> None:
    """Give all regions of a class that are alike another class, as one batch that can be undone."""
    from segstudio.workflows.relabel_command import Wish, relabel_project

    wish = Wish(source, target, where, least, most, surest, touching, second, accepted)

    def work(project: Any) -> None:
        with progress() as context:
            values = asdict(relabel_project(project, wish, context, dry_run=dry_run))
        (print_json if as_json else print_facts)(values)

    with_project(folder, work, create=False, editor=True)


@app.command("undo-relabel")
def project_undo_relabel(
    folder: ProjectFolder,
    batch: Annotated[str, typer.Argument(help="The batch's name. [default: the newest]")] = "",
    as_json: Json = False,
) -> None:
    """Take a batch back: its samples have the pixels of before; those edited since stay."""
    from segstudio.workflows.relabel_command import undo_in_project

    def work(project: Any) -> None:
        with progress() as context:
            values = asdict(undo_in_project(project, batch, context))
        (print_json if as_json else print_facts)(values)

    with_project(folder, work, create=False, editor=True)
