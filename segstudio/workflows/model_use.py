"""The model that a project uses, found in the catalog: by name, by a former name, by nothing else."""

from segstudio.errors import ModelError
from segstudio.inference.catalog import ModelEntry, find_entry, list_models
from segstudio.inference.model_changes import list_trash
from segstudio.project.project import Project
from segstudio.project.sample import Changes
from segstudio.settings import Settings
from segstudio.workflows.evaluate_project import fingerprint_of

# Where neither the project nor the settings name one.
USUAL = "street-b0"


def follow_renames(project: Project) -> Changes:
    """Lets a project's records follow models that were renamed since; see `ModelNameStore.rename`.

    Records that were measured with other weights than the renamed model has stay under the name they have.
    """
    models = list_models(archived=True)
    here = {entry.name: entry for entry in models}
    changes = Changes()
    for old in sorted(project.model_names.known()):
        # A shipped model may have come to light under the name that one of the user's had.
        shipped = old in here and here[old].bundled
        entry = next((one for one in models if old in one.notes.former_names), None)
        if entry is None or entry.spec is None or (old in here and not shipped):
            continue
        promoted = project.promotions.current()
        known = project.fingerprint(old) or (
            promoted.fingerprint if promoted and promoted.model == old else ""
        )
        if known == fingerprint_of(entry.folder, entry.spec) or (not shipped and not known):
            changes |= project.model_names.rename(old, entry.name)
    return changes


def usable_fingerprint(name: str) -> str:
    """What identifies the weights of a model that a project may use, see `fingerprint_of`.

    Raises:
        ModelError: there is none of that name, it cannot be used, or it is archived.
    """
    entry = find_entry(name)
    if entry.spec is None:
        raise ModelError(f"{name} cannot be used: {entry.problem}")
    if entry.notes.archived:
        raise ModelError(f"{name} is archived", hint=f"take it back: segstudio models archive {name} --back")
    return fingerprint_of(entry.folder, entry.spec)


def check_usable(name: str, fingerprint: str) -> None:
    """Makes sure that a model of the catalog has the weights that are meant; "" means whatever it has.

    Raises:
        ModelError: there is none of that name, it cannot be used, is archived, or has other weights.
    """
    if usable_fingerprint(name) != fingerprint and fingerprint:
        raise ModelError(
            f"{name} has other weights in the catalog than those that are meant",
            hint="import the model under a name of its own: segstudio models import FOLDER --name NAME",
        )


def roll_back(project: Project, reason: str = "", *, to: int = 0) -> Changes:
    """Puts an earlier model to use again, see `Promotions.roll_back`, if it can still be used.

    Raises:
        ProjectError: there is no earlier promotion, or none of that number.
        ModelError: its model is gone, archived, cannot be used, or has other weights now.
    """
    target = project.promotions.target(to)
    check_usable(target.model, target.fingerprint)
    return project.promotions.roll_back(reason=reason, to=target.number)


def note_weights(project: Project, entry: ModelEntry) -> None:
    """Notes the weights behind a project's records of a model that is about to go.

    A later model of that name is then known to be another one.
    """
    if entry.spec is None or project.fingerprint(entry.name):
        return
    if entry.name in project.model_names.known():
        project.note_fingerprint(entry.name, fingerprint_of(entry.folder, entry.spec))


def start_for(project: Project) -> str:
    """Name of the model to go on from: the one in use in a project, or that of the settings where
    none was ever chosen.

    Raises:
        ModelError: one was chosen and cannot be used any more.
    """
    entry, why = model_in_use(project)
    if why:
        raise ModelError(why, hint="choose another with --model")
    return entry.name if entry is not None else Settings.load().text("model") or USUAL


def model_in_use(project: Project) -> tuple[ModelEntry | None, str]:
    """The model that was promoted last in a project, and why it cannot be used; None where none was.

    The weights are compared too: a model of that name with other weights is not the one in use.
    """
    current = project.promotions.current()
    if current is None:
        return None, ""
    entry = next((one for one in list_models(archived=True) if one.name == current.model), None)
    if entry is None:
        place = "in the trash" if any(one.name == current.model for one in list_trash()) else "not here"
        return None, f"the model of this project, {current.model}, is {place}"
    if entry.spec is None:
        return None, f"the model of this project, {current.model}, cannot be used: {entry.problem}"
    if entry.notes.archived:
        return None, f"the model of this project, {current.model}, is archived"
    if current.fingerprint and fingerprint_of(entry.folder, entry.spec) != current.fingerprint:
        return None, f"{current.model} has other weights now than when it was promoted"
    return entry, ""
