"""Strategies are entered, changed and removed here, by who may, and each leaves a record.

What a strategy is, the app ``strategies`` knows; that it has a record, it does not.
"""

from collections.abc import Iterable
from typing import Any

from django.contrib.auth.models import AbstractUser, User
from django.db import transaction
from django.db.models import ProtectedError

from capital.domain.errors import HasHistory, NotFound, OwnerOnly
from capital.models import ChangedRow, ChangeVerb, StrategyAccount
from capital.services.access.changes import differences, record_change, values_of
from capital.services.access.permissions import require_permission
from capital.services.access.roles import require_strategy
from capital.services.accounts.lookup import lock_accounts
from capital.services.transactions import inside_transaction
from strategies import services
from strategies.edits import Seen
from strategies.models import Strategy, StrategyStatus

_CHANGE = "strategies.change_strategy"
_TAG = frozenset({"key", "order_tag"})
_SERVICES = {
    StrategyStatus.PAUSED: services.pause_strategies,
    StrategyStatus.ACTIVE: services.activate_strategies,
    StrategyStatus.ARCHIVED: services.archive_strategies,
}


def create_strategy(
    *, owner: User, actor: AbstractUser | None = None, origin: str = "", **fields: Any
) -> Strategy:
    """A new strategy of ``owner``.

    Raises:
        ValidationError: A rule is broken; where the key is taken, it names a free one.
        NotPermitted: The actor may not add strategies.
        OwnerOnly: The actor is no superuser, and it would be somebody else's.
    """
    if actor is not None:
        require_permission(actor, "strategies.add_strategy")
        if not actor.is_superuser and actor.pk != owner.pk:
            raise OwnerOnly
    with transaction.atomic():
        strategy = services.create_strategy(owner=owner, **fields)
        _record(strategy, ChangeVerb.CREATED, {}, values_of(strategy), actor, origin)
    return strategy


def change_strategy(
    strategy_id: int,
    *,
    actor: AbstractUser | None = None,
    origin: str = "",
    seen: Seen | None = None,
    **fields: Any,
) -> Strategy:
    """Change the named fields; the status among them pauses, activates or archives.

    Args:
        strategy_id: Which.
        actor: Who asks, and may; None is nobody in particular, who may.
        origin: The address from which it was asked, for the record.
        seen: What the actor saw of it; None where that is not said.
        **fields: By name.

    Raises:
        NotFound: It is gone.
        ChangedMeanwhile: It is not as the actor saw it.
        NotPermitted, StrategyOfAnother: The actor may not.
        OwnerOnly: The actor is no superuser, and it would become somebody else's.
        ValidationError: A rule is broken. Nothing was changed.
    """
    with transaction.atomic():
        strategy = _locked_for(strategy_id, fields)
        if strategy is None:
            raise NotFound
        require_strategy(actor, _CHANGE, [strategy])
        is_moved = fields.get("owner", strategy.owner) != strategy.owner
        if is_moved and actor is not None and not actor.is_superuser:
            raise OwnerOnly
        before = values_of(strategy, fields)
        changed = services.change_strategy(strategy_id, seen=seen, **fields)
        _record(changed, ChangeVerb.CHANGED, before, values_of(changed, fields), actor, origin)
    return changed


def set_status(
    strategy_ids: Iterable[int],
    status: StrategyStatus,
    *,
    actor: AbstractUser | None = None,
    origin: str = "",
) -> list[Strategy]:
    """Pause, activate or archive strategies: all of them, or none. Those whose status changed.

    Raises:
        NotPermitted, StrategyOfAnother: The actor may not, for one of them at least.
    """
    with transaction.atomic():
        strategies = lock_strategies(strategy_ids)
        require_strategy(actor, _CHANGE, strategies.values())
        before = {key: values_of(each, ["status"]) for key, each in strategies.items()}
        changed = _SERVICES[status](strategies)
        for each in changed:
            after = values_of(each, ["status"])
            _record(each, ChangeVerb.CHANGED, before[each.pk], after, actor, origin)
    return changed


def delete_strategy(
    strategy_id: int, *, actor: AbstractUser | None = None, origin: str = ""
) -> None:
    """Remove a strategy that was never linked. Raises ``HasHistory``: archive it instead."""
    try:
        with transaction.atomic():
            strategy = lock_strategies([strategy_id]).get(strategy_id)
            if strategy is None:
                return
            require_strategy(actor, "strategies.delete_strategy", [strategy])
            before = values_of(strategy)
            services.delete_strategy(strategy_id)
            _record(strategy, ChangeVerb.REMOVED, before, {}, actor, origin)
    except ProtectedError:
        raise HasHistory(what=str(Strategy._meta.verbose_name)) from None


@inside_transaction
def lock_strategies(strategy_ids: Iterable[int]) -> dict[int, Strategy]:
    """Lock the rows for the rest of the transaction, and read them as they are now.

    Call it inside a transaction, after the locks of accounts that it takes. In order of primary
    key, so that two who change several cannot wait for each other.
    """
    rows = Strategy.objects.select_for_update(no_key=True).filter(pk__in=set(strategy_ids))
    return {strategy.pk: strategy for strategy in rows.order_by("pk")}


def _locked_for(strategy_id: int, fields: Iterable[str]) -> Strategy | None:
    """The strategy, locked; with its accounts, where these fields say what its orders begin with.

    Then no other strategy gets there meanwhile, or gets a tag that could not be told from it.
    """
    if _TAG.isdisjoint(fields):
        return lock_strategies([strategy_id]).get(strategy_id)
    links = StrategyAccount.objects.filter(strategy=strategy_id).order_by()
    linked = links.values_list("account_id", flat=True)
    before = lock_accounts(list(linked))
    strategy = lock_strategies([strategy_id]).get(strategy_id)
    # Who links it locks it as well: from now on there are no more. Asked again, not remembered.
    if late := set(linked.all()).difference(before):
        lock_accounts(sorted(late))
    return strategy


def _record(
    strategy: Strategy,
    verb: ChangeVerb,
    before: dict[str, Any],
    after: dict[str, Any],
    actor: AbstractUser | None,
    origin: str,
) -> None:
    record_change(
        ChangedRow.STRATEGY,
        verb,
        differences(before, after),
        name=str(strategy),
        actor=actor,
        origin=origin,
        strategy_id=strategy.pk,
    )
