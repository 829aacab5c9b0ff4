"""What is believed of an account's pools: live, cached, suspect or unknown."""

import logging
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from decimal import ROUND_DOWN, Decimal

from django.utils import timezone

from capital.domain.allocation.decision import Decision
from capital.domain.balances import Observation, PoolReading, Source, choose_reading
from capital.domain.jumps import is_suspect, jump_percent
from capital.domain.money import ROUNDED, amount_text, parse_amount, plain
from capital.domain.pools import Pool
from capital.domain.reasons import Code, Reason
from capital.models import Account, DailyAccountSummary
from capital.services.balances.live import LiveAnswers
from capital.services.balances.summaries import (
    OBSERVED_FIELD,
    POOL_WORD,
    business_date,
    cached_observation,
    log_cached,
)

logger = logging.getLogger(__name__)

_HOUR = timedelta(hours=1)


@dataclass(frozen=True)
class Suspect:
    """A live balance that jumped too far from the last accepted one to be believed.

    Attributes:
        observation: What waits for a person: the first balance of this suspicion. Later ones
            near it do not take its place, so that what a person has seen is what is accepted.
        accepted: The last accepted balance.
        is_known: It waited already.
        is_recorded: A run tells of it.
    """

    observation: Observation
    accepted: Decimal
    is_known: bool = False
    is_recorded: bool = False

    def reason(self, account: Account, pool: Pool) -> Reason:
        """What to tell a person who is to confirm it."""
        percent = jump_percent(self.accepted, self.observation.amount) or Decimal(0)
        return Reason(
            Code.JUMP_SUSPECTED,
            {
                "account_id": str(account.pk),
                "venue": account.venue,
                "currency": account.currency,
                "pool": pool.value,
                "observed": amount_text(self.observation.amount, account.currency),
                "accepted": amount_text(self.accepted, account.currency),
                "percent": plain(percent.quantize(Decimal("0.1"), ROUND_DOWN, ROUNDED)),
            },
        )


@dataclass
class JudgedReadings:
    """What is known of the pools that were asked for.

    Attributes:
        readings: What a decision may use, for each pool that is not suspect.
        believed: What the summary is to learn, by pool.
        suspects: What waits for a person, by pool.
        was_suspect: The pools of which a balance waited before.
    """

    readings: dict[Pool, PoolReading] = field(default_factory=dict)
    believed: dict[Pool, Observation] = field(default_factory=dict)
    suspects: dict[Pool, Suspect] = field(default_factory=dict)
    was_suspect: frozenset[Pool] = frozenset()

    @property
    def are_suspects_recorded(self) -> bool:
        """Whether a run tells of each of them."""
        return all(suspect.is_recorded for suspect in self.suspects.values())


def judge_readings(
    account: Account,
    pools: Sequence[Pool],
    answers: LiveAnswers,
    summary: DailyAccountSummary | None,
    *,
    now: datetime,
    accept_jump: bool = False,
) -> JudgedReadings:
    """Weigh what the exchange said against what was accepted last.

    Args:
        account: Whose; its limits on jumps and on the age of the cache apply.
        pools: Which to judge.
        answers: What the exchanges said, or why they did not.
        summary: The newest one: the last accepted balances.
        now: For the age of the cache.
        accept_jump: The balances that are suspect on the account count as accepted. A later
            one that jumps from there is suspect again.
    """
    stored = stored_suspects(account)
    judged = JudgedReadings(was_suspect=frozenset(stored))
    for pool in pools:
        accepted = _cached_in_basis(account, summary, pool, now=now)
        if accept_jump and pool in stored:
            accepted = judged.believed[pool] = stored[pool]
        live = answers.get((account.pk, pool), Reason(Code.NOT_READ))
        if isinstance(live, Observation):
            if accepted is not None and is_suspect(
                accepted.amount, live.amount, max_jump_percent=account.max_jump_percent
            ):
                judged.suspects[pool] = _suspicion(account, pool, live, accepted.amount)
                continue
            judged.believed[pool] = live
        judged.readings[pool] = _reading(account, pool, live, accepted, now=now)
    return judged


