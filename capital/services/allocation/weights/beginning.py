"""Let strategies, new ones and those there are, trade on an account: all of them, or none."""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal

from django.contrib.auth.models import AbstractUser, User
from django.core.exceptions import ValidationError
from django.db import transaction
from django.db.models import QuerySet
from django.utils.translation import gettext as _

from capital.domain.errors import NotFound
from capital.models import Account, StrategyAccount
from capital.models.accounts import Tagged, tag_problem
from capital.models.links import tags_by_account
from capital.services.access.visibility import visible_to
from capital.services.accounts.lookup import lock_accounts
from capital.services.accounts.registry import change_link, create_link
from capital.services.accounts.strategies import create_strategy, lock_strategies
from capital.services.allocation.events import previewed_next
from strategies.edits import ChangedMeanwhile, Seen
from strategies.keys import key_from
from strategies.models import Strategy, StrategyStatus, free_key

_KEY_WITHOUT_LETTERS = "strategy"
# Room for it is on every exchange.
_TAG_LENGTH = 12


@dataclass(frozen=True, kw_only=True)
class NewLink:
    """A strategy that is to trade on an account.

    Attributes:
        weight: Its weight there.
        strategy_id: A strategy that there is; None for a new one.
        name: Of a new one.
        market: Of a new one: what it trades.
    """

    weight: Decimal
    strategy_id: int | None = None
    name: str = ""
    market: str = ""


@dataclass(frozen=True, kw_only=True)
class NewWeight:
    """Another weight of a link that there is.

    Attributes:
        link_id: Which.
        weight: The new one.
        seen: The one that was shown.
    """

    link_id: int
    weight: Decimal
    seen: Decimal


def begin_strategies(
    account_id: int,
    links: Sequence[NewLink],
    weights: Sequence[NewWeight] = (),
    *,
    owner: User,
    actor: AbstractUser | None = None,
    origin: str = "",
    seen_links: Collection[int] | None = None,
) -> list[StrategyAccount]:
    """Make what is new, let all of it trade on the account, and set weights; or do nothing.

    A new strategy's key follows its name; where that is taken, a number makes another one. Where
    orders by that key could be those of another strategy on the account, it gets an order tag.

    No reallocation is asked for: a preview comes next, or the scheduled check finds it due.
    Otherwise the others' capital would have moved before anybody saw it.

    Args:
        account_id: The account's primary key.
        links: What is to trade there.
        weights: Of links of this account.
        owner: Of new strategies.
        actor: Who asks; None is nobody in particular, who may.
        origin: The address from which it was asked, for the record.
        seen_links: Primary keys of the account's links that were shown; None for any.

    Returns:
        The new links, in the order of ``links``.

    Raises:
        NotFound: The account, or a link, is gone.
        UnknownAccount, NotPermitted, RoleTooSmall, OwnerOnly: The actor may not.
        ChangedMeanwhile: A weight is not as it was shown, or there is a link that was not shown.
        ValidationError: A rule is broken. By ``new-0``, ``new-1`` … and ``link-`` with its key.
    """
    with previewed_next(), transaction.atomic():
        account = lock_accounts([account_id]).get(account_id)
        if account is None:
            raise NotFound
        if seen_links is not None and _linked(account) - set(seen_links):
            raise ChangedMeanwhile(account, ())
        _lock(links, actor)
        _refuse_same_names(links, owner)
        _set_weights(account, weights, actor=actor, origin=origin)
        made = []
        for place, link in enumerate(links):
            try:
                strategy = _strategy(account, link, owner=owner, actor=actor, origin=origin)
                made.append(
                    create_link(
                        account=account,
                        strategy=strategy,
                        weight=link.weight,
                        actor=actor,
                        origin=origin,
                    )
                )
            except ValidationError as error:
                raise ValidationError({f"new-{place}": error.messages}) from None
    return made


def _refuse_same_names(links: Sequence[NewLink], owner: User) -> None:
    """Nobody could tell two strategies of one name from each other in any list.

    Raises:
        ValidationError: By ``new-0``, ``new-1`` …
    """
    if not any(link.name for link in links):
        return
    own = Strategy.objects.filter(owner=owner).exclude(status=StrategyStatus.ARCHIVED)
    keys = {_as_read(name): key for name, key in own.order_by("-pk").values_list("name", "key")}
    refused: dict[str, str] = {}
    named: set[str] = set()
    for place, link in enumerate(links):
        name = _as_read(link.name)
        if name in named:
            refused[f"new-{place}"] = _("Another row has this name already: take another one.")
        elif name in keys:
            text = _(
                "There is a strategy with this name already (key %(key)s). Choose that one, or "
                "take another name."
            )
            refused[f"new-{place}"] = text % {"key": keys[name]}
        if name:
            named.add(name)
    if refused:
        raise ValidationError(refused)


def _as_read(name: str) -> str:
    return " ".join(name.split()).casefold()


def _linked(account: Account) -> set[int]:
    return set(account.strategy_accounts.values_list("pk", flat=True))


def _set_weights(
    account: Account, weights: Sequence[NewWeight], *, actor: AbstractUser | None, origin: str
) -> None:
    own: Mapping[int, StrategyAccount] = account.strategy_accounts.in_bulk(
        [each.link_id for each in weights]
    )
    for each in weights:
        if each.link_id not in own:
            raise NotFound
        try:
            change_link(
                each.link_id,
                actor=actor,
                origin=origin,
                seen=Seen({"weight": each.seen}),
                weight=each.weight,
            )
        except ValidationError as error:
            raise ValidationError({f"link-{each.link_id}": error.messages}) from None


def _lock(links: Sequence[NewLink], actor: AbstractUser | None) -> None:
    """In one order: a form has them in any, and somebody may pause several of them meanwhile."""
    named = [link.strategy_id for link in links if link.strategy_id is not None]
    lock_strategies(_seen(actor).filter(pk__in=named).values_list("pk", flat=True))


def _seen(actor: AbstractUser | None) -> QuerySet[Strategy]:
    return Strategy.objects.all() if actor is None else visible_to(actor, Strategy.objects.all())


def _strategy(
    account: Account, link: NewLink, *, owner: User, actor: AbstractUser | None, origin: str
) -> Strategy:
    if link.strategy_id is None:
        key = _key_for(link.name)
        return create_strategy(
            owner=owner,
            actor=actor,
            origin=origin,
            name=link.name,
            key=key,
            order_tag=_tag_for(key, account),
            market_type=link.market,
        )
    strategy = _seen(actor).filter(pk=link.strategy_id).first()
    if strategy is None:
        raise ValidationError(_("This strategy is gone."))
    return strategy


def _key_for(name: str) -> str:
    """A key that is free. A name in letters that no key may have leaves nothing of it."""
    key = key_from(name) or _KEY_WITHOUT_LETTERS
    return free_key(key) if Strategy.objects.filter(key=key).exists() else key


def _tag_for(key: str, account: Account) -> str:
    """Empty where orders by the key are told from those of others; else a short tag that is."""
    (others,) = tags_by_account([account.pk]).values()

    def is_told(tag: str) -> bool:
        return tag_problem(account.venue, Tagged(key, tag), others) is None

    tried = ("", *(f"{number}-{key}"[:_TAG_LENGTH].rstrip("-") for number in range(2, 100)))
    return next((tag for tag in tried if is_told(tag)), "")
