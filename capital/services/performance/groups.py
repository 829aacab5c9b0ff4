"""What performance is told by: strategy, link, account, owner or symbol."""

from collections import defaultdict
from collections.abc import Mapping
from dataclasses import dataclass, field
from decimal import Decimal

from django.db.models import QuerySet

from capital.domain.money import known_sum
from capital.models import LinkDay, LinkMonth, LinkYear, StrategyAccount

GROUPS = ("strategy", "link", "account", "owner", "symbol")

_COLUMNS = (
    "pk",
    "strategy_id",
    "strategy__key",
    "account_id",
    "account__name",
    "account__owner_id",
    "account__owner__username",
    "account__currency",
    "capital__allocated_capital",
)


def currencies_of(links: "QuerySet[StrategyAccount]") -> list[str]:
    """The currencies of their accounts, and those in which they ever earned. One query."""
    links = links.order_by()
    years = LinkYear.objects.filter(strategy_account__in=links)
    months = LinkMonth.objects.filter(strategy_account__in=links, is_in_year=False)
    days = LinkDay.objects.filter(strategy_account__in=links, is_packed=False)
    rest = (rows.order_by().values_list("currency") for rows in (years, months, days))
    found = links.values_list("account__currency").union(*rest)
    return sorted(currency for (currency,) in found)


@dataclass(frozen=True, order=True)
class Group:
    """One strategy, link, account, owner or symbol.

    Attributes:
        name: The strategy's key, the account's or the owner's name, the symbol; of a link the
            strategy's key and the account's name.
        id: Its primary key; 0 of a symbol.
    """

    name: str
    id: int = 0


@dataclass(frozen=True)
class LinkOf:
    """A link, with what its figures are grouped by.

    Attributes:
        groups: What it belongs to, by the name of the grouping; a symbol is not the link's.
        currency: Of its account.
        capital: What it may use now; None where that was never decided.
    """

    groups: Mapping[str, Group]
    currency: str
    capital: Decimal | None


@dataclass(frozen=True)
class Links:
    """Those whose performance is asked for, by primary key."""

    rows: Mapping[int, LinkOf] = field(default_factory=dict)

    @classmethod
    def load(cls, links: "QuerySet[StrategyAccount]") -> "Links":
        """In one query."""
        found = {}
        for row in links.order_by("pk").values_list(*_COLUMNS):
            pk, strategy_id, key, account_id, account, owner_id, owner, currency, capital = row
            groups = {
                "strategy": Group(key, strategy_id),
                "link": Group(f"{key} / {account}", pk),
                "account": Group(account, account_id),
                "owner": Group(owner, owner_id),
            }
            found[pk] = LinkOf(groups, currency, capital)
        return cls(found)

    def capital_of(self, by: str) -> Mapping[tuple[Group, str], Decimal | None]:
        """What the links of a group may use now, by the currency of their accounts.

        Whether they earned or not; a group for none of which anything was decided is not told.
        """
        known: dict[tuple[Group, str], list[Decimal]] = defaultdict(list)
        for link in self.rows.values():
            if link.capital is not None:
                known[link.groups[by], link.currency].append(link.capital)
        return {key: known_sum(*amounts) for key, amounts in known.items()}

    def names(self, by: str) -> set[Group]:
        """All groups that they belong to; none by symbol."""
        return set() if by == "symbol" else {link.groups[by] for link in self.rows.values()}
