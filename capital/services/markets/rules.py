"""Syncing the venues' market rules into the database, where sizing reads them."""

import logging
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from decimal import Decimal
from typing import Any

from django.conf import settings
from django.db import connection, transaction
from django.utils import timezone

from capital.domain.clock import Clock
from capital.domain.errors import AmountNotStorable
from capital.domain.reasons import Code, Reason
from capital.domain.sizing.instruments import InstrumentKind
from capital.exchange.contract import Listing
from capital.exchange.gateway import get_market_gateway
from capital.exchange.venues import VENUES, get_venue
from capital.models import Account, Market
from capital.services.transactions import outside_transaction

logger = logging.getLogger(__name__)

SYNCED = "synced"

# The columns that are compared, and written when one has changed.
_RULES = (
    "market_id",
    "kind",
    "base",
    "quote",
    "settle",
    "contract_size",
    "precision_mode",
    "amount_precision",
    "min_amount",
    "max_amount",
    "market_min_amount",
    "market_max_amount",
    "min_cost",
    "max_cost",
    "is_active",
)


@dataclass(frozen=True)
class VenueSync:
    """The result of syncing one venue.

    Attributes:
        venue: The venue's id.
        problem: Why nothing was written; None on success.
        counts: How many instruments were ``added``, ``changed``, ``unchanged``, ``withdrawn``
            (no longer listed) and ``unusable`` (the database would not keep a rule exactly).
    """

    venue: str
    problem: Reason | None = None
    counts: Mapping[str, int] = field(default_factory=dict)


def venues_in_use() -> list[str]:
    """The venues of active accounts."""
    active = Account.objects.filter(is_active=True).order_by("venue")
    used = active.values_list("venue", flat=True).distinct()
    return [venue for venue in used if venue in VENUES]


@outside_transaction
def sync_markets(
    venues: Sequence[str] | None = None, *, clock: Clock = timezone.now
) -> list[VenueSync]:
    """Fetch and store each venue's market rules. A venue that fails does not affect the others.

    A list in which a whole kind of instrument is missing is refused: half an answer must not
    withdraw instruments. Call it outside a transaction: the network comes first, then one
    transaction for each venue.

    Args:
        venues: The venues' ids; None for those of active accounts.
        clock: Says what time it is.

    Raises:
        UnknownVenue: The venue table lacks one of the ids; nothing was fetched.
    """
    ids = venues_in_use() if venues is None else list(dict.fromkeys(venues))
    rows = [get_venue(venue_id) for venue_id in ids]
    if not settings.CAPITAL_LIVE_BALANCES:
        return [VenueSync(venue_id, Reason(Code.LIVE_DISABLED)) for venue_id in ids]
    answers = get_market_gateway().fetch_listings(rows) if rows else {}
    now = clock()
    return [_store(venue_id, answers[venue_id], now) for venue_id in ids]


def count_syncs(syncs: Sequence[VenueSync]) -> Counter[str]:
    """How many venues were ``synced``; the others by the code of their problem."""
    return Counter(SYNCED if sync.problem is None else sync.problem.code.value for sync in syncs)


def _store(venue: str, answer: list[Listing] | Reason, now: datetime) -> VenueSync:
    if isinstance(answer, Reason):
        logger.warning(
            "The market rules of %s could not be fetched (%s).", venue, answer.code.value
        )
        return VenueSync(venue, answer)
    with transaction.atomic():
        known = {
            row["symbol"]: row
            for row in Market.objects.filter(venue=venue).values("symbol", *_RULES)
        }
        if lost := _lost_kind(answer, known):
            reason = Reason(
                Code.EXCHANGE_BAD_MARKETS, {"venue": venue, "kind": f"no {lost} market"}
            )
            logger.warning("The market rules of %s lack every %s market.", venue, lost)
            return VenueSync(venue, reason)
        counts: Counter[str] = Counter(added=0, changed=0, unchanged=0, withdrawn=0, unusable=0)
        rows = []
        for listing in answer:
            market = _market(venue, listing, now)
            if not _is_storable(market):
                counts["unusable"] += 1
                continue
            rows.append(market)
            counts[_difference(market, known.get(market.symbol))] += 1
        Market.objects.bulk_create(
            # Sorted, so that two of these never wait for each other.
            sorted(rows, key=lambda market: market.symbol),
            update_conflicts=True,
            unique_fields=["venue", "symbol"],
            update_fields=[*_RULES, "fetched_at"],
        )
        # A listed instrument that cannot be stored must not be sized by its old rules.
        kept = {market.symbol for market in rows}
        gone = [name for name, row in known.items() if row["is_active"] and name not in kept]
        Market.objects.filter(venue=venue, symbol__in=gone).update(is_active=False)
        counts["withdrawn"] = len(gone)
    return VenueSync(venue, counts=dict(counts))


def _lost_kind(answer: Sequence[Listing], known: Mapping[str, Mapping[str, Any]]) -> str | None:
    """A kind of instrument that was traded and of which none is listed now; else None."""
    listed = {listing.rules.kind.value for listing in answer}
    traded = {row["kind"] for row in known.values() if row["is_active"]}
    return min(traded - listed, default=None)


def _market(venue: str, listing: Listing, now: datetime) -> Market:
    rules = listing.rules
    return Market(
        venue=venue,
        symbol=rules.symbol,
        market_id=listing.market_id,
        kind=rules.kind.value,
        base=listing.base,
        quote=rules.quote,
        settle=rules.settle,
        contract_size=None if rules.kind is InstrumentKind.SPOT else rules.contract_size,
        precision_mode=rules.precision_mode.value,
        amount_precision=rules.amount_precision,
        min_amount=rules.min_amount,
        max_amount=rules.max_amount,
        market_min_amount=rules.market_min_amount,
        market_max_amount=rules.market_max_amount,
        min_cost=rules.min_cost,
        max_cost=rules.max_cost,
        is_active=listing.is_active,
        fetched_at=now,
    )


def _is_storable(market: Market) -> bool:
    """Whether the database keeps it unchanged: names that fit, numbers that come back exactly."""
    fields: list[Any] = [market._meta.get_field(name) for name in ("symbol", *_RULES)]
    for each in fields:
        value = getattr(market, each.name)
        if isinstance(value, str) and len(value) > each.max_length:
            return False
        if isinstance(value, Decimal):
            try:
                each.get_db_prep_save(value, connection)
            except AmountNotStorable:
                return False
    return True


def _difference(market: Market, row: Mapping[str, Any] | None) -> str:
    if row is None:
        return "added"
    same = all(_same(getattr(market, name), row[name]) for name in _RULES)
    return "unchanged" if same else "changed"


def _same(new: object, old: object) -> bool:
    if isinstance(new, Decimal) and isinstance(old, Decimal):
        return new.compare(old) == 0
    return new == old
