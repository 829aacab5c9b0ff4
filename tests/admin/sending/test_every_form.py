"""Every form of the admin is sent, by every button, and every action of every list is done.

A form, a button or an action that is added is found by the pages, and fails here until it is taken:
by what it comes with, or by what ``typed`` says that somebody types into it.
"""

import json
from collections.abc import Iterable, Iterator, Mapping
from typing import Any
from urllib.parse import urljoin, urlsplit

import pytest
from django.contrib import admin, messages
from django.contrib.admin.models import LogEntry
from django.core.files.uploadedfile import SimpleUploadedFile
from django.test import Client, RequestFactory
from django.urls import resolve
from django.utils import translation

from tests.admin.sending.browser import Form, forms_of, presses
from tests.admin.tenants import Tenant
from tests.factories import make_account, make_strategy, make_user
from tests.phones import code_of
from tests.security.desk import undone
from tests.simulated import Exchange
from tests.words.everything import Everything, addresses, make_everything
from tests.words.reading import faults_of, report

pytestmark = pytest.mark.django_db

PASSWORD = "a wholly other horse 9"
TAKEN = "taken"
# The same form stands on the answer, although it was taken.
AGAIN = {
    "capital/account/<path:object_id>/first-steps/strategies/ _more": "with one more row",
    "capital/account/<path:object_id>/new-strategy/ _more": "with one more row",
    "capital/account/import/": "below the preview, for another file",
    "strategies/strategy/import/": "below the preview, for another file",
}


def typed(everything: Everything) -> dict[str, dict[str, Any]]:
    """What somebody types into a form that is not to be sent as it comes, by its address."""
    tenant = everything.tenant
    free = make_account(owner=tenant.user, name="mine-free"), make_strategy(owner=tenant.user)
    invited = make_user(username="mine-invited", is_staff=True)
    secrets = {"password1": PASSWORD, "password2": PASSWORD}
    file = "name,venue,key,market_type\nmine-new,binance,mine-new,spot\n"
    return {
        **_typed_of_trading(tenant),
        "auth/group/add/": {"name": "mine-group"},
        "auth/user/add/": {"username": "mine-new", **secrets, "usable_password": "true"},
        "auth/user/<id>/password/": {**secrets, "usable_password": "true"},
        "password_change/": {
            "old_password": "correct horse",
            "new_password1": PASSWORD,
            "new_password2": PASSWORD,
        },
        "capital/account/<path:object_id>/access/": {"user": invited.username},
        "capital/account/add/": {"name": "mine-new", "venue": "binance", "owner": tenant.user.pk},
        "capital/account/first-steps/": {"name": "mine-new", "venue": "binance"},
        "capital/account/import/": {"import_file": SimpleUploadedFile("mine.csv", file.encode())},
        "strategies/strategy/import/": {
            "import_file": SimpleUploadedFile("mine.csv", file.encode())
        },
        "strategies/strategy/add/": {
            "name": "mine-new",
            "key": "mine-new",
            "owner": tenant.user.pk,
        },
        "capital/alerttarget/add/": {
            "name": "mine-new",
            "channel": "mail",
            "address": "mine@example.com",
        },
        "capital/apitoken/add/": {"name": "mine-new"},
        "capital/reportingrate/add/": {"base": "EUR", "quote": "USD", "rate": "1.1"},
        "capital/strategyaccount/add/": {"account": free[0].pk, "strategy": free[1].pk},
        # It holds for half a minute, so it is asked for when it is sent.
        "second-factor/": {"code": lambda: code_of(tenant.phone.seed)},
    }


def _typed_of_trading(tenant: Tenant) -> dict[str, dict[str, Any]]:
    account = str(tenant.account.pk)
    fills = "executed_at,symbol,side,quantity,price\n2026-03-10T09:00:00+09:00,BTC/USDT,buy,1,100\n"
    return {
        "capital/fill/import/": {
            "account": account,
            "file": SimpleUploadedFile("mine.csv", fills.encode()),
        },
        "capital/flow/enter/": {
            "account": account,
            "amount": "5",
            "occurred_at": "2026-03-10T12:00",
            "note": "mine-note",
        },
        "capital/fill/opening/": {
            "account": account,
            "strategy": str(tenant.strategies[0].pk),
            "symbol": "BTC/USDT",
            "side": "long",
            "quantity": "0.5",
            "entry_price": "100",
            "held_at": "2026-03-10T12:00",
        },
        "capital/flow/<path:object_id>/reverse/": {"note": "mine-note"},
        "capital/stop/<path:object_id>/lift/": {"reason": "mine-reason"},
        "capital/stop/place/": {"reason": "mine-reason"},
    }


