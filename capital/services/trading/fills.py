"""Fills: recorded once, whoever brings them, and booked to the link that they are of."""

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from enum import StrEnum
from typing import Any

from django.contrib.auth.models import AbstractUser
from django.db import transaction
from django.db.models import QuerySet
from django.dispatch import Signal
from django.utils import timezone

from capital.domain.clock import Clock
from capital.domain.errors import NotFound, TradingRefused, UnknownSymbol
from capital.domain.money import (
    BOOKED_DECIMALS,
    EXACT,
    MAX_DIGITS,
    MAX_INTEGER_DIGITS,
    add_to,
    decimals_of,
    plain,
    quotient,
)
from capital.domain.performance.fills import Fee
from capital.domain.performance.symbols import Symbol, parse_symbol
from capital.domain.performance.telling import FillSource
from capital.domain.reasons import Code, Reason
from capital.domain.sizing.instruments import InstrumentKind, InstrumentRules
from capital.domain.sizing.orders import PositionSide, Side
from capital.domain.sizing.symbols import Named
from capital.models import (
    Account,
    AttributedBy,
    Attribution,
    Discrepancy,
    Fill,
    Market,
    Position,
    StrategyAccount,
)
from capital.models.columns.copying import insert_values, made_of
from capital.services.access.roles import Act, require
from capital.services.accounts.lookup import lock_accounts
from capital.services.happened import FillsRecorded, say
from capital.services.markets.stored import RULE_COLUMNS, rules_of
from capital.services.markets.symbols import canonical_symbols, unknown_symbol
from capital.services.memory import uncollected
from capital.services.trading.booking.writing import PositionKey
from capital.services.trading.books import keep_current, keys_beside, present_owners
from capital.services.trading.same_orders import counting_rows, recorded_of_orders
from capital.services.trading.syncing.fee_values import may_be_priced, value_fees
from capital.services.trading.units import refuse_unbookable
from capital.services.trading.whose import Owner, owners_of, symbol_warnings
from capital.services.transactions import inside_transaction, outside_transaction
from strategies.markets import MarketType

# Sent behind the books, inside the transaction that holds the account's lock, with ``account_id``,
# ``fills`` (rows that are new, were told again, or have another owner) and ``now``. For what stands
# above trading.
fills_recorded = Signal()

# One teller may round a time to the second.
_SAME_MOMENT_SECONDS = 1
# Nothing is older than the first coin. A time of another century is a mistake of units.
_FIRST_MOMENT = datetime(2009, 1, 1, tzinfo=UTC)
# Of a figure of the books: with 15 digits before the point, it is exact up to a thousand trillion.
_MOST_DECIMALS = MAX_DIGITS - 15
# Before its point. What a symbol's fills come to has three digits more.
_MOST_DIGITS = MAX_INTEGER_DIGITS - 3
# By how much a bot's clock may be ahead.
_AHEAD = timedelta(minutes=10)


@dataclass(frozen=True, kw_only=True)
class NewFill:
    """A fill that somebody tells.

    Attributes:
        symbol: ccxt's.
        side: What it did.
        position_side: Which position it belongs to, on an account that holds both.
        quantity: Above zero: base units, contracts on inverse instruments.
        price: Above zero, in the quote currency.
        executed_at: When it was executed.
        fees: All its fees.
        venue_fill_id: The exchange's id of the fill; empty where it is not known.
        order_id: The exchange's id of the order.
        client_order_id: The bot's id of the order.
        liquidity: ``maker``, ``taker``, or empty.
        realized: What the teller says it realised; None where it says nothing.
    """

    symbol: str
    side: Side
    quantity: Decimal
    price: Decimal
    executed_at: datetime
    position_side: PositionSide = PositionSide.BOTH
    fees: tuple[Fee, ...] = ()
    venue_fill_id: str = ""
    order_id: str = ""
    client_order_id: str = ""
    liquidity: str = ""
    realized: Decimal | None = None


