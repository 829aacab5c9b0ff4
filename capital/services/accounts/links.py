"""Links: found by a strategy's key and accounts, and what a strategy may not become under them."""

from collections.abc import Sequence

from django.core.exceptions import ValidationError
from django.db.models import QuerySet

from capital.domain.errors import AmbiguousAccount, NotFound, UnknownStrategy
from capital.exchange.venues import get_venue, is_known
from capital.models import StrategyAccount
from capital.models.accounts import no_market
from capital.services.accounts.lookup import find_account_ids


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


def find_named_link(links: QuerySet[StrategyAccount], *, key: str, name: str) -> int:
    """The link of a strategy on an account, by primary key, in one query.

    Args:
        links: Those that the asker sees.
        key: The strategy's.
        name: The account's exact name.

    Raises:
        NotFound: None of them.
        AmbiguousAccount: Two owners have an account of this name, and the asker sees both.
    """
    found = list(
        links.filter(strategy__key=key, account__name=name).values_list("pk", "account_id")
    )
    if not found:
        raise NotFound
    if len(found) > 1:
        candidates = "; ".join(f"{account_id} = {name}" for _, account_id in sorted(found))
        raise AmbiguousAccount(account=repr(name), candidates=candidates)
    return found[0][0]


def check_market(strategy_id: int, market: str) -> None:
    """Refuse another market where some venue, on which the strategy trades, does not have it.

    A strategy keeps the market that it has, and may be paused, whatever became of a venue.

    Raises:
        ValidationError: Of ``market_type``; it names the first such venue.
    """
    links = StrategyAccount.objects.filter(strategy_id=strategy_id, is_active=True).exclude(
        strategy__market_type=market
    )
    for venue in sorted(set(links.values_list("account__venue", flat=True))):
        if is_known(venue) and market not in get_venue(venue).markets:
            raise ValidationError({"market_type": no_market(venue, market)})
