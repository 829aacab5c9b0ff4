"""A link: what it refuses, and what it holds."""

from decimal import Decimal

import pytest
from django.core.exceptions import ValidationError
from django.core.serializers import deserialize, serialize
from django.db.models import ProtectedError

from capital.models import StrategyAccount
from strategies.edits import version_of
from strategies.models import MarketType
from tests.factories import make_account, make_link, make_market, make_strategy
from tests.models.refusals import errors_of, refused_by_database

pytestmark = pytest.mark.django_db


def test_a_futures_strategy_on_a_spot_only_venue_is_refused():
    account = make_account(venue="upbit", currency="KRW")
    strategy = make_strategy(market_type=MarketType.FUTURES)

    with pytest.raises(ValidationError, match="upbit does not offer futures trading"):
        StrategyAccount.objects.create(account=account, strategy=strategy)

    link = StrategyAccount(account=account, strategy=strategy)
    assert errors_of(link) == {"strategy": ["upbit does not offer futures trading."]}


def test_links_inserted_in_bulk_are_refused_alike(django_assert_num_queries):
    spot, futures = make_strategy(), make_strategy(market_type=MarketType.FUTURES)
    accounts = [make_account(venue="upbit", currency="KRW") for _ in range(3)]

    with pytest.raises(ValidationError, match="upbit does not offer futures trading"):
        StrategyAccount.objects.bulk_create(
            StrategyAccount(account_id=account.pk, strategy_id=futures.pk) for account in accounts
        )
    with django_assert_num_queries(4):  # strategies, accounts, order tags, insert
        StrategyAccount.objects.bulk_create(
            StrategyAccount(account_id=account.pk, strategy_id=spot.pk) for account in accounts
        )

    assert {link.strategy for link in StrategyAccount.objects.all()} == {spot}


def test_a_spot_strategy_on_a_spot_only_venue_is_kept():
    account = make_account(venue="upbit", currency="KRW")

    assert make_link(account=account, market_type=MarketType.SPOT).pk


def test_a_link_has_weight_1_leverage_1_and_no_limit_of_symbols():
    link = StrategyAccount.objects.get(pk=make_link().pk)

    assert (link.weight, link.leverage, link.max_symbols, link.is_active) == (1, 1, None, True)


def test_a_strategy_is_linked_to_an_account_once():
    link = make_link()

    with refused_by_database(
        "strategy_account_once",
        columns="capital_strategyaccount.strategy_id, capital_strategyaccount.account_id",
    ):
        StrategyAccount.objects.bulk_create(
            [StrategyAccount(account=link.account, strategy=link.strategy)]
        )
    again = StrategyAccount(account=link.account, strategy=link.strategy)
    assert errors_of(again) == {"__all__": ["This strategy is already linked to this account."]}


@pytest.mark.parametrize(
    ("field", "value", "constraint"),
    [
        ("weight", Decimal(0), "strategy_account_weight_in_range"),
        ("weight", Decimal(-1), "strategy_account_weight_in_range"),
        ("weight", Decimal("100.00000001"), "strategy_account_weight_in_range"),
        ("leverage", Decimal("0.09999999"), "strategy_account_leverage_in_range"),
        ("leverage", Decimal(0), "strategy_account_leverage_in_range"),
        ("leverage", Decimal("125.00000001"), "strategy_account_leverage_in_range"),
        ("max_symbols", 0, "strategy_account_max_symbols_positive"),
    ],
)
def test_a_link_out_of_range_is_refused(field, value, constraint):
    link = make_link()
    other = make_strategy()

    with refused_by_database(constraint):
        StrategyAccount.objects.bulk_create(
            [StrategyAccount(account=link.account, strategy=other, **{field: value})]
        )
    with refused_by_database(constraint):
        StrategyAccount.objects.update(**{field: value})
    setattr(link, field, value)
    assert list(errors_of(link)) == [field]


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("weight", Decimal("0.00000001")),
        ("weight", Decimal(100)),
        ("leverage", Decimal("0.1")),
        ("leverage", Decimal(125)),
        ("max_symbols", 1),
        ("max_symbols", None),
    ],
)
def test_a_link_at_the_edge_of_its_range_is_kept(field, value):
    link = make_link(**{field: value})

    link.full_clean()
    assert getattr(StrategyAccount.objects.get(), field) == value


def test_what_a_link_points_at_cannot_be_deleted():
    link = make_link(capital=5000)

    for row in (link, link.account, link.strategy, link.account.owner):
        with pytest.raises(ProtectedError):
            row.delete()


BEGINS = (
    "“grid”, the order tag of the strategy grid, begins “grid-btc”, that of grid-btc. On an "
    "account that both trade on, an order could be of either. Give one of them another order tag."
)


