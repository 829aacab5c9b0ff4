"""What a checked connection says of the account's mode and its key."""

import asyncio
from typing import Any

import pytest
from django.utils import timezone

from capital.domain.pools import WalletMode
from capital.domain.reasons import Code
from capital.exchange.answers import read_facts
from capital.exchange.ccxt import keys
from capital.exchange.contract import KeyFacts
from capital.exchange.politeness import FAILURES_TO_PAUSE, SHARED, Line
from capital.exchange.venues import VENUES
from capital.services.balances.keys import key_notices
from tests.factories import make_account
from tests.simulated import Exchange

pytestmark = pytest.mark.django_db


def notices(exchange: Exchange, venue: str, said: dict[str, Any], **fields: Any) -> list[str]:
    account = exchange.open_account(venue=venue, wallets={}, **fields)
    simulated = exchange.state.find(exchange.keys[account.pk])
    for name, value in said.items():
        setattr(simulated, name, value)
    return [reason.english for reason in key_notices(account, [], timezone.now())]


@pytest.mark.parametrize(
    ("venue", "mode", "said", "is_said"),
    [
        ("bitget", "separate", "unified", "unified"),
        ("gate", "separate", "2", "unified"),
        ("gate", "unified", "1", "separate"),
        ("kucoin", "unified", "CLASSIC", "separate"),
        ("binance", "separate", "true", "unified"),
    ],
)
def test_mode_that_the_venue_says_otherwise_is_named_and_proposed(
    exchange: Exchange, venue: str, mode: str, said: str, is_said: str
) -> None:
    (sentence,) = notices(
        exchange, venue, {"account_mode": said}, wallet_mode=mode, balance_basis="equity"
    )

    assert sentence == (
        f"{venue} reports the wallet mode “{is_said}”, but this account is set to "
        f"“{mode}”, so the wrong wallet is being read. "
        f"Change the wallet mode to “{is_said}”."
    )


def test_mode_that_cannot_be_read_here_is_said_to_be_so(exchange: Exchange) -> None:
    (sentence,) = notices(exchange, "bybit", {"account_mode": "0"})

    assert sentence.startswith("bybit reports the wallet mode “separate”")
    assert "only unified can be read" in sentence


@pytest.mark.parametrize(
    ("venue", "mode", "said"),
    [("bitget", "unified", "hybrid"), ("gate", "separate", "1"), ("kucoin", "unified", "UNIFIED"),
     ("kucoin", "separate", "something new"), ("bybit", "unified", "1"),
     ("binance", "unified", "true"), ("binance", "unified", "false"),
     ("binance", "separate", "false")],
)  # fmt: skip
def test_mode_that_fits_or_is_not_said_is_no_notice(
    exchange: Exchange, venue: str, mode: str, said: str
) -> None:
    fields = {"wallet_mode": mode}

    assert notices(exchange, venue, {"account_mode": said}, **fields) == []


@pytest.mark.parametrize(
    "venue",
    [
        venue.id
        for venue in VENUES.values()
        if any(inspection.withdraw is not None for inspection in venue.inspections)
    ],
)
@pytest.mark.parametrize("can_withdraw", [True, False])
def test_key_that_can_withdraw_is_warned_of(
    exchange: Exchange, venue: str, can_withdraw: bool
) -> None:
    warned = notices(exchange, venue, {"can_withdraw": can_withdraw})

    assert bool(warned) is can_withdraw
    assert all(
        sentence.startswith(f"This key has withdrawal permission on {venue}") for sentence in warned
    )


_UTA, _CLASSIC = 1, 2


