"""Puts a model to use that was compared: because a person says so, and with the way back."""

from segstudio.project.project import Project
from segstudio.project.sample import Changes
from segstudio.workflows.prove.proof import Proof, reason

BEFORE = "in use before"


def promote(project: Project, proof: Proof, why: str = "") -> Changes:
    """Makes the candidate the model in use.

    Where nobody promoted a model before, the current one is noted first, so that there is a way back.

    Args:
        project: whose model it becomes.
        proof: what was compared.
        why: in a person's words; "" keeps what the comparison says.
    """
    changes, current, candidate = Changes(), proof.current, proof.candidate
    if project.promotions.current() is None:
        changes |= project.promotions.promote(current.model, current.fingerprint, reason=BEFORE)
    return changes | project.promotions.promote(
        candidate.model, candidate.fingerprint, reason=why or reason(proof)
    )
