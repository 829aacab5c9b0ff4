"""What of the trades of an account is not known, and why: for whoever looks at it."""

from collections import defaultdict
from collections.abc import Mapping
from datetime import datetime, timedelta

from django.conf import settings

from capital.domain.reasons import Code, Reason
from capital.models import AskedFor, TradingCursor
from capital.services.accounts.lookup import AccountIds

# What passes within an hour is nobody's concern.
_LATE_AFTER = timedelta(hours=1)
_WAITING = "waiting"


def trading_problems(account_ids: AccountIds, *, now: datetime) -> Mapping[int, list[Reason]]:
    """Why not all that was traded is known, by account; those without a problem are left out.

    In one query; none where the job is switched off, since nobody expects it then.

    Args:
        account_ids: Primary keys, or a query that finds them.
        now: Decides what is late.
    """
    found: dict[int, list[Reason]] = defaultdict(list)
    if not settings.CAPITAL_SYNC_FILLS_MINUTES:
        return found
    rows = TradingCursor.objects.filter(account__in=account_ids).select_related("account")
    for cursor in rows.order_by("account", "pk"):
        found_here = _problems(cursor, now)
        if found_here:
            found[cursor.account_id] += found_here
    return found


def _problems(cursor: TradingCursor, now: datetime) -> list[Reason]:
    asked = f"{cursor.endpoint} {cursor.symbol}".strip()
    named = {"question": asked or str(cursor.get_asked_for_display())}
    problems = []
    is_asked_again = cursor.asked_for != AskedFor.HOLDINGS or bool(cursor.code)
    if is_asked_again and now - cursor.read_until > _LATE_AFTER:
        problems.append(
            Reason(
                Code.TRADES_UNREAD,
                {**named, "until": _time(cursor.read_until), "cause": cursor.code or _WAITING},
            )
        )
    if cursor.missing_since is not None:
        figures = {**named, "venue": cursor.account.venue, "until": _time(cursor.missing_since)}
        problems.append(Reason(Code.TRADES_MISSING, figures))
    if cursor.unread:
        problems.append(Reason(Code.TRADES_NOT_BOOKED, {**named, "rows": str(len(cursor.unread))}))
    return problems


def _time(moment: datetime) -> str:
    return moment.isoformat()
