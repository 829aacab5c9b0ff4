"""What each link may use now, as bots poll it: plain rows in one compiled query."""

from collections.abc import Mapping, Sequence
from functools import lru_cache
from typing import Any

from django.contrib.auth.models import AbstractUser, AnonymousUser
from django.db.models import QuerySet

from capital.models import StrategyCapital
from capital.models.queries.prepared import PreparedQuery
from capital.services.access.visibility import sees_everything

COLUMNS = (
    "id",
    "strategy_account_id",
    "strategy_account__strategy__key",
    "strategy_account__account_id",
    "strategy_account__account__name",
    "strategy_account__strategy__market_type",
    "strategy_account__account__currency",
    "allocated_capital",
    "current_pnl",
    "allocated_at",
)
_ACCOUNT = "strategy_account__account"


def first_holdings(
    user: AbstractUser | AnonymousUser, *, account_id: int | None, most: int
) -> Sequence[Mapping[str, Any]]:
    """The first rows by id that ``visible_to`` and ``within_account`` would show."""
    return _ask(user, account_id, most=most, holding_id=None)


def find_holding(
    holding_id: int, user: AbstractUser | AnonymousUser, *, account_id: int | None
) -> Mapping[str, Any] | None:
    """One row, where it would be shown; None elsewhere."""
    found = _ask(user, account_id, most=1, holding_id=holding_id)
    return found[0] if found else None


def _ask(
    user: AbstractUser | AnonymousUser,
    account_id: int | None,
    *,
    most: int,
    holding_id: int | None,
) -> list[dict[str, Any]]:
    if not user.is_authenticated or not user.is_active:
        return []
    asked = {
        "pk": holding_id,
        _ACCOUNT: account_id,
        f"{_ACCOUNT}__owner": None if sees_everything(user) else user.pk,
    }
    given = {name: value for name, value in asked.items() if value is not None}
    rows = _query(tuple(given), most).rows(*([value] for value in given.values()))
    return [dict(zip(COLUMNS, row, strict=True)) for row in rows]


@lru_cache(maxsize=64)
def _query(names: tuple[str, ...], most: int) -> PreparedQuery:
    def build(*lists: Sequence[int]) -> QuerySet[Any, Any]:
        among = {f"{name}__in": ids for name, ids in zip(names, lists, strict=True)}
        rows = StrategyCapital.objects.filter(**among)
        return rows.order_by("pk").values_list(*COLUMNS)[:most]

    return PreparedQuery(build)
