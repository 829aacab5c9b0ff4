"""What of all that happens is worth telling: the one listener to ``services.happened``.

Each event becomes what is wrong (``Seen``), or says what is over, inside the transaction in which
it happened. Where nothing is wrong, that costs no query. What ends without an event, and what only
time makes wrong, is found by ``watch``.
"""

import logging
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime, timedelta
from decimal import Decimal
from types import MappingProxyType
from typing import Any

from django.conf import settings
from django.db import transaction

from capital.domain.allocation.decision import Outcome
from capital.domain.money import EXACT, amount_text
from capital.domain.reasons import Code, Reason
from capital.models import Account, AlertKind, PoolDay, Stop, Trigger
from capital.services import happened
from capital.services.alerts.troubles import About, Seen, key_of, note, settle
from capital.services.balances.summaries import business_date
from capital.services.balances.suspects import suspect_reasons

logger = logging.getLogger(__name__)

KEY_PROBLEMS = frozenset(code for code in Code if code.is_about_key)
# Some pools are held, while the others moved or need not move.
PARTLY = frozenset({Code.PARTLY_HELD, Code.UNCHANGED_BESIDE_HELD})
# The balance is not read, and that is as it should be.
NOT_ASKED = frozenset({Code.LIVE_DISABLED, Code.READINGS_TAKE_TURNS, Code.NO_TIME_LEFT})
# The exchange said nothing of the key.
NOT_HEARD = frozenset(
    {
        *(Code.EXCHANGE_UNREACHABLE, Code.EXCHANGE_TIMEOUT, Code.EXCHANGE_PAUSED),
        *(Code.EXCHANGE_RATE_LIMITED, Code.EXCHANGE_BLOCKED, Code.NO_TIME_LEFT),
    }
)
# Of a day longer ago, what was not explained is in the account's history.
_DAYS_TOLD = timedelta(days=2)
_FILLS_MAY_WAIT = timedelta(minutes=15)
_HUNDRED = Decimal(100)


@dataclass(frozen=True)
class News:
    """What an event comes to.

    Attributes:
        seen: What is wrong.
        over: By the key of its trouble, what is wrong no longer, and the sentence that says so;
            None where the trouble's own does.
    """

    seen: Sequence[Seen] = ()
    over: Mapping[str, Reason | None] = field(default_factory=dict)


def tell_what_happened(event: happened.Event, *, now: datetime) -> None:
    """Note what the event comes to. A failure is logged, and keeps nothing from happening."""
    try:
        news = _RULES[type(event)](event, now)
        if not (news.seen or news.over):
            return
        with transaction.atomic():
            note(news.seen, now=now)
            settle(news.over, now=now)
    except Exception as error:
        kind, what = type(error).__name__, type(event).__name__
        logger.exception("Nobody is told of %s (%s).", what, kind)


def _runs(event: happened.RunsRecorded, _now: datetime) -> News:
    """Held and failed ones; what is held for a suspect balance is told as that.

    Where one pool is held while others move, that pool needs somebody as much.
    """
    kinds = {Outcome.FAILED.value: AlertKind.RUN_FAILED, Outcome.HELD.value: AlertKind.RUN_HELD}
    return News(
        [
            Seen(
                kind=kind,
                about=About(account_id=run.account_id),
                reason=Reason(code, run.figures),
                mark=str(run.figures.get("pools", "")) if code in PARTLY else "",
            )
            for run in event.runs
            # Whoever reverts is there and reads the answer.
            if run.trigger != Trigger.REVERT and not (code := Code(run.code)).is_suspicion
            if (kind := AlertKind.RUN_HELD if code in PARTLY else kinds.get(run.outcome))
        ]
    )


def _connections(event: happened.ConnectionsChanged, _now: datetime) -> News:
    """A key that is refused is told at once; what may pass by itself, once that has lasted."""
    failing = {key: reason for key, reason in event.reasons.items() if reason is not None}
    return News(
        [
            Seen(kind=AlertKind.KEY_REFUSED, about=About(account_id=key), reason=reason)
            for key, reason in failing.items()
            if reason.code in KEY_PROBLEMS
        ]
        + [
            unreadable(event.accounts[key], reason.code)
            for key, reason in failing.items()
            if key in event.accounts and is_silence(reason.code)
        ]
    )


