"""What stops accounts, and which limits a person should look at."""

from collections import defaultdict
from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Any

from django.contrib.auth.models import AbstractUser, AnonymousUser
from django.db.models import Exists, Q

from capital.domain.reasons import Code
from capital.models import AllocationRun, LimitState, Stop, StrategyAccount
from capital.services.access.visibility import VisibleKeys, visible_to
from capital.services.limits.scopes import scope_name
from capital.services.limits.standing import limits_of
from capital.services.limits.stops import open_stops, stopping, why_stopped, with_names
from capital.services.sentences import sentence, sentence_of

_TOLD = (
    Code.DRAWDOWN_NEAR,
    Code.DAILY_LOSS_NEAR,
    Code.DAILY_LOSS_AMOUNT_NEAR,
    Code.LIMIT_NOT_JUDGED,
)


@dataclass
class Losses:
    """What is to say of one account and its links.

    Attributes:
        stops: What stops it or one of its links, each with its reason; not what stops all accounts
            of an owner, or everybody.
        limits: Which limits are near, or not judged.
    """

    stops: list[str] = field(default_factory=list)
    limits: list[str] = field(default_factory=list)


def losses_of(account_ids: Any) -> dict[int, Losses]:
    """By account, those of which there is something to say; in two queries.

    Args:
        account_ids: Primary keys, or a query of them.
    """
    found: dict[int, Losses] = defaultdict(Losses)
    of_accounts = Q(account__in=account_ids) | Q(strategy_account__account__in=account_ids)
    for stop in open_stops().filter(of_accounts).order_by("pk"):
        account_id = stop.account_id or stop.strategy_account.account_id
        why = why_stopped(stop)
        told = why if isinstance(why, str) else sentence(why)
        found[account_id].stops.append(f"{scope_name(stop)}: {told}")
    states = LimitState.objects.filter(of_accounts, code__in=_TOLD).order_by("pk")
    related = ("account", "strategy_account__account", "strategy_account__strategy")
    for state in states.select_related(*related):
        row = state.strategy_account or state.account
        assert row is not None, "a limit is of a link or an account"
        if state.kind in limits_of(row):
            account_id = (
                row.pk if state.strategy_account is None else state.strategy_account.account_id
            )
            told = sentence_of(state.code, state.figures)
            found[account_id].limits.append(f"{row}: {told}")
    return dict(found)


def stops_of_strategy(strategy_id: int, user: AbstractUser | AnonymousUser) -> Any:
    """What stops the strategy now on any account that the user may see, the oldest first."""
    links = visible_to(user, StrategyAccount.objects.filter(strategy=strategy_id)).order_by()
    of_links = (
        Q(strategy_account__in=links.values("pk"))
        | Q(account__in=links.values("account"))
        | Q(owner__in=links.values("account__owner"))
        | Q(everybody=True)
    )
    return open_stops().filter(of_links).order_by("pk")


def stops_when_decided(run: AllocationRun, user: AbstractUser | AnonymousUser) -> Any:
    """What stopped the run's account or its links when it was decided, the oldest first.

    Years later these are the same: a stop is never removed. Of one that was lifted since, it is
    known when.
    """
    then = Q(at__lte=run.created_at) & (Q(lifted_at__isnull=True) | Q(lifted_at__gt=run.created_at))
    stops = with_names().of_account(run.account_id).filter(then)
    return visible_to(user, stops).order_by("pk")


_OPEN = VisibleKeys(lambda: Stop.objects.open())


def stops_seen(user: AbstractUser | AnonymousUser) -> list[Stop]:
    """The open stops that the user sees, those of everybody and of owners first.

    One query where there are none, and one more where there are.
    """
    keys = _OPEN.of(user)
    stops: list[Stop] = list(open_stops().filter(pk__in=keys).order_by("pk")) if keys else []
    return sorted(stops, key=lambda stop: (not stop.everybody, stop.owner_id is None))


def stops_beside(stop: Stop) -> Any:
    """What stays stopped of the same links once this one is lifted, the oldest first."""
    return open_stops().exclude(pk=stop.pk).filter(_overlaps(stop)).order_by("pk")


def links_resumed_by(stop: Stop) -> int:
    """How many links take new entries again once this one is lifted: those nothing else stops.

    Links that are inactive, paused or archived do not count: they did not run.
    """
    others = stopping().exclude(pk=stop.pk)
    running = StrategyAccount.objects.filter(
        is_active=True, account__is_active=True, strategy__status="ACTIVE"
    )
    return running.filter(_links_of(stop)).exclude(Exists(others)).count()


def wide_stops(owner_ids: Iterable[int]) -> list[str]:
    """What stops everybody, or all accounts of one of these users, each with its reason."""
    stops = open_stops().filter(Q(everybody=True) | Q(owner__in=owner_ids)).order_by("pk")
    found = []
    for stop in stops:
        why = why_stopped(stop)
        found.append(f"{scope_name(stop)}: {why if isinstance(why, str) else sentence(why)}")
    return found


def _links_of(stop: Stop) -> Q:
    """A condition on links: those that the stop is of."""
    if stop.strategy_account_id is not None:
        return Q(pk=stop.strategy_account_id)
    if stop.account_id is not None:
        return Q(account=stop.account_id)
    return Q() if stop.everybody else Q(account__owner=stop.owner_id)


def _overlaps(stop: Stop) -> Q:
    """A condition on stops: those that stop a link of this one, too."""
    if stop.everybody:
        return Q()
    links = StrategyAccount.objects.filter(_links_of(stop)).order_by()
    accounts = links.values("account")
    owners = links.values("account__owner")
    of_accounts = Q(account__in=accounts) | Q(owner__in=owners)
    return of_accounts | Q(strategy_account__in=links.values("pk")) | Q(everybody=True)
