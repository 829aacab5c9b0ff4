"""What coins count for, to the digit."""

from decimal import Decimal

from hypothesis import given
from hypothesis import strategies as st

from capital.domain.allocation.holdings import Coin, CoinsWorth, worth_of_coins

D = Decimal


def coin(link: int, quantity: str, price: str | None = "100", name: str = "BTC") -> Coin:
    return Coin(link, name, D(quantity), None if price is None else D(price))


def worth(*coins: Coin, wallet: dict[str, Decimal | None] | None) -> CoinsWorth:
    held: dict[str, list[Coin]] = {}
    for each in coins:
        held.setdefault(each.name, []).append(each)
    return worth_of_coins(held, wallet)


def test_each_link_has_what_it_holds_at_its_price() -> None:
    found = worth(
        coin(1, "2"), coin(1, "3", "10", "ETH"), coin(2, "0.5"), wallet={"BTC": D(9), "ETH": D(3)}
    )
    assert (found.links, found.unknown) == ({1: D(230), 2: D(50)}, [])


def test_less_in_the_wallet_is_shared_by_what_each_holds() -> None:
    found = worth(coin(1, "1"), coin(2, "2"), wallet={"BTC": D("1.5")})
    assert found.links == {1: D(50), 2: D(100)}
    found = worth(coin(1, "1", "1"), coin(2, "2", "1"), wallet={"BTC": D(1)})
    assert found.links == {1: D("0.333333333333333333"), 2: D("0.666666666666666667")}


def test_what_the_wallet_lacks_is_nothing_and_needs_no_price() -> None:
    found = worth(coin(1, "1", None), wallet={})
    assert (found.links, found.unknown) == ({}, [])
    assert worth(coin(1, "1"), wallet={}).links == {1: 0}
    # A wallet that owes a coin has none.
    assert worth(coin(1, "1"), wallet={"BTC": D(-1)}).links == {1: 0}


def test_without_a_price_or_the_wallets_balance_it_is_not_known() -> None:
    for found in (
        worth(coin(1, "1", None), coin(2, "1"), wallet={"BTC": D(2)}),
        worth(coin(1, "1"), wallet={"BTC": None}),
        worth(coin(1, "1"), wallet=None),
    ):
        assert (found.links, found.unknown) == ({}, ["BTC"])
    # One coin that is not known says nothing of another.
    found = worth(coin(1, "1", None), coin(1, "1", name="ETH"), wallet={"BTC": D(1), "ETH": D(1)})
    assert (found.links, found.unknown) == ({1: D(100)}, ["BTC"])
    assert worth(wallet=None) == CoinsWorth({}, [])


@given(
    st.lists(st.decimals("0.001", 1000, places=3), min_size=1, max_size=5),
    st.decimals(0, 2000, places=3),
)
def test_links_never_have_more_than_the_wallet(held: list[Decimal], has: Decimal) -> None:
    coins = [Coin(number, "BTC", quantity, D(7)) for number, quantity in enumerate(held)]
    found = worth_of_coins({"BTC": coins}, {"BTC": has})
    total = sum(found.links.values())
    assert abs(total - 7 * min(has, sum(held))) <= D("1e-17")
