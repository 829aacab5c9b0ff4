"""A desk out of a file: everything, or nothing. What the file does not name stays as it is.

Rows are known by their names: users by username, strategies by key, accounts by owner and name. All
of it goes through the services by which people enter and change rows, so that every rule holds and
every change is on record.
"""

from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from typing import Any

from django.conf import settings
from django.contrib.auth.models import User
from django.core.exceptions import ValidationError
from django.db import transaction
from django.utils.translation import gettext as _

from capital.domain.errors import CapitalError, DeskFileRefused
from capital.domain.reasons import Code
from capital.models import Account, AccountAccess, AlertTarget, StrategyAccount
from capital.services.access import change_access, give_access
from capital.services.accounts import (
    change_account,
    change_link,
    change_strategy,
    create_account,
    create_link,
    create_strategy,
)
from capital.services.accounts.lookup import lock_accounts
from capital.services.accounts.strategies import lock_strategies
from capital.services.alerts import SWITCHED, TargetFields, save_target
from capital.services.desks import people, shape
from capital.services.desks.document import Table, read_document, refused
from capital.services.desks.export import account_place, target_place
from capital.services.desks.steps import Step, differing, step_of, values_of
from capital.services.desks.vault import SALT, Vault
from capital.services.sentences import sentence
from capital.services.transactions import outside_transaction
from strategies.models import Strategy

_USUAL_BUDGET = 100


@outside_transaction
def import_desk(
    text: str,
    *,
    passphrase: str | None = None,
    is_dry_run: bool = False,
    origin: str = "",
    on_progress: Callable[[int, int], None] = lambda _more, _of: None,
) -> list[Step]:
    """Make and change what the file says, in one transaction; nothing if anything is refused.

    Call it outside a transaction. Reallocations and market rules are asked for on commit.

    Args:
        text: The file.
        passphrase: What its secrets are encrypted to, where it has any.
        is_dry_run: Do all of it, tell, and take it back.
        origin: Who asked, for the record.
        on_progress: Called with how many more groups, users, strategies and accounts of the file
            are done, and how many it has.

    Raises:
        DeskFileRefused: A line is refused, or the passphrase is; the reason says which and why.
    """
    document = _opened(text)
    vault = _vault(document, passphrase)
    with transaction.atomic():
        work = _Import(document, vault, origin)
        work.run(on_progress)
        if is_dry_run:
            transaction.set_rollback(True)
    return work.steps


def _opened(text: str) -> Table:
    document = read_document(text)
    names = ("format", "version", SALT, *shape.LISTS)
    if "format" not in document or document.text("format") != shape.FORMAT:
        raise refused(1, "format", _("it must be %(format)s") % {"format": shape.FORMAT})
    version = document.number("version") if "version" in document else 0
    if version != shape.VERSION:
        raise DeskFileRefused(
            Code.DESK_FILE_VERSION,
            line=str(document.line_of("version")),
            version=str(version),
            known=str(shape.VERSION),
        )
    return document.keep_to(names)


def _vault(document: Table, passphrase: str | None) -> Vault | None:
    if SALT not in document or document.is_null(SALT):
        return None
    if passphrase is None:
        raise DeskFileRefused(Code.DESK_PASSPHRASE_NEEDED)
    return Vault(passphrase, document.text(SALT))


