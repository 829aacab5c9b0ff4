"""What the log says of the balances that an allocation uses."""

import logging
from datetime import UTC, datetime
from decimal import Decimal

import pytest

from capital.domain.allocation.decision import Decision, Outcome
from capital.domain.allocation.pools import EntryDecision, PoolDecision
from capital.domain.balances import Observation, PoolReading, Source
from capital.domain.pools import Pool
from capital.domain.reasons import Code, Reason
from capital.models import Account
from capital.services.balances.log_lines import log_cached, log_fallbacks, log_suspects
from capital.services.balances.suspects import Suspect


def test_cached_balances_are_told_to_those_who_look_for_bugs(
    caplog: pytest.LogCaptureFixture,
) -> None:
    for level in (logging.INFO, logging.DEBUG):
        with caplog.at_level(level, logger="capital.services.balances.log_lines"):
            log_cached(7, "현물", Decimal("5.129"))

    assert caplog.messages == ["계좌 7: 캐시된 현물 잔고 $5.13"]


NOON = datetime(2026, 11, 24, 12, tzinfo=UTC)
LOGGER = "capital.services.balances.log_lines"
MAIN = Account(pk=7, name="Main\nforged", venue="binance", currency="USDT")


def decided(pool: Pool, amount: str | None, source: Source, code: Code) -> PoolDecision:
    known = None if amount is None else Decimal(amount)
    why = Reason(Code.NOT_READ)
    reading = PoolReading(pool, known, source, None if known is None else NOON, why)
    entry = EntryDecision(None, None, None, code)  # type: ignore[arg-type]
    return PoolDecision(reading, None, None, why, (entry,))


def test_pools_without_a_live_balance_are_told_by_the_accounts_name(
    caplog: pytest.LogCaptureFixture,
) -> None:
    pools = (
        decided(Pool.SPOT, "1234.567", Source.CACHED, Code.ALLOCATED),
        decided(Pool.FUTURES, None, Source.NONE, Code.KEPT),
        decided(Pool.UNIFIED, "5", Source.LIVE, Code.ALLOCATED),
        # A position holds it: it was not asked for its own.
        decided(Pool.UNIFIED, None, Source.NONE, Code.HELD),
    )

    with caplog.at_level(logging.DEBUG, logger=LOGGER):
        why = Reason(Code.ALLOCATED)
        log_fallbacks(MAIN, Decision(Outcome.APPLIED, why, pools))

    assert [(each.levelname, each.getMessage()) for each in caplog.records] == [
        ("DEBUG", "계좌 7: 캐시된 현물 잔고 $1234.57"),
        ("WARNING", "계좌 Main forged: 실시간 현물 잔고 조회 실패, 캐시 사용 ($1234.57)"),
        (
            "WARNING",
            "계좌 Main forged: 실시간 선물 잔고 조회 실패, 캐시 없음, 할당 건너뜀 (not_read)",
        ),
    ]


def test_each_suspect_balance_is_told_in_english(caplog: pytest.LogCaptureFixture) -> None:
    suspects = {
        pool: Suspect(Observation(Decimal(amount), NOON), Decimal(1000))
        for pool, amount in ((Pool.SPOT, "9000"), (Pool.FUTURES, "5000"))
    }

    log_suspects(MAIN, suspects)

    assert [each.levelname for each in caplog.records] == ["WARNING"] * 2
    assert caplog.messages == [
        "Main forged: " + suspect.reason(MAIN, pool).english for pool, suspect in suspects.items()
    ]
    assert "binance reports 5000.00 USDT in the futures pool, 400.0% away" in caplog.messages[1]
