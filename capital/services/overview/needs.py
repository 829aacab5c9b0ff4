"""What needs somebody: one list for the dashboard, its badge, an account's page and the API.

What is wrong is what alerts tell of, as long as it lasts; besides, money that nobody has because
all strategies of its pool are paused.
"""

from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence, Set
from dataclasses import dataclass, replace
from datetime import datetime
from decimal import Decimal
from typing import Any

from django.contrib.auth.models import AbstractUser, AnonymousUser
from django.db.models import Exists, OuterRef
from django.utils import timezone
from django.utils.text import capfirst
from django.utils.translation import gettext

from capital.domain.allocation.decision import Outcome
from capital.domain.clock import Clock
from capital.domain.money import floor_to, grouped, quantum_of
from capital.domain.pools import Pool, WalletMode, pool_of
from capital.domain.reasons import Code
from capital.models import Account, AlertKind, AllocationPool, StrategyAccount, Trouble
from capital.services.access.visibility import VisibleKeys
from capital.services.alerts.present import present_troubles
from capital.services.balances.summaries import cached_observation, load_latest
from capital.services.balances.suspects import is_kept
from capital.services.labels import POOL_NAMES
from capital.services.overview.runs import last_runs
from capital.services.sentences import outline_of, sentence_of
from strategies.markets import MarketType
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
    now = clock()
    idle = _idle_money(user, account_id, now=now)
    idle_pools = {(need.account_id, need.part) for need in idle}
    troubles = [
        each
        for each in present_troubles(user, now=now, account_id=account_id)
        if not _asks_nobody(each, idle_pools)
    ]
    held = _held_pools(troubles)
    found = [
        *_merged(_of_trouble(each, held) for each in troubles),
        *idle,
    ]
    urgency = {kind: rank for rank, kind in enumerate(_URGENCY)}
    return sorted(found, key=lambda need: urgency.get(need.kind, len(urgency)))


def _asks_nobody(trouble: Trouble, idle_pools: Set[tuple[int | None, str]]) -> bool:
    """A suspect balance that somebody refused; or of a pool all strategies of which are paused.

    Such a pool is not read, so nothing could be accepted; it asks again once a strategy is active.
    """
    if trouble.kind != AlertKind.SUSPECT_BALANCE or trouble.account is None:
        return False
    pool = trouble.figures.get("pool", "")
    return (trouble.account_id, pool) in idle_pools or is_kept(trouble.account, pool)


def _held_pools(troubles: Sequence[Trouble]) -> Mapping[int, list[str]]:
    """The pools that the last allocation of each account held, in two queries; none for none.

    Those that an open position held; where it held some beside others, its sentence names them.
    """
    ids = {each.account_id for each in troubles if each.kind == AlertKind.RUN_HELD}
    found: dict[int, list[str]] = defaultdict(list)
    if ids:
        runs = last_runs([key for key in ids if key is not None], Outcome.HELD)
        codes = [code.value for code in Code if code.is_of_position]
        rows = AllocationPool.objects.filter(run__in=runs.values(), code__in=codes).order_by("pk")
        for key, pool in rows.values_list("run__account", "pool"):
            found[key].append(pool)
    return found


def _of_trouble(trouble: Trouble, held: Mapping[int, list[str]]) -> Need:
    why = sentence_of(trouble.code, trouble.figures)
    account = trouble.account
    if trouble.kind == AlertKind.POOL_UNREADABLE and account is not None:
        # Its sentence counts the minutes after which it is told; this one is true at once.
        why = outline_of(account.connection_code, venue=account.venue)
        why = _of_pools(account.silent_pools.split(",") if account.silent_pools else [], why)
    if trouble.kind == AlertKind.RUN_HELD and "pools" not in trouble.figures:
        why = _of_pools(held.get(trouble.account_id or 0, []), why)
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


def _of_pools(pools: Sequence[str], why: str) -> str:
    """A sentence that names what it is about; of a unified wallet, there is no other."""
    named = [str(POOL_NAMES[pool]) for pool in pools if pool != Pool.UNIFIED]
    if not named:
        return why
    return gettext("%(pools)s: %(why)s") % {"pools": capfirst(", ".join(named)), "why": why}


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


def _with_paused() -> Any:
    """Active accounts some strategy of which is paused."""
    paused = StrategyAccount.objects.filter(
        account=OuterRef("pk"), is_active=True, strategy__status=StrategyStatus.PAUSED
    )
    return Account.objects.filter(Exists(paused), is_active=True)


_WITH_PAUSED = VisibleKeys(_with_paused)


def _idle_money(
    user: AbstractUser | AnonymousUser, account_id: int | None, *, now: datetime
) -> list[Need]:
    """Each pool with money of which every strategy is paused, by the names of the accounts.

    One query where nothing is paused, and three more where something is.

    Args:
        user: Who looks.
        account_id: Only of this account; None for all.
        now: The current time, for the balances that were read last.
    """
    keys = _WITH_PAUSED.of(user)
    if account_id is not None:
        keys = [key for key in keys if key == account_id]
    if not keys:
        return []
    rows = Account.objects.filter(pk__in=keys).order_by("name", "pk")
    accounts = {account.pk: account for account in rows}
    paused_pools = _paused_pools(accounts)
    latest = load_latest(list(accounts), now=now)
    found = []
    for key, account in accounts.items():
        for pool in paused_pools[key]:
            balance = cached_observation(latest.get(key), pool, now=now)
            if balance is not None and balance.amount > 0:
                found.append(_idle(account, pool, balance.amount))
    return found


def _paused_pools(accounts: Mapping[int, Account]) -> Mapping[int, list[Pool]]:
    """The pools of which some strategy is paused, none is active, and none holds capital."""
    links = StrategyAccount.objects.filter(account__in=list(accounts), is_active=True)
    rows = links.order_by("account_id", "pk").values_list(
        "account_id", "strategy__market_type", "strategy__status", "capital__allocated_capital"
    )
    by_pool: dict[tuple[int, Pool], list[tuple[str, Decimal | None]]] = defaultdict(list)
    for key, market, status, capital in rows:
        mode = WalletMode(accounts[key].wallet_mode)
        by_pool[key, pool_of(MarketType(market), mode)].append((status, capital))
    found: dict[int, list[Pool]] = defaultdict(list)
    for (key, pool), of_pool in by_pool.items():
        statuses = {status for status, _ in of_pool}
        is_idle = StrategyStatus.PAUSED in statuses and StrategyStatus.ACTIVE not in statuses
        if is_idle and not any(capital for _, capital in of_pool):
            found[key].append(pool)
    return found


def _idle(account: Account, pool: Pool, amount: Decimal) -> Need:
    currency = account.currency
    money = f"{grouped(floor_to(amount, quantum_of(currency)), currency)} {currency}"
    why = gettext("All strategies are paused, so nobody has its %(money)s.") % {"money": money}
    return Need(
        kind=MONEY_IDLE,
        subject=account.name,
        code=MONEY_IDLE,
        why=_of_pools([pool.value], why),
        since=None,
        account_id=account.pk,
        part=pool.value,
    )
