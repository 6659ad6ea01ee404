"""Freezes samples of a project for a training: copies of their masks and a manifest of every file."""

import hashlib
import json
import os
from collections import Counter
from collections.abc import Collection, Mapping
from dataclasses import dataclass, replace
from pathlib import Path

from segstudio.annotation.palette_choice import save_palette
from segstudio.errors import ImageError, InputError, MaskError
from segstudio.images import atomic_write, image_size
from segstudio.jobs import JobContext
from segstudio.project.layout import MASK_SUFFIX
from segstudio.project.project import Project
from segstudio.project.sample import Sample, SampleStatus
from segstudio.training.data.manifest import FILE, FrozenSample, Manifest, write_text
from segstudio.workflows.review_export import comment_rows

PALETTE_FILE = "palette.yaml"
COMMENTS_FILE = "comments.json"
MASKS = "masks"


@dataclass(frozen=True)
class FreezeResult:
    """The manifest, how many samples each split has, and what was left out with the reason."""

    manifest: Path
    samples: int
    splits: dict[str, int]
    skipped: tuple[tuple[Path, str], ...]


def freeze(
    project: Project,
    out: Path,
    context: JobContext,
    *,
    splits: Collection[str] = (),
    statuses: Collection[SampleStatus] = (SampleStatus.ACCEPTED,),
    use: Mapping[str, str] | None = None,
) -> FreezeResult:
    """Writes OUT/manifest.json, OUT/masks/ and OUT/palette.yaml; images stay where they are.

    What was said about the samples goes to OUT/comments.json, if anything was.

    Images are named relative to OUT where OUT is in the project's folder or beside it, else absolutely.

    Args:
        project: the project, which is not changed.
        out: a folder without a manifest.
        context: progress and cancellation; the manifest is written last.
        splits: only samples of these; empty takes all.
        statuses: only samples of these.
        use: only samples of these keys, with the split that each has in the manifest in place of its own.

    Raises:
        InputError: there is a manifest already, or no sample is left.
        ImageError: the disk refuses. Cancelled: the context was cancelled.
    """
    if (out / FILE).exists():
        raise InputError(
            f"{out / FILE} exists", hint="a frozen manifest stays as it is: choose another folder"
        )
    frozen: list[FrozenSample] = []
    skipped: list[tuple[Path, str]] = []
    chosen = _chosen(project, splits, statuses)
    if use is not None:
        chosen = [replace(sample, split=use[sample.key]) for sample in chosen if sample.key in use]
    visits = project.verdicts.visits([sample.key for sample in chosen])
    for number, sample in enumerate(chosen):
        context.check()
        context.progress(number, len(chosen), f"freezing {sample.key}")
        try:
            frozen.append(replace(_freeze_sample(project, sample, out), visits=visits[sample.key]))
        except MaskError as error:
            skipped.append((sample.mask, error.message))
    if not frozen:
        hint = skipped[0][1] if skipped else "choose others"
        raise InputError(f"none of {len(chosen)} samples can be frozen", hint=hint)
    save_palette(project.palette, out / PALETTE_FILE)
    keys = {sample.key for sample in frozen}
    said = [row for row in comment_rows(project) if row["key"] in keys]
    if said:
        atomic_write(out / COMMENTS_FILE, json.dumps({"comments": said}, ensure_ascii=False).encode())
    manifest = Manifest(str(project.root), project.palette, tuple(frozen))
    atomic_write(out / FILE, write_text(manifest).encode())
    counts = Counter(sample.split for sample in frozen)
    return FreezeResult(out / FILE, len(frozen), dict(counts), tuple(skipped))


def _chosen(project: Project, splits: Collection[str], statuses: Collection[SampleStatus]) -> list[Sample]:
    """The samples to freeze.

    Raises:
        InputError: there are none; says what there is.
    """
    chosen = [
        sample
        for sample in project.samples()
        if sample.status in statuses and (not splits or sample.split in splits)
    ]
    if chosen:
        return chosen
    wanted = " or ".join(status.value for status in statuses)
    of = f" of split {' or '.join(splits)}" if splits else ""
    there = ", ".join(f"{count} {name}" for name, count in project.info().by_status.items() if count)
    raise InputError(
        f"{project.root} has no {wanted} sample{of}; it has {there or 'none'}",
        hint="choose others by --split and --status",
    )


def _freeze_sample(project: Project, sample: Sample, out: Path) -> FrozenSample:
    """Copies one mask.

    Raises:
        MaskError: there is no mask, it does not fit, or the image cannot be read.
        ImageError: the disk refuses.
    """
    mask, _ = project.look_at_mask(sample.key)
    if mask is None:
        raise MaskError(f"{sample.key} has no mask")
    try:
        image_digest, size = _digest(sample.image), image_size(sample.image)
        content = sample.mask.read_bytes()
    except (ImageError, OSError) as error:
        raise MaskError(f"{sample.key} cannot be read: {error}") from error
    if size != mask.shape[::-1]:
        raise MaskError(f"the mask of {sample.key} is {mask.shape[::-1]}, its image {size} (width, height)")
    copy = f"{MASKS}/{sample.key}{MASK_SUFFIX}"
    atomic_write(out / copy, content)
    return FrozenSample(
        sample.key,
        _reference(sample.image, project.root, out),
        image_digest,
        copy,
        hashlib.sha256(content).hexdigest(),
        *size,
        sample.split,
        sample.status.value,
    )


def _reference(image: Path, root: Path, out: Path) -> str:
    """How the manifest names an image."""
    around = root.resolve().parent
    if out.resolve().is_relative_to(around) and image.resolve().is_relative_to(around):
        return Path(os.path.relpath(image.resolve(), out.resolve())).as_posix()
    return image.resolve().as_posix()


def _digest(path: Path) -> str:
    with path.open("rb") as stream:
        return hashlib.file_digest(stream, "sha256").hexdigest()
