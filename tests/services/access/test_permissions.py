"""Raising the largest budget above the strategy's own capital takes a permission."""

from decimal import Decimal

import pytest
from django.contrib.auth.models import AnonymousUser, Permission

from capital.domain.errors import BudgetLimitNotAllowed
from capital.services.access.permissions import check_budget_limit
from tests.factories import make_user

pytestmark = pytest.mark.django_db


def percent(text: str | None) -> Decimal | None:
    return None if text is None else Decimal(text)


@pytest.mark.parametrize(
    ("before", "after"), [(None, "101"), ("100", "100.5"), ("50", "150"), ("200", "201")]
)
def test_raising_it_above_own_capital_is_refused(before, after):
    for nobody in (make_user(), AnonymousUser()):
        with pytest.raises(BudgetLimitNotAllowed, match=f"limit of {after}%"):
            check_budget_limit(nobody, before=percent(before), after=percent(after))


@pytest.mark.parametrize(
    ("before", "after"),
    [(None, "100"), (None, "30"), ("50", "100"), ("200", "200"), ("200", "150"), ("200", "50")],
)
def test_lowering_it_and_own_capital_are_free(before, after):
    user = make_user()

    check_budget_limit(user, before=percent(before), after=percent(after))

    one_more = max(Decimal(100), Decimal(after)) + 1
    with pytest.raises(BudgetLimitNotAllowed):
        check_budget_limit(user, before=percent(after), after=one_more)


def test_the_permission_lets_it_be_raised_while_the_user_is_active():
    holder = make_user()
    holder.user_permissions.add(Permission.objects.get(codename="raise_budget_limit"))

    check_budget_limit(holder, before=None, after=Decimal(300))

    holder.is_active = False
    with pytest.raises(BudgetLimitNotAllowed):
        check_budget_limit(holder, before=None, after=Decimal(300))
