"""Every page of the site is whole, and in the reader's language.

A page, a form or a model that is added is read here too: addresses come from the URL resolver,
forms from the pages themselves.
"""

import re
from collections.abc import Iterator

import pytest
from django.contrib import admin
from django.contrib.auth.models import Group
from django.http import HttpResponse
from django.test import Client
from django.urls import reverse

from capital.models import AccountAccess, SecondFactorDevice
from capital.services.jobs import JOBS
from tests.admin.tenants import allow_everything
from tests.factories import make_user
from tests.words.everything import Everything, addresses, make_everything
from tests.words.reading import read, report

pytestmark = [pytest.mark.django_db, pytest.mark.once]

LANGUAGES = ("ko", "en")
# What somebody named: rows of the desk, jobs, groups; and what only a log needs.
NAMED = re.compile(
    r"mine[\w-]*( was not read live\.| was allocated\.)?|Capital of (?=mine)"
    r"|(capital\.tasks\.)?\b(" + "|".join(job.name for job in JOBS) + r")\b|task-\d|cap_\w+"
    r"|\b[0-9a-f]{32}\b|Asia/Seoul|\b(operator|risk|viewer)\b|BTCUSDT|\b\w+\*{3,}|ExchangeNotAvailable|module\.tasks\.\w+"
)  # fmt: skip
SAVES = re.compile(b'name="_save"|name="old_password"|name="set-password"')


@pytest.fixture
def everything() -> Everything:
    return make_everything("mine")


def get(client: Client, path: str, language: str) -> HttpResponse:
    return client.get(path, headers={"accept-language": language}, follow=True)


def faults(answer: HttpResponse, language: str, *statuses: int) -> list[str]:
    """What is wrong with an answer that should be a page."""
    if answer.status_code not in (statuses or (200,)):
        return [f"its status is {answer.status_code}"]
    page = read(answer.content.decode())
    page.title = NAMED.sub("", page.title)
    page.texts = [NAMED.sub("", text) for text in page.texts]
    return page.faults(language)


def test_there_is_a_row_for_every_page_of_a_row(everything: Everything) -> None:
    assert [model for model in admin.site._registry if not everything.rows(model)] == []


def test_every_page_is_in_the_readers_language(client: Client, everything: Everything) -> None:
    found: dict[str, list[str]] = {}
    seen = {200: 0, 403: 0}
    client.force_login(everything.tenant.user)
    for path in addresses(everything):
        for language in LANGUAGES:
            answer = get(client, path, language)
            if answer.streaming or "html" not in answer.headers["content-type"]:
                continue
            # Nobody adds or deletes by hand what services write.
            refused = (403,) if path.endswith(("/add/", "/delete/")) else ()
            if wrong := faults(answer, language, 200, *refused):
                found[f"{language} {path}"] = wrong
            else:
                seen[answer.status_code] += 1

    assert not found, report(found)
    assert seen[200] > 4 * seen[403] > 0


def test_pages_of_who_may_only_look_are_too(client: Client, everything: Everything) -> None:
    """Fields are shown as text there."""
    everything.tenant.user.is_superuser = False
    everything.tenant.user.save()
    client.force_login(allow_everything(everything.tenant.user))
    found = {}
    # A superuser's to manage.
    for model in set(everything.tenant.models) - {SecondFactorDevice}:
        options = model._meta
        address = f"admin:{options.app_label}_{options.model_name}_change"
        path = reverse(address, args=[everything.tenant.rows(model)[0].pk])
        for language in LANGUAGES:
            if wrong := faults(get(client, path, language), language):
                found[f"{language} {path}"] = wrong

    assert not found, report(found)