@pytest.mark.parametrize(("first", "second"), [("grid", "grid-btc"), ("grid-btc", "grid")])
def test_an_order_tag_that_begins_another_on_the_account_is_refused(first, second):
    link = make_link(strategy=make_strategy(key=first))
    strategy = make_strategy(key=second)
    again = StrategyAccount(account=link.account, strategy=strategy)

    assert errors_of(again) == {"strategy": [BEGINS]}
    for insert in (again.save, lambda: StrategyAccount.objects.bulk_create([again])):
        with pytest.raises(ValidationError, match="the order tag of the strategy grid, begins"):
            insert()
    # On another account nobody takes the one for the other.
    assert make_link(account=make_account(), strategy=strategy).pk


def test_links_of_one_insert_are_told_apart_too():
    account = make_account()
    pair = [make_strategy(key=key) for key in ("grid", "Grid2")]

    with pytest.raises(ValidationError, match="begins “Grid2”, that of Grid2"):
        StrategyAccount.objects.bulk_create(
            StrategyAccount(account=account, strategy=each) for each in pair
        )
    assert not StrategyAccount.objects.exists()


def test_tags_are_told_apart_as_the_venue_writes_them():
    # OKX allows neither hyphens nor underscores.
    okx, gate = make_account(venue="okx", wallet_mode="unified"), make_account(venue="gate")
    first, second = make_strategy(key="tr-end"), make_strategy(key="trend_2")
    for account in (okx, gate):
        make_link(account=account, strategy=first)

    with pytest.raises(ValidationError, match="“trend”, the order tag of the strategy tr-end"):
        make_link(account=okx, strategy=second)
    assert make_link(account=gate, strategy=second).pk


def test_where_no_order_carries_a_tag_none_is_refused():
    account = make_account(venue="hyperliquid", currency="USDC")

    for key in ("grid", "grid-2"):
        assert make_link(account=account, strategy=make_strategy(key=key)).pk


def test_a_set_tag_that_is_too_long_for_the_venue_is_refused_and_a_long_key_is_not():
    account = make_account(venue="kraken", currency="EUR")

    with pytest.raises(ValidationError, match="kraken has room for an order tag of 14 characters"):
        make_link(account=account, strategy=make_strategy(order_tag="fifteen-letters"))
    assert make_link(account=account, strategy=make_strategy(key="a-key-of-twenty-signs")).pk


def test_a_link_with_a_tag_that_became_alike_can_still_be_changed():
    link, other = (make_link(strategy=make_strategy(key=key)) for key in ("grid", "grid-2"))
    StrategyAccount.objects.filter(pk=other.pk).update(account=link.account)

    link.weight = Decimal(2)
    link.full_clean()
    link.save()

    assert StrategyAccount.objects.get(pk=link.pk).weight == Decimal(2)


@pytest.mark.parametrize(
    ("symbols", "message"),
    [
        (["BTCUSDT"], "“BTCUSDT” is no symbol in ccxt's notation, such as BTC/USDT"),
        (["ETH/USDT:USDT"], "ETH/USDT:USDT is traded on the market futures"),
        (["BTC/USDT", "XYZ/USDT"], "binance has no symbol XYZ/USDT."),
        ([f"C{n}/USDT" for n in range(201)], "more than 200 symbols"),
        ({"BTC/USDT": 1}, "Must be a list of symbols."),
        ([1], "Must be a list of symbols."),
    ],
)
def test_a_symbol_that_the_link_cannot_trade_is_refused(symbols, message):
    make_market("BTC/USDT")
    make_market("ETH/USDT:USDT")
    link = make_link()
    link.symbols = symbols

    assert message in errors_of(link)["symbols"][0]
    if "list" not in message:
        with pytest.raises(ValidationError, match=message[-12:]):
            link.save()


def test_symbols_of_a_venue_whose_rules_are_not_known_are_kept():
    make_market("BTC/USDT", venue="bybit")
    link = make_link(symbols=["BTC/USDT", "NEW/USDT"])

    assert StrategyAccount.objects.get(pk=link.pk).symbols == ["BTC/USDT", "NEW/USDT"]
    make_market("BTC/USDT")
    # It keeps what it has.
    link.weight = Decimal(2)
    link.full_clean()
    link.save()


def test_symbols_survive_a_fixture_and_are_part_of_the_version():
    link = make_link(symbols=["BTC/USDT"])
    (read,) = deserialize("json", serialize("json", [link]))

    assert read.object.symbols == ["BTC/USDT"]
    before = version_of(link)
    link.symbols = ["ETH/USDT"]
    assert version_of(link) != before
