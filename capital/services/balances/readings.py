"""Which balance of each pool is used, live or cached; or why it is suspect or unknown."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from decimal import Decimal
from typing import Any

from django.utils import timezone

from capital.domain.balances import Observation, PoolReading, choose_reading
from capital.domain.jumps import is_suspect
from capital.domain.money import parse_amount, plain
from capital.domain.pools import Pool
from capital.domain.reasons import Code, Reason
from capital.domain.trails import (
    CONFIRMED_AFTER,
    Jump,
    Trail,
    jumped_from,
    needs_confirmation,
)
from capital.models import Account, DailyAccountSummary
from capital.services.balances.live import LiveAnswers
from capital.services.balances.summaries import OBSERVED_FIELD, business_date, cached_observation
from capital.services.balances.suspects import Suspect, kept_mark, stored_suspects
from capital.services.balances.trails import FIRSTS, Moves, known_moves, stored_trail, trail_as_json

_HOUR, _DAY = timedelta(hours=1), timedelta(days=1)
NO_MOVES: Moves = {}


@dataclass
class JudgedReadings:
    """The pools of one account after their readings were judged.

    Attributes:
        readings: What a decision may use, for each pool that is not suspect.
        believed: What is to be stored in the summary, by pool.
        suspects: What is on hold until someone accepts it, by pool.
        unconfirmed: The first balance of each pool that no second reading confirms yet: it may be
            shown and stored, but nobody allocates it unasked.
        restarted: The pools of which a jump is accepted: what was before it is not compared with.
    """

    readings: dict[Pool, PoolReading] = field(default_factory=dict)
    believed: dict[Pool, Observation] = field(default_factory=dict)
    suspects: dict[Pool, Suspect] = field(default_factory=dict)
    unconfirmed: dict[Pool, Observation] = field(default_factory=dict)
    restarted: set[Pool] = field(default_factory=set)

    @property
    def are_suspects_recorded(self) -> bool:
        """Whether each of them is recorded by a run."""
        return all(suspect.is_recorded for suspect in self.suspects.values())


def judge_all(
    accounts: Mapping[int, Account],
    judge: Callable[[int, Moves], JudgedReadings],
    *,
    now: datetime,
) -> dict[int, JudgedReadings]:
    """Judge each account; those that seem to have jumped again, by what is known to have moved.

    That is asked for all of them at once, in a constant number of queries, and only where one
    seems to have jumped.

    Args:
        accounts: By primary key.
        judge: Judges one of them, by what is known to have moved there.
        now: The current time. What moved more than a day ago explains nothing.
    """
    judged = {key: judge(key, NO_MOVES) for key in accounts}
    doubtful = {key: accounts[key] for key, each in judged.items() if each.suspects}
    if doubtful:
        moves = known_moves(doubtful, now - _DAY)
        judged |= {key: judge(key, moves[key]) for key in doubtful}
    return judged


def judge_readings(
    account: Account,
    pools: Sequence[Pool],
    answers: LiveAnswers,
    summary: DailyAccountSummary | None,
    *,
    now: datetime,
    accept_jump: bool = False,
    confirms: bool = False,
    waiting: Mapping[str, Any] | None = None,
    moves: Moves = NO_MOVES,
) -> JudgedReadings:
    """Compare the exchange's answers with what was accepted of each pool.

    Args:
        account: The account; its limits on jumps and on the age of the cache apply.
        pools: The pools to judge.
        answers: The exchange's balances, or why there are none. Where somebody else has read a pool
            later meanwhile, what they read counts.
        summary: The newest one, with the accepted balances.
        now: The current time, for the age of the cache.
        accept_jump: The suspect balances on hold count as accepted. A later one that jumps from
            there is suspect again.
        confirms: The request confirms a first balance by itself: a person makes it.
        waiting: The suspect balances, in the shape of the account's column; None for those that are
            stored on the account.
        moves: What is known to have come or gone: see ``judge_all``.
    """
    waiting = account.suspect_readings if waiting is None else waiting
    stored = stored_suspects(waiting)
    judged = JudgedReadings()
    for pool in pools:
        accepted = cached_in_basis(account, summary, pool, now=now)
        trail = stored_trail(account, summary, pool)
        live = answers.get((account.pk, pool), Reason(Code.NOT_READ))
        if isinstance(live, Observation):
            timed = accepted if _is_timed(summary, pool) else None
            live = _newest(live, timed, stored.get(pool), now=now)
        if accept_jump and pool in stored:
            accepted = judged.believed[pool] = stored[pool]
            trail = Trail()
            judged.restarted.add(pool)
        if isinstance(live, Observation):
            jump = None
            # An unconfirmed first balance is nothing to jump from.
            if trail.first is None:
                limit, moved = account.max_jump_percent, moves.get(pool, ())
                jump = jumped_from(accepted, trail, live, max_jump_percent=limit, moved=moved)
            if jump is not None:
                judged.suspects[pool] = _suspicion(account, waiting, pool, live, jump)
                continue
            # A balance that was taken from the summary need not be stored there again.
            if live != accepted:
                judged.believed[pool] = live
        first = None if confirms else _unconfirmed(account, pool, live, accepted, trail)
        if first is not None:
            judged.unconfirmed[pool] = first
        judged.readings[pool] = _reading(account, pool, live, accepted, now=now)
    return judged


def next_trails(
    account: Account, judged: JudgedReadings, summary: DailyAccountSummary | None
) -> dict[str, Any]:
    """The trail of each pool whose balance is accepted now, in the shape of the summary's column.

    Where the guard is off there is none: what is accepted unseen is nothing to compare with later.

    Args:
        account: The account.
        judged: Its judged readings.
        summary: Its newest one.
    """
    trails: dict[str, Any] = {}
    for pool, believed in judged.believed.items():
        trail = stored_trail(account, summary, pool)
        if account.max_jump_percent is None:
            trails[pool.value] = {}
            continue
        if pool in judged.restarted:
            trail = Trail()
        if pool in judged.unconfirmed:
            trail = Trail(trail.hour, judged.unconfirmed[pool])
        else:
            trail = trail.followed_by(believed)
        trails[pool.value] = trail_as_json(trail, account.currency)
    return trails


def settled_suspects(
    waiting: Mapping[str, Any], judged: JudgedReadings, *, are_recorded: bool = False
) -> dict[str, Any]:
    """The suspect balances to store, in the shape of the account's column.

    A believed balance clears the suspicion of its pool; the other suspicions stay.

    Args:
        waiting: What has been stored so far, in the same shape.
        judged: The account's judged readings.
        are_recorded: Whether a run that is written now records the suspects.
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
        if suspect.is_slide:
            settled[pool.value]["is_slide"] = True
        settled[pool.value] |= suspect.kept
    return settled


