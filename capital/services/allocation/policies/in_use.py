"""What links have in use: margins and reservations, and the coins that spot strategies bought.

Accounts that hold while a position is open, count no holdings and reserved nothing cost no query.
"""

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime
from decimal import Decimal
from fractions import Fraction

from capital.domain.allocation.holdings import Coin, worth_of_coins
from capital.domain.allocation.policies.contract import Known, LinkFacts, to_decimal
from capital.domain.allocation.rules import WithOpenPositions
from capital.domain.balances import PoolReading
from capital.domain.money import EXACT, known_sum, plain
from capital.domain.performance.symbols import parse_symbol
from capital.domain.pools import Pool, WalletMode, pool_of
from capital.domain.reasons import Code, Reason
from capital.domain.sizing.instruments import InstrumentKind
from capital.services.accounts.linked import LinkedAccount
from capital.services.limits.held import held_capital
from capital.services.sizing.loading import load_terms
from capital.services.sizing.room import room_of
from capital.services.sizing.terms import LinkTerms, SizingTerms
from capital.services.trading.positions import Holds
from capital.services.trading.worth import FRESH_FOR
from strategies.markets import MarketType

_ZERO = Decimal(0)
_Readings = Mapping[Pool, PoolReading]


@dataclass(frozen=True)
class InUse:
    """What is in use on one account.

    Attributes:
        links: By link, what is at least its capital: in account currency, >= 0; none without.
        holdings: By pool, what coins that its links bought are worth; pools without such links are
            not in it.
        unknown: Why a pool keeps what it has: what is in use, or held, cannot be told.
        positions: What the links hold and reserved, by link, symbol and side: what a plan rests on.
    """

    links: Mapping[int, Decimal] = field(default_factory=dict)
    holdings: Mapping[Pool, Decimal] = field(default_factory=dict)
    unknown: Holds = field(default_factory=dict)
    positions: Mapping[str, str] = field(default_factory=dict)

    def counted_in(self, readings: _Readings) -> dict[Pool, PoolReading]:
        """The readings with what counts of holdings."""
        return {
            pool: replace(reading, holdings=self.holdings[pool])
            if pool in self.holdings and reading.amount is not None
            else reading
            for pool, reading in readings.items()
        }

    def told(self, known: Known) -> Known:
        """What a policy has to know, with what is in use."""
        links = dict(known.links)
        for link_id, amount in self.links.items():
            links[link_id] = replace(links.get(link_id, LinkFacts()), in_use=amount)
        return replace(known, links=links)


# Most accounts have nothing in use.
NOTHING_IN_USE = InUse()


def load_in_use(
    linked_accounts: Mapping[int, LinkedAccount],
    readings: Mapping[int, _Readings],
    *,
    now: datetime,
    by_books: bool = False,
) -> dict[int, InUse]:
    """What is in use on each account, by account; in at most five queries.

    Args:
        linked_accounts: By primary key.
        readings: The judged balances of each, which say what else the wallets hold.
        now: Decides which marks are fresh, and which reservations have expired.
        by_books: Holdings count as links have them by their books, whatever the wallets hold: for
            a page that decides nothing.
    """
    watched = {
        key: linked
        for key, linked in linked_accounts.items()
        if linked.rules.counts_spot_holdings
        or linked.rules.with_open_positions is WithOpenPositions.KEEP_IN_USE
    }
    ids = [link.id for linked in watched.values() for link in linked.links]
    terms = load_terms(ids, (), now=now) if ids else None
    reserving = {
        link_id
        for key, linked in linked_accounts.items()
        if key not in watched
        for link_id in linked.reserving
    }
    reserved = held_capital(reserving, now=now) if reserving else {}
    found = dict.fromkeys(linked_accounts, NOTHING_IN_USE)
    for key, linked in linked_accounts.items():
        of_account = {link: reserved[link].amount for link in linked.reserving if link in reserved}
        if of_account:
            found[key] = InUse(of_account, positions=_reserved(of_account))
    if terms is not None:
        for key, linked in watched.items():
            found[key] = _Account(linked, terms, readings.get(key, {}), now, by_books).in_use()
    return found