def stored_suspects(account: Account) -> dict[Pool, Observation]:
    """The suspect balances that wait on the account for a person."""
    return {
        Pool(pool): Observation(
            parse_amount(stored["amount"]), datetime.fromisoformat(stored["observed_at"])
        )
        for pool, stored in account.suspect_readings.items()
    }


def settle_suspects(
    account: Account, judged: JudgedReadings, *, are_recorded: bool = False
) -> bool:
    """Keep on the account what is suspect now; forget what a believed balance has cleared.

    The caller holds the account's lock and saves it.

    Args:
        account: Whose.
        judged: What was made of its readings.
        are_recorded: A run of now tells of the suspects.

    Returns:
        Whether anything changed.
    """
    settled = dict(account.suspect_readings)
    for pool in judged.believed:
        settled.pop(pool.value, None)
    for pool, suspect in judged.suspects.items():
        settled[pool.value] = {
            "amount": plain(suspect.observation.amount),
            "observed_at": suspect.observation.observed_at.isoformat(),
            "accepted": plain(suspect.accepted),
            "is_recorded": are_recorded or suspect.is_recorded,
        }
    changed: bool = settled != account.suspect_readings
    account.suspect_readings = settled
    return changed


def log_fallbacks(account: Account, decision: Decision) -> None:
    """The log lines of pools without a live balance. People grep for them: the text is fixed."""
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
        elif pool.skipped:
            logger.warning(
                "계좌 %s: 실시간 %s 잔고 조회 실패, 캐시 없음, 할당 건너뜀 (%s)",
                one_line(account.name),
                word,
                reading.reason.code,
            )


def log_suspects(account: Account, suspects: Mapping[Pool, Suspect]) -> None:
    """A suspect balance is worth a person's attention at once."""
    for pool, suspect in suspects.items():
        logger.warning("%s: %s", one_line(account.name), suspect.reason(account, pool).english)


def one_line(name: str) -> str:
    """A name that cannot begin a log line of its own."""
    return " ".join(name.split()) if not name.isprintable() else name


def _cached_in_basis(
    account: Account, summary: DailyAccountSummary | None, pool: Pool, *, now: datetime
) -> Observation | None:
    """The cached balance, unless it was of another basis or wallet than the account's now."""
    cached = cached_observation(summary, pool, now=now)
    since = account.readings_since
    if cached is None or summary is None or since is None:
        return cached
    if getattr(summary, OBSERVED_FIELD[pool]) is None:
        # Written by others, at some time of its date.
        return cached if summary.date > business_date(since) else None
    return cached if cached.observed_at >= since else None


def _suspicion(account: Account, pool: Pool, live: Observation, accepted: Decimal) -> Suspect:
    """The suspicion that waits on the account, if ``live`` is of it; else a new one."""
    waiting = stored_suspects(account).get(pool)
    if waiting is None or _is_elsewhere(account, waiting.amount, live.amount):
        return Suspect(live, accepted)
    is_recorded = account.suspect_readings[pool.value].get("is_recorded", False)
    return Suspect(waiting, accepted, is_known=True, is_recorded=is_recorded)


def _is_elsewhere(account: Account, waiting: Decimal, observed: Decimal) -> bool:
    """Whether the balance jumped again, away from the one that waits."""
    if waiting == 0:
        return observed != 0
    return is_suspect(waiting, observed, max_jump_percent=account.max_jump_percent)


def _reading(
    account: Account,
    pool: Pool,
    live: Observation | Reason,
    cached: Observation | None,
    *,
    now: datetime,
) -> PoolReading:
    """As ``choose_reading``, but a cache that is too old is none."""
    if isinstance(live, Reason) and cached is not None:
        age = now - cached.observed_at
        if age > account.max_cache_age_hours * _HOUR:
            live = Reason(
                Code.CACHE_STALE,
                {
                    "hours": str(age // _HOUR),
                    "limit": str(account.max_cache_age_hours),
                    "observed_at": timezone.localtime(cached.observed_at).isoformat(),
                    "live": live.code.value,
                },
            )
            cached = None
    return choose_reading(pool, live, cached)
