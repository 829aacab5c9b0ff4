"""Limits are judged here: with each balance sync, and after whatever changes what was earned.

A limit that is reached stops entries by a ``Stop`` of its own, in the transaction of the fill or
the balance that reached it, so the next order on every machine is refused. What a limit stopped a
person lifts; loosening or removing the limit lifts nothing.
"""

import logging
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from decimal import Decimal
from typing import Any

from django.db import transaction
from django.db.models import Q

from capital.domain.balances import Observation
from capital.domain.limits.judging import Baseline, Judged, Kind, NotJudged, judge, not_judged
from capital.domain.money import plain
from capital.models import Account, LimitState, Stop, StrategyAccount
from capital.services.balances.summaries import business_date
from capital.services.happened import LimitNear, StopPlaced, say
from capital.services.limits.by_balance import BalanceDays, observation_of, stored_reading
from capital.services.limits.events import limit_stops_changed
from capital.services.limits.standing import Standing, limited_links, limits_of, load_standings
from capital.services.transactions import inside_transaction
from capital.traces import told

# Two readings that show the same loss are so far apart.
_APART = timedelta(minutes=1)
# An hour of them: by then deposits and withdrawals are read, or the exchange does not tell.
_MOST_READINGS = 60

_KINDS = {kind.value: kind for kind in Kind}
_Key = tuple[int | None, int | None, Kind]

logger = logging.getLogger(__name__)


@inside_transaction
def judge_limits(account_ids: Collection[int], *, now: datetime) -> None:
    """Judge the limits of these accounts and their links; stop entries where one is reached.

    Call it inside the transaction that locked the accounts. One query where no limit is set. A
    failure is logged, and keeps nobody from recording what happened: the next sync judges again.
    """
    links = limited_links(account_ids)
    if not links:
        return
    try:
        with transaction.atomic():
            _judge(load_standings(links, now=now), now=now)
    except Exception:
        names = {told(link.account_id, link.account.name): None for link in links}
        logger.exception("The limits of %s could not be judged.", ", ".join(names))


def limit_states(row: Account | StrategyAccount) -> list[LimitState]:
    """The limits of a link or an account that are set, each as it was judged last."""
    kinds = [kind.value for kind in limits_of(row)]
    return list(row.limit_states.filter(kind__in=kinds).order_by("pk"))


def figures_when_lifted(stop: Stop, *, now: datetime) -> dict[str, str]:
    """Where a limit stands when its stop is lifted: from there it counts again.

    Empty for a person's stop. What is not known is left out.
    """
    if not stop.code:
        return {}
    link = stop.strategy_account
    account_id = stop.account_id if link is None else link.account_id
    key = (stop.account_id, stop.strategy_account_id)
    assert account_id is not None, "a limit is of an account or a link"
    found = {"date": business_date(now).isoformat()}
    for standing in load_standings(limited_links([account_id]), now=now):
        days = standing.known_days
        if standing.key != key or not days:
            continue
        if days[-1].date != business_date(now):
            # Without a row of today nothing has moved today.
            return found | {"return": "0", "pnl": "0"}
        told = {"return": days[-1].daily_return, "pnl": days[-1].pnl}
        found |= {name: plain(value) for name, value in told.items() if value is not None}
    return found


def _judge(standings: Sequence[Standing], *, now: datetime) -> None:
    lookup = Q(account__in=[each.account.pk for each in standings if each.link_id is None]) | Q(
        strategy_account__in=[each.link_id for each in standings if each.link_id is not None]
    )
    states = {_key_of(row): row for row in LimitState.objects.filter(lookup)}
    stops = list(Stop.objects.by_limits().filter(lookup).order_by("pk"))
    stopped = {_scope_of(stop) for stop in stops if stop.is_open}
    baselines = _baselines(stops)
    news: list[LimitState] = []
    known: list[LimitState] = []
    for standing in standings:
        for kind, limit in standing.limits.items():
            key = (*standing.key, kind)
            state = states.pop(key, None) or _new_state(standing, kind)
            judged = _judged(standing, kind, limit, baselines.get(key), state, now=now)
            _describe(state, judged, standing, now=now)
            (known if state.pk else news).append(state)
            if judged.is_reached and (*standing.key, kind.reached.value) not in stopped:
                _stop(standing, judged, now=now)
            else:
                _warn(state, judged, standing, now=now)
    LimitState.objects.filter(pk__in=[each.pk for each in states.values()]).delete()
    LimitState.objects.bulk_create(news)
    LimitState.objects.bulk_update(known, _WRITTEN)


_WRITTEN = (
    "used",
    "limit",
    "code",
    "figures",
    "is_by_balance",
    "warned_at",
    "readings",
    "judged_at",
)


