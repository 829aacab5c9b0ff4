"""Make, change, pause and archive strategies. A reallocation follows by signal."""

from collections.abc import Iterable
from typing import Any

from django.contrib.auth.models import User
from django.db import transaction

from strategies.edits import Seen, check_seen
from strategies.models import Strategy, StrategyStatus


def create_strategy(*, owner: User, **fields: Any) -> Strategy:
    """A new strategy of ``owner``. Raises ``ValidationError`` where a rule is broken."""
    with transaction.atomic():
        strategy = Strategy(owner=owner, **fields)
        strategy.full_clean()
        strategy.save()
    return strategy


def change_strategy(strategy_id: int, *, seen: Seen | None = None, **fields: Any) -> Strategy:
    """Change the named fields; the status among them pauses, activates or archives.

    Args:
        strategy_id: Which.
        seen: What the caller saw of it; None where it does not say.
        **fields: By name.

    Raises:
        Strategy.DoesNotExist: It is gone.
        ChangedMeanwhile: It is not as the caller saw it.
        ValidationError: A rule is broken. Nothing was changed.
    """
    with transaction.atomic():
        strategy = Strategy.objects.select_for_update(no_key=True).get(pk=strategy_id)
        check_seen(strategy, fields, seen)
        for name, value in fields.items():
            setattr(strategy, name, value)
        strategy.full_clean()
        strategy.save()
    return strategy


def delete_strategy(strategy_id: int) -> None:
    """Remove a strategy that was never used.

    Raises:
        ProtectedError: It is linked to an account: archive it instead.
    """
    Strategy.objects.filter(pk=strategy_id).delete()


def pause_strategies(strategy_ids: Iterable[int]) -> list[Strategy]:
    """Take strategies out of allocation for now: their capital goes to the others."""
    return _set_status(strategy_ids, StrategyStatus.PAUSED)


def activate_strategies(strategy_ids: Iterable[int]) -> list[Strategy]:
    """Let strategies take part in allocation."""
    return _set_status(strategy_ids, StrategyStatus.ACTIVE)


def archive_strategies(strategy_ids: Iterable[int]) -> list[Strategy]:
    """Take strategies out of allocation for good; their history stays."""
    return _set_status(strategy_ids, StrategyStatus.ARCHIVED)


@transaction.atomic
def _set_status(strategy_ids: Iterable[int], status: StrategyStatus) -> list[Strategy]:
    """Those whose status changed. Each is saved, so that its signal asks for a reallocation."""
    rows = Strategy.objects.select_for_update(no_key=True).filter(pk__in=set(strategy_ids))
    changed = [strategy for strategy in rows.order_by("pk") if strategy.status != status]
    for strategy in changed:
        strategy.status = status
        strategy.save(update_fields=["status", "updated_at"])
    return changed
