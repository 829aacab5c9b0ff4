"""Links: found by a strategy's key and accounts, and what a strategy may not become under them."""

from collections.abc import Sequence

from django.core.exceptions import ValidationError
from django.db.models import QuerySet

from capital.domain.errors import AmbiguousAccount, NotFound, UnknownStrategy
from capital.exchange.venues import get_venue, is_known
from capital.models import StrategyAccount
from capital.models.accounts import Tagged, no_market, tag_problem
from capital.models.links import tags_by_account
from capital.services.accounts.lookup import find_account_ids
from strategies.models import Strategy


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


def check_tag(strategy: Strategy) -> None:
    """Refuse an order tag that begins another one on an account, or is begun by one.

    A strategy keeps the tag that it has. Two queries where it gets another one.

    Raises:
        ValidationError: Of ``order_tag``, or of ``key`` where that is the tag; it names both.
    """
    stored = Strategy.objects.filter(pk=strategy.pk).first()
    if stored is None or stored.tag == strategy.tag:
        return
    links = StrategyAccount.objects.filter(strategy=strategy).order_by("pk")
    venues = dict(links.values_list("account_id", "account__venue"))
    tagged = tags_by_account(venues, without=strategy.pk)
    for account_id, venue in venues.items():
        ours = Tagged(strategy.key, strategy.order_tag)
        if problem := tag_problem(venue, ours, tagged[account_id]):
            raise ValidationError({"order_tag" if strategy.order_tag else "key": problem})
