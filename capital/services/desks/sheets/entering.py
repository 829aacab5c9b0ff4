"""One line of a table: an account, or a strategy with where it trades. Entered as people do.

Everything goes through the services by which pages and the API enter and change rows, as whoever
imports: with their rights, their rules, and a record of each change.
"""

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any, Protocol

from django.contrib.auth.models import AbstractUser, User
from django.core.exceptions import NON_FIELD_ERRORS, ValidationError
from django.utils.translation import gettext as _

from capital.domain.errors import (
    BudgetLimitNotAllowed,
    CapitalError,
    OwnerOnly,
)
from capital.domain.reasons import Code, Reason
from capital.models import Account, StrategyAccount
from capital.services.access.visibility import visible_to
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
from capital.services.desks import shape
from capital.services.desks.sheets.cells import read_cells, read_text
from capital.services.desks.sheets.columns import ACCOUNTS, LINK, STRATEGIES, SheetColumns
from capital.services.desks.steps import Step, Verb, differing, step_of, values_of
from capital.services.sentences import sentence
from strategies.models import Strategy

Cells = Mapping[str, Any]


class Entering(Protocol):
    """The lines of one table, entered one after the other."""

    columns: SheetColumns

    def lock(self, lines: Sequence[Cells]) -> None:
        """Lock what all of them change, in one order."""

    def enter(self, number: int, cells: Cells) -> list[Step]:
        """Make and change what one line says.

        Raises:
            ValidationError: By column, what is refused, and what would be taken.
        """


@dataclass(frozen=True)
class Asker:
    """Who imports, and from where."""

    actor: AbstractUser
    origin: str = ""

    @property
    def named(self) -> dict[str, Any]:
        """As services take it."""
        return {"actor": self.actor, "origin": self.origin}

    def owner(self, cells: Cells) -> User:
        """Whose row it is: their own, or whom a superuser names.

        Raises:
            ValidationError: Of ``owner``: they may not choose one, or there is no such user.
        """
        name = read_text(cells, "owner")
        if name in ("", self.actor.get_username()):
            return User.objects.get(pk=self.actor.pk)
        if not self.actor.is_superuser:
            raise ValidationError({"owner": sentence(OwnerOnly().reason)})
        user = User.objects.filter(username=name).first()
        if user is None:
            text = _("There is no user “%(name)s”.") % {"name": name}
            raise ValidationError({"owner": text})
        return user


@dataclass
class AccountLines:
    """A table of accounts."""

    asker: Asker
    columns = ACCOUNTS
    _lines: dict[tuple[int, str], int] = field(default_factory=dict)

    def lock(self, lines: Sequence[Cells]) -> None:
        """Every account of these names that the asker sees."""
        _lock_accounts(self.asker.actor, {_name(cells, "name") for cells in lines})

    def enter(self, number: int, cells: Cells) -> list[Step]:
        """An account of the asker's, or of whom a superuser names."""
        name, owner = _required(cells, "name"), self.asker.owner(cells)
        first = self._lines.setdefault((owner.pk, name), number)
        if first != number:
            text = _("Line %(number)s has this account already.") % {"number": first}
            raise ValidationError({"name": text})
        fields = read_cells(cells, Account, (*shape.ACCOUNT, *shape.CREDENTIALS))
        if "venue" in fields:
            fields["venue"] = fields["venue"].lower()
        row = Account.objects.filter(owner=owner, name=name).first()
        before = None if row is None else values_of(row, fields)
        with _told_at(self.columns.name):
            if row is None:
                create_account(owner=owner, name=name, **self.asker.named, **fields)
            elif changed := differing(before, fields):
                change_account(row.pk, **self.asker.named, **changed)
        return [step_of("account", name, before, fields)]