def is_silence(code: Code | None) -> bool:
    """Whether it says that the exchange gave no balance, though it was asked with a sound key."""
    return code is not None and code not in KEY_PROBLEMS and code not in NOT_ASKED


def unreadable(account: Account, code: Code) -> Seen:
    """That the account's balance cannot be read; told once that has lasted for a while."""
    minutes = settings.CAPITAL_ALERT_UNREADABLE_MINUTES
    return Seen(
        kind=AlertKind.POOL_UNREADABLE,
        about=About(account_id=account.pk),
        reason=Reason(
            Code.BALANCE_UNREADABLE,
            {"venue": account.venue, "minutes": str(minutes), "cause": code.value},
        ),
        after=timedelta(minutes=minutes),
    )


def _suspects(event: happened.SuspectsChanged, _now: datetime) -> News:
    return News(
        [
            Seen(
                kind=AlertKind.SUSPECT_BALANCE,
                about=About(account_id=account.pk),
                reason=reason,
                part=reason.figures["pool"],
                mark=reason.figures.get("observed", ""),
            )
            for account in event.accounts
            for reason in suspect_reasons(account)
        ]
    )


def _stop_placed(event: happened.StopPlaced, _now: datetime) -> News:
    stop = event.stop
    (about, name), cause = _of_stop(stop), stop.reason or stop.code
    if stop.everybody:
        reason = Reason(Code.ALL_ENTRIES_STOPPED, {"cause": cause})
    else:
        reason = Reason(Code.ENTRIES_STOPPED, {"name": name, "cause": cause})
    return News([Seen(kind=AlertKind.STOP, about=about, reason=reason, part=f"{stop.pk}")])


def _stop_lifted(event: happened.StopLifted, _now: datetime) -> News:
    stop = event.stop
    (about, name), cause = _of_stop(stop), stop.lifted_reason
    if stop.everybody:
        reason = Reason(Code.ALL_STOPS_LIFTED, {"cause": cause})
    else:
        reason = Reason(Code.STOP_LIFTED, {"name": name, "cause": cause})
    return News(over={key_of(AlertKind.STOP, about, f"{stop.pk}"): reason})


def _of_stop(stop: Stop) -> tuple[About, str]:
    """Whom it concerns, and what that is called."""
    if stop.everybody:
        return About(for_everybody=True), ""
    if stop.owner_id is not None:
        return About(owner_id=stop.owner_id), stop.scope_name
    if stop.strategy_account is not None:
        return About(account_id=stop.strategy_account.account_id), stop.scope_name
    return About(account_id=stop.account_id), stop.scope_name


def near_part(kind: str, link_id: int | None) -> str:
    """Which limit of an account or a link of it."""
    return f"{kind}:{link_id or ''}"


def _limit_near(event: happened.LimitNear, _now: datetime) -> News:
    return News(
        [
            Seen(
                kind=AlertKind.LIMIT_NEAR,
                about=About(account_id=event.account_id),
                reason=event.reason,
                part=near_part(event.state.kind, event.state.strategy_account_id),
                name=event.name,
            )
        ]
    )


def _signal_refused(event: happened.SignalRefused, _now: datetime) -> News:
    strategy = event.delivery.strategy
    refusal = event.delivery.refusal or {}
    cause = (event.cause or str(refusal.get("code", "")))[:60]
    return News(
        [
            Seen(
                kind=AlertKind.SIGNAL_REFUSED,
                about=About(strategy_id=strategy.pk),
                reason=Reason(
                    Code.SIGNAL_NOT_FOLLOWED if event.cause else Code.SIGNAL_REFUSED,
                    {"strategy": strategy.key},
                ),
                part=cause,
            )
        ]
    )


