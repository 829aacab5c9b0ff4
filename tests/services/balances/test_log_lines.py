"""What the log says of the balances that an allocation uses."""

import logging
from decimal import Decimal

import pytest

from capital.services.balances.log_lines import log_cached


def test_cached_balances_are_told_to_those_who_look_for_bugs(
    caplog: pytest.LogCaptureFixture,
) -> None:
    for level in (logging.INFO, logging.DEBUG):
        with caplog.at_level(level, logger="capital.services.balances.log_lines"):
            log_cached(7, "현물", Decimal("5.129"))

    assert caplog.messages == ["계좌 7: 캐시된 현물 잔고 $5.13"]
