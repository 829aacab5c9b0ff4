"""What a check of a connection tells, pool by pool, and what is told of it after each sync."""

from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any

import pytest
from django.utils import timezone

from capital.domain.errors import UnknownAccount
from capital.domain.pools import Pool
from capital.domain.reasons import Code
from capital.exchange.politeness import FAILURES_TO_PAUSE
from capital.models import Account
from capital.services.balances import connections
from capital.services.balances.connections import ADVICE, ConnectionReport, check_connection
from capital.services.balances.sync import sync_balances
from capital.services.overview import needs_of
from capital.services.overview.accounts import Freshness, freshness_of
from strategies.models import MarketType
from tests.exchange.readings.plain_server import PlainServer
from tests.factories import make_account, make_link, make_operator, make_summary
from tests.simulated import Exchange

pytestmark = pytest.mark.django_db

NOON = datetime(2026, 3, 10, 12, tzinfo=UTC)


def codes(report: ConnectionReport) -> list[str]:
    return [notice.code.value for notice in report.notices]


def test_every_pool_says_what_it_holds_to_the_last_digit(exchange: Exchange) -> None:
    account = exchange.open_account(
        wallets={"spot": {"USDT": "10369.123456"}, "futures": {"USDT": "0"}}
    )
    make_link(account=account)

    report = check_connection(account.pk, clock=lambda: NOON)

    assert report.sound
    assert report.checked_at == NOON
    assert [(each.pool, str(each.amount), each.observed_at) for each in report.pools] == [
        ("spot", "10369.123456", NOON),
        ("futures", "0.00", NOON),
    ]
    assert codes(report) == []


def test_nothing_is_written(exchange: Exchange, django_assert_num_queries: Any) -> None:
    account = exchange.open_account(wallets={"spot": {"USDT": "1"}, "futures": {"USDT": "1"}})
    before = Account.objects.values().get()

    with django_assert_num_queries(4) as captured:
        check_connection(account.pk)

    assert {query["sql"].split()[0] for query in captured} == {"SELECT"}
    assert Account.objects.values().get() == before


def refused_account(exchange: Exchange) -> Account:
    """Whose key its exchange refused at the last sync; another account beside it, as well."""
    opened = [
        exchange.open_account(name=name, wallets={"spot": {"USDT": "5"}, "futures": {"USDT": "7"}})
        for name in ("Mine", "Other")
    ]
    for account in opened:
        make_link(account=account)
        exchange.fail(account, "unauthorized")
    sync_balances([account.pk for account in opened])
    assert set(Account.objects.values_list("connection_code", flat=True)) == {
        "exchange_refused_key"
    }
    return opened[0]


def needed(account: Account) -> list[str]:
    needs = needs_of(account.owner)
    return [each.kind for each in needs if each.account_id == account.pk]


def test_a_check_that_succeeds_takes_back_that_the_key_is_refused(exchange: Exchange) -> None:
    account = refused_account(exchange)
    assert needed(account) == ["key_refused"]
    exchange.fail(account, None)

    assert check_connection(account.pk).sound

    codes = dict(Account.objects.values_list("name", "connection_code"))
    assert codes == {"Mine": "", "Other": "exchange_refused_key"}
    assert needed(account) == []


def test_a_check_that_fails_takes_nothing_back(exchange: Exchange) -> None:
    account = refused_account(exchange)

    assert not check_connection(account.pk).sound

    account.refresh_from_db()
    assert account.connection_code == "exchange_refused_key"
    assert needed(account) == ["key_refused"]


def test_a_check_of_an_account_that_was_changed_meanwhile_takes_nothing_back(
    exchange: Exchange, monkeypatch: pytest.MonkeyPatch
) -> None:
    account = refused_account(exchange)
    exchange.fail(account, None)
    noted = connections.note_recovery

    def replaced(*args: Any, **kwargs: Any) -> None:
        Account.objects.filter(pk=account.pk).update(balance_basis="equity")
        noted(*args, **kwargs)

    monkeypatch.setattr(connections, "note_recovery", replaced)
    assert check_connection(account.pk).sound

    account.refresh_from_db()
    assert account.connection_code == "exchange_refused_key"


@pytest.mark.parametrize(
    ("fault", "code", "advice"),
    [
        ("unauthorized", "exchange_refused_key", None),
        ("server_error", "exchange_unreachable", "check_network"),
        ("missing_currency", "exchange_currency_missing", "check_currency"),
        ("empty_object", "exchange_bad_answer", "check_venue"),
    ],
)
def test_pool_that_does_not_answer_says_why_and_what_to_do(
    exchange: Exchange, fault: str, code: str, advice: str | None
) -> None:
    account = exchange.open_account(wallets={"spot": {"USDT": "5"}, "futures": {"USDT": "7"}})
    make_link(account=account, market_type=MarketType.FUTURES)
    exchange.fail(account, fault, "spot")

    report = check_connection(account.pk)

    spot, futures = report.pools
    assert (spot.amount, spot.observed_at) == (None, None)
    assert spot.reason is not None
    assert spot.reason.code == code
    assert (None if spot.advice is None else spot.advice.code) == advice
    assert (str(futures.amount), futures.reason, futures.advice) == ("7.00", None, None)
    assert not report.sound