class FillCode(StrEnum):
    """What became of a fill that was told. ``value`` is sent."""

    RECORDED = "recorded"
    KNOWN = "known"
    DIFFERS = "differs"
    """It was known with other figures: those stay, and the difference is recorded."""


@dataclass(frozen=True)
class FillResult:
    """What became of one fill.

    Attributes:
        code: Whether it was new.
        fill_id: The row's.
        symbol: ccxt's.
        is_counted: Whether it is in the books. Not so where better rows tell of its order.
        is_attributed: Whether it was a link's when it was recorded.
        warnings: What to know of its symbol.
    """

    code: FillCode
    fill_id: int
    symbol: str
    is_counted: bool = True
    is_attributed: bool = True
    warnings: tuple[Reason, ...] = ()


@dataclass
class FillCounts:
    """What became of many fills.

    Attributes:
        recorded: Those that were new.
        known: Those that were known already.
        differs: Those that were known with other figures, which stay.
    """

    recorded: int = 0
    known: int = 0
    differs: int = 0

    def count(self, results: Iterable[FillResult]) -> None:
        """Add what became of these."""
        for result in results:
            name = result.code.value
            setattr(self, name, getattr(self, name) + 1)


@outside_transaction
def report_fills(
    link_id: int,
    fills: Sequence[NewFill],
    *,
    actor: AbstractUser | None,
    clock: Clock = timezone.now,
) -> list[FillResult]:
    """Record what a bot says that it did, and book it to its link. All or nothing.

    A fill that is known is not recorded again, so a report may be repeated. One that was known and
    nobody's becomes the link's. Call it outside a transaction: a fee in a third coin that was paid
    within the last minute is valued by the exchange's price.

    Args:
        link_id: The primary key of the bot's link.
        fills: In any order, each once.
        actor: Who reports; None is the command line.
        clock: Says what time it is.

    Raises:
        NotFound: There is no such link.
        UnknownAccount, NotPermitted, RoleTooSmall: The actor may not report on this account.
        UnknownSymbol: The venue has no such instrument.
        TradingRefused: A fill makes no sense; ``field`` says which.
    """
    fills = _with_fee_values(link_id, fills, actor=actor, clock=clock)
    with transaction.atomic():
        links = StrategyAccount.objects.select_related("strategy").only(
            "account_id", "strategy__key", "strategy__market_type"
        )
        link = links.filter(pk=link_id).first()
        if link is None:
            raise NotFound
        link.account = account = lock_accounts([link.account_id])[link.account_id]
        require(actor, Act.REPORT_TRADING, account_ids=[account.pk])
        named = _named(account, MarketType(link.strategy.market_type), fills)
        results = record_fills(
            account,
            link_id,
            [replace(fill, symbol=named[fill.symbol].symbol) for fill in fills],
            source=FillSource.BOT,
            actor=actor,
            now=clock(),
        )
    return [
        replace(result, warnings=symbol_warnings(link, named[fill.symbol]))
        for fill, result in zip(fills, results, strict=True)
    ]


def _with_fee_values(
    link_id: int, fills: Sequence[NewFill], *, actor: AbstractUser | None, clock: Clock
) -> Sequence[NewFill]:
    """Fills with the worth of fees in a third coin. No query where none may be worth asking."""
    if not any(may_be_priced(fill, now=clock()) for fill in fills):
        return fills
    links = StrategyAccount.objects.select_related("account", "strategy")
    link = links.filter(pk=link_id).first()
    if link is None:
        return fills
    # Nobody who may not report makes us ask an exchange.
    require(actor, Act.REPORT_TRADING, account_ids=[link.account_id])
    market = MarketType(link.strategy.market_type)
    named = _named(link.account, market, fills)
    by_symbol = [replace(fill, symbol=named[fill.symbol].symbol) for fill in fills]
    valued = value_fees(link.account, by_symbol, clock=clock)
    return [replace(fill, fees=each.fees) for fill, each in zip(fills, valued, strict=True)]


