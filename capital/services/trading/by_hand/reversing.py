"""A flow that a person entered by mistake: its opposite is recorded beside it."""

from django.contrib.auth.models import AbstractUser
from django.db import transaction
from django.utils import timezone

from capital.domain.clock import Clock
from capital.domain.errors import NotFound, TradingRefused
from capital.domain.money import EXACT
from capital.domain.performance.flows import FlowSource
from capital.domain.reasons import Code
from capital.models import Flow
from capital.services.access.roles import Act, require
from capital.services.accounts.lookup import lock_account
from capital.services.trading.flows import book_flows


def reverse_flow(
    flow_id: int,
    *,
    note: str = "",
    actor: AbstractUser | None = None,
    clock: Clock = timezone.now,
) -> Flow:
    """Take back a flow that a person entered. Nothing is deleted: its opposite is recorded.

    Both happened at the same moment, so days and books stand as if neither had been entered.

    Args:
        flow_id: The flow's primary key.
        note: Why, for whoever reads it later.
        actor: Who takes it back; None is the command line.
        clock: Says what time it is.

    Returns:
        The opposite one.

    Raises:
        NotFound: There is no such flow.
        UnknownAccount, NotPermitted, RoleTooSmall: The actor may not on its account.
        TradingRefused: It was not entered by hand, is an opposite itself, was reversed already, or
            the exchange has told of it since.
    """
    with transaction.atomic():
        found = Flow.objects.filter(pk=flow_id).only("account_id").first()
        if found is None:
            raise NotFound
        require(actor, Act.CHANGE_FLOWS, account_ids=[found.account_id])
        account = lock_account(found.account_id)
        flow = Flow.objects.select_related("reversed_by", "matched_by").get(pk=flow_id)
        _refuse(flow)
        now = clock()
        opposite = Flow(
            account=account,
            pool=flow.pool,
            kind=flow.kind,
            currency=flow.currency,
            amount=EXACT.minus(flow.amount),
            strategy_account_id=flow.strategy_account_id,
            symbol=flow.symbol,
            occurred_at=flow.occurred_at,
            note=note,
            source=FlowSource.PERSON.value,
            reverses=flow,
            actor_id=None if actor is None else actor.pk,
            recorded_at=now,
        )
        opposite.full_clean()
        opposite.save()
        book_flows(account, [opposite], now=now)
    return opposite


def can_reverse(flow: Flow) -> bool:
    """Whether ``reverse_flow`` would not refuse the flow, whoever asks."""
    try:
        _refuse(flow)
    except TradingRefused:
        return False
    return True


def _refuse(flow: Flow) -> None:
    """Refuse what was not entered by hand, or does not count any more."""
    name = str(flow.pk)
    if flow.source != FlowSource.PERSON.value or flow.reverses_id is not None:
        raise TradingRefused(Code.FLOW_NOT_BY_HAND, field="flow", flow=name)
    if hasattr(flow, "reversed_by"):
        by = str(flow.reversed_by.pk)
        raise TradingRefused(Code.FLOW_REVERSED_ALREADY, field="flow", flow=name, by=by)
    if hasattr(flow, "matched_by"):
        raise TradingRefused(Code.FLOW_TOLD_SINCE, field="flow", flow=name)
