"""Syncing the venues' market rules into the database, where sizing reads them."""

import logging
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from decimal import Decimal
from typing import Any

from django.conf import settings
from django.db import DatabaseError, connection, transaction
from django.utils import timezone

from capital.domain.clock import Clock
from capital.domain.errors import AmountNotStorable
from capital.domain.reasons import Code, Reason
from capital.exchange.contract import Listing
from capital.exchange.gateway import get_market_gateway
from capital.exchange.venues import VENUES, get_venue
from capital.models import Account, Market
from capital.services.happened import RulesChanged, say
from capital.services.markets.askers import find_askers
from capital.services.markets.guard import guard_rules
from capital.services.markets.stored import MEANING, RULE_COLUMNS, columns_of, described_change
from capital.services.transactions import inside_transaction, outside_transaction

logger = logging.getLogger(__name__)

SYNCED = "synced"

_WRITTEN = (*RULE_COLUMNS, "is_active", "pending_rules", "pending_step")


@dataclass(frozen=True)
class VenueSync:
    """The result of syncing one venue.

    Attributes:
        venue: The venue's id.
        problem: Why nothing was written; None on success.
        counts: How many instruments were ``added``, ``changed``, ``unchanged``, ``suspect`` (what
            their contracts or quantities stand for changed, which waits for a person),
            ``withdrawn`` (no longer listed), ``unusable`` (the database would not keep a rule
            exactly) and ``duplicate`` (listed more than once: one of them was taken).
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
    answers = get_market_gateway().fetch_listings(rows, find_askers(rows)) if rows else {}
    now = clock()
    return [_store(venue_id, answers[venue_id], now) for venue_id in ids]


def count_syncs(syncs: Sequence[VenueSync]) -> Counter[str]:
    """How many venues were ``synced``, the others by the code of their problem.

    Beside them ``market_rules_suspect``: how many instruments wait for a person.
    """
    counts = Counter(SYNCED if sync.problem is None else sync.problem.code.value for sync in syncs)
    if suspect := sum(sync.counts.get("suspect", 0) for sync in syncs):
        counts[Code.MARKET_RULES_SUSPECT.value] = suspect
    return counts


def _store(venue: str, answer: list[Listing] | Reason, now: datetime) -> VenueSync:
    if isinstance(answer, Reason):
        logger.warning(
            "The market rules of %s could not be fetched (%s).", venue, answer.code.value
        )
        return VenueSync(venue, answer)
    try:
        with transaction.atomic():
            return _write(venue, answer, now)
    except DatabaseError as error:
        # Its transaction was rolled back; the other venues have theirs.
        logger.exception("The market rules of %s could not be stored.", venue)
        kind = type(error).__name__
        return VenueSync(venue, Reason(Code.MARKETS_NOT_STORED, {"venue": venue, "kind": kind}))


@inside_transaction
def _write(venue: str, answer: list[Listing], now: datetime) -> VenueSync:
    """Store one venue's list. Call it inside a transaction: of its own, so that others go on."""
    known = {
        row["symbol"]: row
        for row in Market.objects.select_for_update()
        .filter(venue=venue)
        .order_by("symbol")
        .values("venue", "symbol", "is_active", "pending_rules", "pending_step", *RULE_COLUMNS)
    }
    if lost := _lost_kind(answer, known):
        reason = Reason(Code.EXCHANGE_BAD_MARKETS, {"venue": venue, "kind": f"no {lost} market"})
        logger.warning("The market rules of %s lack every %s market.", venue, lost)
        return VenueSync(venue, reason)
    names = ("added", "changed", "unchanged", "suspect", "withdrawn", "unusable", "duplicate")
    counts: Counter[str] = Counter(dict.fromkeys(names, 0))
    rows = []
    changes: dict[str, str] = {}
    listed = _each_once(answer)
    counts["duplicate"] = len(answer) - len(listed)
    if counts["duplicate"]:
        logger.warning("%s lists %d instruments more than once.", venue, counts["duplicate"])
    for listing in listed:
        market = _market(venue, listing, now)
        if not _is_storable(market):
            counts["unusable"] += 1
            continue
        row = known.get(market.symbol)
        if row is not None and not listing.has_brackets:
            _keep_brackets(market, row)
        if row is not None:
            guard_rules(market, row, now=now)
            if market.pending_rules and market.pending_rules["since"] == now.isoformat():
                changes[market.symbol] = described_change(row, market.pending_rules)
        rows.append(market)
        counts[_difference(market, row)] += 1
    Market.objects.bulk_create(
        # Sorted, so that two of these never wait for each other.
        sorted(rows, key=lambda market: market.symbol),
        update_conflicts=True,
        unique_fields=["venue", "symbol"],
        update_fields=[*_WRITTEN, "fetched_at"],
    )
    # A listed instrument that cannot be stored must not be sized by its old rules.
    kept = {market.symbol for market in rows}
    gone = [name for name, row in known.items() if row["is_active"] and name not in kept]
    Market.objects.filter(venue=venue, symbol__in=gone).update(is_active=False)
    counts["withdrawn"] = len(gone)
    if changes:
        say(RulesChanged(venue, changes), now=now)
    return VenueSync(venue, counts=dict(counts))


def _keep_brackets(market: Market, row: Mapping[str, Any]) -> None:
    """Let stored brackets stand where the venue could not be asked, as long as they mean the same.

    Without any, the maximum of the venue's list bounds leverage alone. A maximum that is asked like
    brackets stands as well.
    """
    if all(_same(getattr(market, name), row[name]) for name in (*MEANING, "settle")):
        market.leverage_brackets = row["leverage_brackets"]
        # A stored 1 is ccxt's of HTX's contracts, which nobody told.
        if market.max_leverage is None and row["max_leverage"] != 1:
            market.max_leverage = row["max_leverage"]


def _each_once(answer: Sequence[Listing]) -> list[Listing]:
    """One listing for each symbol: of several, the last that is traded, as ccxt takes the last.

    ccxt finds a market by its symbol, and keeps the last one of a list under it.
    """
    found: dict[str, Listing] = {}
    for listing in answer:
        before = found.get(listing.rules.symbol)
        if before is None or listing.is_active or not before.is_active:
            found[listing.rules.symbol] = listing
    return list(found.values())


def _lost_kind(answer: Sequence[Listing], known: Mapping[str, Mapping[str, Any]]) -> str | None:
    """A kind of instrument that was traded and of which none is listed now; else None."""
    listed = {listing.rules.kind.value for listing in answer}
    traded = {row["kind"] for row in known.values() if row["is_active"]}
    return min(traded - listed, default=None)


def _market(venue: str, listing: Listing, now: datetime) -> Market:
    return Market(
        venue=venue,
        symbol=listing.rules.symbol,
        market_id=listing.market_id,
        base=listing.base,
        is_active=listing.is_active,
        fetched_at=now,
        **columns_of(listing.rules),
    )


def _is_storable(market: Market) -> bool:
    """Whether the database keeps it unchanged: names that fit, numbers that come back exactly."""
    fields: list[Any] = [market._meta.get_field(name) for name in ("symbol", *RULE_COLUMNS)]
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
    if market.pending_rules is not None:
        return "suspect"
    same = all(_same(getattr(market, name), row[name]) for name in _WRITTEN)
    return "unchanged" if same else "changed"


def _same(new: object, old: object) -> bool:
    if isinstance(new, Decimal) and isinstance(old, Decimal):
        return new.compare(old) == 0
    return new == old
