"""Finding links: a strategy by its key, on the accounts that are named."""

from collections.abc import Sequence

from capital.domain.errors import UnknownStrategy
from capital.models import StrategyAccount
from capital.services.accounts import find_account_ids


def find_link_ids(strategy_key: str, account_names: Sequence[str] = ()) -> list[int]:
    """The links of a strategy, by primary key; on these accounts, or on all that it trades on.

    Raises:
        UnknownStrategy: There is no such strategy, or it is not linked to one of the accounts.
        UnknownAccount: No account has this id or name.
        AmbiguousAccount: Two owners have an account of this name.
    """
    accounts = find_account_ids(account_names)
    links = StrategyAccount.objects.filter(strategy__key=strategy_key)
    if accounts:
        links = links.filter(account_id__in=accounts)
    found = list(links.order_by("pk").values_list("pk", flat=True))
    if not found or len(found) < len(accounts):
        raise UnknownStrategy(
            strategy=repr(strategy_key)[:70], accounts=", ".join(account_names) or "any account"
        )
    return found