def test_bad_key_says_what_to_check(exchange: Exchange) -> None:
    account = exchange.open_account(wallets={"spot": {"USDT": "5"}, "futures": {"USDT": "7"}})
    account.api_secret = "CANARY-wrong"
    account.save()

    report = check_connection(account.pk)

    for pool in report.pools:
        assert pool.reason is not None
        assert "Check the key" in pool.reason.english
        assert "CANARY" not in pool.reason.english


def test_every_reason_without_a_balance_has_something_to_do() -> None:
    told_by_itself = ("Enter", "Check", "Wait", "Restore", "Tested ones", "Correct", "Run")
    others = {*ADVICE, Code.WALLET_MODE_NOT_ON_VENUE, Code.UNKNOWN_VENUE}

    for code in Code:
        if code.startswith(("exchange_", "credentials_")) or code in others:
            assert code in ADVICE or any(word in code.english for word in told_by_itself), code


def test_live_balances_that_are_switched_off_say_how_to_switch_them_on(settings: Any) -> None:
    settings.CAPITAL_LIVE_BALANCES = False

    report = check_connection(make_account().pk)

    assert [(each.reason.code, each.advice.code) for each in report.pools] == [  # type: ignore[union-attr]
        ("live_disabled", "switch_live_on")
    ] * 2


def test_notices_tell_what_else_an_operator_should_know(exchange: Exchange) -> None:
    account = exchange.open_account(
        wallets={"spot": {"USDT": "1000"}, "futures": {"USDT": "7"}},
        is_active=False,
        max_jump_percent=Decimal(50),
    )
    make_summary(account=account, date=NOON.date() - timedelta(days=1), spot_balance=Decimal(100))
    make_link(account=account)
    make_link(account=account, market_type=MarketType.FUTURES, status="PAUSED")

    report = check_connection(account.pk, clock=lambda: NOON)

    assert report.sound
    assert codes(report) == ["jobs_skip_it", "jump_suspected", "pool_unused"]
    assert report.notices[2].figures == {"pools": "futures"}


def test_wallet_that_the_venue_calls_otherwise_is_a_notice(exchange: Exchange) -> None:
    account = exchange.open_account(venue="gate", wallets={}, wallet_mode="separate")
    exchange.state.find(exchange.keys[account.pk]).account_mode = "2"

    report = check_connection(account.pk)

    (notice,) = [each for each in report.notices if each.code is Code.WALLET_MODE_DIFFERS]
    assert notice.figures == {"venue": "gate", "said": "unified", "mode": "separate"}


def test_key_that_can_withdraw_is_a_notice(exchange: Exchange) -> None:
    account = exchange.open_account(wallets={"spot": {"USDT": "1"}, "futures": {"USDT": "1"}})
    exchange.state.find(exchange.keys[account.pk]).can_withdraw = True

    assert "key_can_withdraw" in codes(check_connection(account.pk))


def test_venue_outside_the_table_is_said_to_be_unproven() -> None:
    report = check_connection(make_account(venue="whitebit").pk)

    assert codes(report) == ["venue_unproven"]


def test_balance_that_was_recognised_by_its_name_says_what_it_is_called(settings: Any) -> None:
    entry = {"currency": "USDT", "equity": "12.3", "balance": "10", "unrealizedPnl": "2.3",
             "available": "8", "frozen": "2"}  # fmt: skip
    answer = {"code": "0", "data": {"ts": "1", "details": [entry]}}
    account = make_account(
        venue="blofin", api_key="key", api_secret="secret", api_passphrase="phrase"
    )
    make_link(account=account, market_type=MarketType.FUTURES)
    with PlainServer({"/api/v1/account/balance": answer}) as server:
        settings.CAPITAL_VENUE_URLS = {"blofin": server.base_url}
        report = check_connection(account.pk)
        account.balance_basis = "free"
        account.save()
        of_another_basis = check_connection(account.pk)

    assert [(each.pool.value, each.amount) for each in report.pools] == [("futures", Decimal(10))]
    assert codes(report) == ["venue_unproven", "balance_is_called"]
    assert report.notices[1].english == (
        "futures: the wallet balance is what the answer from blofin calls “balance”."
    )
    assert [each.amount for each in of_another_basis.pools] == [Decimal(8)]
    assert codes(of_another_basis) == ["venue_unproven"]


def test_venue_that_is_left_alone_says_when_it_is_asked_again(exchange: Exchange) -> None:
    account = exchange.open_account(wallets={"spot": {"USDT": "1"}, "futures": {"USDT": "1"}})
    exchange.fail(account, "server_error")
    for _ in range(6):
        report = check_connection(account.pk)

    (spot, _futures) = report.pools
    assert spot.reason is not None
    assert spot.advice is not None
    assert (spot.reason.code, spot.advice.code) == ("exchange_paused", "await_pause")


def test_sandbox_is_said(exchange: Exchange, monkeypatch: Any) -> None:
    account = make_account(is_sandbox=True)

    assert codes(check_connection(account.pk)) == ["is_sandbox"]


