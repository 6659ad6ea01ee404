"""A model that was renamed keeps its records, and takes over none of another one's."""

import numpy as np

from segstudio.project.project import Project
from segstudio.project.sample import SpeedRecord
from tests.project.conftest import some_mask


def test_all_that_is_known_follows_the_new_name(project: Project) -> None:
    project.save_prediction("a", some_mask(), some_mask(1), "old")
    project.record_counts("b", "old", np.ones((19, 20), np.int64))
    project.note_fingerprint("old", "f1")
    project.record_speed(SpeedRecord("old", "onnx", "CPU", 32, 24, 1, 9.0, 1.0, 1.0, 1.0))
    project.promotions.promote("old", "f1")
    assert project.model_names.known() == {"old"}
    changes = project.model_names.rename("old", "new", initiator="me")
    assert (changes.predictions, changes.scores, changes.model) == (frozenset("a"), frozenset("b"), True)
    assert project.model_names.known() == {"new"}
    assert project.predicting_models() == {"a": "new"}
    assert project.evaluation.counts("new").keys() == {"b"}
    assert (project.fingerprint("new"), project.fingerprint("old")) == ("f1", "")
    assert [speed.model for speed in project.speeds()] == ["new"]
    current = project.promotions.current()
    assert current is not None
    assert (current.model, current.fingerprint) == ("new", "f1")


def test_what_an_earlier_model_of_the_name_left_stays_apart(project: Project) -> None:
    counted = np.ones((19, 20), np.int64)
    for key, model in (("a", "old"), ("b", "new")):
        project.save_prediction(key, some_mask(), some_mask(1), model)
        project.record_counts(key, model, counted)
        project.note_fingerprint(model, model)
        project.promotions.promote(model, model)
    project.model_names.rename("old", "new")
    assert project.predicting_models() == {"a": "new", "b": "new (earlier)"}
    assert project.evaluation.counts("new").keys() == {"a"}
    assert project.fingerprint("new") == "old"
    assert [entry.model for entry in project.promotions.history()] == ["new (earlier)", "new"]
