"""The list of runs reads like a ledger: what moved, why, who, and what was taken back."""

import re
from decimal import Decimal
from typing import Any

import pytest
from django.test import Client
from django.urls import reverse
from django.utils import timezone

from capital.domain.reasons import Code, Reason
from capital.models import AllocationRun, Reservation, SettingChange
from capital.services import auto_allocate_capital_for_account
from capital.services.accounts import change_link, create_link
from capital.services.allocation.causes.told import causes_as_json
from capital.services.limits import release_reservation
from strategies.services import pause_strategies
from tests.admin.tenants import Tenant, make_tenant
from tests.factories import make_strategy

pytestmark = [pytest.mark.django_db, pytest.mark.once]

LIST = "/admin/capital/allocationrun/"


@pytest.fixture
def tenant(client: Client) -> Tenant:
    tenant = make_tenant("mine", is_superuser=True)
    client.force_login(tenant.user)
    return tenant


def listed(client: Client, **asked: Any) -> list[int]:
    return [run.pk for run in client.get(LIST, asked).context["cl"].result_list]


def test_run_that_left_nobody_capital_is_no_grey_skip(client: Client, tenant: Tenant) -> None:
    tenant.position.delete()
    for reservation in tenant.rows(Reservation):
        # What it holds stays its strategy's, also while that is paused.
        release_reservation(reservation.pk, actor=None)
    auto_allocate_capital_for_account(tenant.account.pk, live=False)
    held = sum(link.capital.allocated_capital for link in _fresh(tenant))
    pause_strategies([strategy.pk for strategy in tenant.strategies])
    result = auto_allocate_capital_for_account(tenant.account.pk, live=False)

    assert (held > 0, result.outcome) == (True, "skipped")
    page = client.get(LIST).content.decode()
    assert "capital to zero" in page
    assert "→ 0.00" in page


def test_strategy_and_amount_narrow_the_list_and_the_search_knows_strategies(
    client: Client, tenant: Tenant
) -> None:
    other = make_tenant("other")
    for each in (tenant, other):
        each.position.delete()
        auto_allocate_capital_for_account(each.account.pk, live=False)
    mine = set(AllocationRun.objects.filter(account=tenant.account).values_list("pk", flat=True))
    key = tenant.strategies[0].key

    for asked in ({"strategy": key}, {"q": key}):
        found = set(listed(client, **asked))
        assert found
        assert found <= mine
    assert listed(client, strategy="nobody's") == []
    everything = listed(client)
    for no_amount in ("", "much", "NaN", "-1"):
        assert listed(client, moved=no_amount) == everything
    some = listed(client, moved="0.01")
    assert some
    assert len(some) < len(everything)
    assert listed(client, moved="999999999") == []


def test_change_of_weights_is_the_cause_with_its_person(client: Client, tenant: Tenant) -> None:
    AllocationRun.objects.create(
        account=tenant.account,
        run_key="weights",
        trigger="admin",
        actor=tenant.user,
        outcome="applied",
        code="allocated",
        arguments={"weights_before": {"a": "60", "b": "40"}, "weights": {"a": "50", "b": "30"}},
    )
    first = AllocationRun.objects.filter(account=tenant.account).earliest("pk")
    assert "reverted</" not in _squeezed(client)
    AllocationRun.objects.create(
        account=tenant.account,
        run_key="back",
        trigger="revert",
        outcome="applied",
        code="reverted",
        reverts=first,
    )

    page = _squeezed(client)

    assert "weights 60/40 → 50/30" in page
    assert tenant.user.get_username() in page
    assert "reverted</" in page


def _squeezed(client: Client) -> str:
    return client.get(LIST).content.decode().replace("\n", "").replace(" </", "</")


def _fresh(tenant: Tenant) -> list[Any]:
    from capital.models import StrategyAccount

    return list(StrategyAccount.objects.filter(account=tenant.account).select_related("capital"))


def test_causes_and_changes_call_a_strategy_by_its_name(client: Client, tenant: Tenant) -> None:
    """On every page that tells of them; its key is for programs."""
    strategy = make_strategy(owner=tenant.user, key="zz-for-programs", name="Moon Phases")
    link = create_link(
        account=tenant.account, strategy=strategy, weight=Decimal(1), actor=tenant.user
    )
    change_link(link.pk, actor=tenant.user, weight=Decimal(2))
    for reason in (
        Reason(Code.STRATEGIES_LINKED, {"user": "kim", "strategies": strategy.key}),
        Reason(Code.WEIGHTS_CHANGED, {"strategies": strategy.key}),
    ):
        run = AllocationRun.objects.create(
            account=tenant.account,
            run_key=reason.code.value,
            trigger="event",
            outcome="unchanged",
            code="unchanged",
            created_at=timezone.now(),
            arguments={
                **causes_as_json([reason]),
                "weights_before": {strategy.key: "1"},
                "weights": {strategy.key: "2"},
            },
        )
    change = SettingChange.objects.latest("pk")

    for page in (
        LIST,
        reverse("admin:capital_allocationrun_change", args=[run.pk]),
        reverse("admin:index"),
        reverse("admin:capital_account_change", args=[tenant.account.pk]),
        reverse("admin:capital_settingchange_changelist"),
        reverse("admin:capital_settingchange_change", args=[change.pk]),
    ):
        shown = client.get(page).content.decode()
        assert "Moon Phases" in shown, page
        told = re.findall(r"kim added [^<]*|Changed weight: [^<]*|zz-for-programs @[^<]*", shown)
        assert [each for each in told if strategy.key in each] == [], page