def _named(account: Account, market: MarketType, fills: Sequence[NewFill]) -> Mapping[str, Named]:
    """What each of their symbols means.

    Raises:
        UnknownSymbol: One means no instrument, or several; ``field`` says which.
    """
    asked: dict[str, str] = {}
    for number, fill in enumerate(fills):
        asked.setdefault(fill.symbol, f"fills.{number}.symbol")
    return canonical_symbols(asked, venue=account.venue, market=market, currency=account.currency)


@inside_transaction
def record_fills(
    account: Account,
    link_id: int,
    fills: Sequence[NewFill],
    *,
    source: FillSource,
    actor: AbstractUser | None,
    now: datetime,
) -> list[FillResult]:
    """Record fills of one link, and book them. Call it inside the transaction that locked it.

    Args:
        account: Of the link, locked.
        link_id: The link's primary key.
        fills: In any order, each once.
        source: Who tells of them.
        actor: Who reports or imports; None is the command line.
        now: When they became known.

    Raises:
        UnknownSymbol: The venue has no such instrument.
        TradingRefused: A fill makes no sense; ``field`` says which.
    """
    return _Recording(account, link_id, source, actor, now).record(fills)


@inside_transaction
def record_venue_fills(
    account: Account, fills: Sequence[NewFill], *, now: datetime
) -> list[FillResult]:
    """Record what the exchange says, and book what is known to be a link's.

    Call it inside the transaction that locked the account. Whose a fill is, ``whose`` says: it may
    be nobody's. A pair of spot that is no longer listed is recorded, too.

    Raises:
        UnknownSymbol: No rules are known of a contract.
        TradingRefused: A fill makes no sense; ``field`` says which.
    """
    return _Recording(account, None, FillSource.VENUE, None, now).record(fills)


@inside_transaction
def record_opening(
    account: Account,
    opening: NewFill,
    *,
    link_id: int | None,
    how: AttributedBy | None,
    actor: AbstractUser | None,
    now: datetime,
) -> Fill:
    """Record what was held when books began, and book it. Call it inside a transaction.

    The same of the same link is known, and not recorded again. Without a link it is of the one that
    the rules of attribution name, or nobody's.

    Args:
        account: Locked.
        opening: With its entry as the price, and since when it is held.
        link_id: Whose it is; None: the rules say.
        how: How that is known, where a link is given.
        actor: Who says so; None: nobody in particular.
        now: When it became known.

    Raises:
        UnknownSymbol: The venue has no such instrument.
    """
    recording = _Recording(account, link_id, FillSource.OPENING, actor, now)
    instrument = recording.instruments([opening])[opening.symbol]
    row = recording.row(opening, instrument.contract_size)
    alike: QuerySet[Fill] = Fill.objects.filter(
        account=account,
        strategy_account=link_id,
        source=FillSource.OPENING.value,
        symbol=row.symbol,
        side=row.side,
        position_side=row.position_side,
        executed_at=row.executed_at,
    )
    for known in alike.order_by("pk"):
        if (known.quantity, known.price) == (row.quantity, row.price):
            return known
    owner = None if link_id is None or how is None else Owner(link_id, how)
    if link_id is None:
        owner = owners_of(account, [row], [], {}).get(id(row))
    row.strategy_account_id = None if owner is None else owner.link_id
    row.save()
    added: dict[PositionKey, list[Fill]] = {}
    if owner is not None:
        Attribution.objects.create(
            fill=row,
            strategy_account_id=owner.link_id,
            how=owner.how.value,
            actor_id=None if actor is None else actor.pk,
            at=now,
        )
        added[PositionKey(owner.link_id, row.symbol, row.position_side)] = [row]
    # What was filled before is in it.
    again = keys_beside([row])
    keep_current(added, again=again, steps={row.symbol: instrument.step}, now=now)
    return row


@dataclass(frozen=True)
class _Instrument:
    """What the books need of an instrument; where no rules are known, as little as that.

    Attributes:
        contract_size: Of one contract; 1 on spot.
        step: Below which quantity a position is flat.
    """

    contract_size: Decimal = Decimal(1)
    step: Decimal = Decimal(0)


