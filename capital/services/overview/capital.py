"""What each link may use now, as bots poll it: plain rows in one compiled query."""

from collections.abc import Mapping, Sequence
from functools import lru_cache
from typing import Any

from django.contrib.auth.models import AbstractUser, AnonymousUser
from django.db.models import QuerySet

from capital.models import Account, StrategyCapital
from capital.models.queries.prepared import PreparedQuery
from capital.services.access.roles import among_accounts
from capital.services.access.sight import sees_everything

_ACCOUNT = "strategy_account__account"
_SEEN = f"{_ACCOUNT}__seen_by"

Columns = tuple[str, ...]


def first_link_capital(
    user: AbstractUser | AnonymousUser, columns: Columns, *, account_id: int | None, most: int
) -> Sequence[Mapping[str, Any]]:
    """The first rows by id that ``visible_to`` and ``within_account`` would show.

    Args:
        user: The user who asks.
        columns: What to read, as lookups from ``StrategyCapital``.
        account_id: Only the links of this account; None means all.
        most: The largest number of rows.
    """
    return _read(user, columns, account_id=account_id, capital_id=None, most=most)


def find_link_capital(
    capital_id: int,
    user: AbstractUser | AnonymousUser,
    columns: Columns,
    *,
    account_id: int | None,
) -> Mapping[str, Any] | None:
    """One row if the user may see it, else None."""
    found = _read(user, columns, account_id=account_id, capital_id=capital_id, most=1)
    return found[0] if found else None


def _read(
    user: AbstractUser | AnonymousUser,
    columns: Columns,
    *,
    account_id: int | None,
    capital_id: int | None,
    most: int,
) -> list[dict[str, Any]]:
    if not user.is_authenticated or not user.is_active:
        return []
    conditions = {
        "pk": capital_id,
        _ACCOUNT: account_id,
        _SEEN: None if sees_everything(user) else user.pk,
    }
    given = {name: value for name, value in conditions.items() if value is not None}
    rows = _query(columns, tuple(given), most).rows(*([value] for value in given.values()))
    return [dict(zip(columns, row, strict=True)) for row in rows]


@lru_cache(maxsize=64)
def _query(columns: Columns, conditions: tuple[str, ...], most: int) -> PreparedQuery:
    def build(*lists: Sequence[int]) -> QuerySet[Any, Any]:
        rows = StrategyCapital.objects.order_by("pk")
        for name, ids in zip(conditions, lists, strict=True):
            if name == _SEEN:
                seen = Account.objects.filter(among_accounts(ids)).order_by()
                rows = rows.filter(**{f"{_ACCOUNT}__in": seen.values("pk")})
            else:
                rows = rows.filter(**{f"{name}__in": ids})
        return rows.values_list(*columns)[:most]

    return PreparedQuery(build)
