"""What the simulator of these tests serves."""

from capital.simulator.state import SimulatedAccount


def accounts() -> list[SimulatedAccount]:
    """One account of each venue, and a second one of a venue with two pools."""
    return [
        SimulatedAccount(
            name="Binance one",
            venue="binance",
            api_key="test-binance-one-key",
            api_secret="test-binance-one-secret",
            wallets={
                "spot": {"USDT": "10369.00", "BTC": "0.12345678"},
                "futures": {"USDT": "5000.00"},
            },
        ),
        SimulatedAccount(
            name="Binance two",
            venue="binance",
            api_key="test-binance-two-key",
            api_secret="test-binance-two-secret",
            wallets={"spot": {"USDT": "3000.00"}, "futures": {"USDT": "2000.00"}},
        ),
        SimulatedAccount(
            name="Bybit",
            venue="bybit",
            api_key="test-bybit-key",
            api_secret="test-bybit-secret",
            wallets={"unified": {"USDT": "25000.123456", "ETH": "0"}},
        ),
        SimulatedAccount(
            name="OKX",
            venue="okx",
            api_key="test-okx-key",
            api_secret="test-okx-secret",
            api_passphrase="test-okx-passphrase",
            wallets={"unified": {"USDT": "8342.515", "ETH": "0.000"}},
        ),
        SimulatedAccount(
            name="Upbit",
            venue="upbit",
            api_key="test-upbit-key",
            api_secret="test-upbit-secret",
            currency="KRW",
            wallets={"spot": {"KRW": "12345678.9", "BTC": "0.00000001"}},
        ),
        SimulatedAccount(
            name="Bithumb",
            venue="bithumb",
            api_key="test-bithumb-key",
            api_secret="test-bithumb-secret",
            currency="KRW",
            wallets={"spot": {"KRW": "4500000"}},
        ),
    ]


POOLS = [(account.name, pool) for account in accounts() for pool in account.pools]
