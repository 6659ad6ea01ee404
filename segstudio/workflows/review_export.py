"""What was said about samples as plain values that travel with an export."""

from typing import Any

from segstudio.project.database import iso_time
from segstudio.project.project import Project
from segstudio.project.review_records import Comment


def comment_rows(
    project: Project, key: str | None = None, *, open_only: bool = False
) -> list[dict[str, Any]]:
    """Comments of a sample or of all; a place and a class that there are none of are None.

    Keys are those of the project, x and y pixels of the image, `when` an ISO time in UTC.
    """
    names = {entry.id: entry.name for entry in project.palette.classes}
    return [_row(comment, names) for comment in project.review.comments(key, open_only=open_only)]


def _row(comment: Comment, names: dict[int, str]) -> dict[str, Any]:
    return {
        "id": comment.id,
        "key": comment.key,
        "x": comment.x if comment.has_pin else None,
        "y": comment.y if comment.has_pin else None,
        "class": names.get(comment.class_id),
        "text": comment.text,
        "resolved": comment.resolved,
        "author": comment.author,
        "when": iso_time(comment.when),
    }
