"""Records fills of one account from one source, each once, and books those that are a link's."""

from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal

from django.contrib.auth.models import AbstractUser
from django.dispatch import Signal

from capital.domain.money import EXACT
from capital.domain.performance.telling import FillSource
from capital.domain.sizing.orders import PositionSide, Side
from capital.models import Account, AttributedBy, Attribution, Discrepancy, Fill, Position
from capital.models.columns.copying import insert_values
from capital.services.happened import FillsRecorded, say
from capital.services.memory import uncollected
from capital.services.trading.booking.owners import present_owners
from capital.services.trading.booking.writing import PositionKey
from capital.services.trading.books import keep_current
from capital.services.trading.recording.differences import differences_of, identity
from capital.services.trading.recording.instruments import instruments_of
from capital.services.trading.recording.refusals import refuse_large, refuse_problem
from capital.services.trading.recording.rows import row_of
from capital.services.trading.recording.told import FillCode, FillResult, NewFill
from capital.services.trading.same_orders import counting_rows, recorded_of_orders
from capital.services.trading.whose import Owner, owners_of

# Sent behind the books, inside the transaction that holds the account's lock, with ``account_id``,
# ``fills`` (rows that are new, were told again, or have another owner) and ``now``. For what stands
# above trading.
fills_recorded = Signal()


@dataclass
class Recording:
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
        """Record those that are new and book whose are known. All or nothing; each is given once.

        Raises:
            UnknownSymbol: The venue has no such instrument.
            TradingRefused: A fill makes no sense; ``field`` says which.
        """
        instruments = instruments_of(self.account.venue, fills, source=self.source)
        for number, fill in enumerate(fills):
            refuse_problem(number, fill, self.now)
        rows = [self._row(fill, instruments[fill.symbol].contract_size) for fill in fills]
        for number, row in enumerate(rows):
            refuse_large(row.cost, name="cost", field=f"fills.{number}.quantity")
        related = recorded_of_orders([self.account.pk], rows)
        results: list[tuple[FillCode, Fill]] = []
        new: list[Fill] = []
        told_otherwise = []
        known = {identity(row): row for row in related}
        for row in rows:
            earlier = known.setdefault(identity(row), row)
            if earlier is row:
                new.append(row)
                results.append((FillCode.RECORDED, row))
            elif differences := differences_of(earlier, row):
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

    def _row(self, fill: NewFill, contract_size: Decimal) -> Fill:
        return row_of(
            fill,
            self.account,
            source=self.source,
            contract_size=contract_size,
            now=self.now,
        )

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
        row = self._row(opening, like.contract_size)
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