class Sender:
    """Opens pages and sends what is on them, once for each form, button and action.

    Attributes:
        outcomes: By what was sent: its address, and the button or the action.
    """

    def __init__(self, client: Client, typed: Mapping[str, Mapping[str, Any]]) -> None:
        self.client, self.typed = client, typed
        self.client.raise_request_exception = False
        self.outcomes: dict[str, str] = {}

    def send_all(self, answer: Any, *, is_below: bool = False) -> None:
        """Of a page; on one that was an answer itself, what no page had."""
        for form, to in _posts(answer):
            for button, adds, elsewhere in presses(form):
                there = urljoin(to, elsewhere or "")
                route = resolve(urlsplit(there).path).route.removeprefix("admin/")
                name = f"{route} {button}".strip()
                known = self.outcomes.get(name)
                if known == TAKEN or (is_below and known):
                    continue
                sent = {**form.sent, **self.typed.get(route, {}), **adds}
                with undone():
                    cookies = self.client.cookies.copy()
                    answered = self._sent(there, sent)
                    self.outcomes[name] = self._outcome(answered, there, button)
                    if route.endswith("/change/"):
                        self._look_at_history(name)
                    if not is_below:
                        self.send_all(answered, is_below=True)
                    self.client.cookies = cookies

    def _sent(self, to: str, sent: dict[str, Any]) -> Any:
        for value in sent.values():
            if isinstance(value, SimpleUploadedFile):
                value.seek(0)
        told = {name: value() if callable(value) else value for name, value in sent.items()}
        return self.client.post(to, told)

    def _outcome(self, answer: Any, to: str, button: str) -> str:
        if answer.status_code >= 400:
            return f"{answer.status_code} {answer.exc_info and repr(answer.exc_info[1])}"
        queued = messages.get_messages(answer.wsgi_request)
        if told := [str(each) for each in queued if each.level >= messages.ERROR]:
            return told[0]
        if answer.status_code == 302:
            onward = self.client.get(urljoin(to, answer.headers["location"]), follow=True)
            return TAKEN if onward.status_code == 200 else f"it leads to {onward.status_code}"
        if answer.streaming:
            # Written while it is read.
            answer.getvalue()
        again = [
            press for form, there in _posts(answer) if there == to for press, *_ in presses(form)
        ]
        return "the form is shown again" if button in again else TAKEN

    def _look_at_history(self, name: str) -> None:
        """Nothing was typed into the page of a row."""
        told = LogEntry.objects.latest("pk").change_message
        if self.outcomes[name] == TAKEN and told != "[]":
            self.outcomes[name] = f"nothing was changed, and the history tells of {told}"


def _posts(answer: Any) -> Iterator[tuple[Form, str]]:
    """The forms of a page that change something, and where each leads."""
    if answer.streaming or "html" not in answer.headers["content-type"]:
        return
    for form in forms_of(answer.content.decode()):
        to = urljoin(answer.request["PATH_INFO"], form.action)
        if form.method == "post" and to.startswith("/admin/") and "/logout/" not in to:
            yield form, to


def first_of_each(found: Iterable[str]) -> list[str]:
    """One address of each page."""
    return list({resolve(urlsplit(each).path).route: each for each in reversed([*found])}.values())


def test_every_form_is_taken_by_every_button_and_every_action_is_done(
    client: Client, exchange: Exchange, hurried: None
) -> None:
    everything = make_everything("mine")
    client.force_login(everything.tenant.user)
    sender = Sender(client, typed(everything))

    for address in first_of_each(addresses(everything)):
        sender.send_all(client.get(address, follow=True))

    refused = {name: why for name, why in sender.outcomes.items() if why != TAKEN}
    assert refused == dict.fromkeys(AGAIN, "the form is shown again")
    # As many as there are: a page whose forms are not read any more would pass over all.
    assert len(sender.outcomes) > 100


@pytest.mark.once
def test_history_names_every_field_of_every_form_in_korean(rf: RequestFactory) -> None:
    everything = make_everything("mine")
    request = rf.get("/admin/")
    request.user = everything.tenant.user
    found, seen = {}, 0
    for model, page in admin.site._registry.items():
        if not (page.has_change_permission(request) or page.has_add_permission(request)):
            continue
        # A new user's form is another one than that of a user who is there.
        row = page.get_object(request, str(everything.rows(model)[0].pk))
        form: Any = page.get_form(request, row, change=True)(instance=row)
        form.changed_data = list(form.fields)
        message = page.construct_change_message(request, form, [])
        with translation.override("ko"):
            told = LogEntry(change_message=json.dumps(message)).get_change_message()
        seen += len(form.fields)
        if wrong := faults_of(told, "ko"):
            found[model._meta.label] = wrong

    assert not found, report(found)
    assert seen > 60
