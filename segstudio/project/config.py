"""The project.toml of a project: its palette and where its images, masks and database are."""

import json
import os
import tomllib
from dataclasses import dataclass
from pathlib import Path

from segstudio.annotation.palette import Palette, load_palette
from segstudio.errors import ImageError, InputError, ProjectError
from segstudio.images import atomic_write
from segstudio.project.layout import FACTS_DIR, images_folder

FILE = "project.toml"
PALETTE_FILE = "palette.yaml"
DEFAULT_PALETTE = "cityscapes"
KEYS = ("database", "images", "masks", "palette")


@dataclass(frozen=True)
class ProjectFolders:
    """Where a project keeps things, with its palette; `existed` says that it was made before."""

    root: Path
    facts: Path
    images: Path
    masks: Path
    palette: Palette
    database: str
    existed: bool


def is_project(root: Path) -> bool:
    """Whether a folder has been made a project."""
    return (root / FACTS_DIR / FILE).is_file()


def resolve(root: Path, palette: str | None, images: Path | None, masks: Path | None) -> ProjectFolders:
    """Reads what a folder's project.toml says, lets the arguments overrule it, and notes what is new.

    Raises:
        ProjectError: the file is malformed, a folder is not there, or the folder cannot be written to.
        PaletteError: there is no such palette.
    """
    facts = root / FACTS_DIR
    existed = is_project(root)
    config = _read(facts / FILE) if existed else {}
    own_images = images_folder(images) if images else _folder(root, config.get("images"))
    own_masks = masks or _folder(root, config.get("masks"))
    folders = ProjectFolders(
        root=root,
        facts=facts,
        images=own_images or images_folder(root),
        masks=own_masks or root / "masks",
        palette=_palette(facts, palette or config.get("palette", DEFAULT_PALETTE)),
        database=config.get("database", ""),
        existed=existed,
    )
    if not folders.images.is_dir():
        raise ProjectError(
            f"the images folder {folders.images} of {root} is not there",
            hint=f"connect its disk, or correct `images` in {facts / FILE}",
        )
    wanted = dict(config)
    wanted["palette"] = _stored_palette(palette, config)
    wanted |= {"images": _relative(root, own_images)} if own_images else {}
    wanted |= {"masks": _relative(root, own_masks)} if own_masks else {}
    _write(folders, wanted, config, palette)
    return folders


def _read(path: Path) -> dict[str, str]:
    try:
        values = tomllib.loads(path.read_text(encoding="utf-8"))
    except (OSError, UnicodeDecodeError, tomllib.TOMLDecodeError) as error:
        raise ProjectError(f"{path} cannot be read: {error}", hint="correct it") from error
    for key, value in values.items():
        if key not in KEYS:
            raise ProjectError(f"{path} has an unknown key {key!r}", hint=f"it may have {', '.join(KEYS)}")
        if not isinstance(value, str):
            raise ProjectError(f"{path}: {key} must be text, it is {value!r}", hint="correct it")
    return values


def _write(
    folders: ProjectFolders, wanted: dict[str, str], known: dict[str, str], palette: str | None
) -> None:
    try:
        folders.facts.mkdir(parents=True, exist_ok=True)
        if palette and _is_file(palette):
            atomic_write(folders.facts / PALETTE_FILE, Path(palette).read_bytes())
        if wanted != known:
            # JSON's strings are TOML's basic strings as long as nothing is escaped into surrogates.
            lines = [f"{key} = {json.dumps(wanted[key], ensure_ascii=False)}\n" for key in sorted(wanted)]
            atomic_write(folders.facts / FILE, "".join(lines).encode())
    except (OSError, ImageError) as error:
        raise read_only(folders.root, error) from error


def read_only(root: Path, error: Exception) -> ProjectError:
    """The error of a folder that cannot hold a project, with the way round it."""
    reason = error.strerror or error if isinstance(error, OSError) else error
    message = error.message if isinstance(error, InputError) else str(reason)
    return ProjectError(
        f"{root} cannot hold a project: {message}",
        hint=f"keep the project in another folder: `segstudio project init DIR --images {root}`",
    )


def _palette(facts: Path, name: str) -> Palette:
    return load_palette(facts / PALETTE_FILE if name == PALETTE_FILE else name)


def _stored_palette(asked: str | None, config: dict[str, str]) -> str:
    """A palette of one's own is copied into the project: what ids mean must not depend on another file."""
    if asked is None:
        return config.get("palette", DEFAULT_PALETTE)
    return PALETTE_FILE if _is_file(asked) else asked


def _is_file(palette: str) -> bool:
    return Path(palette).suffix in (".yaml", ".yml")


def _folder(root: Path, stored: str | None) -> Path | None:
    return Path(os.path.normpath(root / stored)) if stored else None


def _relative(root: Path, folder: Path) -> str:
    try:
        return Path(os.path.relpath(folder, root)).as_posix()
    except ValueError:
        # Another drive of Windows.
        return folder.as_posix()
