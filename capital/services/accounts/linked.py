"""An account with its links, as one decision sees it."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, TypedDict

from django.db.models import Exists, OuterRef, Q

from capital.domain.allocation.decision import pools_in_use
from capital.domain.allocation.links import Link, Reserve, why_idle
from capital.domain.pools import Pool, WalletMode
from capital.models import Account, Stop, StrategyAccount
from capital.services.accounts.lookup import AccountIds, markets_of_venue, reserve_of
from strategies.markets import MarketType


class Division(TypedDict):
    """How an account's pools are divided, by its settings: what ``decide`` is to be given."""

    currency: str
    wallet_mode: WalletMode
    reserve: Reserve


@dataclass(frozen=True)
class LinkedAccount:
    """One account with its links, as read at one moment."""

    account: Account
    links: tuple[Link, ...]

    @property
    def division(self) -> Division:
        """How its pools are divided."""
        return Division(
            currency=self.account.currency,
            wallet_mode=WalletMode(self.account.wallet_mode),
            reserve=reserve_of(self.account),
        )

    @property
    def pools(self) -> tuple[Pool, ...]:
        """The pools whose balance is needed."""
        if not self.account.is_active:
            return ()
        return pools_in_use(self.links, WalletMode(self.account.wallet_mode))


def load_linked_accounts(
    ids: AccountIds, *, accounts: Mapping[int, Account] | None = None
) -> dict[int, LinkedAccount]:
    """Accounts with their links, in two queries; in one where the accounts are at hand."""
    if accounts is None:
        accounts = Account.objects.in_bulk(list(ids))
    links: dict[int, list[Link]] = {account_id: [] for account_id in accounts}
    markets = {
        account_id: markets_of_venue(account.venue) for account_id, account in accounts.items()
    }
    # Tuples: making three instances a link is most of what loading would cost.
    rows = (
        StrategyAccount.objects.filter(account_id__in=ids)
        .annotate(stopped=Exists(_limit_stops()))
        .order_by("pk")
        .values_list(
            "pk",
            "account_id",
            "weight",
            "is_active",
            "strategy__key",
            "strategy__market_type",
            "strategy__status",
            "capital__allocated_capital",
            "stopped",
        )
    )
    for key, account_id, weight, is_active, strategy, market_type, status, capital, stopped in rows:
        market = MarketType(market_type)
        idle = why_idle(
            account_active=True,  # one that is switched off is passed over as a whole
            venue_markets=markets[account_id],
            market=market,
            link_active=is_active,
            strategy_status=status,
        )
        links[account_id].append(
            Link(key, strategy, market, weight, idle, capital, is_stopped=stopped)
        )
    return {
        account_id: LinkedAccount(account, tuple(links[account_id]))
        for account_id, account in accounts.items()
    }


def _limit_stops() -> Any:
    """What a limit stopped of a link or its account. A person's stop moves no capital."""
    of_link = Q(strategy_account=OuterRef("pk")) | Q(account=OuterRef("account"))
    return Stop.objects.open().by_limits().filter(of_link)
