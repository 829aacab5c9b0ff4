"""A number that a person types is taken as it was meant, or refused with how it is written."""

from argparse import ArgumentTypeError
from collections.abc import Iterator
from typing import Any

import pytest
from django import forms
from django.contrib import admin
from django.core.exceptions import ValidationError
from django.test import Client, RequestFactory
from django.urls import reverse
from django.utils import translation

from capital.admin.trading.entry_forms import AmountField
from capital.management.arguments import read_whole
from capital.models import StrategyAccount
from tests.admin.tenants import make_tenant
from tests.factories import make_user
from tests.words.reading import read

pytestmark = [pytest.mark.django_db, pytest.mark.once]

NUMBERS = (forms.IntegerField, AmountField)
# How every refusal says what would be taken.
SAID = "such as 1500"
# What Python, a browser or a table would read as 15, 150025, 1 or 1500.
MISREAD = ("1,5", "1,500.25", "1.500,25", "1 500", "1_5", "1_500.25", "٬1", "1e", "1,")


def form_classes() -> Iterator[type[Any]]:
    """Every form of ours, and each that the admin makes of a model."""
    waiting: list[type[Any]] = [forms.BaseForm]
    while waiting:
        kind = waiting.pop()
        waiting += kind.__subclasses__()
        if kind.__module__.startswith(("capital.", "strategies.", "capital_project.")):
            yield kind
    request = RequestFactory().get("/")
    request.user = make_user(username="root", is_staff=True, is_superuser=True)
    for model_admin in admin.site._registry.values():
        if not (
            model_admin.has_add_permission(request) or model_admin.has_change_permission(request)
        ):
            continue
        yield model_admin.get_form(request)
        for formset, _inline in model_admin.get_formsets_with_inlines(request):
            yield formset.form


def number_fields() -> dict[str, Any]:
    found: dict[str, Any] = {}
    for form in form_classes():
        # Whichever class of ours it is of, the admin decides on the fields of a model.
        is_ours = issubclass(form, forms.ModelForm) and form.__module__.startswith("capital.")
        fields = form.declared_fields if is_ours else getattr(form, "base_fields", {})
        for name, field in fields.items():
            if isinstance(field, NUMBERS):
                found[f"{form.__qualname__}.{name}"] = field
    return found


def test_every_form_refuses_a_number_that_could_be_misread() -> None:
    fields = number_fields()
    faults = []
    for name, field in fields.items():
        for text in MISREAD:
            try:
                faults.append((name, text, field.clean(text)))
            except ValidationError as error:
                faults += [(name, text, each) for each in error.messages if SAID not in each]
    assert faults == []
    assert {"WeightForm.weight", "FlowForm.amount", "TokenForm.days"} <= set(fields)
    assert len(fields) > 20


def test_a_field_for_numbers_is_a_field_for_text() -> None:
    """So that the browser sends what was typed; a phone shows digits all the same."""
    for name, field in number_fields().items():
        widget = field.widget
        if not widget.is_hidden:
            assert widget.input_type == "text", name
            assert widget.attrs["inputmode"] in ("decimal", "numeric"), name


def test_a_page_with_a_browsers_own_field_for_numbers_is_faulty() -> None:
    page = read('<html lang="en"><title>A</title><input type="number" name="weight"></html>')

    assert page.faults("en") == ["a browser sends 15 where 1,5 is typed: weight"]


def test_what_is_meant_is_taken() -> None:
    assert str(forms.DecimalField().clean(" 1500.25 ")) == "1500.25"
    assert forms.IntegerField().clean("1500") == 1500
    assert read_whole("-3") == -3


@pytest.mark.parametrize("text", ["1,5", "1_5", "1.5", "", "9" * 19])
def test_a_command_takes_whole_numbers_as_they_are_written(text: str) -> None:
    with pytest.raises(ArgumentTypeError, match="whole number"):
        read_whole(text)


def test_it_is_said_in_korean() -> None:
    with translation.override("ko"), pytest.raises(ValidationError, match=r"1500\.25처럼"):
        forms.DecimalField().clean("1,5")


def test_an_editor_of_weights_says_so_while_somebody_types(client: Client) -> None:
    tenant = make_tenant("mine", is_superuser=True)
    client.force_login(tenant.user)
    links = StrategyAccount.objects.filter(account=tenant.account).order_by("pk")
    sent: dict[str, Any] = {
        "weights-TOTAL_FORMS": len(links),
        "weights-INITIAL_FORMS": len(links),
    }
    for number, link in enumerate(links):
        sent |= {f"weights-{number}-id": link.pk, f"weights-{number}-weight": "1,5"}
    page = reverse("admin:capital_account_weights", args=[tenant.account.pk])

    answer = client.post(page, sent)

    assert "such as 1500.25" in answer.content.decode()
    assert {link.weight for link in links.all()} == {link.weight for link in links}


def test_a_filter_by_amount_says_that_it_does_not_narrow(client: Client) -> None:
    client.force_login(make_tenant("mine", is_superuser=True).user)
    runs = reverse("admin:capital_allocationrun_changelist")

    told = client.get(runs, {"moved": "1,5"}).content.decode()

    assert "“1,5” is not an amount above zero such as 1500.25" in told
    assert "is not an amount" not in client.get(runs, {"moved": "1.5"}).content.decode()
