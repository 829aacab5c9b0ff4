"""The guard of instrument rules: what changes the meaning of a number waits for a person.

A contract that stands for a tenth of what it stood for yesterday would make every order ten times
as large in contracts. So a changed contract size or unit is kept beside the rules in force
(``pending_rules``) until someone accepts it. A changed step is routine: the coarser of the two is
in force until a second sync, an hour later, says the same.
"""

import logging
from collections.abc import Mapping
from datetime import datetime, timedelta
from decimal import Decimal
from typing import Any

from django.contrib.auth.models import AbstractUser
from django.db import transaction
from django.utils.dateparse import parse_datetime

from capital.domain.errors import NoPendingRules
from capital.domain.money import EXACT, plain
from capital.domain.sizing.instruments import PrecisionMode
from capital.models import Market
from capital.services.access.permissions import ACCEPT_PERMISSION, require_permission
from capital.services.markets.stored import (
    MEANING,
    RULE_COLUMNS,
    as_json,
    described_change,
    from_json,
)

logger = logging.getLogger(__name__)

STEP_CONFIRMED_AFTER = timedelta(hours=1)


def guard_rules(market: Market, row: Mapping[str, Any], *, now: datetime) -> None:
    """Change ``market``, as its venue lists it, into what may be stored over ``row``.

    Args:
        market: Not saved yet.
        row: What is stored: ``RULE_COLUMNS``, ``pending_rules``, ``pending_step``.
        now: When it was listed.
    """
    listed = as_json({name: getattr(market, name) for name in RULE_COLUMNS})
    stored = as_json({name: row[name] for name in RULE_COLUMNS})
    # Rules that were stored without a unit were counted in the venue's.
    stored["amount_unit"] = stored["amount_unit"] or listed["amount_unit"]
    if all(stored[name] == listed[name] for name in MEANING):
        market.amount_precision, market.pending_step = _step_in_force(market, row, now)
        return
    pending = row["pending_rules"]
    is_known = pending is not None and all(
        pending["rules"][name] == listed[name] for name in MEANING
    )
    since = pending["since"] if is_known else now.isoformat()
    for name in RULE_COLUMNS:
        setattr(market, name, row[name])
    market.amount_unit = stored["amount_unit"]
    market.pending_step = row["pending_step"]
    market.pending_rules = {"rules": listed, "since": since}
    if not is_known:
        logger.warning(
            "%s changed what an order of %s counts (%s). It waits to be accepted.",
            market.venue,
            market.symbol,
            described_change(row, market.pending_rules),
        )


def _step_in_force(
    market: Market, row: Mapping[str, Any], now: datetime
) -> tuple[Decimal, dict[str, str] | None]:
    """The step to size with, and the change of it that no later sync has confirmed."""
    listed, pending = market.amount_precision, row["pending_step"]
    confirmed = Decimal(pending["from"]) if pending else row["amount_precision"]
    if listed.compare(confirmed) == 0:
        return listed, None
    since = now
    if pending and listed.compare(Decimal(pending["to"])) == 0:
        since = parse_datetime(pending["since"]) or now
    if now - since >= STEP_CONFIRMED_AFTER:
        return listed, None
    change = {"from": _text(confirmed), "to": _text(listed), "since": since.isoformat()}
    return _coarser(confirmed, listed, PrecisionMode(market.precision_mode)), change


def _coarser(one: Decimal, other: Decimal, mode: PrecisionMode) -> Decimal:
    """The larger step; fewer digits are a larger one."""
    return max(one, other) if mode is PrecisionMode.TICK_SIZE else min(one, other)


def _text(number: Decimal) -> str:
    return plain(number.normalize(EXACT))


def pending_change(market: Market) -> str:
    """What changed in the rules that wait for ``market``; empty where none do."""
    row = {name: getattr(market, name) for name in MEANING}
    return described_change(row, market.pending_rules)


def accept_rules(venue: str, symbol: str, *, actor: AbstractUser | None = None) -> str:
    """Put the rules that wait for an instrument in force.

    Args:
        venue: The venue's id.
        symbol: The instrument's.
        actor: Who accepts them; None on the command line. Needs ``capital.accept_jump``.

    Returns:
        What changed.

    Raises:
        NoPendingRules: None wait.
        NotPermitted: The actor lacks the permission.
    """
    require_permission(actor, ACCEPT_PERMISSION)
    with transaction.atomic():
        market = Market.objects.select_for_update().filter(venue=venue, symbol=symbol).first()
        if market is None or not market.pending_rules:
            raise NoPendingRules(venue=venue, symbol=symbol)
        row = {name: getattr(market, name) for name in RULE_COLUMNS}
        change = described_change(row, market.pending_rules)
        for name, value in from_json(market.pending_rules["rules"]).items():
            setattr(market, name, value)
        market.pending_rules = market.pending_step = None
        market.save()
    logger.warning(
        "%s accepted the rules of %s on %s: %s.",
        "The command line" if actor is None else actor.get_username(),
        symbol,
        venue,
        change,
    )
    return change
