"""Log lines whose exact texts are an interface: people grep for them."""

import logging
from collections.abc import Mapping
from decimal import Decimal

from capital.domain.allocation.decision import Decision
from capital.domain.balances import Source
from capital.domain.pools import Pool
from capital.domain.reasons import Code
from capital.models import Account
from capital.services.balances.suspects import Suspect
from capital.traces import one_line

logger = logging.getLogger(__name__)

# The words of the log lines, which people grep for: Korean in every language.
POOL_WORD = {Pool.SPOT: "현물", Pool.FUTURES: "선물", Pool.UNIFIED: "통합"}
WHOLE_WORD = "전체"


def log_fallbacks(account: Account, decision: Decision) -> None:
    """Log the pools without a live balance. One that a position holds was not asked for its own."""
    for pool in decision.pools:
        reading = pool.reading
        word = POOL_WORD[reading.pool]
        if reading.source is Source.CACHED and reading.amount is not None:
            log_cached(account.pk, word, reading.amount)
            logger.warning(
                "계좌 %s: 실시간 %s 잔고 조회 실패, 캐시 사용 ($%s)",
                one_line(account.name),
                word,
                f"{reading.amount:.2f}",
            )
        elif any(entry.code is Code.KEPT for entry in pool.entries):
            logger.warning(
                "계좌 %s: 실시간 %s 잔고 조회 실패, 캐시 없음, 할당 건너뜀 (%s)",
                one_line(account.name),
                word,
                reading.reason.code,
            )


def log_suspects(account: Account, suspects: Mapping[Pool, Suspect]) -> None:
    """Log why each balance is suspect: someone has to look at it."""
    for pool, suspect in suspects.items():
        logger.warning("%s: %s", one_line(account.name), suspect.reason(account, pool).english)


def log_cached(account_id: int, word: str, amount: Decimal) -> None:
    """Log that a cached balance is used, at level DEBUG."""
    if logger.isEnabledFor(logging.DEBUG):
        logger.debug("계좌 %s: 캐시된 %s 잔고 $%s", account_id, word, f"{amount:.2f}")
