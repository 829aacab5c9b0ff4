"""From what is known of an account's pools to its decision."""

import logging
from datetime import datetime

from capital.domain.allocation import Reserve
from capital.domain.balances import PoolReading, Source, choose_reading
from capital.domain.decision import Decision, Outcome, decide
from capital.domain.errors import CapitalError
from capital.domain.pools import Pool, WalletMode
from capital.domain.reasons import Code, Reason
from capital.models import Account
from capital.services.balances import LiveAnswers
from capital.services.cases import AccountCase
from capital.services.summaries import POOL_WORD, Summaries, cached_observation, log_cached

logger = logging.getLogger(__name__)


def decide_account(
    case: AccountCase, answers: LiveAnswers, summaries: Summaries, *, now: datetime
) -> Decision:
    """One account's decision. Weights that cannot be used make it a failed one."""
    account = case.account
    if not account.is_active:
        return Decision(Outcome.SKIPPED, Reason(Code.ACCOUNT_INACTIVE))
    readings: dict[Pool, PoolReading] = {
        pool: choose_reading(
            pool,
            answers.get((account.pk, pool), Reason(Code.NOT_READ)),
            cached_observation(summaries.latest, pool, now=now),
        )
        for pool in case.pools
    }
    try:
        return decide(
            case.links,
            readings,
            currency=account.currency,
            wallet_mode=WalletMode(account.wallet_mode),
            reserve=Reserve(account.reserve_percent, account.reserve_amount),
        )
    except CapitalError as error:
        return Decision(Outcome.FAILED, error.reason)


def log_fallbacks(account: Account, decision: Decision) -> None:
    """The log lines of pools without a live balance. People grep for them: the text is fixed."""
    for pool in decision.pools:
        reading = pool.reading
        word = POOL_WORD[reading.pool]
        if reading.source is Source.CACHED and reading.amount is not None:
            log_cached(account.pk, word, reading.amount)
            logger.warning(
                "계좌 %s: 실시간 %s 잔고 조회 실패, 캐시 사용 ($%s)",
                account.name,
                word,
                f"{reading.amount:.2f}",
            )
        elif pool.skipped:
            logger.warning(
                "계좌 %s: 실시간 %s 잔고 조회 실패, 캐시 없음, 할당 건너뜀 (%s)",
                account.name,
                word,
                reading.reason.code,
            )
