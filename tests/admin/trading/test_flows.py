"""Flows: whose they are, only what was earned in colours; entered and reversed by hand."""

import re
from decimal import Decimal

import pytest
from django.db import OperationalError
from django.test import Client
from django.urls import reverse

from capital.admin.trading import entering
from capital.models import Account, Flow
from tests.admin.tenants import allow
from tests.factories import make_account, make_flow, make_link, make_user

pytestmark = pytest.mark.django_db

LIST = reverse("admin:capital_flow_changelist")


def listed(client: Client) -> str:
    client.force_login(make_user(is_staff=True, is_superuser=True))
    return client.get(LIST).content.decode()


def test_a_deposit_is_no_gain(client: Client) -> None:
    make_flow(make_link().account, kind="deposit", amount=Decimal(1000))

    page = listed(client)

    assert "+1,000.00 USDT" in page
    assert "desk-up" not in page


def test_funding_is_coloured_and_names_its_strategy_and_symbol(client: Client) -> None:
    link = make_link()
    make_flow(
        link.account,
        kind="funding",
        amount=Decimal("-0.5"),
        strategy_account=link,
        symbol="ETH/USDT:USDT",
    )

    page = listed(client)

    assert "desk-down" in page
    assert link.strategy.name in page
    assert "ETH/USDT:USDT" in page


def test_an_export_has_what_is_selected_to_the_last_digit(client: Client) -> None:
    link = make_link()
    chosen = make_flow(
        link.account,
        kind="funding",
        amount=Decimal("-0.123456789012345678901"),
        strategy_account=link,
        note="=1+1",
    )
    make_flow(link.account, note="another one")
    client.force_login(make_user(is_staff=True, is_superuser=True))

    answer = client.post(LIST, {"action": "export", "_selected_action": [chosen.pk]})

    head, line, end = b"".join(answer).decode("utf-8-sig").split("\r\n")
    assert head.startswith("occurred_at,account,pool,kind,amount,currency,strategy,")
    assert f",funding,-0.123456789012345678901,USDT,{link.strategy.key}," in line
    assert line.endswith(",'=1+1")
    assert end == ""


ENTER = reverse("admin:capital_flow_enter")


def operator(client: Client, account: Account) -> Account:
    user = allow(account.owner, "capital.view_flow", "capital.change_flows")
    user.is_staff = True
    user.save()
    client.force_login(user)
    return account


def typed(account: Account, **changed: str) -> dict[str, str]:
    return {
        "account": str(account.pk),
        "kind": "deposit",
        "pool": "futures",
        "amount": "1000.123456789012345678",
        "currency": "",
        "occurred_at": "2026-03-10T12:00",
        "strategy": "",
        "symbol": "",
        "note": "Bank transfer of March",
        **changed,
    }


@pytest.mark.usefixtures("seoul")
def test_a_flow_is_added_with_a_reason_and_reversed_with_another(client: Client) -> None:
    account = operator(client, make_link().account)
    assert "Add a deposit or withdrawal" in client.get(LIST).content.decode()
    # What the button says, and not the theme's own flag for it.
    assert re.search(r"<button[^>]*>\s*Add\s*</button>", client.get(ENTER).content.decode())

    assert "Time (Asia/Seoul)" in client.get(ENTER).content.decode()

    page = client.post(ENTER, typed(account), follow=True).content.decode()

    flow = Flow.objects.get()
    assert flow.amount == Decimal("1000.123456789012345678")
    assert (flow.currency, flow.note, flow.actor) == (
        account.currency,
        "Bank transfer of March",
        account.owner,
    )
    assert flow.occurred_at.isoformat() == "2026-03-10T03:00:00+00:00"
    address = reverse("admin:capital_flow_reverse", args=[flow.pk])
    assert address in page
    assert "Bank transfer of March" in client.get(address).content.decode()
    client.post(address, {"note": ""})
    assert Flow.objects.count() == 1

    page = client.post(address, {"note": "Typed twice"}, follow=True).content.decode()

    opposite = Flow.objects.get(reverses=flow)
    assert (opposite.amount, opposite.note) == (-flow.amount, "Typed twice")
    assert "/reverse" not in page
    assert client.post(address, {"note": "again"}).status_code == 403
    listed = client.get(LIST).content.decode()
    assert "reversed" in listed
    assert "reverses another" in listed


def test_what_is_refused_is_said_at_its_field(client: Client) -> None:
    link = make_link()
    account = operator(client, link.account)
    other = make_link(account=make_account(owner=account.owner))

    def errors(**changed: str) -> list[str]:
        return list(client.post(ENTER, typed(account, **changed)).context["form"].errors)

    assert errors(note="") == ["note"]
    assert errors(amount="1,000") == ["amount"]
    assert errors(amount="-5") == ["amount"]
    assert errors(pool="unified") == ["pool"]
    assert errors(occurred_at="yesterday") == ["occurred_at"]
    refused = client.post(ENTER, typed(account, occurred_at="yesterday")).content.decode()
    assert "Enter a date and a time such as 2026-11-30 22:30." in refused
    assert errors(occurred_at="2999-01-01T00:00") == ["occurred_at"]
    assert errors(strategy=str(link.strategy_id)) == ["strategy"]
    assert errors(strategy=str(other.strategy_id)) == ["strategy"]
    assert errors(symbol="BTC/USDT") == ["symbol"]
    foreign = client.post(ENTER, typed(make_link().account))
    assert list(foreign.context["form"].errors) == ["account"]
    assert not Flow.objects.exists()


def test_who_may_not_change_flows_is_offered_neither(client: Client) -> None:
    flow = make_flow(make_link().account, source="person")
    user = allow(flow.account.owner, "capital.view_flow")
    user.is_staff = True
    user.save()
    client.force_login(user)
    address = reverse("admin:capital_flow_reverse", args=[flow.pk])

    assert "Add a deposit or withdrawal" not in client.get(LIST).content.decode()
    assert client.get(ENTER).status_code == 403
    assert client.post(address, {"note": "x"}).status_code == 403
    assert Flow.objects.count() == 1


def test_form_that_is_sent_twice_enters_one_flow_and_a_changed_one_another(client: Client) -> None:
    account = operator(client, make_account())
    form = {**typed(account), "once": str(client.get(ENTER).context["once"])}

    refused = client.post(ENTER, {**form, "amount": "-1"})
    first, second = client.post(ENTER, form), client.post(ENTER, form, follow=True)
    assert refused.status_code == 200
    assert Flow.objects.count() == 1
    assert second.redirect_chain == [(first.url, 302)]
    assert "This was entered once, though sent twice." in second.content.decode()

    client.post(ENTER, {**form, "amount": "2"})
    client.post(ENTER, {**form, "once": str(client.get(ENTER).context["once"])})
    assert Flow.objects.count() == 3


def test_form_whose_receipt_could_not_be_kept_entered_nothing(
    client: Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Whoever sends it again enters it once."""
    account = operator(client, make_account())
    form = {**typed(account), "once": str(client.get(ENTER).context["once"])}
    with monkeypatch.context() as patched:

        def lose(*args: object) -> None:
            raise OperationalError

        patched.setattr(entering, "keep_answer", lose)
        assert client.post(ENTER, form).status_code == 503

    client.post(ENTER, form)

    assert Flow.objects.count() == 1
