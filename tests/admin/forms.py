"""The account's form, as a browser fills it, and who may."""

from typing import Any

from django.test import Client
from django.urls import reverse

from capital.models import Account

EDITOR = (
    "capital.view_account",
    "capital.add_account",
    "capital.change_account",
    "capital.delete_account",
    "capital.view_strategyaccount",
    "capital.add_strategyaccount",
    "capital.change_strategyaccount",
    "capital.delete_strategyaccount",
    "strategies.view_strategy",
)


def change_url(account: Account) -> str:
    return reverse("admin:capital_account_change", args=[account.pk])


def form_of(client: Client, url: str, **changes: Any) -> dict[str, Any]:
    """What a browser would send for this page, with these changes."""
    context = client.get(url).context
    data: dict[str, Any] = {}
    forms = [context["adminform"].form]
    for inline in context["inline_admin_formsets"]:
        forms += [inline.formset.management_form, *inline.formset.forms]
    for form in forms:
        for bound in form:
            value = bound.value()
            if value is True:
                data[bound.html_name] = "on"
            elif value is not None and value is not False:
                shown = bound.field.widget.format_value(value) if value != "" else ""
                if bound.html_name.endswith(("api_key", "api_secret", "api_passphrase")):
                    shown = ""
                data[bound.html_name] = shown[0] if isinstance(shown, list) else shown
    return {**data, **changes}
