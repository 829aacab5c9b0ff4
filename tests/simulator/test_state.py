import json

import pytest

from capital.simulator.errors import SimulatorError
from capital.simulator.state import DEMO_ACCOUNTS, ExchangeState, SimulatedAccount

GOOD = {
    "name": "Main",
    "venue": "binance",
    "currency": "USDT",
    "api_key": "key-one",
    "api_secret": "secret-one",
    "api_passphrase": "",
    "wallets": {"spot": {"USDT": "1.00"}},
    "faults": [],
}


def desk_file(tmp_path, *entries):
    path = tmp_path / "desk.json"
    path.write_text(json.dumps({"accounts": list(entries)}), encoding="utf-8")
    return path


def test_a_desk_is_read_from_its_file(tmp_path):
    fault = {"pool": "futures", "fault": "reset", "times": 2}
    recorded = {"futures": {"assets": []}}
    path = desk_file(tmp_path, {**GOOD, "faults": [fault], "recorded": recorded})

    (account,) = ExchangeState.from_json(path).accounts

    assert (account.name, account.venue, account.currency) == ("Main", "binance", "USDT")
    assert account.wallets == {"spot": {"USDT": "1.00"}}
    assert account.recorded == recorded
    assert (account.faults["futures"].fault, account.faults["futures"].times) == ("reset", 2)


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        ({"venue": "nowhere"}, "unknown venue 'nowhere'; use one of binance, bingx"),
        ({"venue": "okx", "wallets": {}}, "needs an api_passphrase"),
        ({"api_secret": ""}, "api_secret must not be empty"),
        ({"currency": ""}, "currency must not be empty"),
        ({"api_key": 5}, "api_key must be text"),
        ({"wallets": {"margin": {"USDT": "1"}}}, "binance has no pool 'margin'"),
        ({"venue": "mexc", "wallets": {"unified": {}}}, "mexc has no pool 'unified'"),
        ({"wallets": {"spot": {"USDT": 1.5}}}, "plain decimal string"),
        ({"wallets": {"spot": {"USDT": "1e5"}}}, "plain decimal string"),
        ({"wallets": {"spot": ["USDT"]}}, "wallets must be like"),
        ({"recorded": []}, "recorded must map"),
        ({"faults": {"spot": "drip"}}, "faults must be a list"),
        ({"faults": [{"pool": "spot"}]}, "a fault must be like"),
        ({"faults": [{"pool": "spot", "fault": "slow"}]}, "unknown fault 'slow'; use one of"),
        ({"wallet": {}}, "unknown field 'wallet'"),
    ],
)
def test_a_bad_entry_is_named_with_what_to_do(tmp_path, change, reason):
    path = desk_file(tmp_path, {**GOOD, "api_key": "other"}, {**GOOD, **change, "name": "Second"})

    with pytest.raises(SimulatorError) as caught:
        ExchangeState.from_json(path)

    assert f"{path}: account 2 (Second): " in str(caught.value)
    assert reason in str(caught.value)
    assert isinstance(caught.value, ValueError)


def test_a_key_may_stand_on_the_desk_once(tmp_path):
    with pytest.raises(SimulatorError, match=r"account 2 \(Main\): .*give each account its own"):
        ExchangeState.from_json(desk_file(tmp_path, GOOD, GOOD))


@pytest.mark.parametrize("text", ["", "[]", "{}", '{"accounts": []}', '"text"'])
def test_a_file_without_accounts_is_refused(tmp_path, text):
    path = tmp_path / "desk.json"
    path.write_text(text, encoding="utf-8")

    with pytest.raises(SimulatorError, match=r"desk\.json"):
        ExchangeState.from_json(path)


def test_an_entry_that_is_no_object_is_refused(tmp_path):
    with pytest.raises(SimulatorError, match="account 1: must be an object"):
        ExchangeState.from_json(desk_file(tmp_path, "Main"))


def test_faults_may_be_given_with_the_account():
    account = SimulatedAccount(
        venue="binance", api_key="k", api_secret="s", faults={"futures": "server_error"}
    )

    assert account.faults["futures"].fault == "server_error"
    assert account.faults["futures"].times is None


def test_an_account_does_not_show_its_keys():
    account = SimulatedAccount(
        venue="okx", api_key="the-key", api_secret="the-secret", api_passphrase="the-phrase"
    )

    assert not any(secret in repr(account) for secret in ("the-key", "the-secret", "the-phrase"))


def test_a_clear_on_one_pool_leaves_the_other_fault():
    desk = ExchangeState([SimulatedAccount(venue="binance", api_key="k", api_secret="s")])
    desk.set_fault("k", "drip")

    desk.set_fault("k", None, "spot")

    assert list(desk.accounts[0].faults) == ["futures"]


def test_the_demo_desk_has_one_fault_which_shows_the_fallback():
    desk = ExchangeState.from_json(DEMO_ACCOUNTS)

    assert [account.name for account in desk.accounts] == [
        "Binance main",
        "Bybit unified",
        "OKX unified",
        "Upbit KRW",
        "Binance fallback",
        "Bithumb KRW",
    ]
    assert {
        (account.name, pool, standing.fault, standing.times)
        for account in desk.accounts
        for pool, standing in account.faults.items()
    } == {("Binance fallback", "futures", "server_error", None)}
    assert all(account.api_key.startswith("demo-") for account in desk.accounts)