def _instrument(rules: InstrumentRules) -> _Instrument:
    return _Instrument(rules.contract_size, smallest_quantity(rules))


def smallest_quantity(rules: InstrumentRules) -> Decimal:
    """Below which quantity a position in this instrument is flat."""
    least = rules.least_quantity
    return quotient(Decimal(least.numerator), Decimal(least.denominator))


@dataclass
class _Recording:
    """Fills of one account from one source, in one transaction with the account locked."""

    account: Account
    link_id: int | None
    source: FillSource
    actor: AbstractUser | None
    now: datetime

    @property
    def _how(self) -> AttributedBy:
        """A file does not know whose its fills are: the person who imports it says so."""
        return AttributedBy.PERSON if self.source is FillSource.FILE else AttributedBy.BOT

    @uncollected()
    def record(self, fills: Sequence[NewFill]) -> list[FillResult]:
        instruments = self.instruments(fills)
        for number, fill in enumerate(fills):
            _refuse_problem(number, fill, self.now)
        rows = [self.row(fill, instruments[fill.symbol].contract_size) for fill in fills]
        for number, row in enumerate(rows):
            _refuse_large(row.cost, name="cost", field=f"fills.{number}.quantity")
        related = recorded_of_orders([self.account.pk], rows)
        results: list[tuple[FillCode, Fill]] = []
        new: list[Fill] = []
        told_otherwise = []
        known = {_identity(row): row for row in related}
        for row in rows:
            earlier = known.setdefault(_identity(row), row)
            if earlier is row:
                new.append(row)
                results.append((FillCode.RECORDED, row))
            elif differences := _differences(earlier, row):
                told_otherwise.append((earlier, differences))
                results.append((FillCode.DIFFERS, earlier))
            else:
                results.append((FillCode.KNOWN, earlier))
        owners = self._owners(new, related)
        for row in new:
            row.strategy_account_id = owners[id(row)].link_id if id(row) in owners else None
        opening = self._openings(new)
        Fill.objects.bulk_create([*opening, *new], batch_size=500)
        self._note(told_otherwise)
        claimed = [row for code, row in results if code is not FillCode.RECORDED]
        steps = {symbol: each.step for symbol, each in instruments.items()}
        for row in opening:
            assert row.strategy_account_id is not None, "openings are of links"
            owners[id(row)] = Owner(row.strategy_account_id, self._how)
        counted = self._attribute([*opening, *new], claimed, related, steps, owners)
        fills_recorded.send(
            sender=Fill, account_id=self.account.pk, fills=[*new, *claimed], now=self.now
        )
        unattributed = sum(id(row) not in owners for row in new)
        if unattributed:
            say(FillsRecorded(self.account.pk, unattributed), now=self.now)
        return [
            FillResult(
                code, row.id, row.symbol, row.id in counted, row.strategy_account_id is not None
            )
            for code, row in results
        ]

    def _owners(self, new: Sequence[Fill], related: Sequence[Fill]) -> dict[int, Owner]:
        """Whose the new rows are, by their ``id()``; those of nobody are left out."""
        if self.link_id is not None:
            return {id(row): Owner(self.link_id, self._how) for row in new}
        return owners_of(self.account, new, related, _present_links(related))

    def instruments(self, fills: Sequence[NewFill]) -> dict[str, _Instrument]:
        """By symbol; refuses symbols that the venue does not have."""
        refuse_unbookable(self.account.venue, (fill.symbol for fill in fills))
        symbols = {fill.symbol for fill in fills}
        rows = Market.objects.filter(venue=self.account.venue)
        found = rows.filter(symbol__in=symbols).order_by()
        known = {
            row["symbol"]: _instrument(rules_of(row))
            for row in found.values("venue", "symbol", *RULE_COLUMNS)
            # Of one that is written otherwise nobody can say what it is paid in.
            if parse_symbol(row["symbol"]) is not None
        }
        unknown = [symbol for symbol in symbols if symbol not in known]
        if not unknown:
            return known
        is_synced = rows.exists()
        for number, fill in enumerate(fills):
            if fill.symbol not in unknown:
                continue
            parsed = parse_symbol(fill.symbol)
            # Of an inverse contract nobody can say what it was worth.
            is_delisted = (
                self.source is FillSource.VENUE
                and parsed is not None
                and parsed.kind is InstrumentKind.SPOT
            )
            if is_delisted:
                known[fill.symbol] = _Instrument()
                continue
            if is_synced or parsed is None or parsed.kind is InstrumentKind.INVERSE:
                venue, field = self.account.venue, f"fills.{number}.symbol"
                if is_synced:
                    raise unknown_symbol(fill.symbol, venue=venue, field=field)
                raise UnknownSymbol(Code.MARKETS_NOT_SYNCED, field=field, venue=venue)
            known[fill.symbol] = _Instrument()
        return known

    def row(self, fill: NewFill, contract_size: Decimal) -> Fill:
        symbol = parse_symbol(fill.symbol)
        assert symbol is not None, "it was found among the venue's"
        first = fill.fees[0] if fill.fees else None
        values = {
            "id": None,
            "account_id": self.account.id,
            "strategy_account_id": None,
            "symbol": fill.symbol,
            "venue_fill_id": fill.venue_fill_id,
            "order_id": fill.order_id,
            "client_order_id": fill.client_order_id,
            "side": fill.side.value,
            "position_side": fill.position_side.value,
            "quantity": fill.quantity,
            "price": fill.price,
            "cost": _cost(fill, symbol, contract_size),
            "contract_size": contract_size,
            "settle": symbol.settle,
            "fees": [_fee_as_json(fee) for fee in fill.fees],
            "fee_amount": None if first is None else first.amount,
            "fee_currency": "" if first is None else first.currency,
            "realized_reported": fill.realized,
            "liquidity": fill.liquidity,
            "executed_at": fill.executed_at,
            "source": self.source.value,
            "recorded_at": self.now,
        }
        return made_of(Fill, values)

    def _note(self, told_otherwise: Sequence[tuple[Fill, dict[str, list[str]]]]) -> None:
        """Keep what was told otherwise, each difference once."""
        for fill, differences in told_otherwise:
            noted = Discrepancy.objects.filter(fill=fill, source=self.source.value)
            if differences not in noted.values_list("differences", flat=True):
                Discrepancy.objects.create(
                    fill=fill,
                    source=self.source.value,
                    differences=differences,
                    recorded_at=self.now,
                )

    def _openings(self, new: Sequence[Fill]) -> list[Fill]:
        """What was reported as held before the first fills, with its entry, as fills of its own."""
        first: dict[tuple[int, str, str], datetime] = {}
        for row in new:
            if row.strategy_account_id is not None:
                key = (row.strategy_account_id, row.symbol, row.position_side)
                first[key] = min(first.get(key, row.executed_at), row.executed_at)
        if not first:
            return []
        reported = Position.objects.filter(
            strategy_account__in={link_id for link_id, _, _ in first},
            symbol__in={symbol for _, symbol, _ in first},
            books__isnull=True,
            reported_at__isnull=False,
            entry_price__isnull=False,
        ).exclude(quantity=0)
        # What the exchange said of the whole account is in an opening already.
        opened = Fill.objects.filter(
            account=self.account,
            source=FillSource.OPENING.value,
            strategy_account__isnull=True,
            symbol__in={symbol for _, symbol, _ in first},
        )
        reported = reported.exclude(symbol__in=opened.values("symbol"))
        openings = []
        for position in reported:
            at = position.reported_at
            begins = first.get(
                (position.strategy_account_id, position.symbol, position.position_side)
            )
            if at is not None and begins is not None and begins > at:
                openings.append(self._opening(position, at, new))
        return openings

    def _opening(self, position: Position, at: datetime, new: Sequence[Fill]) -> Fill:
        quantity = position.reported_quantity
        assert quantity is not None, "it was reported"
        assert position.entry_price is not None, "it was reported with its entry"
        like = next(row for row in new if row.symbol == position.symbol)
        opening = NewFill(
            symbol=position.symbol,
            side=Side.BUY if quantity > 0 else Side.SELL,
            position_side=PositionSide(position.position_side),
            quantity=quantity.copy_abs(),
            price=EXACT.normalize(position.entry_price),
            executed_at=at,
        )
        row = self.row(opening, like.contract_size)
        row.strategy_account_id = position.strategy_account_id
        row.source = FillSource.OPENING.value
        return row

    def _attribute(
        self,
        new: Sequence[Fill],
        claimed: Sequence[Fill],
        related: Sequence[Fill],
        steps: Mapping[str, Decimal],
        owners: dict[int, Owner],
    ) -> frozenset[int]:
        """Say whose they are, and book them; the keys of all rows that count."""
        taken: list[Fill] = []
        if self.link_id is not None:
            recorded = {row.pk for row in new}
            present = _present_links(claimed)
            nobodys = {row.pk: row for row in claimed if present.get(row.pk) is None}
            taken = [row for pk, row in nobodys.items() if pk not in recorded]
            owners.update({id(row): Owner(self.link_id, self._how) for row in taken})
        owned = [row for row in [*new, *taken] if id(row) in owners]
        actor_id = None if self.actor is None else self.actor.pk
        insert_values(
            Attribution,
            ("fill_id", "strategy_account_id", "how", "actor_id", "at"),
            [
                (row.id, owner.link_id, owner.how.value, actor_id, self.now)
                for row in owned
                for owner in (owners[id(row)],)
            ],
        )
        after = counting_rows([*related, *new])
        uncounted = counting_rows(related) - after
        added: dict[PositionKey, list[Fill]] = defaultdict(list)
        for row in owned:
            if row.id in after:
                link_id = owners[id(row)].link_id
                added[PositionKey(link_id, row.symbol, row.position_side)].append(row)
        lost = [row for row in related if row.pk in uncounted]
        keepers = _present_links(lost)
        again = {
            PositionKey(keeper, row.symbol, row.position_side)
            for row in lost
            if (keeper := keepers.get(row.pk)) is not None
        }
        keep_current(added, again=again, steps=steps, now=self.now)
        return after


