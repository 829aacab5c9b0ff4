"""Values as people read them: every digit, their currency, a dash where nothing is."""

from datetime import UTC, datetime, timedelta
from decimal import Decimal

import pytest
from django.utils import translation
from hypothesis import given
from hypothesis import strategies as st

from capital.admin.frame import formats

NOON = datetime(2026, 11, 22, 12, tzinfo=UTC)


@pytest.mark.parametrize(
    ("amount", "currency", "written"),
    [
        ("1234567", "KRW", "1,234,567 KRW"),
        ("1234567.00000000", "KRW", "1,234,567 KRW"),
        ("12345678.9", "KRW", "12,345,678.9 KRW"),
        ("-1234567", "KRW", "-1,234,567 KRW"),
        ("10369.00000000", "USDT", "10,369.00 USDT"),
        ("10369", "USDT", "10,369.00 USDT"),
        ("25000.123456", "USDT", "25,000.123456 USDT"),
        ("-0.5", "USDC", "-0.50 USDC"),
        ("-0.00", "USDT", "0.00 USDT"),
        ("1234.5", "USD", "1,234.50 USD"),
        ("1E-8", "BTC", "0.00000001 BTC"),
        ("1.25E+3", "BTC", "1,250.00000000 BTC"),
        ("0", "ETH", "0.00000000 ETH"),
        ("99999999999999999999.123456789", "BTC", "99,999,999,999,999,999,999.123456789 BTC"),
    ],
)
def test_an_amount_is_written_with_its_currency(amount, currency, written):
    assert formats.money(Decimal(amount), currency) == written


def test_what_is_absent_is_a_dash_and_zero_is_zero():
    assert formats.money(None, "USDT") == "—"
    assert formats.change(None, "USDT") == "—"
    assert formats.digits(None, "USDT") == "—"
    assert formats.percent(None) == "—"
    assert formats.ratio(None) == "—"
    assert formats.moment(None) == "—"
    assert formats.age(None, now=NOON) == "—"
    assert formats.span(None) == "—"
    # The clock was set back in between.
    assert formats.span(timedelta(minutes=-10)) == "0 s"
    assert formats.money(Decimal(0), "KRW") == "0 KRW"


@pytest.mark.parametrize(
    ("amount", "currency", "written"),
    [
        ("1000", "KRW", "+1,000 KRW"),
        ("-1000", "KRW", "-1,000 KRW"),
        ("12.5", "USDT", "+12.50 USDT"),
        ("0", "USDT", "0.00 USDT"),
    ],
)
def test_a_change_shows_its_sign(amount, currency, written):
    assert formats.change(Decimal(amount), currency) == written


@given(
    st.decimals(min_value=-(10**20), max_value=10**20, places=8, allow_nan=False),
    st.sampled_from(["KRW", "USDT", "BTC"]),
)
def test_no_digit_is_lost_or_made_up(amount, currency):
    written = formats.digits(amount, currency)

    assert Decimal(written.replace(",", "")) == amount


@pytest.mark.parametrize(
    ("part", "whole", "written"),
    [
        ("1", "3", "33.3%"),
        ("2", "3", "66.7%"),
        ("0", "3", "0.0%"),
        ("3", "3", "100.0%"),
        ("1", "1000000", "<0.1%"),
        ("999999", "1000000", ">99.9%"),
        ("5", "2", "250.0%"),
        ("1", "0", "—"),
        ("1", "-5", "—"),
    ],
)
def test_a_share_is_a_percentage_that_does_not_pretend(part, whole, written):
    assert formats.percent(formats.share(Decimal(part), Decimal(whole))) == written


def test_a_ratio_has_no_idle_zeros():
    assert [formats.ratio(Decimal(text)) for text in ("1.0000", "0.50", "10", "1E+1")] == [
        "1",
        "0.5",
        "10",
        "10",
    ]


@pytest.mark.parametrize(
    ("seconds", "english", "korean"),
    [
        (0, "just now", "방금"),
        (12, "12 s ago", "12초 전"),
        (3 * 60 + 59, "3 min ago", "3분 전"),
        (2 * 3600, "2 h ago", "2시간 전"),
        (47 * 3600, "47 h ago", "47시간 전"),
        (5 * 86400, "5 d ago", "5일 전"),
        (-180, "in 3 min", "3분 후"),
    ],
)
def test_an_age_is_told_in_both_languages(seconds, english, korean):
    value = NOON - timedelta(seconds=seconds)

    assert formats.age(value, now=NOON) == english
    with translation.override("ko"):
        assert formats.age(value, now=NOON) == korean


@pytest.mark.usefixtures("seoul")
def test_a_moment_is_written_in_the_project_s_time_zone():
    assert formats.moment(NOON) == "2026-11-22 21:00:00"
