"""What is believed of an account's pools: live, cached, suspect or unknown."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from decimal import Decimal
from typing import Any

from django.utils import timezone

from capital.domain.balances import Observation, PoolReading, choose_reading
from capital.domain.jumps import is_suspect
from capital.domain.money import plain
from capital.domain.pools import Pool
from capital.domain.reasons import Code, Reason
from capital.models import Account, DailyAccountSummary
from capital.services.balances.live import LiveAnswers
from capital.services.balances.summaries import OBSERVED_FIELD, business_date, cached_observation
from capital.services.balances.suspects import Suspect, stored_suspects

_HOUR = timedelta(hours=1)


@dataclass
class JudgedReadings:
    """What is known of the pools that were asked for.

    Attributes:
        readings: What a decision may use, for each pool that is not suspect.
        believed: What the summary is to learn, by pool.
        suspects: What waits for a person, by pool.
    """

    readings: dict[Pool, PoolReading] = field(default_factory=dict)
    believed: dict[Pool, Observation] = field(default_factory=dict)
    suspects: dict[Pool, Suspect] = field(default_factory=dict)

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
    waiting: Mapping[str, Any] | None = None,
) -> JudgedReadings:
    """Weigh what the exchange said against what was accepted last.

    Args:
        account: Whose; its limits on jumps and on the age of the cache apply.
        pools: Which to judge.
        answers: What the exchanges said, or why they did not.
        summary: The newest one: the last accepted balances.
        now: For the age of the cache.
        accept_jump: The balances that wait as suspect count as accepted. A later one that jumps
            from there is suspect again.
        waiting: What waits as suspect, in the shape of the account's column; None for what does
            so on the account.
    """
    waiting = account.suspect_readings if waiting is None else waiting
    stored = stored_suspects(waiting)
    judged = JudgedReadings()
    for pool in pools:
        accepted = _cached_in_basis(account, summary, pool, now=now)
        if accept_jump and pool in stored:
            accepted = judged.believed[pool] = stored[pool]
        live = answers.get((account.pk, pool), Reason(Code.NOT_READ))
        if isinstance(live, Observation):
            if accepted is not None and is_suspect(
                accepted.amount, live.amount, max_jump_percent=account.max_jump_percent
            ):
                judged.suspects[pool] = _suspicion(account, waiting, pool, live, accepted.amount)
                continue
            judged.believed[pool] = live
        judged.readings[pool] = _reading(account, pool, live, accepted, now=now)
    return judged


def settled_suspects(
    waiting: Mapping[str, Any], judged: JudgedReadings, *, are_recorded: bool = False
) -> dict[str, Any]:
    """What waits for a person from now on, in the shape of the account's column.

    That is what is suspect now, and of what waited all that no believed balance has cleared.

    Args:
        waiting: What waited until now, in the same shape.
        judged: What was made of the account's readings.
        are_recorded: A run of now tells of the suspects.
    """
    settled = dict(waiting)
    for pool in judged.believed:
        settled.pop(pool.value, None)
    for pool, suspect in judged.suspects.items():
        settled[pool.value] = {
            "amount": plain(suspect.observation.amount),
            "observed_at": suspect.observation.observed_at.isoformat(),
            "accepted": plain(suspect.accepted),
            "is_recorded": are_recorded or suspect.is_recorded,
        }
    return settled


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


def _suspicion(
    account: Account, stored: Mapping[str, Any], pool: Pool, live: Observation, accepted: Decimal
) -> Suspect:
    """The suspicion that waits already, if ``live`` is of it; else a new one."""
    waiting = stored_suspects(stored).get(pool)
    if waiting is None or _is_elsewhere(account, waiting.amount, live.amount):
        return Suspect(live, accepted)
    is_recorded = stored[pool.value].get("is_recorded", False)
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
