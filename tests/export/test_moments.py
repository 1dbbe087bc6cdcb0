from datetime import UTC, datetime

import pytest

from sweeper.export.moments import moment

NOON = "2026-01-31T12:00:00+00:00"


def test_seconds_are_added_to_the_start():
    assert moment({"created": NOON}, 60.0, 1.5) == datetime(2026, 1, 31, 12, 1, 1, 500000, UTC)
    assert moment({"created": "2026-01-31T14:00:00+02:00"}).isoformat() == NOON
    assert moment({"created": "2026-01-31T12:00:00"}, 5, None).isoformat() == NOON


@pytest.mark.parametrize("created", ["yesterday", "", "0001-01-01T00:00:00+14:00", "9999-12-31"])
def test_a_start_that_no_calendar_has(created):
    assert moment({"created": created}, 1.0).timestamp() == 0


@pytest.mark.parametrize("seconds", [1e300, float("nan"), float("inf"), -1e11])
def test_seconds_that_lead_nowhere(seconds):
    assert moment({"created": NOON}, seconds).timestamp() == 0