def _present_links(fills: Sequence[Fill]) -> dict[int, int | None]:
    """Whose fills these are now, by primary key."""
    if not fills:
        return {}
    of_fills = Attribution.objects.filter(fill_id__among=[fill.pk for fill in fills])
    owned = present_owners(of_fills)
    return dict(owned.values_list("fill_id", "strategy_account_id"))


def _identity(fill: Fill) -> tuple[object, ...]:
    """What makes two rows one: the exchange's id, or for want of it all that was told."""
    if fill.venue_fill_id:
        return fill.symbol, fill.side, fill.venue_fill_id
    return (
        fill.symbol,
        fill.side,
        "",
        fill.source,
        fill.order_id,
        fill.client_order_id,
        fill.position_side,
        EXACT.normalize(fill.quantity),
        EXACT.normalize(fill.price),
        fill.executed_at,
    )


def _differences(earlier: Fill, now: Fill) -> dict[str, list[str]]:
    """By field, what was told otherwise. What one of the two does not tell is no difference."""
    found = {}
    for name in ("quantity", "price", "position_side"):
        before, after = getattr(earlier, name), getattr(now, name)
        if before != after:
            found[name] = [_text(before), _text(after)]
    apart = abs(earlier.executed_at.timestamp() - now.executed_at.timestamp())
    if apart > _SAME_MOMENT_SECONDS:
        found["executed_at"] = [earlier.executed_at.isoformat(), now.executed_at.isoformat()]
    if earlier.fees and now.fees and _fee_sums(earlier) != _fee_sums(now):
        found["fees"] = [_fee_text(earlier), _fee_text(now)]
    return found


