"""What every link holds and whether it takes part, for pages that show all accounts at once."""

from collections.abc import Mapping
from decimal import Decimal
from typing import NamedTuple

from capital.domain.pools import Pool, WalletMode, pool_of
from capital.models import Account, StrategyAccount
from capital.services.accounts.linked import course_of
from capital.services.accounts.lookup import AccountIds, markets_of_venue


class LinkCapital(NamedTuple):
    """The capital of one link, without an instance.

    Attributes:
        pool: The pool that it draws on.
        takes_part: Whether it is active: its pool's balance is needed.
        amount: None where it was never allocated any.
    """

    account_id: int
    pool: Pool
    takes_part: bool
    amount: Decimal | None
    strategy_id: int
    strategy: str


def load_link_capital(
    accounts: Mapping[int, Account], account_ids: AccountIds | None = None
) -> list[LinkCapital]:
    """The capital of these accounts' links, in one query.

    Args:
        accounts: By primary key. Venue and wallet mode count.
        account_ids: The same accounts as a query, where there is one.
    """
    among = list(accounts) if account_ids is None else account_ids
    rows = StrategyAccount.objects.filter(account_id__in=among).order_by()
    kinds = {
        key: (frozenset(markets_of_venue(each.venue)), WalletMode(each.wallet_mode))
        for key, each in accounts.items()
    }
    found = []
    for account_id, amount, strategy_id, name, *state in rows.values_list(
        "account_id",
        "capital__allocated_capital",
        "strategy_id",
        "strategy__name",
        "strategy__market_type",
        "is_active",
        "strategy__status",
    ):
        markets, mode = kinds[account_id]
        market, idle = course_of(markets, *state)
        pool = pool_of(market, mode)
        found.append(LinkCapital(account_id, pool, idle is None, amount, strategy_id, name))
    return found
