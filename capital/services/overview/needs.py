"""What needs somebody: one list for the dashboard, its badge, an account's page and the API.

What is wrong is what alerts tell of, as long as it lasts; besides, money that nobody has because
all of its strategies are paused.
"""

from collections.abc import Iterator
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any

from django.contrib.auth.models import AbstractUser, AnonymousUser
from django.db.models import Exists, OuterRef
from django.utils import timezone
from django.utils.translation import gettext

from capital.domain.clock import Clock
from capital.domain.reasons import Code
from capital.models import Account, AlertKind, StrategyAccount, Trouble
from capital.services.access.visibility import visible_to
from capital.services.alerts.present import present_troubles
from capital.services.sentences import outline_of, sentence_of
from strategies.models import StrategyStatus

MONEY_IDLE = "money_idle"
# The most urgent first; what is not named comes behind, in the order of its time.
_URGENCY = (
    AlertKind.KEY_REFUSED.value,
    AlertKind.SUSPECT_BALANCE.value,
    AlertKind.RUN_FAILED.value,
    AlertKind.POOL_UNREADABLE.value,
    AlertKind.STOP.value,
    AlertKind.RUN_HELD.value,
    AlertKind.LIMIT_NEAR.value,
    MONEY_IDLE,
)


@dataclass(frozen=True, kw_only=True)
class Need:
    """One line.

    Attributes:
        kind: A value of ``AlertKind``, or ``money_idle``.
        subject: What it is about, by name; empty for the installation.
        code: Of its reason.
        why: The sentence, in the active language.
        since: Since when it is so; None where that is not known.
        account_id: Of which account; None for none.
        strategy_id: Of which strategy; None for none.
        venue: Of which exchange; empty for none.
        part: What of it: the stop's primary key, or the symbol, where it is of one.
        more: How many of the same kind and subject it stands for besides.
    """

    kind: str
    subject: str
    code: str
    why: str
    since: datetime | None
    account_id: int | None = None
    strategy_id: int | None = None
    venue: str = ""
    part: str = ""
    more: int = 0


def needs_of(
    user: AbstractUser | AnonymousUser,
    *,
    account_id: int | None = None,
    clock: Clock = timezone.now,
) -> list[Need]:
    """What needs somebody among what the user sees, the most urgent first.

    Two queries where nothing is wrong; a constant number more, whatever is.

    Args:
        user: Who looks.
        account_id: Only of this account.
        clock: Says what time it is.
    """
    troubles = present_troubles(user, now=clock(), account_id=account_id)
    found = [*_merged(map(_of_trouble, troubles)), *_idle_money(user, account_id)]
    urgency = {kind: rank for rank, kind in enumerate(_URGENCY)}
    return sorted(found, key=lambda need: urgency.get(need.kind, len(urgency)))


def _of_trouble(trouble: Trouble) -> Need:
    why = sentence_of(trouble.code, trouble.figures)
    if trouble.kind == AlertKind.POOL_UNREADABLE and trouble.account is not None:
        # Its sentence counts the minutes after which it is told; this one is true at once.
        why = outline_of(trouble.account.connection_code, venue=trouble.account.venue)
    return Need(
        kind=trouble.kind,
        subject=trouble.subject,
        code=trouble.code,
        why=why,
        since=trouble.noticed_at,
        account_id=trouble.account_id,
        strategy_id=trouble.strategy_id,
        venue=trouble.venue,
        part=trouble.key.partition(":")[2].partition(":")[2],
    )


def _merged(needs: Any) -> Iterator[Need]:
    """Refusals of one strategy and rules of one exchange are one line each, with their count."""
    merged: dict[tuple[Any, ...], Need] = {}
    for need in needs:
        key: tuple[Any, ...] = (need.kind, need.strategy_id, need.venue)
        if need.kind not in (AlertKind.SIGNAL_REFUSED, AlertKind.RULES_SUSPECT):
            key = (need.kind, need.account_id, need.subject, need.part)
        first = merged.get(key)
        merged[key] = need if first is None else replace(first, more=first.more + 1)
    yield from merged.values()


def _idle_money(user: AbstractUser | AnonymousUser, account_id: int | None) -> list[Need]:
    """Accounts whose last check found nobody to allocate to, while strategies are paused there."""
    paused = StrategyAccount.objects.filter(
        account=OuterRef("pk"), is_active=True, strategy__status=StrategyStatus.PAUSED
    )
    rows = visible_to(user, Account.objects.all()).filter(
        Exists(paused), is_active=True, last_check_code=Code.NOTHING_TO_ALLOCATE.value
    )
    if account_id is not None:
        rows = rows.filter(pk=account_id)
    return [
        Need(
            kind=MONEY_IDLE,
            subject=name,
            code=MONEY_IDLE,
            why=gettext("All of its strategies are paused, so nobody has its money."),
            since=None,
            account_id=key,
        )
        for key, name in rows.order_by("name", "pk").values_list("pk", "name")
    ]
