"""The time of day at which something of a sweep happened."""

from datetime import UTC, datetime, timedelta
from typing import Any

_NONE = datetime(1970, 1, 1, tzinfo=UTC)


def moment(sweep: dict[str, Any], *seconds: float | None) -> datetime:
    """The time so many seconds after the sweep's start; the start where one of them is missing.

    1970 where a record tells no start, or a time that no calendar has.
    """
    try:
        start = datetime.fromisoformat(sweep.get("created", ""))
        if start.tzinfo is None:
            start = start.replace(tzinfo=UTC)
        if None not in seconds:
            start += timedelta(seconds=sum(float(s) for s in seconds if s is not None))
        start = start.astimezone(UTC)
    except (ValueError, OverflowError):
        return _NONE
    return start if _NONE.year <= start.year < 9000 else _NONE
