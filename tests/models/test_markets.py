"""The rules of market rules, and of an account's sizing, tested by going around ``save()``."""

from decimal import Decimal

import pytest
from django.core.exceptions import ValidationError

from capital.models import Account, Market
from tests.factories import make_account, make_market
from tests.models.refusals import refused_by_database

pytestmark = pytest.mark.django_db


@pytest.mark.parametrize(
    ("fields", "constraint"),
    [
        ({"symbol": ""}, "market_named"),
        ({"settle": ""}, "market_named"),
        ({"kind": "option", "contract_size": Decimal(1)}, "market_kind_known"),
        ({"precision_mode": "rounded"}, "market_precision_mode_known"),
        ({"kind": "linear"}, "market_contract_size_fits_kind"),
        ({"kind": "inverse", "contract_size": Decimal(0)}, "market_contract_size_fits_kind"),
        ({"contract_size": Decimal(1)}, "market_contract_size_fits_kind"),
        ({"amount_precision": Decimal(0)}, "market_amount_precision_positive"),
        ({"min_amount": Decimal(-1)}, "market_limits_not_negative"),
        ({"max_cost": Decimal(-1)}, "market_limits_not_negative"),
        ({"market_sell_max_amount": Decimal(-1)}, "market_limits_not_negative"),
        ({"market_buy_max_cost": Decimal(-1)}, "market_limits_not_negative"),
        ({"market_max_cost": Decimal(-1)}, "market_limits_not_negative"),
        ({"max_leverage": Decimal(-1)}, "market_limits_not_negative"),
        ({"amount_unit": "lots"}, "market_amount_unit_known"),
    ],
)
def test_a_market_out_of_its_rules_is_refused(fields, constraint):
    market = make_market()

    with refused_by_database(constraint):
        Market.objects.filter(pk=market.pk).update(**fields)


def test_a_market_stands_once_a_venue():
    make_market()
    make_market(venue="bybit")

    with refused_by_database(
        "market_once_a_venue", columns="capital_market.venue, capital_market.symbol"
    ):
        make_market()


def test_decimals_may_be_below_zero():
    make_market(precision_mode="decimal_places", amount_precision=Decimal(-2))

    assert Market.objects.get().amount_precision == -2


@pytest.mark.parametrize("name", ["amount_precision", "max_amount", "contract_size"])
def test_a_rule_is_given_back_exactly(name):
    kind = {"kind": "linear", "contract_size": Decimal(1)} if name == "contract_size" else {}
    make_market(**{**kind, name: Decimal("0.000000000000000123")})

    assert getattr(Market.objects.get(), name) == Decimal("0.000000000000000123")


def test_an_account_s_defaults_give_the_plain_formula():
    account = Account.objects.get(pk=make_account().pk)

    assert (account.fee_rate, account.utilisation, account.max_budget_percent) == (0, 1, 100)
    assert account.max_price_deviation_percent == 5


@pytest.mark.parametrize(
    ("name", "value", "constraint", "sentence"),
    [
        ("fee_rate", "-0.001", "account_fee_rate_in_range", "fee rate must be 0 or more"),
        ("fee_rate", "1", "account_fee_rate_in_range", "fee rate must be 0 or more"),
        ("utilisation", "0", "account_utilisation_in_range", "utilisation must be above 0"),
        ("utilisation", "1.01", "account_utilisation_in_range", "utilisation must be above 0"),
        (
            "max_budget_percent",
            "0",
            "account_max_budget_percent_in_range",
            "maximum budget must be above 0",
        ),
        (
            "max_budget_percent",
            "-5",
            "account_max_budget_percent_in_range",
            "maximum budget must be above 0",
        ),
        (
            "max_price_deviation_percent",
            "0",
            "account_max_price_deviation_in_range",
            "maximum price deviation must be above 0",
        ),
        (
            "max_price_deviation_percent",
            "100.01",
            "account_max_price_deviation_in_range",
            "maximum price deviation must be above 0",
        ),
    ],
)
def test_an_account_out_of_range_is_refused(name, value, constraint, sentence):
    account = make_account()

    with refused_by_database(constraint):
        Account.objects.filter(pk=account.pk).update(**{name: Decimal(value)})
    setattr(account, name, Decimal(value))
    with pytest.raises(ValidationError) as refused:
        account.full_clean()
    assert any(sentence in message for message in refused.value.messages)
