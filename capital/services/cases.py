"""An account with its links, as one decision sees it."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass

from capital.domain.allocation import Link
from capital.domain.decision import pools_in_use
from capital.domain.pools import Pool, WalletMode
from capital.domain.reasons import Code
from capital.models import Account, StrategyAccount
from capital.services.accounts import markets_of_account
from strategies.markets import MarketType
from strategies.models import StrategyStatus

_IDLE_STATUS = {
    StrategyStatus.PAUSED: Code.STRATEGY_PAUSED,
    StrategyStatus.ARCHIVED: Code.STRATEGY_ARCHIVED,
}


@dataclass(frozen=True)
class AccountCase:
    """One account with its links, as read at one moment."""

    account: Account
    links: tuple[Link, ...]

    @property
    def pools(self) -> tuple[Pool, ...]:
        """The pools whose balance is needed."""
        if not self.account.is_active:
            return ()
        return pools_in_use(self.links, WalletMode(self.account.wallet_mode))

    @property
    def reading_depends_on(self) -> tuple[object, ...]:
        """What must not change between the reading and the decision."""
        account = self.account
        return (account.venue, account.currency, account.wallet_mode, account.is_sandbox)


def load_cases(
    ids: Sequence[int], *, accounts: Mapping[int, Account] | None = None
) -> dict[int, AccountCase]:
    """Accounts with their links, in two queries; in one where the accounts are at hand."""
    if accounts is None:
        accounts = Account.objects.in_bulk(ids)
    by_account: dict[int, list[StrategyAccount]] = {account_id: [] for account_id in accounts}
    for row in (
        StrategyAccount.objects.filter(account_id__in=list(accounts))
        .select_related("strategy", "capital")
        .order_by("pk")
    ):
        by_account[row.account_id].append(row)
    return {
        account_id: AccountCase(account, tuple(_links(account, by_account[account_id])))
        for account_id, account in accounts.items()
    }


def _links(account: Account, rows: Iterable[StrategyAccount]) -> Iterator[Link]:
    markets = markets_of_account(account)
    for row in rows:
        market = MarketType(row.strategy.market_type)
        if market not in markets:
            idle: Code | None = Code.MARKET_NOT_ON_VENUE
        elif not row.is_active:
            idle = Code.LINK_INACTIVE
        else:
            idle = _IDLE_STATUS.get(StrategyStatus(row.strategy.status))
        capital = getattr(row, "capital", None)
        yield Link(
            id=row.pk,
            strategy_key=row.strategy.key,
            market=market,
            weight=row.weight,
            idle=idle,
            capital=None if capital is None else capital.allocated_capital,
        )