def test_pages_of_who_was_given_a_look_are_too(client: Client, everything: Everything) -> None:
    """Tables of fields are text there, too."""
    viewer = make_user(username="mine-viewer", is_staff=True)
    viewer.groups.add(Group.objects.get(name="viewer"))
    AccountAccess.objects.create(user=viewer, account=everything.tenant.account, role="viewer")
    client.force_login(viewer)
    found, seen = {}, 0
    for path in addresses(everything):
        if not path.endswith("/change/"):
            continue
        answer = get(client, path, "en")
        if answer.status_code == 200:
            seen += 1
            if wrong := faults(answer, "en"):
                found[path] = wrong

    assert not found, report(found)
    assert seen > 5


# Forms


def fields_of(html: str) -> dict[str, str | None]:
    """The fields of a page's form: None where a person types, else what is sent."""
    form = max(re.findall(r"<form\b.*?</form>", html, re.DOTALL), key=len)
    found: dict[str, str | None] = {}
    for tag in re.findall(r"<(?:input|select|textarea)\b[^>]*>", form):
        given = dict(re.findall(r'\b(name|type|value)="([^"]*)"', tag))
        kind = given.get("type", "text")
        if "name" not in given or kind in ("submit", "checkbox", "radio") or "__prefix__" in tag:
            continue
        typed = tag.startswith("<textarea") or (tag.startswith("<input") and kind != "hidden")
        found[given["name"]] = None if typed else given.get("value", "")
    return found


def forms(everything: Everything) -> Iterator[str]:
    """Addresses of every form that the admin has for rows, and of those that stand alone."""
    for model in admin.site._registry:
        options = model._meta
        start = f"admin:{options.app_label}_{options.model_name}_"
        yield reverse(start + "add")
        yield reverse(start + "change", args=[everything.rows(model)[0].pk])
    user = everything.tenant.user
    yield reverse("admin:auth_user_password_change", args=[user.pk])
    yield reverse("admin:password_change")


def test_every_form_tells_its_errors_in_the_readers_language(
    client: Client, everything: Everything
) -> None:
    found: dict[str, list[str]] = {}
    asked, refused = set(), set()
    client.force_login(everything.tenant.user)
    for path in forms(everything):
        shown = client.get(path)
        if not SAVES.search(shown.content):
            # Nobody writes these by hand.
            continue
        asked.add(path)
        fields = fields_of(shown.content.decode())
        for junk in ("", "?", "-1", "9" * 40):
            sent = {name: junk if value is None else value for name, value in fields.items()}
            for language in LANGUAGES:
                answer = client.post(path, sent, headers={"accept-language": language})
                if answer.status_code == 302:
                    # It was taken: there is nothing to tell.
                    continue
                refused.add(path)
                if wrong := faults(answer, language):
                    found[f"{language} {path} {junk!r}"] = wrong

    assert not found, report(found)
    assert len(asked) > 10
    assert refused == asked


def test_login_tells_its_errors_in_the_readers_language(client: Client) -> None:
    for language in LANGUAGES:
        for sent in ({}, {"username": "minsu", "password": "wrong"}):
            answer = client.post("/admin/login/", sent, headers={"accept-language": language})
            assert faults(answer, language) == []


# Pages for what goes wrong


def test_pages_of_errors_are_in_the_readers_language(
    client: Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    client.raise_request_exception = False
    client.force_login(make_user(is_staff=True))
    stranger = Client(enforce_csrf_checks=True)
    wrong = {"username": "minsu", "password": "wrong"}
    for _ in range(10):
        Client().post("/admin/login/", wrong)
    for language in LANGUAGES:
        said = {"headers": {"accept-language": language}}
        answers = {
            404: client.get("/nowhere", **said),
            403: client.get("/admin/capital/account/", **said),
            429: Client().post("/admin/login/", wrong, **said),
        }
        for status, answer in answers.items():
            assert faults(answer, language, status) == []
        assert faults(stranger.post("/admin/login/", wrong, **said), language, 403) == []
        assert faults(client.get("/", **said), language) == []
        with monkeypatch.context() as broken:
            broken.setattr("capital_project.views.render", None)
            assert faults(client.get("/", **said), language, 500) == []