@dataclass
class _Account:
    """One account whose positions matter."""

    linked: LinkedAccount
    terms: SizingTerms
    readings: _Readings
    now: datetime
    by_books: bool
    unknown: dict[Pool, Reason] = field(default_factory=dict)

    def in_use(self) -> InUse:
        by_pool: dict[Pool, list[LinkTerms]] = defaultdict(list)
        mode = WalletMode(self.linked.account.wallet_mode)
        for link in self.linked.links:
            by_pool[pool_of(link.market, mode)].append(self.terms.links[link.id])
        floors: dict[int, Decimal] = {}
        holdings: dict[Pool, Decimal] = {}
        for pool, links in by_pool.items():
            worth: dict[int, Decimal] = {}
            if self.linked.rules.counts_spot_holdings and any(map(_is_spot, links)):
                worth = self._holdings(pool, links)
                if pool not in self.unknown:
                    holdings[pool] = known_sum(*worth.values()) or _ZERO
            floors |= self._floors(pool, links, worth)
        return InUse(
            {link: amount for link, amount in floors.items() if amount},
            holdings,
            self.unknown,
            _positions([link for links in by_pool.values() for link in links]),
        )

    def _floors(
        self, pool: Pool, links: Iterable[LinkTerms], worth: Mapping[int, Decimal]
    ) -> dict[int, Decimal]:
        """Reservations; and where what is in use is kept, what positions tie up."""
        keeps = self.linked.rules.with_open_positions is WithOpenPositions.KEEP_IN_USE
        floors, unvalued = {}, []
        for link in links:
            floors[link.id] = link.reserved.amount
            if not keeps:
                continue
            if _is_spot(link):
                tied_up = worth.get(link.id, _ZERO)
            else:
                room = room_of(link, self.terms, {}, self.now, is_strict=True)
                unvalued += [f"{link.rules.strategy} {symbol}" for symbol in room.unvalued]
                held = (each.in_use for each in room.holdings.values())
                tied_up = to_decimal(sum(held, Fraction(0)))
            floors[link.id] = EXACT.add(floors[link.id], tied_up)
        if unvalued:
            reason = Reason(Code.TIED_UP_UNKNOWN, {"positions": ", ".join(unvalued)})
            self.unknown.setdefault(pool, reason)
        return floors

    def _holdings(self, pool: Pool, links: Iterable[LinkTerms]) -> dict[int, Decimal]:
        """What the coins of each spot link are worth; notes why that cannot be told."""
        held: dict[str, list[Coin]] = defaultdict(list)
        for link in filter(_is_spot, links):
            for coin in self._coins_of(link):
                held[coin.name].append(coin)
        reading = self.readings.get(pool)
        if reading is None or reading.amount is None:
            return {}
        wallet = reading.coins
        if self.by_books:
            wallet = {name: known_sum(*(each.quantity for each in held[name])) for name in held}
        worth = worth_of_coins(held, wallet)
        if worth.unknown:
            figures = {"coins": ", ".join(worth.unknown)}
            self.unknown[pool] = Reason(Code.HOLDINGS_UNPRICED, figures)
        return dict(worth.links)

    def _coins_of(self, link: LinkTerms) -> Iterable[Coin]:
        """What a link bought for the account's money, and holds; less than any order is none."""
        own = {link.rules.currency, *link.rules.stands_for}
        for symbol, sides in link.open.items():
            parsed = parse_symbol(symbol)
            if parsed is None or parsed.kind is not InstrumentKind.SPOT or symbol in link.dust:
                continue
            if parsed.quote not in own:
                continue
            for position in sides.values():
                if position.quantity > 0:
                    marked = position.marked_at
                    is_fresh = marked is not None and self.now - marked <= FRESH_FOR
                    price = position.mark_price if is_fresh else None
                    yield Coin(link.id, parsed.base, position.quantity, price)


def _is_spot(link: LinkTerms) -> bool:
    return link.rules.market is MarketType.SPOT


def _positions(links: Sequence[LinkTerms]) -> dict[str, str]:
    held = {
        f"{link.id} {symbol} {side.value}": plain(position.quantity)
        for link in links
        for symbol, sides in link.open.items()
        for side, position in sides.items()
    }
    return held | _reserved({link.id: link.reserved.amount for link in links})


def _reserved(amounts: Mapping[int, Decimal]) -> dict[str, str]:
    return {
        f"{link_id} reserved": plain(EXACT.normalize(amount))
        for link_id, amount in sorted(amounts.items())
        if amount
    }
