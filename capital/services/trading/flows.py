"""Flows: what came or went without a fill. Entered by a person or a bot, or told by the venue."""

from datetime import datetime
from decimal import Decimal

from django.contrib.auth.models import AbstractUser
from django.db import transaction
from django.utils import timezone

from capital.domain.clock import Clock
from capital.domain.errors import TradingRefused
from capital.domain.money import plain
from capital.domain.performance.flows import FlowKind, FlowSource
from capital.domain.pools import Pool
from capital.domain.reasons import Code
from capital.models import Flow
from capital.services.access.roles import Act, require
from capital.services.accounts.lookup import lock_accounts, pools_of_account
from capital.services.trading.fills import refuse_moment

_IN, _OUT = frozenset({FlowKind.DEPOSIT, FlowKind.REBATE}), frozenset({FlowKind.WITHDRAWAL})


def enter_flow(
    account_id: int,
    *,
    pool: Pool,
    kind: FlowKind,
    currency: str,
    amount: Decimal,
    occurred_at: datetime,
    note: str = "",
    actor: AbstractUser | None = None,
    clock: Clock = timezone.now,
) -> Flow:
    """Record what somebody knows of money that came or went. It changes no balance.

    Args:
        account_id: The account's primary key.
        pool: Which of its pools; a transfer is entered once for each.
        kind: Why.
        currency: In what.
        amount: Above zero came in, below zero went out; not zero.
        occurred_at: When.
        note: For whoever reads it later.
        actor: Who enters it; None is the command line.
        clock: Says what time it is.

    Raises:
        UnknownAccount, NotPermitted, RoleTooSmall: The actor may not on this account.
        TradingRefused: The account has no such pool, the sign does not fit, or the time is none.
    """
    with transaction.atomic():
        require(actor, Act.CHANGE_FLOWS, account_ids=[account_id])
        account = lock_accounts([account_id])[account_id]
        pools = pools_of_account(account)
        if pool not in pools:
            names = ", ".join(pools)
            code = Code.FLOW_POOL_NOT_OF_ACCOUNT
            raise TradingRefused(code, field="pool", pool=pool, pools=names)
        if not amount or (kind in _IN and amount < 0) or (kind in _OUT and amount > 0):
            figures = {"amount": plain(amount), "currency": currency}
            raise TradingRefused(Code.FLOW_SIGN, field="amount", **figures)
        now = clock()
        refuse_moment(occurred_at, now, field="occurred_at")
        flow = Flow(
            account=account,
            pool=pool.value,
            kind=kind.value,
            currency=currency,
            amount=amount,
            occurred_at=occurred_at,
            note=note,
            source=FlowSource.PERSON.value,
            actor_id=None if actor is None else actor.pk,
            recorded_at=now,
        )
        flow.full_clean()
        flow.save()
    return flow
