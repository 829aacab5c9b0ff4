"""What was held before the first fill, and which books it begins."""

from collections import defaultdict
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from django.db.models import OuterRef, Subquery

from capital.domain.performance.telling import FillSource
from capital.models import Attribution, Fill
from capital.services.trading.booking.owners import present_owners
from capital.services.trading.booking.writing import PositionKey


@dataclass(frozen=True)
class Openings:
    """What was held when books began: it states all that was filled before.

    Attributes:
        moments: By account, symbol and side, whose each opening is (None: nobody's) and its time.
    """

    moments: Mapping[tuple[int, str, str], Sequence[tuple[int | None, datetime]]]

    @classmethod
    def of(cls, account_ids: Collection[int], symbols: Collection[str] | None = None) -> "Openings":
        """Those of these accounts; of some symbols, or of all for None. One query."""
        newest = Attribution.objects.filter(fill=OuterRef("pk")).order_by("-pk")
        rows: Any = Fill.objects.filter(source=FillSource.OPENING.value, account__in=account_ids)
        if symbols is not None:
            rows = rows.filter(symbol__in=symbols)
        found: dict[tuple[int, str, str], list[tuple[int | None, datetime]]] = defaultdict(list)
        owner = Subquery(newest.values("strategy_account")[:1])
        for row in rows.order_by().annotate(owner=owner):
            found[row.account_id, row.symbol, row.position_side].append(
                (row.owner, row.executed_at)
            )
        return cls(found)

    def include(self, fill: Fill, owner: int | None) -> bool:
        """Whether a later one states what this fill of a link, or of nobody (None), did.

        That of a link is about its own fills, that of nobody about all of the account.
        """
        key = (fill.account_id, fill.symbol, fill.position_side)
        return any(
            whose in (None, owner) and fill.executed_at < at
            for whose, at in self.moments.get(key, ())
        )


def keys_beside(openings: Iterable[Fill]) -> set[PositionKey]:
    """Whose books may be others with these openings: of all who ever filled these symbols."""
    wanted = {(each.account_id, each.symbol, each.position_side) for each in openings}
    if not wanted:
        return set()
    owned = present_owners(
        Attribution.objects.filter(
            fill__account__in={account_id for account_id, *_ in wanted},
            fill__symbol__in={symbol for _, symbol, _ in wanted},
            strategy_account__isnull=False,
        )
    )
    columns = ("fill__account", "strategy_account", "fill__symbol", "fill__position_side")
    return {
        PositionKey(*key)
        for account_id, *key in owned.values_list(*columns).distinct()
        if (account_id, *key[1:]) in wanted
    }
