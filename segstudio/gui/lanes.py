"""The lanes of the window's Jobs, one worker each: what people wait for stands behind nothing slow."""

from segstudio.gui.correcting.cell_finder import LANE as CELL_LANE
from segstudio.gui.correcting.embeddings import LANE as EMBEDDING_LANE
from segstudio.gui.models.model_exports import LANE as EXPORT_LANE
from segstudio.gui.models.model_imports import LANE as MODEL_LANE
from segstudio.gui.models.predictions import EVALUATION_LANE
from segstudio.gui.models.predictions import LANE as PREDICTION_LANE
from segstudio.gui.samples.pictures import LANE as THUMBNAIL_LANE
from segstudio.gui.training.training_runs import FINISH_LANE, LOOK_LANE, START_LANE

SCAN_LANE = "scan"
LIST_LANE, SEARCH_LANE, MEASURE_LANE = "list", "search", "measure"
# Dashboards add up all samples: opening one must not wait for that.
DASHBOARD_LANE = "dashboard"
EDIT_LANE = "edit"
# Tables of failures are large; reading one must not hold up the next sample.
FAILURES_LANE = "failures"
ADAPT_LANE = "adapt"
LANES = (
    PREDICTION_LANE,
    EVALUATION_LANE,
    EMBEDDING_LANE,
    "project",
    "io",
    EDIT_LANE,
    CELL_LANE,
    THUMBNAIL_LANE,
    SCAN_LANE,
    LIST_LANE,
    SEARCH_LANE,
    MEASURE_LANE,
    DASHBOARD_LANE,
    MODEL_LANE,
    EXPORT_LANE,
    FAILURES_LANE,
    LOOK_LANE,
    START_LANE,
    FINISH_LANE,
    ADAPT_LANE,
)
# Work that can be done again is cancelled when the window closes.
CANCELLED_LANES = frozenset(LANES) - {"project", "io", EMBEDDING_LANE}
