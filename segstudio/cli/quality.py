"""The commands that judge without a truth: how far regions can be trusted, and where masks may be wrong."""

from pathlib import Path
from typing import Annotated, Any

import typer

from segstudio.cli.output import BackendName, Json, Model, print_json, watched

app = typer.Typer(add_completion=False, pretty_exceptions_enable=False)
Images = Annotated[Path, typer.Option(help="Folder of images.")]
Masks = Annotated[Path, typer.Option(help="Folder of masks.")]
PaletteName = Annotated[str, typer.Option(help="Palette of the masks; default: the model's own.")]


@app.command()
def quality(
    images: Images,
    masks: Masks,
    train_images: Annotated[Path, typer.Option(help="Folder of other images, to learn from.")],
    train_masks: Annotated[Path, typer.Option(help="Folder of their masks.")],
    model: Model = "street-b0",
    palette: PaletteName = "",
    out: Annotated[
        Path | None, typer.Option(help="File that keeps what was learnt; NAME.npz, without code.")
    ] = None,
    backend: BackendName = "auto",
    as_json: Json = False,
) -> None:
    """Learn how right predicted regions are from one folder, and measure that on another."""
    from segstudio.workflows.quality import measure_quality

    folders = (train_images, train_masks), (images, masks)
    with watched(json_events=False) as context:
        found = measure_quality(model, *folders, palette, backend=backend, context=context)
    if out is not None:
        found.quality.save(out)
    values = found.to_json()
    if as_json:
        print_json(values)
        return
    print(
        f"{values['model']}: learnt from {values['train_regions']} regions of {values['train_images']} images"
    )
    print(
        f"{values['regions']} regions of {values['images']} other images, "
        f"{100 * values['missing']:.1f} % of them without a right pixel"
    )
    print(f"AUROC {_share(values['auroc'])}  (confidence alone {_share(values['confidence_auroc'])})")
    print(f"R2    {_share(values['r2'])}")
    inner = values["inner"]
    print(
        f"with inner pixels: {inner['regions']} regions, "
        f"AUROC {_share(inner['auroc'])}, R2 {_share(inner['r2'])}"
    )
    _print_skipped(values)


@app.command()
def suspects(
    images: Images,
    masks: Masks,
    model: Model = "street-b0",
    palette: PaletteName = "",
    limit: Annotated[
        int, typer.Option(help="Suspects that are printed, the most suspect first.", min=0)
    ] = 30,
    backend: BackendName = "auto",
    as_json: Json = False,
) -> None:
    """List where masks made by people may be wrong, the most suspect first."""
    from segstudio.workflows.quality import find_suspects

    with watched(json_events=False) as context:
        found = find_suspects(model, images, masks, palette, limit=limit, backend=backend, context=context)
    values = found.to_json()
    if as_json:
        print_json(values)
        return
    print(f"{values['model']} looked at {values['images']} masks")
    for row in values["suspects"]:
        print(
            f"{row['score']:.2f} {row['kind']:<11} {row['area']:>7} px  {row['sample']} "
            f"({row['x']:.0f}, {row['y']:.0f}): {row['reason']}"
        )
    _print_skipped(values)


def _share(value: float | None) -> str:
    return "unknown" if value is None else f"{value:.3f}"


def _print_skipped(values: dict[str, Any]) -> None:
    for entry in values["skipped"]:
        print(f"  skipped {entry['path']}: {entry['reason']}")
