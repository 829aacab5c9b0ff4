"""Which lines of a webhook's stored answer a reader may see: those about accounts that are theirs.

The lines have only the names that accounts had then, and a strategy may trade on other people's
accounts. On pages, a name that might be somebody else's account is hidden; what is sent again is
told apart by the accounts that were stored with the answer.
"""

from collections import defaultdict
from collections.abc import Callable, Mapping
from datetime import datetime
from typing import Any

from django.contrib.auth.models import AbstractUser
from django.db.models import QuerySet

from capital.models import Account, WebhookAnswer
from capital.services.access.roles import Act, allowed_to
from capital.services.access.sight import sees_everything
from capital.services.access.visibility import visible_to
from capital.services.limits.reservations import present_reservations
from strategies.models import Strategy


def accounts_shown(strategy: Strategy, *, user: AbstractUser) -> Callable[[str], bool]:
    """A function that says whether the user may read lines about the account of a name.

    Two queries at most.
    """
    if sees_everything(user):
        return lambda _name: True
    return _names(strategy, visible_to(user, Account.objects.order_by()))


def currencies_told(answer: WebhookAnswer) -> Mapping[str, str]:
    """The currency of each account of a stored answer, by the name that its lines have.

    One query. A name of accounts in several currencies has none; neither have answers of before,
    which do not say what their lines are about.
    """
    about = {
        (line["account"], key)
        for part, keys in answer.accounts.items()
        for line, key in zip(answer.body[part], keys, strict=True)
        if key is not None and "account" in line
    }
    rows = Account.objects.filter(pk__in={key for _, key in about}).order_by()
    currencies = dict(rows.values_list("pk", "currency"))
    found: dict[str, set[str | None]] = defaultdict(set)
    for name, key in about:
        found[name].add(currencies.get(key))
    return {name: told for name, (told, *more) in found.items() if told and not more}


def told_to_owner(answer: WebhookAnswer, strategy: Strategy) -> dict[str, Any]:
    """A stored answer as it may be sent again: about what the strategy's owner may allocate now."""
    if not answer.accounts:
        return _told_by_names(answer.body, strategy)
    body: dict[str, Any] = answer.body
    about: dict[str, list[int | None]] = answer.accounts
    named = {key for keys in about.values() for key in keys if key is not None}
    accounts = Account.objects.filter(pk__in=named).order_by()
    allowed = set(allowed_to(strategy.owner, Act.ALLOCATE, accounts).values_list("pk", flat=True))
    if named <= allowed:
        return body
    told = {
        part: [
            line
            for line, key in zip(body[part], keys, strict=True)
            if key is None or key in allowed
        ]
        for part, keys in about.items()
    }
    return {**body, **told}


def with_present_reservations(body: dict[str, Any], *, now: datetime) -> dict[str, Any]:
    """A stored answer as it is sent again: what was reserved is told as it is now."""
    sizes = body.get("sizes", [])
    told = [size["reservation"] for size in sizes if size.get("reservation")]
    if not told:
        return body
    present = {each["id"]: each for each in present_reservations(told, now=now)}
    return {
        **body,
        "sizes": [
            {**size, "reservation": present[size["reservation"]["id"]]}
            if size.get("reservation")
            else size
            for size in sizes
        ],
    }


def _told_by_names(body: dict[str, Any], strategy: Strategy) -> dict[str, Any]:
    """An answer of before, which was stored without the accounts of its lines."""
    own = allowed_to(strategy.owner, Act.ALLOCATE, Account.objects.order_by())
    is_told = _names(strategy, own)
    parts = ("allocations", "sizes")
    told = {
        part: [line for line in body.get(part, []) if is_told(line["account"])] for part in parts
    }
    if all(told[part] == body.get(part, []) for part in parts):
        return body
    # The warnings' sentences name accounts.
    return {**body, **told, "warnings": []}


def _names(strategy: Strategy, own: QuerySet[Account]) -> Callable[[str], bool]:
    others = Account.objects.filter(strategy_accounts__strategy=strategy).exclude(
        pk__in=own.values("pk")
    )
    hidden = set(others.values_list("name", flat=True))
    shown = set(own.values_list("name", flat=True)) - hidden
    return lambda name: name in shown
