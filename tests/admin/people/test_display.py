"""Gains and losses in the colours of the reader's market, and never by colour alone."""

import re
from decimal import Decimal

import pytest
from django.test import Client
from django.urls import reverse

from capital.admin.frame.cells import gain
from capital.models import ChangeColours, DisplayPreference
from capital.services.access import change_colours_of
from tests.factories import make_user
from tests.paths import ROOT

pytestmark = [pytest.mark.django_db, pytest.mark.once]

PAGE = "/admin/display/"
STYLES = ROOT / "capital" / "static" / "capital"


def colours(client: Client, language: str) -> str:
    page = client.get("/admin/", headers={"accept-language": language}).content.decode()
    (name,) = re.findall(r"/static/capital/(\w+)-up\.css", page)
    return str(name)


@pytest.fixture
def reader(client: Client) -> Client:
    client.force_login(make_user(username="minsu", is_staff=True, password="a right one"))
    return client


def test_language_decides_until_the_user_does(reader: Client) -> None:
    assert (colours(reader, "ko"), colours(reader, "en")) == ("red", "green")

    answer = reader.post(PAGE, {"change_colours": "green_up"})
    assert answer.headers["Location"] == PAGE
    assert (colours(reader, "ko"), colours(reader, "en")) == ("green", "green")

    reader.post(PAGE, {"change_colours": "red_up"})
    assert (colours(reader, "ko"), colours(reader, "en")) == ("red", "red")

    reader.post(PAGE, {"change_colours": "automatic"})
    assert (colours(reader, "ko"), colours(reader, "en")) == ("red", "green")


def test_login_page_follows_the_language(client: Client) -> None:
    page = client.get("/admin/login/", headers={"accept-language": "ko"}).content.decode()

    assert "red-up.css" in page


def test_choice_is_of_one_user_alone(reader: Client) -> None:
    other = make_user(is_staff=True)
    DisplayPreference.objects.create(user=other, change_colours="red_up")

    reader.post(PAGE, {"change_colours": "green_up"})

    assert change_colours_of(other) is ChangeColours.RED_UP
    assert DisplayPreference.objects.count() == 2
    assert re.findall('value="(\\w+)"[^>]* checked>', page_of(reader)) == ["green_up"]


def page_of(client: Client) -> str:
    return client.get(PAGE).content.decode()


def test_other_colours_are_refused(reader: Client) -> None:
    answer = reader.post(PAGE, {"change_colours": "pink"})

    assert answer.status_code == 200
    assert not DisplayPreference.objects.exists()


def test_page_is_reached_from_the_user_menu_beside_the_password(reader: Client) -> None:
    page = page_of(reader)

    assert f'href="{PAGE}"' in page
    assert f'href="{reverse("admin:password_change")}"' in page


def test_stranger_is_led_to_the_login(client: Client) -> None:
    assert client.get(PAGE).headers["Location"].startswith("/admin/login/")


def test_sign_says_what_the_colour_says() -> None:
    assert "desk-up" in gain(Decimal(5), "USDT")
    assert "+5.00 USDT" in gain(Decimal(5), "USDT")
    assert "desk-down" in gain(Decimal(-5), "USDT")
    assert "-5.00 USDT" in gain(Decimal(-5), "USDT")
    assert "desk-up" not in gain(Decimal(0), "USDT") + gain(None, "USDT")


def test_bar_has_the_colour_of_the_figure_beside_it() -> None:
    sheet = (STYLES / "plans.css").read_text(encoding="utf-8")

    assert re.findall(r"\.plan-bar-(more|less) \{ background: var\(--desk-(\w+)\)", sheet) == [
        ("more", "up"),
        ("less", "down"),
    ]


# Of cards and pages, in each theme.
SURFACES = {":root": ("#ffffff", "#f9fafb"), ".dark": ("#101828", "#1e2939")}


@pytest.mark.parametrize("name", ["green-up.css", "red-up.css"])
def test_colours_are_readable_on_every_surface(name: str) -> None:
    """WCAG AA: 4.5 to 1."""
    sheet = (STYLES / name).read_text(encoding="utf-8")
    found = {
        theme: re.findall(r"#[0-9a-f]{6}", rules)
        for theme, rules in re.findall(r"(:root|\.dark) \{(.*?)\}", sheet)
    }

    assert [len(inks) for inks in found.values()] == [2, 2]
    assert min(
        contrast(ink, surface)
        for theme, inks in found.items()
        for ink in inks
        for surface in SURFACES[theme]
    ) >= Decimal("4.5")


def contrast(ink: str, surface: str) -> Decimal:
    lighter, darker = sorted((luminance(ink), luminance(surface)), reverse=True)
    return (lighter + Decimal("0.05")) / (darker + Decimal("0.05"))


def luminance(colour: str) -> Decimal:
    red, green, blue = (_linear(int(colour[at : at + 2], 16)) for at in (1, 3, 5))
    return Decimal("0.2126") * red + Decimal("0.7152") * green + Decimal("0.0722") * blue


def _linear(level: int) -> Decimal:
    part = Decimal(level) / 255
    if part <= Decimal("0.04045"):
        return part / Decimal("12.92")
    return ((part + Decimal("0.055")) / Decimal("1.055")) ** Decimal("2.4")
