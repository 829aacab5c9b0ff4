"""Totals in one currency, by stored rates, for the dashboard."""

from datetime import UTC, datetime
from decimal import Decimal
from io import StringIO
from typing import Any

import pytest
from django.contrib.auth.models import User
from django.core.management import CommandError, call_command

from capital.domain.errors import InvalidAmount, InvalidRate, RateMissing
from capital.domain.rates import Reported
from capital.models import ReportingRate
from capital.services.overview.dashboard import read_dashboard
from capital.services.overview.rates import reported_total, store_rate
from tests.factories import make_account, make_summary, make_user
from tests.models.refusals import refused_by_database

OLD, NEW = datetime(2026, 3, 1, tzinfo=UTC), datetime(2026, 3, 2, tzinfo=UTC)


@pytest.mark.django_db
def test_stored_rate_is_used_with_its_time_and_replaced_by_a_newer_one() -> None:
    store_rate("usdt", "KRW", "1400", clock=lambda: OLD)
    store_rate("USDT", "KRW", "1385.5", clock=lambda: NEW)

    assert reported_total("KRW", {"USDT": Decimal(2)}) == Reported(Decimal(2771), NEW)
    with pytest.raises(RateMissing):
        reported_total("USD", {"USDT": Decimal(2)})


@pytest.mark.django_db
@pytest.mark.parametrize(
    ("pair", "error"),
    [
        (("USDT", "KRW", "0"), InvalidRate),
        (("USDT", "KRW", "-1"), InvalidRate),
        (("USDT", "USDT", "1"), InvalidRate),
        (("US-DT", "KRW", "1"), InvalidRate),
        (("USDT", "KRW", "NaN"), InvalidAmount),
        (("USDT", "KRW", "1_000"), InvalidAmount),
    ],
)
def test_what_is_no_rate_is_refused(pair: tuple[str, str, str], error: type[Exception]) -> None:
    with pytest.raises(error):
        store_rate(*pair)


@pytest.mark.django_db
@pytest.mark.parametrize(
    ("fields", "constraint"),
    [
        ({"rate": 0}, "reporting_rate_positive"),
        ({"base": "usdt"}, "reporting_rate_currencies_well_formed"),
    ],
)
def test_database_refuses_what_is_no_rate(fields: dict[str, object], constraint: str) -> None:
    row = {"base": "USDT", "quote": "KRW", "rate": Decimal(1), "observed_at": NEW, **fields}

    with refused_by_database(constraint):
        ReportingRate.objects.create(**row)


@pytest.mark.django_db
def test_command_stores_and_shows_rates_with_their_age() -> None:
    stdout = StringIO()
    call_command("rates", "USDT", "KRW", "1385.50", stdout=stdout)
    call_command("rates", stdout=stdout)

    first, second = stdout.getvalue().splitlines()
    assert first == second
    assert first.startswith("1 USDT = 1385.5 KRW (0")
    with pytest.raises(CommandError, match="This is not a valid rate"):
        call_command("rates", "USDT", "KRW", "-1")


@pytest.mark.django_db
def test_desk_without_balances_has_no_total_in_the_reporting_currency(settings: Any) -> None:
    account = make_account()
    store_rate("USDT", "KRW", "1400")

    def total(user: User) -> object:
        return read_dashboard(user).reported

    settings.CAPITAL_REPORTING_CURRENCY = "KRW"
    assert total(make_user()) is None
    assert total(account.owner) is not None
    settings.CAPITAL_REPORTING_CURRENCY = ""
    assert total(account.owner) is None


@pytest.mark.django_db
def test_a_total_of_which_no_balance_is_known_is_not_zero(settings: Any) -> None:
    settings.CAPITAL_REPORTING_CURRENCY = "KRW"
    account = make_account(currency="USDT")
    store_rate("USDT", "KRW", "1400")

    unknown = read_dashboard(account.owner).reported
    make_summary(account=account, spot_balance=Decimal(0), ending_balance=Decimal(0))
    nothing = read_dashboard(account.owner).reported

    assert unknown is not None
    assert nothing is not None
    assert (unknown.total, unknown.missing, unknown.is_partial) == (None, None, True)
    assert nothing.total == Reported(Decimal(0), None)


@pytest.mark.django_db
def test_currencies_come_by_what_they_are_worth_and_next_to_nothing_is_dust(settings: Any) -> None:
    settings.CAPITAL_REPORTING_CURRENCY = "KRW"
    owner = make_user()
    # Two accounts of won were first by their number; ether has no rate.
    for currency, balance in (
        ("KRW", "900000"), ("KRW", "100000"), ("USDT", "3000"), ("DOGE", "2"), ("ETH", "1"),
    ):  # fmt: skip
        account = make_account(owner=owner, currency=currency)
        make_summary(
            account=account, spot_balance=Decimal(balance), ending_balance=Decimal(balance)
        )
    store_rate("USDT", "KRW", "1400")
    store_rate("DOGE", "KRW", "300")

    dashboard = read_dashboard(owner)

    assert [each.currency for each in dashboard.currencies] == ["USDT", "KRW", "DOGE", "ETH"]
    assert dashboard.reported is not None
    assert dashboard.reported.worths == {"KRW": 1000000, "USDT": 4200000, "DOGE": 600}
    assert dashboard.reported.dust == {"DOGE"}