def test_one_more_notice_is_one_more_row(exchange: Exchange, monkeypatch: Any) -> None:
    account = exchange.open_account(wallets={"spot": {"USDT": "0"}, "futures": {"USDT": "0"}})

    def everything_is_empty(_account: Any, balances: Any, _now: Any) -> Any:
        if not any(balance.answer.amount for balance in balances):
            yield connections.Reason(Code.NO_BALANCE, {"pools": "spot, futures"})

    monkeypatch.setattr(connections, "NOTICES", (*connections.NOTICES, everything_is_empty))

    assert codes(check_connection(account.pk)) == ["no_balance"]


def test_account_of_somebody_else_is_unknown(exchange: Exchange) -> None:
    account = make_account()

    with pytest.raises(UnknownAccount):
        check_connection(account.pk, actor=make_operator("allocate_capital"))
    with pytest.raises(UnknownAccount):
        check_connection(999)

    assert exchange.asked == []


# What the account says of its connection after each sync

MULTI_ASSETS = {
    "asset": "USDT",
    "walletBalance": "2",
    "crossWalletBalance": "2",
    "crossUnPnl": "0",
    "marginBalance": "2",
    "initialMargin": "0",
    "availableBalance": "600",
    "updateTime": 1700000000000,
}


def code_after_sync(account: Account) -> str:
    sync_balances([account.pk])
    account.refresh_from_db()
    return account.connection_code


def test_account_says_why_its_exchange_does_not_answer_and_when_it_does(
    exchange: Exchange,
) -> None:
    account = exchange.open_account(wallets={"spot": {"USDT": "1"}, "futures": {"USDT": "2"}})
    assert code_after_sync(account) == ""
    exchange.fail(account, "unauthorized", "futures")
    assert code_after_sync(account) == "exchange_refused_key"
    assert account.silent_pools == "futures"
    exchange.fail(account, None)

    assert code_after_sync(account) == ""
    assert account.silent_pools == ""


def test_refused_key_is_told_before_what_may_pass_by_itself(exchange: Exchange) -> None:
    account = exchange.open_account(wallets={"spot": {"USDT": "1"}, "futures": {"USDT": "2"}})
    exchange.fail(account, "server_error", "spot")
    exchange.fail(account, "unauthorized", "futures")

    assert code_after_sync(account) == "exchange_refused_key"
    assert account.silent_pools == "spot,futures"


def test_silent_wallet_needs_somebody_with_that_sync_and_is_not_fresh(exchange: Exchange) -> None:
    account = exchange.open_account(wallets={"spot": {"USDT": "1"}, "futures": {"USDT": "2"}})
    other = exchange.open_account(wallets={"spot": {"USDT": "1"}, "futures": {"USDT": "2"}})
    for each in (account, other):
        assert code_after_sync(each) == ""
    exchange.fail(account, "unauthorized", "futures")
    for each in (account, other):
        code_after_sync(each)

    (need,) = needs_of(account.owner)
    assert (need.kind, need.account_id) == ("key_refused", account.pk)
    freshness = freshness_of(Account.objects.all(), now=timezone.now())
    assert freshness == {account.pk: Freshness.STALE, other.pk: Freshness.FRESH}
    exchange.fail(account, "server_error", "futures")
    code_after_sync(account)
    # An exchange that is not heard says nothing of the key.
    refused, unread = needs_of(account.owner)
    assert (refused.kind, refused.account_id) == ("key_refused", account.pk)
    assert (unread.kind, unread.why.split(":")[0]) == ("pool_unreadable", "Futures")


def test_wallet_that_nobody_uses_is_no_trouble_if_its_balance_type_is_not_available(
    exchange: Exchange,
) -> None:
    """Binance in multi-assets mode: what is free of the futures wallet counts other coins."""
    accounts = [
        exchange.open_account(
            wallets={"spot": {"USDT": "1"}, "futures": {"USDT": "2"}}, balance_basis="free"
        )
        for _ in range(2)
    ]
    for account in accounts:
        simulated = exchange.state.find(exchange.keys[account.pk])
        assert simulated is not None
        simulated.recorded[Pool.FUTURES] = {"assets": [MULTI_ASSETS]}
    spot_only, both = accounts
    make_link(account=spot_only)
    make_link(account=spot_only, market_type="futures", is_active=False)
    make_link(account=both, market_type="futures")

    assert code_after_sync(spot_only) == ""
    assert code_after_sync(both) == "basis_over_currencies"

    # That it does not answer at all is.
    exchange.fail(spot_only, "unauthorized", "futures")
    assert code_after_sync(spot_only) == "exchange_refused_key"


def test_account_says_that_it_is_left_alone_for_a_while(exchange: Exchange) -> None:
    account = exchange.open_account(venue="upbit", wallets={"spot": {"KRW": "1"}})
    exchange.fail(account, "unauthorized")

    codes = [code_after_sync(account) for _ in range(FAILURES_TO_PAUSE + 1)]

    assert codes == ["exchange_refused_key"] * FAILURES_TO_PAUSE + ["exchange_paused"]
    assert len(exchange.asked) == FAILURES_TO_PAUSE
