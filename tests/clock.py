"""The moment and the zone in which the suite believes to run: whatever they are, it passes.

``TESTS_NOW=2028-02-29T00:05+09:00`` sets the clock at the start, from where it goes on;
``TESTS_TIME_ZONE=Europe/Zurich`` sets the zone (see ``capital_project.settings_test``); a test that
writes out times of Seoul asks for the fixture ``seoul``. Processes that a test starts keep the
machine's clock, so tests that compare theirs with ours, marked ``cluster``, are left out.
"""

import os
from datetime import datetime

import pytest
import time_machine

NOW = os.environ.get("TESTS_NOW", "")
ZONE = os.environ.get("TESTS_TIME_ZONE", "")


def travel() -> None:
    """Set the clock for the whole run; nothing without ``TESTS_NOW``."""
    if not NOW:
        return
    moment = datetime.fromisoformat(NOW)
    if moment.tzinfo is None:
        raise pytest.UsageError(f"TESTS_NOW={NOW} needs an offset, as in 2028-02-29T00:05+09:00.")
    time_machine.travel(moment, tick=True).start()


def mark(item: pytest.Item) -> None:
    """Leave out what compares our clock with the machine's."""
    if NOW and item.get_closest_marker("cluster"):
        item.add_marker(pytest.mark.skip(reason="its processes know the machine's clock only"))