def _text(value: Any) -> str:
    return plain(EXACT.normalize(value)) if isinstance(value, Decimal) else str(value)


def _fee_sums(fill: Fill) -> dict[str, Decimal]:
    sums: dict[str, Decimal] = {}
    for fee in fill.fees:
        add_to(sums, fee["currency"], Decimal(fee["amount"]))
    return {currency: EXACT.normalize(amount) for currency, amount in sums.items() if amount}


def _fee_text(fill: Fill) -> str:
    return ", ".join(f"{_text(amount)} {name}" for name, amount in sorted(_fee_sums(fill).items()))


def _cost(fill: NewFill, symbol: Symbol, contract_size: Decimal) -> Decimal:
    if symbol.kind is InstrumentKind.INVERSE:
        return quotient(EXACT.multiply(fill.quantity, contract_size), fill.price)
    return EXACT.multiply(fill.quantity, fill.price)


def _fee_as_json(fee: Fee) -> dict[str, str]:
    """Amounts as text; ``value`` where it is known what a fee in a third coin was worth."""
    told = {"amount": plain(fee.amount), "currency": fee.currency}
    return told if fee.value is None else {**told, "value": plain(fee.value)}


def _refuse_problem(number: int, fill: NewFill, now: datetime) -> None:
    """Refuse what makes no sense.

    Raises:
        TradingRefused: ``field`` is the wrong one of this fill.
    """
    for name, amount in (("quantity", fill.quantity), ("price", fill.price)):
        if amount <= 0:
            place = f"fills.{number}.{name}"
            raise TradingRefused(
                Code.FILL_NOT_POSITIVE, field=place, name=name, number=plain(amount)
            )
    place = f"fills.{number}."
    refuse_digits(fill.quantity, name="quantity", field=f"{place}quantity")
    beside = decimals_of(fill.quantity)
    refuse_digits(fill.price, name="price", field=f"{place}price", beside=beside)
    for index, fee in enumerate(fill.fees):
        refuse_digits(fee.amount, name="amount", field=f"{place}fees.{index}.amount")
    if not (fill.venue_fill_id or fill.order_id or fill.client_order_id):
        raise TradingRefused(Code.FILL_NAMELESS, field=f"fills.{number}.venue_fill_id")
    refuse_moment(fill.executed_at, now, field=f"fills.{number}.executed_at")