class _Import:
    """One file, while it is written to the database. ``steps`` is what came of it."""

    def __init__(self, document: Table, vault: Vault | None, origin: str) -> None:
        self.steps: list[Step] = []
        self._vault, self._origin = vault, origin
        self._users: dict[str, User] = {}
        self._tables = {name: list(document.tables(name)) for name in shape.LISTS}

    def run(self, on_progress: Callable[[int, int], None]) -> None:
        """Do one row of the file after the other."""
        total = sum(map(len, self._tables.values()))
        writers = {
            "groups": self._group,
            "users": self._user,
            "strategies": self._strategy,
            "accounts": self._account,
        }
        for name in shape.LISTS:
            if name == "strategies":
                self._lock(self._tables)
            for table in self._tables[name]:
                writers[name](table)
                on_progress(1, total)

    def _group(self, table: Table) -> None:
        table.keep_to(("name", "permissions"), needed=("name",))
        with _told_by_line(table, table.text("name")):
            before, after = people.set_group(table)
        self._note("group", table.text("name"), before, after)

    def _user(self, table: Table) -> None:
        known = ("username", *shape.USER, "groups", "permissions", "alert_targets")
        table.keep_to(known, needed=("username",))
        name = table.text("username")
        with _told_by_line(table, name):
            self._users[name], before, after = people.set_user(table)
        self._note("user", name, before, after)
        for target in table.tables("alert_targets"):
            self._target(self._users[name], target)

    def _target(self, user: User, table: Table) -> None:
        known = ("name", *shape.TARGET, *shape.TARGET_SECRETS)
        table.keep_to(known, needed=("name", "channel"))
        name = table.text("name")
        fields = shape.read_fields(table, AlertTarget, shape.TARGET)
        _keep_to_known(table, fields)
        secrets = self._secrets(
            table, shape.TARGET_SECRETS, lambda each: target_place(user.username, name, each)
        )
        given = {**fields, **secrets}
        row = AlertTarget.objects.filter(user=user, name=name).first()
        before = None if row is None else values_of(row, given)
        if row is None or differing(before, given):
            kept = {} if row is None else {each: getattr(row, each) for each in shape.TARGET}
            with _told_by_line(table, name):
                wanted = TargetFields(name=name, **{**kept, **given})
                row = save_target(row or AlertTarget(user=user), wanted)
        self._note("alert_target", f"{user.username}/{name}", before, values_of(row, given))

    def _strategy(self, table: Table) -> None:
        table.keep_to(("key", "owner", *shape.STRATEGY), needed=("key", "owner"))
        key, owner = table.text("key"), self._user_named(table, "owner")
        fields = {"owner": owner, **shape.read_fields(table, Strategy, shape.STRATEGY)}
        row = Strategy.objects.select_related("owner").filter(key=key).first()
        before = None if row is None else values_of(row, fields)
        with _told_by_line(table, key):
            if row is None:
                row = create_strategy(key=key, origin=self._origin, **fields)
            elif changed := differing(before, fields):
                row = change_strategy(row.pk, origin=self._origin, **changed)
        self._note("strategy", key, before, values_of(row, fields))

    def _lock(self, tables: Mapping[str, list[Table]]) -> None:
        """All accounts first, also those of the strategies; then all strategies, each in one order.

        So nobody waits for us and we for them.
        """
        keys = {table.text("key") for table in tables["strategies"] if "key" in table}
        names = {table.text("name") for table in tables["accounts"] if "name" in table}
        accounts = Account.objects.filter(name__in=names).values_list("pk", flat=True)
        links = StrategyAccount.objects.filter(strategy__key__in=keys)
        linked = links.order_by().values_list("account_id", flat=True)
        lock_accounts(sorted({*accounts, *linked}))
        lock_strategies(Strategy.objects.filter(key__in=keys).values_list("pk", flat=True))

    def _account(self, table: Table) -> None:
        known = ("owner", "name", *shape.ACCOUNT, "credentials", "access", "strategies")
        table.keep_to(known, needed=("owner", "name"))
        owner, name = self._user_named(table, "owner"), table.text("name")
        fields = shape.read_fields(table, Account, shape.ACCOUNT)
        credentials = table.table("credentials")
        if credentials is not None:
            credentials.keep_to(shape.CREDENTIALS)
            fields |= self._secrets(
                credentials,
                shape.CREDENTIALS,
                lambda each: account_place(owner.username, name, each),
            )
        row = Account.objects.filter(owner=owner, name=name).first()
        before = None if row is None else values_of(row, fields)
        with _told_by_line(table, name):
            if row is None:
                row = self._new_account(owner, name, fields)
            elif changed := differing(before, fields):
                row = change_account(row.pk, actor=None, origin=self._origin, **changed)
        self._note("account", f"{owner.username}/{name}", before, values_of(row, fields))
        for access in table.tables("access"):
            self._access(row, access)
        for link in table.tables("strategies"):
            self._link(row, link)

    def _new_account(self, owner: User, name: str, fields: dict[str, Any]) -> Account:
        """Whoever is at the machine may raise the limit of a budget, whoever owns the account."""
        percent = fields.get("max_budget_percent", _USUAL_BUDGET)
        first = {**fields, "max_budget_percent": min(percent, _USUAL_BUDGET)}
        row = create_account(owner=owner, name=name, origin=self._origin, **first)
        if percent > _USUAL_BUDGET:
            more = {"max_budget_percent": percent}
            row = change_account(row.pk, actor=None, origin=self._origin, **more)
        return row

    def _access(self, account: Account, table: Table) -> None:
        table.keep_to(("user", "role"), needed=("user", "role"))
        user, role = self._user_named(table, "user"), table.text("role")
        row = AccountAccess.objects.filter(account=account, user=user).first()
        before = None if row is None else {"role": row.role}
        with _told_by_line(table, user.username):
            if row is None:
                give_access(
                    account.pk,
                    username=user.username,
                    role=role,
                    origin=self._origin,
                    takes_inactive=True,
                )
            elif row.role != role:
                change_access(row.pk, role=role, origin=self._origin)
        self._note("access", f"{account.name}/{user.username}", before, {"role": role})

    def _link(self, account: Account, table: Table) -> None:
        table.keep_to(("strategy", *shape.LINK), needed=("strategy",))
        key = table.text("strategy")
        strategy = Strategy.objects.filter(key=key).first()
        if strategy is None:
            text = _("there is no strategy with this key in the file or on this site")
            raise table.refusal("strategy", text)
        fields = shape.read_fields(table, StrategyAccount, shape.LINK)
        row = StrategyAccount.objects.filter(account=account, strategy=strategy).first()
        before = None if row is None else values_of(row, fields)
        with _told_by_line(table, key):
            if row is None:
                row = create_link(account=account, strategy=strategy, origin=self._origin, **fields)
            elif changed := differing(before, fields):
                row = change_link(row.pk, origin=self._origin, **changed)
        self._note("link", f"{account.name}/{key}", before, values_of(row, fields))

    def _user_named(self, table: Table, name: str) -> User:
        username = table.text(name)
        if username not in self._users:
            user = User.objects.filter(username=username).first()
            if user is None:
                text = _("there is no user with this name in the file or on this site")
                raise table.refusal(name, text)
            self._users[username] = user
        return self._users[username]

    def _secrets(
        self, table: Table, names: tuple[str, ...], place: Callable[[str], str]
    ) -> dict[str, str]:
        """In the clear. A secret in a file without a passphrase is refused."""
        found = {}
        for name in names:
            if name in table:
                if self._vault is None:
                    raise table.refusal(name, _("the file is not encrypted"))
                found[name] = self._vault.open(table.text(name), place(name))
        return found

    def _note(
        self, kind: str, name: str, before: Mapping[str, Any] | None, after: Mapping[str, Any]
    ) -> None:
        self.steps.append(step_of(kind, name, before, after))


def _keep_to_known(table: Table, fields: Mapping[str, Any]) -> None:
    """Refuse a language or a kind of alert that there is not: a target would leave it out."""
    languages = [name for name, _name in settings.LANGUAGES]
    known = {"language": languages, "kinds_off": [kind.value for kind in SWITCHED]}
    for name, words in known.items():
        told = fields.get(name, [])
        if not set([told] if isinstance(told, str) else told) <= set(words):
            text = _("it must be one of %(known)s") % {"known": ", ".join(words)}
            raise table.refusal(name, text)


@contextmanager
def _told_by_line(table: Table, name: str) -> Iterator[None]:
    """What a service refuses, with the line of the field, or of the row, in the file."""
    try:
        yield
    except DeskFileRefused:
        raise
    except ValidationError as error:
        by_field = error.message_dict if hasattr(error, "error_dict") else {"": error.messages}
        first, texts = next(iter(by_field.items()))
        shown = f"{name}.{first}" if first in table else name
        raise refused(table.line_of(first), shown, " ".join(texts)) from None
    except CapitalError as error:
        raise refused(table.line, name, sentence(error.reason)) from None
