"""Puts a model to use that was compared: because a person says so, and with the way back."""

from contextlib import suppress

from segstudio.errors import ModelError
from segstudio.project.project import Project
from segstudio.project.sample import Changes
from segstudio.workflows.model_use import check_usable, usable_fingerprint
from segstudio.workflows.prove.proof import Proof, reason

BEFORE = "in use before"


def promote(project: Project, proof: Proof, why: str = "", *, before: str = "") -> Changes:
    """Makes the candidate the model in use.

    Where nobody promoted a model before, the one that was used all the same is noted first, so that there is
    a way back.

    Args:
        project: whose model it becomes.
        proof: what was compared.
        why: in a person's words; "" keeps what the comparison says.
        before: the model that was used where nobody promoted one; "" is the current one of the comparison.

    Raises:
        ModelError: the candidate is not in the catalog with the weights that were compared.
    """
    changes, candidate = Changes(), proof.candidate
    check_usable(candidate.model, candidate.fingerprint)
    if project.promotions.current() is None:
        # Who looked at the candidate in the editor uses it for the moment, and comes from the current one.
        name = before if before and before != candidate.model else proof.current.model
        # A model that is in no catalog is no way back.
        with suppress(ModelError):
            changes |= project.promotions.promote(name, usable_fingerprint(name), reason=BEFORE)
    return changes | project.promotions.promote(
        candidate.model, candidate.fingerprint, reason=why or reason(proof)
    )
