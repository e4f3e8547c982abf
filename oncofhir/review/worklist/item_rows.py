"""Worklist items as rows of the index."""

from typing import Any

from oncofhir.review.worklist import query
from oncofhir.schemas.review import WorklistItem


def row_of(item: WorklistItem) -> tuple[Any, ...]:
    """An item in the order of the columns of `schema`."""
    return (
        item.finding,
        item.document,
        item.resource,
        item.kind.value,
        item.site,
        item.body_site,
        item.model,
        query.utc(item.reported) if item.reported else None,
        item.asserted.isoformat(),
        item.confidence,
        item.review.value,
        item.reviewer,
        item.reviewed_at.isoformat() if item.reviewed_at else None,
        query.bits(item.reasons),
        item.priority,
        item.version_id,
        item.model_dump_json(),
    )


def item_of(item: object, version_id: object) -> WorklistItem:
    """The item of a row, in the version of its resource that was last seen."""
    found = WorklistItem.model_validate_json(str(item))
    version = None if version_id is None else str(version_id)
    return found.model_copy(update={"version_id": version})
