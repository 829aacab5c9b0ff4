"""Days on record, as a replay takes them: what each strategy earned with what it had."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from functools import cached_property

from capital.domain.allocation.gate import Thresholds
from capital.domain.allocation.links import Link, Reserve
from capital.domain.performance.measures.returns import Day
from capital.domain.pools import Pool, WalletMode


@dataclass(frozen=True)
class LinkRecord:
    """One link.

    Attributes:
        link: As it is set now. What capital it has now does not matter.
        days: What it had and earned, by day; at least one.
        returns: Of days with a position or a trade, oldest first; those before the first day of the
            replay, too: by them its volatility and its drawdown are known.
    """

    link: Link
    days: Mapping[date, Day]
    returns: Sequence[tuple[date, Decimal]] = ()

    @cached_property
    def begins(self) -> date:
        """Its first day on record."""
        return min(self.days)

    @cached_property
    def ends(self) -> date:
        """Its last day on record with capital or PnL: one that is idle goes on having days."""
        used = [at for at, day in self.days.items() if day.capital or day.pnl or day.realized]
        return max(used, default=self.begins)

    def on(self, day: date) -> Link | None:
        """As it stands on a day: it takes part from its first day on record; None before.

        One that is idle by now takes part until its last day on record.
        """
        if day < self.begins:
            return None
        return self.link if day > self.ends else self.link._replace(idle=None)


@dataclass(frozen=True)
class PoolRecord:
    """One pool.

    Attributes:
        start: What there was of it as the first day began, with what was unrealised.
        external: By day, what came or went without having been earned.
    """

    start: Decimal
    external: Mapping[date, Decimal]


@dataclass(frozen=True)
class Record:
    """What is on record of one account.

    Attributes:
        days: Each day, oldest first.
        links: By primary key.
        pools: Those that the links draw on.
    """

    days: Sequence[date]
    links: Sequence[LinkRecord]
    pools: Mapping[Pool, PoolRecord]
    currency: str
    wallet_mode: WalletMode
    reserve: Reserve
    thresholds: Thresholds
