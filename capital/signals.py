"""Which changes of rows ask for work in the queue, and which are refused."""

from datetime import datetime
from typing import Any

from django.contrib.auth.models import Group, User
from django.db import DEFAULT_DB_ALIAS
from django.db.models.signals import m2m_changed, post_delete, post_save, pre_save
from django.dispatch import receiver
from django_q.models import Schedule
from django_q.signals import pre_enqueue

from capital.domain.errors import TaskRefused
from capital.models import Account, ApiToken, Fill, Position, StrategyAccount, VenuePosition
from capital.services.access import forget_tokens
from capital.services.accounts import check_market, check_tag
from capital.services.alerts import tell_what_happened
from capital.services.allocation import (
    request_market_rules,
    request_reallocation,
    request_reallocation_of_strategy,
)
from capital.services.balances import balances_synced
from capital.services.happened import Event, happened
from capital.services.jobs import refusal_of, set_next_time, sync_schedules_after_migration
from capital.services.limits import judge_limits, limit_stops_changed, use_reservations
from capital.services.trading import (
    days_restated,
    fills_recorded,
    keep_credited_again_after_migration,
    mark_dust,
)
from capital.traces import CARRIED, current_id
from strategies.models import Strategy


@receiver([post_save, post_delete], sender=ApiToken)
@receiver([post_save, post_delete], sender=User)
@receiver([post_save, post_delete], sender=Group)
@receiver(m2m_changed, sender=User.groups.through)
@receiver(m2m_changed, sender=User.user_permissions.through)
@receiver(m2m_changed, sender=Group.permissions.through)
def right_changed(**_kwargs: Any) -> None:
    """A token was made or ended, or what its user may see and do was changed."""
    forget_tokens()


@receiver([post_save, post_delete], sender=StrategyAccount)
def link_changed(instance: StrategyAccount, **_kwargs: Any) -> None:
    """A link was created, changed, paused or removed."""
    if not instance.allocates_later:
        request_reallocation([instance.account_id])


@receiver(pre_save, sender=Strategy)
def strategy_is_changed(
    instance: Strategy, update_fields: frozenset[str] | None = None, **_kwargs: Any
) -> None:
    """Where it trades, its market must exist and its orders be told from those of others.

    Strategies know of no venue, so it is said here.
    """
    if instance._state.adding:
        return
    if update_fields is None or "market_type" in update_fields:
        check_market(instance.pk, instance.market_type)
    if update_fields is None or update_fields & {"key", "order_tag"}:
        check_tag(instance)


@receiver(post_save, sender=Strategy)
def strategy_changed(instance: Strategy, **kwargs: Any) -> None:
    """A strategy was changed, paused, activated or archived. A new one has no links yet."""
    if not kwargs["created"]:
        request_reallocation_of_strategy(instance.pk)


@receiver(post_save, sender=Account)
def account_put_to_use(instance: Account, **kwargs: Any) -> None:
    """The orders of an account that is new, switched on or moved are to be sized, too."""
    if kwargs["created"] or instance.was_put_to_use:
        request_market_rules(instance)


@receiver(post_save, sender=Account)
def division_changed(instance: Account, **_kwargs: Any) -> None:
    """A reserve or a policy was changed. Other fields do not move capital."""
    if instance.division_was_changed:
        request_reallocation([instance.pk])


@receiver(post_save, sender=Position)
def position_closed(instance: Position, **_kwargs: Any) -> None:
    """A position was closed, to flat or to dust: what it held back may be due now."""
    mark_dust([instance])
    if instance.was_closed or instance.is_dust:
        request_reallocation([instance.strategy_account.account_id])


@receiver(post_delete, sender=Position)
def position_removed(instance: Position, **_kwargs: Any) -> None:
    """A position is no longer there."""
    if instance.is_open:
        request_reallocation([instance.strategy_account.account_id])


@receiver(post_save, sender=VenuePosition)
def position_explained(instance: VenuePosition, **_kwargs: Any) -> None:
    """A person said that no strategy holds it: what it held back may be due now."""
    if instance.is_not_strategys:
        request_reallocation([instance.account_id])


@receiver([days_restated, balances_synced])
def earned_or_lost(account_ids: list[int], now: datetime, **_kwargs: Any) -> None:
    """Something was earned or lost, or its worth changed: a limit may be reached."""
    judge_limits(account_ids, now=now)


@receiver(limit_stops_changed)
def stopped_by_limit(account_ids: list[int], **_kwargs: Any) -> None:
    """A limit took a link's share out of what is divided, or gave it back."""
    request_reallocation(account_ids)


@receiver(fills_recorded)
def orders_were_filled(account_id: int, fills: list[Fill], now: datetime, **_kwargs: Any) -> None:
    """Fills were recorded: what was held for their orders is in use now."""
    use_reservations(account_id, fills, now=now)


@receiver(happened)
def something_happened(event: Event, now: datetime, **_kwargs: Any) -> None:
    """Somebody may want to hear of it."""
    tell_what_happened(event, now=now)


@receiver(pre_enqueue)
def task_is_queued(task: dict[str, Any], **_kwargs: Any) -> None:
    """Refuse to sign what the workers would refuse to run; say which request asked for the rest."""
    if refusal_of(task) is not None:
        raise TaskRefused(task=repr(task.get("func"))[:100])
    if (request_id := current_id()) is not None:
        task[CARRIED] = request_id


@receiver(pre_save, sender=Schedule)
def schedule_is_saved(instance: Schedule, **_kwargs: Any) -> None:
    """The queue took a schedule that was due: the same save sets the next time of a daily job."""
    set_next_time(instance)


def migrated(using: str, **_kwargs: Any) -> None:
    """The tables are there: the jobs' schedules go into them, and books of before are kept on.

    Connected in ``CapitalConfig``.
    """
    if using == DEFAULT_DB_ALIAS:
        sync_schedules_after_migration()
        keep_credited_again_after_migration()