@dataclass
class StrategyLines:
    """A table of strategies. One that trades on several accounts has a line for each."""

    asker: Asker
    columns = STRATEGIES
    _lines: dict[str, tuple[int, dict[str, Any]]] = field(default_factory=dict)
    _links: dict[tuple[str, int], int] = field(default_factory=dict)

    def lock(self, lines: Sequence[Cells]) -> None:
        """The accounts that are named, those on which the strategies trade, then the strategies."""
        rows = Strategy.objects.filter(key__in={_name(cells, "key") for cells in lines})
        if not self.asker.actor.is_superuser:
            # Nobody else's are changed.
            rows = rows.filter(owner=self.asker.actor.pk)
        linked = Account.objects.filter(strategy_accounts__strategy__in=rows)
        _lock_accounts(
            self.asker.actor,
            {_name(cells, "account") for cells in lines} - {""},
            also=frozenset(linked.values_list("pk", flat=True)),
        )
        lock_strategies(rows.values_list("pk", flat=True))

    def enter(self, number: int, cells: Cells) -> list[Step]:
        """A strategy of the asker's, and its link on the account that the line names."""
        key = _required(cells, "key")
        row = self._known(key, cells)
        owner = self.asker.owner(cells) if row is None else row.owner
        fields = read_cells(cells, Strategy, shape.STRATEGY)
        of_link = read_cells(cells, StrategyAccount, LINK)
        first, said = self._lines.setdefault(key, (number, fields))
        for name in fields:
            if said.setdefault(name, fields[name]) != fields[name]:
                text = _("Line %(number)s says something else of this strategy.")
                raise ValidationError({name: text % {"number": first}})
        before = None if row is None else values_of(row, fields)
        with _told_at(self.columns.name):
            if row is None:
                row = create_strategy(key=key, owner=owner, **self.asker.named, **fields)
            elif changed := differing(before, fields):
                row = change_strategy(row.pk, **self.asker.named, **changed)
        step = step_of("strategy", key, before, fields)
        is_said = first != number and step.verb is Verb.KEPT
        steps = [] if is_said else [step]
        if linked := self._linked(number, row, cells, of_link):
            steps.append(linked)
        return steps

    def _known(self, key: str, cells: Cells) -> Strategy | None:
        """The strategy of this key, where it is theirs: a superuser's are everyone's."""
        rows = Strategy.objects.select_related("owner").filter(key=key)
        if read_text(cells, "owner") or not self.asker.actor.is_superuser:
            rows = rows.filter(owner=self.asker.owner(cells))
        return rows.first()

    def _linked(
        self, number: int, strategy: Strategy, cells: Cells, fields: dict[str, Any]
    ) -> Step | None:
        name = read_text(cells, "account")
        if not name:
            for column in fields:
                raise ValidationError({column: _("Name the account in the column account.")})
            return None
        account = self._account(name, strategy)
        first = self._links.setdefault((strategy.key, account.pk), number)
        if first != number:
            text = _("Line %(number)s has this strategy on this account already.")
            raise ValidationError({"account": text % {"number": first}})
        row = StrategyAccount.objects.filter(strategy=strategy, account=account).first()
        before = None if row is None else values_of(row, fields)
        with _told_at("account", strategy="account"):
            if row is None:
                create_link(account=account, strategy=strategy, **self.asker.named, **fields)
            elif changed := differing(before, fields):
                change_link(row.pk, **self.asker.named, **changed)
        return step_of("link", f"{strategy.key} @ {account.name}", before, fields)

    def _account(self, name: str, strategy: Strategy) -> Account:
        """The account of this name: the strategy owner's own, else the only one that is seen."""
        found = list(visible_to(self.asker.actor, Account.objects.filter(name=name)))
        own = [account for account in found if account.owner_id == strategy.owner_id]
        chosen = own or found
        if len(chosen) == 1:
            return chosen[0]
        text = (
            _("Several accounts are called “%(name)s”. Link it on the account's page.")
            if chosen
            else _("There is no account “%(name)s”. Import the accounts first.")
        )
        raise ValidationError({"account": text % {"name": name}})


def _name(cells: Cells, column: str) -> str:
    """As ``read_text``; of what is refused later, nothing."""
    try:
        return read_text(cells, column)
    except ValidationError:
        return ""


def _required(cells: Cells, column: str) -> str:
    text = read_text(cells, column)
    if not text:
        raise ValidationError({column: sentence(Reason(Code.CELL_EMPTY))})
    return text


def _lock_accounts(
    actor: AbstractUser, names: set[str], also: frozenset[int] = frozenset()
) -> None:
    """All of them first and in one order, so that nobody waits for us and we for them.

    Those of others that have the same name are left alone: what they do does not wait for us.
    """
    named = visible_to(actor, Account.objects.filter(name__in=names))
    lock_accounts(sorted(also.union(named.values_list("pk", flat=True))))


@contextmanager
def _told_at(column: str, **columns: str) -> Iterator[None]:
    """What a service refuses, at the column where it stands; what is of none, at this one."""
    try:
        yield
    except ValidationError as error:
        told = error.message_dict if hasattr(error, "error_dict") else {column: error.messages}
        placed: dict[str, Any] = {}
        for name, texts in told.items():
            place = column if name == NON_FIELD_ERRORS else columns.get(name, name)
            placed[place] = [*placed.get(place, []), *texts]
        raise ValidationError(placed) from None
    except BudgetLimitNotAllowed as error:
        raise ValidationError({"max_budget_percent": sentence(error.reason)}) from None
    except CapitalError as error:
        raise ValidationError({column: sentence(error.reason)}) from None