@dataclass(frozen=True)
class _Question:
    """One limit, with what it is judged by."""

    kind: Kind
    limit: Decimal
    today: date
    currency: str
    baseline: Baseline | None

    def answer(self, days: Sequence[Any]) -> Judged:
        return judge(
            self.kind,
            self.limit,
            days,
            today=self.today,
            currency=self.currency,
            baseline=self.baseline,
        )


def _judged(
    standing: Standing,
    kind: Kind,
    limit: Decimal,
    baseline: Baseline | None,
    state: LimitState,
    *,
    now: datetime,
) -> Judged:
    """One limit, by books at once, by balances once two readings agree."""
    days = standing.days
    if isinstance(days, NotJudged):
        state.readings = []
        return not_judged(kind, limit, days)
    question = _Question(kind, limit, business_date(now), standing.account.currency, baseline)
    if not isinstance(days, BalanceDays):
        state.readings = []
        return question.answer(days)
    judged = question.answer(days.days())
    if not judged.is_near:
        state.readings = []
        return judged
    state.readings = _noted(state.readings, days)
    confirmed = sorted(
        (question.answer(days.days(each)) for each in _read_behind(state, days)), key=_used
    )
    if len(confirmed) < 2:
        # It may be a withdrawal of which nobody knows yet, or one wrong answer.
        return Judged(kind, limit, None)
    # What two readings agree in.
    return min(confirmed[-2], judged, key=_used)


def _read_behind(state: LimitState, days: BalanceDays) -> list[Observation]:
    """The noted readings of before deposits and withdrawals were read last."""
    readings = map(observation_of, state.readings)
    return [each for each in readings if each.observed_at <= days.read_until]


def _used(judged: Judged) -> Decimal:
    assert judged.used is not None, "balances tell it"
    return judged.used


def _noted(readings: Sequence[dict[str, str]], days: BalanceDays) -> list[dict[str, str]]:
    """The readings of today that wait to be confirmed, with the newest one."""
    kept = [
        each for each in readings if business_date(observation_of(each).observed_at) == days.today
    ]
    newest = days.reading
    last = observation_of(kept[-1]).observed_at if kept else None
    if len(kept) < _MOST_READINGS and (last is None or newest.observed_at - last >= _APART):
        kept.append(stored_reading(newest))
    return kept


def _describe(state: LimitState, judged: Judged, standing: Standing, *, now: datetime) -> None:
    reason = judged.reason
    state.used, state.limit, state.judged_at = judged.used, judged.limit, now
    state.code = "" if reason is None else reason.code.value
    state.figures = {} if reason is None else dict(reason.figures)
    state.is_by_balance = isinstance(standing.days, BalanceDays)


def _warn(state: LimitState, judged: Judged, standing: Standing, *, now: datetime) -> None:
    """Say once that the limit is near. What is not judged meanwhile is not below it."""
    if judged.used is None:
        return
    if judged.reason is None:
        state.warned_at = None
    elif state.warned_at is None:
        state.warned_at = now
        logger.warning("%s: %s", standing.name, judged.reason.english)
        say(LimitNear(state, standing.account.pk, standing.name, judged.reason), now=now)


def _stop(standing: Standing, judged: Judged, *, now: datetime) -> None:
    assert judged.reason is not None, "what is reached has its sentence"
    account_id, link_id = standing.key
    stop = Stop.objects.create(
        account_id=account_id,
        strategy_account_id=link_id,
        code=judged.reason.code.value,
        figures=dict(judged.reason.figures),
        at=now,
    )
    logger.warning("Entries of %s were stopped: %s", standing.name, judged.reason.english)
    limit_stops_changed.send(Stop, account_ids=[standing.account.pk])
    say(StopPlaced(stop), now=now)


def _new_state(standing: Standing, kind: Kind) -> LimitState:
    account_id, link_id = standing.key
    return LimitState(
        account_id=account_id, strategy_account_id=link_id, kind=kind.value, readings=[]
    )


def _key_of(state: LimitState) -> _Key:
    return (state.account_id, state.strategy_account_id, _KINDS[state.kind])


def _scope_of(stop: Stop) -> tuple[int | None, int | None, str]:
    return (stop.account_id, stop.strategy_account_id, stop.code)


def _baselines(stops: Sequence[Stop]) -> Mapping[_Key, Baseline]:
    """Where each limit stood when its last stop was lifted."""
    kinds = {kind.reached.value: kind for kind in Kind}
    found: dict[_Key, Baseline] = {}
    for stop in stops:
        kind, told = kinds.get(stop.code), stop.lifted_figures
        if stop.is_open or kind is None or "date" not in told:
            continue
        found[stop.account_id, stop.strategy_account_id, kind] = Baseline(
            date.fromisoformat(told["date"]), _amount(told, "return"), _amount(told, "pnl")
        )
    return found


def _amount(told: Mapping[str, str], name: str) -> Decimal | None:
    return Decimal(told[name]) if name in told else None