@pytest.mark.parametrize(
    ("venue", "position", "answer", "can_withdraw"),
    [
        ("kraken", 0, {"result": {"permissions": ["add-funds", "withdraw-funds"]}}, True),
        ("kraken", 0, {"result": {"permissions": ["query-funds", "add-withdraw-address"]}}, False),
        ("kraken", 0, {"result": {}}, None),
        ("kucoin", 1, {"data": {"permission": "General,Transfer"}}, True),
        ("kucoin", 1, {"data": {"permission": "General, Withdrawal"}}, True),
        ("kucoin", 1, {"data": {"permission": "General,InnerTransfer,FlexTransfers"}}, False),
        ("bingx", 0, {"permissions": [2, 5]}, True),
        ("bingx", 0, {"permissions": [1, 2, 3, 4, 7]}, False),
        ("bingx", 0, {"code": 0, "data": {"enableWithdrawals": True}}, None),
        ("htx", 0, {"data": [{"accessKey": "ours", "permission": "readOnly,withdraw"}]}, True),
        ("htx", 0, {"data": [{"accessKey": "ours", "permission": "trade,readOnly"}]}, False),
        ("htx", 0, {"data": [{"accessKey": "another", "permission": "withdraw"}]}, None),
        ("bitget", _UTA, {"data": {"permissions": ["uta_mgt", "withdraw"]}}, True),
        ("bitget", _UTA, {"data": {"permissions": ["uta_mgt", "uta_trade"]}}, False),
        ("bitget", _CLASSIC, {"data": {"authorities": ["stow", "wwow"]}}, True),
        ("bitget", _CLASSIC, {"data": {"authorities": ["stow", "wtow", "wtor"]}}, False),
        ("deribit", 0, {"result": [{"client_id": "ours", "max_scope": "wallet:read_write"}]}, True),
        ("deribit", 0, {"result": [{"client_id": "ours", "max_scope": "wallet:read"}]}, False),
        ("deribit", 0, {"result": [{"client_id": "another"}]}, None),
        ("mexc", 0, {"permissions": "SPOT_ACCOUNT_READ,SPOT_WITHDRAW_WRITE"}, True),
        ("mexc", 0, {"permissions": "SPOT_WITHDRAW_READ,SPOT_TRANSFER_WRITE"}, False),
    ],
)
def test_word_that_the_venue_documents_is_the_one_that_withdraws(
    venue: str, position: int, answer: Any, can_withdraw: bool | None
) -> None:
    inspection = VENUES[venue].inspections[position]

    assert read_facts(answer, inspection, KeyFacts(), api_key="ours").can_withdraw is can_withdraw


def test_answer_that_knows_of_less_does_not_take_a_warning_back() -> None:
    inspection = VENUES["bitget"].inspections[_CLASSIC]

    facts = read_facts({"data": {"authorities": []}}, inspection, KeyFacts(can_withdraw=True))

    assert facts.can_withdraw is True


@pytest.mark.parametrize(
    ("private_key", "can_withdraw"),
    [
        ("0x" + "0" * 63 + "1", True),
        ("0x" + "0" * 63 + "2", False),  # an agent's
        ("no private key", False),
        ("", False),
    ],
)
def test_hyperliquid_key_withdraws_where_it_is_the_accounts_own_wallet(
    exchange: Exchange, private_key: str, can_withdraw: bool
) -> None:
    address = "0x7E5F4552091A69125d5DfCb7b8C2659029395Bdf"
    account = make_account(venue="hyperliquid", api_key=address, api_secret=private_key)

    codes = [reason.code for reason in key_notices(account, [], timezone.now())]

    assert codes == ([Code.KEY_CAN_WITHDRAW] if can_withdraw else [])


@pytest.mark.parametrize(
    ("word", "mode"),
    [
        ("unifiedAccount", WalletMode.UNIFIED),
        ('"disabled"', WalletMode.SEPARATE),
        ("portfolioMargin", None),
    ],
)
def test_hyperliquid_says_its_mode_in_one_word(word: str, mode: WalletMode | None) -> None:
    (inspection,) = VENUES["hyperliquid"].inspections

    assert read_facts(word, inspection, KeyFacts()) == KeyFacts(mode, None)


def test_venue_that_says_nothing_or_fails_is_no_notice(exchange: Exchange) -> None:
    assert notices(exchange, "upbit", {}) == []
    assert notices(exchange, "kucoin", {"api_secret": "another", "can_withdraw": True}) == []
    assert notices(exchange, "htx", {"api_secret": "another", "can_withdraw": True}) == []


def test_venue_that_is_left_alone_is_not_asked_of_the_key_either(exchange: Exchange) -> None:
    account = exchange.open_account(venue="binance", wallets={})
    simulated = exchange.state.find(exchange.keys[account.pk])
    assert simulated is not None
    simulated.can_withdraw = True
    line = Line.to("binance", exchange.server.base_url, account.api_key, "spot")
    for _ in range(FAILURES_TO_PAUSE):
        SHARED.failed(line, timezone.now())

    assert list(key_notices(account, [], timezone.now())) == []
    assert exchange.server.requests == []


def test_questions_about_a_key_end_together_however_many_there_are(
    exchange: Exchange, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Bitget is asked three."""
    events: list[str] = []

    async def never(_exchange: Any, _inspection: Any, _api_key: str) -> None:
        events.append("asked")
        try:
            await asyncio.sleep(60)
        finally:
            events.append("given up")

    monkeypatch.setattr(keys, "_asked", never)
    monkeypatch.setattr(keys, "INSPECTION_SECONDS", 0.2)
    account = exchange.open_account(venue="bitget", wallets={})

    assert list(key_notices(account, [], timezone.now())) == []

    assert events == ["asked"] * 3 + ["given up"] * 3


def test_venue_without_a_row_is_said_to_be_unproven() -> None:
    account = make_account(venue="whitebit")

    codes = [reason.code for reason in key_notices(account, [], timezone.now())]

    assert codes == [Code.VENUE_UNPROVEN]
