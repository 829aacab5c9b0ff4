"""A desk into a file. Read as of one moment, and always written in the same order."""

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from typing import Any

from django.contrib.auth.models import Group, Permission, User
from django.db import models

from capital.domain.errors import CredentialsUnreadable, SecretUnreadable
from capital.models import Account, AccountAccess, AlertTarget, StrategyAccount
from capital.models.queries.isolation import repeatable_read
from capital.services.desks import shape
from capital.services.desks.document import write_document
from capital.services.desks.vault import SALT, Vault
from capital.services.transactions import outside_transaction
from strategies.models import Strategy


@dataclass(frozen=True)
class Exported:
    """A file, and how many rows of each kind it holds."""

    text: str
    counts: dict[str, int]


@outside_transaction
def export_desk(*, passphrase: str | None = None) -> Exported:
    """Groups, users, strategies, and accounts with their links and roles.

    Call it outside a transaction. Of passwords, tokens and webhook secrets nothing is in it: they
    are stored as digests, and made again.

    Args:
        passphrase: Encrypts API credentials and alert targets. Without it neither is in the file.

    Raises:
        DeskFileRefused: The passphrase is too short.
        SecretUnreadable: No present key opens a secret that would be in it.
    """
    vault = None if passphrase is None else Vault(passphrase)
    with repeatable_read():
        told = {
            "groups": _groups(),
            "users": _users(vault),
            "strategies": _strategies(),
            "accounts": _accounts(vault),
        }
    head: dict[str, Any] = {"format": shape.FORMAT, "version": shape.VERSION}
    if vault is not None:
        head[SALT] = vault.salt
    counts = {name: len(rows) for name, rows in told.items()}
    counts["links"] = sum(len(each["strategies"]) for each in told["accounts"])
    return Exported(write_document({**head, **told}), counts)


def _groups() -> list[dict[str, Any]]:
    rows = Group.objects.prefetch_related("permissions__content_type")
    return [
        {"name": group.name, "permissions": permissions_of(group.permissions.all())}
        for group in _sorted(rows, lambda group: group.name)
    ]


def permissions_of(rows: Iterable[Permission]) -> list[str]:
    """By the names that programs know them by: ``capital.allocate_capital``."""
    return sorted(f"{each.content_type.app_label}.{each.codename}" for each in rows)


def _users(vault: Vault | None) -> list[dict[str, Any]]:
    rows = User.objects.prefetch_related("groups", "user_permissions__content_type")
    targets = _by(AlertTarget.objects.all(), "user_id") if vault is not None else {}
    return [
        {
            "username": user.username,
            **_fields(user, shape.USER),
            "groups": sorted(group.name for group in user.groups.all()),
            "permissions": permissions_of(user.user_permissions.all()),
            "alert_targets": [
                _target(target, vault)
                for target in _sorted(targets.get(user.pk, ()), lambda target: target.name)
                if vault is not None
            ],
        }
        for user in _sorted(rows, lambda user: user.username)
    ]


def _target(target: AlertTarget, vault: Vault) -> dict[str, Any]:
    username = target.user.username
    secrets = {
        name: vault.seal(text, target_place(username, target.name, name))
        for name, text in _secrets(target, shape.TARGET_SECRETS, f"{username}, {target.name}")
    }
    return {"name": target.name, **_fields(target, shape.TARGET), **secrets}


def _secrets(row: models.Model, names: Iterable[str], place: str) -> Iterator[tuple[str, str]]:
    """Those that the row has, in the clear.

    Raises:
        SecretUnreadable: No present key opens one; it names the row.
    """
    for name in names:
        try:
            text = getattr(row, name)
        except CredentialsUnreadable:
            raise SecretUnreadable(name=f"{place}, {name}") from None
        if text:
            yield name, text


def target_place(username: str, target: str, name: str) -> str:
    """Where the secret of an alert target stands."""
    return "\0".join(("user", username, "target", target, name))


def _strategies() -> list[dict[str, Any]]:
    rows = Strategy.objects.select_related("owner")
    return [
        {"key": each.key, "owner": each.owner.username, **_fields(each, shape.STRATEGY)}
        for each in _sorted(rows, lambda each: each.key)
    ]


def _accounts(vault: Vault | None) -> list[dict[str, Any]]:
    links = _by(StrategyAccount.objects.select_related("strategy"), "account_id")
    accesses = _by(AccountAccess.objects.select_related("user"), "account_id")
    told = []
    for account in _sorted(
        Account.objects.select_related("owner"), lambda each: (each.owner.username, each.name)
    ):
        row = {
            "owner": account.owner.username,
            "name": account.name,
            **_fields(account, shape.ACCOUNT),
        }
        if vault is not None:
            row["credentials"] = _credentials(account, vault)
        row["access"] = [
            {"user": each.user.username, "role": each.role}
            for each in _sorted(accesses.get(account.pk, ()), lambda each: each.user.username)
        ]
        row["strategies"] = [
            {"strategy": each.strategy.key, **_fields(each, shape.LINK)}
            for each in _sorted(links.get(account.pk, ()), lambda each: each.strategy.key)
        ]
        told.append(row)
    return told


def _credentials(account: Account, vault: Vault) -> dict[str, str]:
    owner = account.owner.username
    return {
        name: vault.seal(text, account_place(owner, account.name, name))
        for name, text in _secrets(account, shape.CREDENTIALS, f"{owner}, {account.name}")
    }


def account_place(owner: str, account: str, name: str) -> str:
    """Where a credential of an account stands."""
    return "\0".join(("account", owner, account, name))


def _fields(row: models.Model, names: Iterable[str]) -> dict[str, Any]:
    return {name: shape.written(row, name) for name in names}


def _by(rows: Iterable[Any], name: str) -> dict[int, list[Any]]:
    found: dict[int, list[Any]] = {}
    for row in rows:
        found.setdefault(getattr(row, name), []).append(row)
    return found


def _sorted(rows: Iterable[Any], key: Callable[[Any], Any]) -> list[Any]:
    # Here, because each database has an order of letters of its own.
    return sorted(rows, key=key)