def refuse_digits(amount: Decimal, *, name: str, field: str, beside: int = BOOKED_DECIMALS) -> None:
    """Refuse an amount that would leave the books no digits for what follows, on either side.

    They keep every product and sum exactly, and what is recorded stays: were it taken, all that is
    told of its symbol later could not be booked.

    Args:
        amount: What was told.
        name: Its name.
        field: Its place in the request.
        beside: How many decimals what the books multiply it by may have.

    Raises:
        TradingRefused: It has too many decimals, or too many digits before the point.
    """
    _refuse_large(amount, name=name, field=field)
    decimals, most = decimals_of(amount), _MOST_DECIMALS - beside
    if decimals > most:
        raise TradingRefused(
            Code.TOO_MANY_DECIMALS,
            field=field,
            name=name,
            decimals=str(decimals),
            most=str(most),
        )


def _refuse_large(amount: Decimal, *, name: str, field: str) -> None:
    if amount.adjusted() >= _MOST_DIGITS:
        raise TradingRefused(
            Code.AMOUNT_TOO_LARGE,
            field=field,
            name=name,
            digits=str(amount.adjusted() + 1),
            most=str(_MOST_DIGITS),
        )


def refuse_moment(moment: datetime, now: datetime, *, field: str) -> None:
    """Refuse a time that is still to come, or from before anything was traded.

    Raises:
        TradingRefused: ``field`` is wrong.
    """
    if now - moment < -_AHEAD:
        raise TradingRefused(Code.FILL_IN_FUTURE, field=field, moment=moment.isoformat())
    if moment < _FIRST_MOMENT:
        raise TradingRefused(Code.MOMENT_TOO_OLD, field=field, moment=moment.isoformat())
