"""Every message decides its Korean particles when it is formatted, whoever formats it."""

from collections.abc import Iterator
from typing import Any

import pytest
from django.core.exceptions import ValidationError
from django.template import Context, Template
from django.utils import translation
from django.utils.html import format_html
from django.utils.translation import gettext, gettext_lazy, ngettext, pgettext, trans_real

MESSAGES = {
    "one %(name)s": "%(name)s은(는)",
    "two {name}": "{name}을(를)",
    "three %s": "%s(으)로",
    "whole": "계좌은(는) 100%",
    "here\x04four %(name)s": "%(name)s이(가)",
    ("%(name)s and %(count)s", 0): "%(name)s와(과) %(count)s",
}


@pytest.fixture(autouse=True)
def _korean(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    with translation.override("ko"):
        catalogue: Any = trans_real.catalog()
        for message, korean in MESSAGES.items():
            monkeypatch.setitem(catalogue._catalog._catalogs[0], message, korean)
        yield


def test_message_is_resolved_once_its_figures_are_in() -> None:
    assert gettext("one %(name)s") % {"name": "선물"} == "선물은"
    assert gettext("two {name}").format(name="upbit") == "upbit를"
    assert gettext("two {name}").format_map({"name": "bithumb"}) == "bithumb을"
    assert gettext("three %s") % 10 == "10으로"
    assert pgettext("here", "four %(name)s") % {"name": 3} == "3이"
    assert ngettext("%(name)s and %(count)s", "", 2) % {"name": "선물", "count": 2} == "선물과 2"


def test_message_without_figures_is_resolved_at_once() -> None:
    assert gettext("whole") == "계좌는 100%"
    assert type(gettext("whole")) is str


def test_lazy_message_is_resolved_too() -> None:
    lazy = gettext_lazy("one %(name)s")

    assert lazy % {"name": 3} == "3은"
    assert str(lazy) % {"name": 3} == "3은"
    assert gettext_lazy("two {name}").format(name=2) == "2를"


def test_errors_pages_and_markup_are_resolved() -> None:
    error = ValidationError(gettext_lazy("one %(name)s"), params={"name": "bithumb"})
    page = Template("{% load i18n %}{% blocktranslate %}one {{ name }}{% endblocktranslate %}")

    assert error.messages == ["bithumb은"]
    assert page.render(Context({"name": "'선물'"})) == "&#x27;선물&#x27;은"
    assert format_html(gettext("two {name}"), name="<선물>") == "&lt;선물&gt;을"


def test_what_people_typed_stays_as_it_is() -> None:
    page = Template("{{ name }}").render(Context({"name": "선물은(는)"}))

    assert page == "선물은(는)"


def test_english_is_handed_out_as_it_was() -> None:
    with translation.override("en"):
        assert type(gettext("one %(name)s")) is str
        assert gettext("one %(name)s") % {"name": 1} == "one 1"
