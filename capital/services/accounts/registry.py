"""Accounts and links are entered, changed and removed here."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from django.contrib.auth.models import AbstractUser, User
from django.db import transaction
from django.db.models import Model, ProtectedError

from capital.domain.errors import HasHistory, NotFound
from capital.models import Account, StrategyAccount
from capital.services.access.permissions import check_budget_limit
from capital.services.accounts.lookup import lock_accounts
from strategies.edits import Seen, check_seen
from strategies.models import Strategy
from strategies.services import delete_strategy as _delete_strategy


def create_account(*, owner: User, actor: AbstractUser | None = None, **fields: Any) -> Account:
    """A new account of ``owner``.

    Args:
        owner: Whose.
        actor: Who asks; the owner where left out.
        **fields: By name.

    Raises:
        ValidationError: A rule is broken.
        BudgetLimitNotAllowed: The actor may not let orders spend more than a strategy's capital.
    """
    with transaction.atomic():
        account = Account(owner=owner, **fields)
        check_budget_limit(actor or owner, before=None, after=account.max_budget_percent)
        _clean_and_save(account)
    return account


def change_account(
    account_id: int, *, actor: AbstractUser | None, seen: Seen | None = None, **fields: Any
) -> Account:
    """Change the named fields, under the account's lock.

    Args:
        account_id: Which.
        actor: Who asks; None is nobody in particular, who may do everything.
        seen: What the actor saw of it; None where that is not said.
        **fields: By name.

    Raises:
        NotFound: It is gone.
        ChangedMeanwhile: It is not as the actor saw it.
        ValidationError: A rule is broken. Nothing was changed.
        BudgetLimitNotAllowed: The actor may not let orders spend more than a strategy's capital.
    """
    with transaction.atomic():
        account = lock_accounts([account_id]).get(account_id)
        if account is None:
            raise NotFound
        check_seen(account, fields, seen)
        before = account.max_budget_percent
        _set(account, fields)
        if actor is not None:
            check_budget_limit(actor, before=before, after=account.max_budget_percent)
        _clean_and_save(account)
    return account


def delete_account(account_id: int) -> None:
    """Remove an account that was never used. Raises ``HasHistory``: switch it off instead."""
    with transaction.atomic(), _history_kept(Account):
        lock_accounts([account_id])
        Account.objects.filter(pk=account_id).delete()


def delete_strategy(strategy_id: int) -> None:
    """Remove a strategy that was never linked. Raises ``HasHistory``: archive it instead."""
    with transaction.atomic(), _history_kept(Strategy):
        _delete_strategy(strategy_id)


def create_link(*, account: Account, strategy: Strategy, **fields: Any) -> StrategyAccount:
    """Let ``strategy`` trade on ``account``; a reallocation is asked for on commit.

    Raises:
        ValidationError: A rule is broken.
    """
    with transaction.atomic():
        locked = lock_accounts([account.pk]).get(account.pk)
        if locked is None:
            raise NotFound
        link = StrategyAccount(account=locked, strategy=strategy, **fields)
        _clean_and_save(link)
    return link


def change_link(link_id: int, *, seen: Seen | None = None, **fields: Any) -> StrategyAccount:
    """Change the named fields, under the account's lock; a reallocation is asked for.

    Args:
        link_id: Which.
        seen: What the caller saw of it; None where it does not say.
        **fields: By name.

    Raises:
        NotFound: It is gone.
        ChangedMeanwhile: It is not as the caller saw it.
        ValidationError: A rule is broken. Nothing was changed.
    """
    with transaction.atomic():
        link = _locked_link(link_id)
        check_seen(link, fields, seen)
        _set(link, fields)
        _clean_and_save(link)
    return link


def delete_link(link_id: int) -> None:
    """Remove a link that never held capital. Raises ``HasHistory``: switch it off instead."""
    with transaction.atomic(), _history_kept(StrategyAccount):
        _locked_link(link_id).delete()


def _locked_link(link_id: int) -> StrategyAccount:
    """The link as it is now, with its account locked."""
    account_id = (
        StrategyAccount.objects.filter(pk=link_id).values_list("account_id", flat=True).first()
    )
    if account_id is None:
        raise NotFound
    lock_accounts([account_id])
    link = StrategyAccount.objects.select_related("account", "strategy").filter(pk=link_id).first()
    if link is None:
        raise NotFound
    return link


def _set(row: Model, fields: dict[str, Any]) -> None:
    for name, value in fields.items():
        setattr(row, name, value)


def _clean_and_save(row: Model) -> None:
    row.full_clean()
    row.save()


@contextmanager
def _history_kept(model: type[Model]) -> Iterator[None]:
    try:
        yield
    except ProtectedError:
        raise HasHistory(what=str(model._meta.verbose_name)) from None