def _newest(live: Observation, *others: Observation | None, now: datetime) -> Observation:
    """What was read last: by whoever asked here, or by somebody else who was quicker to write it.

    A time in the future is a mistake and must not block later readings.
    """
    known = [each for each in others if each is not None and each.observed_at <= now]
    later = [each for each in known if each.observed_at > live.observed_at]
    return max(later, key=lambda each: each.observed_at, default=live)


def _is_timed(summary: DailyAccountSummary | None, pool: Pool) -> bool:
    """Whether it is known when a pool's balance in the summary was read."""
    return summary is not None and getattr(summary, OBSERVED_FIELD[pool]) is not None


def _unconfirmed(
    account: Account,
    pool: Pool,
    live: Observation | Reason,
    accepted: Observation | None,
    trail: Trail,
) -> Observation | None:
    """The first balance, while a second reading of about the same is still to confirm it."""
    if account.max_jump_percent is None:
        return None
    first = trail.first
    # What the summary holds is no second reading.
    if isinstance(live, Reason) or (first is not None and live == accepted):
        return first
    if not needs_confirmation(accepted, trail, live):
        return None
    if first is None or is_suspect(
        first.amount, live.amount, max_jump_percent=account.max_jump_percent
    ):
        FIRSTS.remember(account.pk, pool, live)
        return live
    age = FIRSTS.age(account.pk, pool, first, live.observed_at)
    return first if age < CONFIRMED_AFTER else None


def cached_in_basis(
    account: Account, summary: DailyAccountSummary | None, pool: Pool, *, now: datetime
) -> Observation | None:
    """The cached balance, unless the account had another basis or wallet when it was read."""
    cached = cached_observation(summary, pool, now=now)
    since = account.readings_since
    if cached is None or summary is None or since is None:
        return cached
    if not _is_timed(summary, pool):
        # Written by another program, at some time of its date.
        return cached if summary.date > business_date(since) else None
    return cached if cached.observed_at >= since else None


def _suspicion(
    account: Account, stored: Mapping[str, Any], pool: Pool, live: Observation, jump: Jump
) -> Suspect:
    """The stored suspicion, if ``live`` is near its balance; else a new one."""
    waiting = stored_suspects(stored).get(pool)
    if waiting is None or _is_elsewhere(account, waiting.amount, live.amount):
        return Suspect(live, jump.origin, is_slide=jump.is_slide)
    known = stored[pool.value]
    return Suspect(
        waiting,
        parse_amount(known["accepted"]),
        is_known=True,
        is_recorded=known.get("is_recorded", False),
        is_slide=known.get("is_slide", False),
        kept=kept_mark(known),
    )


def _is_elsewhere(account: Account, waiting: Decimal, observed: Decimal) -> bool:
    """Whether the balance jumped again, away from the stored one."""
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
    """Like ``choose_reading``, but a cached balance that is too old is not used."""
    if isinstance(live, Reason) and cached is not None:
        age = now - cached.observed_at
        if age > account.max_cache_age:
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
