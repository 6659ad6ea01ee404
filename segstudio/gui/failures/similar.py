"""Finds failures that look like one of them to the model, in a worker that looks at their images."""

import numpy as np

from segstudio.errors import SegstudioError
from segstudio.gui.failures.book import FailureBook
from segstudio.gui.failures.facts import pair
from segstudio.gui.job_bridge import Replies
from segstudio.gui.models.predictions import EVALUATION_LANE
from segstudio.gui.session import Session
from segstudio.inference.catalog import ModelEntry
from segstudio.inference.features import FeatureSegmenter
from segstudio.jobs import JobContext
from segstudio.project.project import Project
from segstudio.workflows.evaluate import class_lookup
from segstudio.workflows.failure_table import FailureTable
from segstudio.workflows.model_palette import palette_of_model
from segstudio.workflows.similar_segments import SimilarSegment, similar_segments


class SimilarSearch:
    """Asks the model of the book's table; what it finds the book shows alone."""

    def __init__(self, session: Session, book: FailureBook) -> None:
        self._session = session
        self._book = book

    def find(self, row: int) -> None:
        """Looks for segments like a row of the table; the row itself comes first."""
        session, project, failures = self._session, self._session.project, self._book.failures
        if project is None or failures is None or row < 0:
            return
        model = failures.evaluation.model
        entry = next((known for known in session.predictions.models if known.name == model), None)
        if entry is None:
            text = f"the model {model} is no longer here"
            session.explain(SegstudioError(text, hint="import it again (Model menu)"))
            return
        backend = session.settings.text("backend").partition(":")[0]

        def done(found: list[SimilarSegment]) -> None:
            if self._book.has_rows_of(failures):
                rows = np.array([row, *(segment.number for segment in found)], np.int64)
                self._book.show_among(rows, f"Like {pair(failures, row)}")

        session.bridge.start(
            f"Find failures like {pair(failures, row)}",
            lambda context: _search(project, entry, backend, failures, row, context),
            lane=EVALUATION_LANE,
            replaces="similar failures",
            replies=Replies(done=done, failed=session.explain),
        )


def _search(
    project: Project, entry: ModelEntry, backend: str, failures: FailureTable, row: int, context: JobContext
) -> list[SimilarSegment]:
    if entry.spec is None:
        raise SegstudioError(f"model {entry.name} cannot be used: {entry.problem}")
    context.progress(0, 0, "opening the model")
    looking = FeatureSegmenter(entry.folder, entry.spec, backend)
    lookup = class_lookup(palette_of_model(entry.spec), project.palette)
    return similar_segments(project, looking, lookup, failures.table, row, context)