def _rules_changed(event: happened.RulesChanged, _now: datetime) -> News:
    return News(
        [
            Seen(
                kind=AlertKind.RULES_SUSPECT,
                about=About(venue=event.venue),
                reason=Reason(
                    Code.MARKET_RULES_SUSPECT,
                    {"venue": event.venue, "symbol": symbol, "change": change},
                ),
                part=symbol,
                mark=change,
            )
            for symbol, change in event.changes.items()
        ]
    )


def _fills(event: happened.FillsRecorded, _now: datetime) -> News:
    return News(
        [
            Seen(
                kind=AlertKind.FILLS_UNATTRIBUTED,
                about=About(account_id=event.account_id),
                reason=Reason(Code.FILLS_OF_NOBODY),
                # Whose an order is may be asked for behind its fills.
                after=_FILLS_MAY_WAIT,
            )
        ]
    )


def _days_explained(event: happened.DaysExplained, now: datetime) -> News:
    today = business_date(now)
    return News(list(_unexplained(event.rows, event.accounts, today)))


def _unexplained(
    rows: Sequence[PoolDay], accounts: Mapping[int, Account], today: date
) -> Iterator[Seen]:
    for row in rows:
        account = accounts[row.account_id]
        # Of today, a deposit may not be known yet.
        if today - _DAYS_TOLD <= row.date < today and is_unexplained(row, account):
            figures = {
                "pool": row.pool,
                "date": row.date.isoformat(),
                "amount": amount_text(Decimal(row.unexplained or 0), account.currency),
                "currency": account.currency,
            }
            yield Seen(
                kind=AlertKind.BALANCE_UNEXPLAINED,
                about=About(account_id=account.pk),
                reason=Reason(Code.BALANCE_UNEXPLAINED, figures),
                part=day_part(row.pool, row.date),
                mark=figures["amount"],
            )


def day_part(pool: str, day: date) -> str:
    """Which day of which pool."""
    return f"{pool}:{day.isoformat()}"


def is_unexplained(row: PoolDay, account: Account) -> bool:
    """Whether more of the day's change is unexplained than the account allows."""
    if row.unexplained is None:
        return False
    missing = abs(Decimal(row.unexplained))
    allowed = EXACT.multiply(abs(Decimal(row.balance or 0)), account.max_unexplained_percent)
    return EXACT.multiply(missing, _HUNDRED) > allowed


def _key_inspected(event: happened.KeyInspected, _now: datetime) -> News:
    account, about = event.account, About(account_id=event.account.pk)
    if not event.can_withdraw:
        return News(over={key_of(AlertKind.KEY_CAN_WITHDRAW, about): None})
    reason = Reason(Code.KEY_CAN_WITHDRAW, {"venue": account.venue})
    return News([Seen(kind=AlertKind.KEY_CAN_WITHDRAW, about=about, reason=reason)])


def _audited(event: happened.Audited, _now: datetime) -> News:
    seen = [
        Seen(
            kind=AlertKind.AUDIT_BROKEN,
            about=About(account_id=key),
            reason=Reason(Code.AUDIT_FOUND, {"count": str(len(reasons)), "account_id": str(key)}),
            mark=", ".join(sorted({reason.code.value for reason in reasons})),
        )
        for key, reasons in event.broken.items()
    ]
    sound = [key for key in event.account_ids if key not in event.broken]
    return News(
        seen, {key_of(AlertKind.AUDIT_BROKEN, About(account_id=key)): None for key in sound}
    )


_Rule = Callable[[Any, datetime], News]
_RULES: Mapping[type, _Rule] = MappingProxyType(
    {
        happened.RunsRecorded: _runs,
        happened.ConnectionsChanged: _connections,
        happened.SuspectsChanged: _suspects,
        happened.StopPlaced: _stop_placed,
        happened.StopLifted: _stop_lifted,
        happened.LimitNear: _limit_near,
        happened.SignalRefused: _signal_refused,
        happened.RulesChanged: _rules_changed,
        happened.FillsRecorded: _fills,
        happened.DaysExplained: _days_explained,
        happened.KeyInspected: _key_inspected,
        happened.Audited: _audited,
    }
)
