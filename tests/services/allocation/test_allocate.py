"""The allocation service against the simulated exchange: rule by rule, fact by fact."""

from collections.abc import Callable
from datetime import UTC, datetime
from decimal import Decimal
from typing import Any

import pytest

from capital.domain.errors import InvalidRunKey, RunKeyConflict, UnknownAccount
from capital.domain.money import plain
from capital.models import (
    Account,
    AllocationEntry,
    AllocationPool,
    AllocationRun,
    DailyAccountSummary,
    StrategyCapital,
)
from capital.services.allocation import allocate
from capital.services.allocation import request as requests
from capital.services.allocation.allocate import (
    allocate_capital,
    auto_allocate_capital_for_account,
    preview_allocation,
)
from capital.services.allocation.report import report_decision
from capital.services.allocation.runs import report_runs
from strategies.models import MarketType, Strategy
from tests.factories import (
    capital_of,
    make_account,
    make_link,
    make_summary,
    make_user,
    trust,
)
from tests.simulated import Exchange

pytestmark = pytest.mark.django_db

FUTURES = MarketType.FUTURES


def text_of(amount: Decimal | None) -> str | None:
    return None if amount is None else plain(amount)


def entries_of(run: AllocationRun) -> dict[str, tuple[str | None, str | None, str]]:
    """Strategy key to before, after and code."""
    return {
        entry.strategy: (text_of(entry.before), text_of(entry.after), entry.code)
        for pool in report_runs([run])[0].pools
        for entry in pool.entries
    }


# Ruling 1: per pool, never across


def test_live_pools_are_never_added_up(exchange: Exchange) -> None:
    account = exchange.open_account(
        wallets={"spot": {"USDT": "10369"}, "futures": {"USDT": "5000"}}
    )
    spot, futures = make_link(account=account), make_link(account=account, market_type=FUTURES)

    run = auto_allocate_capital_for_account(account.pk)

    assert (run.outcome, run.code) == ("applied", "allocated")
    assert capital_of(spot) == Decimal(10369)
    assert capital_of(futures) == Decimal(5000)


def test_unified_pool_is_shared_by_spot_and_futures_and_asked_once(exchange: Exchange) -> None:
    account = exchange.open_account(venue="bybit", wallets={"unified": {"USDT": "900.01"}})
    spot, futures = make_link(account=account), make_link(account=account, market_type=FUTURES)

    auto_allocate_capital_for_account(account.pk)

    assert (capital_of(spot), capital_of(futures)) == (Decimal("450.01"), Decimal("450.00"))
    assert exchange.asked == [("bybit", "unified")]


def test_pool_without_an_active_strategy_is_not_asked_for(exchange: Exchange) -> None:
    account = exchange.open_account(wallets={"spot": {"USDT": "1"}, "futures": {"USDT": "2"}})
    make_link(account=account, market_type=FUTURES)
    make_link(account=account, status="PAUSED")

    auto_allocate_capital_for_account(account.pk)

    assert exchange.asked == [("binance", "futures")]


# Ruling 2: absent is not zero


def test_null_field_is_not_acted_on(caplog: Any) -> None:
    account = make_account()
    make_summary(account=account, ending_balance=Decimal(15369), spot_balance=Decimal(10369))
    futures = make_link(account=account, market_type=FUTURES, capital="4321.00")

    run = auto_allocate_capital_for_account(account.pk)

    assert (run.outcome, run.code) == ("skipped", "no_balance")
    assert capital_of(futures) == Decimal("4321.00")
    assert [record.levelname for record in caplog.records if "선물" in record.message] == [
        "WARNING"
    ]


def test_live_zero_is_a_real_zero(exchange: Exchange) -> None:
    account = exchange.open_account(wallets={"spot": {"USDT": "0"}})
    make_summary(account=account, spot_balance=Decimal(10369))
    spot = make_link(account=account, capital="10369.00")

    run = auto_allocate_capital_for_account(account.pk)

    assert run.outcome == "applied"
    assert capital_of(spot) == Decimal(0)


def test_negative_live_balance_is_debt_and_never_a_friendlier_cache(exchange: Exchange) -> None:
    account = exchange.open_account(wallets={"futures": {"USDT": "-12.345"}})
    make_summary(account=account, futures_balance=Decimal(5000))
    futures = make_link(account=account, market_type=FUTURES, capital="5000.00")

    run = auto_allocate_capital_for_account(account.pk)

    pool = run.pools.get()
    assert capital_of(futures) == Decimal(0)
    assert (pool.source, pool.code, pool.reading) == ("live", "negative_balance", "-12.345")
    assert (pool.reserve, pool.unallocated) == (Decimal(0), Decimal("-12.35"))
    assert pool.entries.get().code == "negative_balance"


def test_missing_currency_is_a_failure_where_the_venue_lists_empty_wallets(
    exchange: Exchange,
) -> None:
    account = exchange.open_account(wallets={"spot": {"USDT": "1"}})
    exchange.fail(account, "missing_currency")
    make_summary(account=account, spot_balance=Decimal(77))
    spot = make_link(account=account)

    run = auto_allocate_capital_for_account(account.pk)

    assert capital_of(spot) == Decimal(77)
    assert run.pools.get().code == "exchange_currency_missing"


def test_missing_currency_is_zero_where_the_venue_omits_empty_wallets(exchange: Exchange) -> None:
    account = exchange.open_account(venue="okx", wallets={"unified": {"BTC": "1"}})
    link = make_link(account=account, capital="9.00")

    auto_allocate_capital_for_account(account.pk)

    assert capital_of(link) == Decimal(0)


# Ruling 3: each pool falls back on its own


def test_only_the_failed_pool_uses_the_cache(exchange: Exchange) -> None:
    account = exchange.open_account(wallets={"spot": {"USDT": "200"}, "futures": {"USDT": "1"}})
    exchange.fail(account, "server_error", "futures")
    make_summary(account=account, spot_balance=Decimal(100), futures_balance=Decimal(50))
    spot, futures = make_link(account=account), make_link(account=account, market_type=FUTURES)

    run = auto_allocate_capital_for_account(account.pk)

    assert (capital_of(spot), capital_of(futures)) == (Decimal(200), Decimal(50))
    assert list(run.pools.values_list("pool", "source", "code")) == [
        ("spot", "live", "live_balance"),
        ("futures", "cached", "exchange_unreachable"),
    ]


def test_pool_without_any_balance_is_skipped_and_the_other_goes_on(exchange: Exchange) -> None:
    account = exchange.open_account(wallets={"spot": {"USDT": "200"}, "futures": {"USDT": "1"}})
    exchange.fail(account, "server_error", "futures")
    spot = make_link(account=account)
    futures = make_link(account=account, market_type=FUTURES, capital="33.00")
    never = make_link(account=account, market_type=FUTURES)

    run = auto_allocate_capital_for_account(account.pk)

    assert (run.outcome, run.code) == ("applied", "partly_allocated")
    assert run.figures == {"pools": "futures"}
    assert capital_of(spot) == Decimal(200)
    assert capital_of(futures) == Decimal(33)
    assert capital_of(never) is None
    assert entries_of(run)[never.strategy.key] == (None, None, "kept")


@pytest.mark.parametrize("how", ["argument", "setting"])
def test_live_switched_off_asks_nobody_and_says_so(
    exchange: Exchange, settings: Any, caplog: Any, how: str
) -> None:
    account = exchange.open_account(name="끔", wallets={"spot": {"USDT": "200"}})
    make_summary(account=account, spot_balance=Decimal(100))
    make_link(account=account)
    settings.CAPITAL_LIVE_BALANCES = how != "setting"

    run = auto_allocate_capital_for_account(account.pk, live=how != "argument")

    assert exchange.asked == []
    assert run.pools.get().code == "live_disabled"
    assert "계좌 끔: 실시간 현물 잔고 조회 실패, 캐시 사용 ($100.00)" in caplog.messages


# Ruling 4: weights normalise inside a pool


def test_idle_links_go_to_zero_and_never_dilute(exchange: Exchange) -> None:
    account = exchange.open_account(wallets={"spot": {"USDT": "300"}})
    a = make_link(account=account, weight=Decimal("0.2"))
    b = make_link(account=account, weight=Decimal("0.1"))
    paused = make_link(account=account, status="PAUSED", capital="50.00", weight=Decimal(100))
    archived = make_link(account=account, status="ARCHIVED", capital="50.00")
    inactive = make_link(account=account, is_active=False, capital="50.00")

    run = auto_allocate_capital_for_account(account.pk)

    assert (capital_of(a), capital_of(b)) == (Decimal(200), Decimal(100))
    entries = entries_of(run)
    assert entries[paused.strategy.key] == ("50.00", "0.00", "strategy_paused")
    assert entries[archived.strategy.key] == ("50.00", "0.00", "strategy_archived")
    assert entries[inactive.strategy.key] == ("50.00", "0.00", "link_inactive")


def test_paused_link_goes_to_zero_also_where_its_pool_is_skipped() -> None:
    account = make_account()
    active = make_link(account=account, capital="10.00")
    paused = make_link(account=account, status="PAUSED", capital="20.00")

    run = auto_allocate_capital_for_account(account.pk)

    assert (run.outcome, run.code) == ("skipped", "no_balance")
    assert (capital_of(active), capital_of(paused)) == (Decimal(10), Decimal(0))


def test_futures_link_that_slipped_onto_a_spot_only_venue_gets_nothing(exchange: Exchange) -> None:
    account = exchange.open_account(venue="upbit", wallets={"spot": {"KRW": "1000"}})
    spot = make_link(account=account)
    stray = make_link(account=account)
    Strategy.objects.filter(pk=stray.strategy_id).update(market_type="futures")

    run = auto_allocate_capital_for_account(account.pk)

    assert (capital_of(spot), capital_of(stray)) == (Decimal(1000), Decimal(0))
    assert entries_of(run)[stray.strategy.key][2] == "market_not_on_venue"


def test_account_without_active_links_is_skipped_and_releases_what_idle_ones_hold() -> None:
    account = make_account()
    paused = make_link(account=account, status="PAUSED", capital="20.00")

    run = auto_allocate_capital_for_account(account.pk)

    assert (run.outcome, run.code) == ("skipped", "nothing_to_allocate")
    assert capital_of(paused) == Decimal(0)
    assert report_runs([run])[0].complete


# Ruling 5: largest remainder, exact


def test_leftover_cents_go_to_the_largest_remainder_then_to_the_earlier_link(
    exchange: Exchange,
) -> None:
    account = exchange.open_account(wallets={"spot": {"USDT": "100.019999"}})
    links = [make_link(account=account) for _ in range(3)]

    run = auto_allocate_capital_for_account(account.pk)

    assert [capital_of(link) for link in links] == [
        Decimal("33.34"),
        Decimal("33.34"),
        Decimal("33.33"),
    ]
    assert run.pools.get().reading == "100.019999"


@pytest.mark.parametrize(
    ("venue", "currency", "balance", "expected"),
    [
        ("upbit", "KRW", "1000.9", ["500", "500"]),
        ("binance", "USDT", "10.009", ["5.00", "5.00"]),
        ("binance", "BTC", "0.000000039", ["0.00000002", "0.00000001"]),
    ],
)
def test_balance_is_floored_to_the_quantum_of_its_currency(
    exchange: Exchange, venue: str, currency: str, balance: str, expected: list[str]
) -> None:
    account = exchange.open_account(
        venue=venue, currency=currency, wallets={"spot": {currency: balance}}
    )
    make_link(account=account)
    make_link(account=account)

    run = auto_allocate_capital_for_account(account.pk)

    assert [after for _, after, _ in entries_of(run).values()] == expected


def test_reserve_is_the_larger_of_percent_and_amount_and_is_kept_in_each_pool(
    exchange: Exchange,
) -> None:
    account = exchange.open_account(
        wallets={"spot": {"USDT": "1000"}, "futures": {"USDT": "100"}},
        reserve_percent=Decimal("2.5"),
        reserve_amount=Decimal(20),
    )
    spot, futures = make_link(account=account), make_link(account=account, market_type=FUTURES)

    auto_allocate_capital_for_account(account.pk)

    assert (capital_of(spot), capital_of(futures)) == (Decimal(975), Decimal(80))


# Ruling 6: one decision, many faces


def test_run_records_who_asked_what_was_read_and_what_became_of_it(exchange: Exchange) -> None:
    account = exchange.open_account(wallets={"spot": {"USDT": "100"}}, reserve_amount=Decimal(1))
    link = make_link(account=account, capital="7.00", weight=Decimal("0.25"))
    actor = trust(make_user())
    now = datetime(2026, 3, 1, 12, tzinfo=UTC)

    run = auto_allocate_capital_for_account(
        account.pk, actor=actor, trigger="admin", run_key="k", clock=lambda: now
    )

    run = AllocationRun.objects.get(pk=run.pk)
    assert (run.actor, run.trigger, run.run_key, run.created_at) == (actor, "admin", "k", now)
    pool = run.pools.get()
    assert (pool.pool, pool.reading, pool.source) == ("spot", "100.00", "live")
    assert (pool.observed_at, pool.reserve, pool.unallocated) == (now, Decimal(1), Decimal(0))
    entry = pool.entries.get()
    assert entry.strategy_account == link
    assert (entry.weight, entry.before, entry.after) == (Decimal("0.25"), Decimal(7), Decimal(99))
    assert entry.code == "share"
    assert StrategyCapital.objects.get(strategy_account=link).allocated_at == now


def test_unchanged_run_is_one_row_and_still_tells_what_it_saw(exchange: Exchange) -> None:
    account = exchange.open_account(wallets={"spot": {"USDT": "100"}})
    link = make_link(account=account)
    auto_allocate_capital_for_account(account.pk)
    AllocationRun.objects.get()

    run = auto_allocate_capital_for_account(account.pk)

    assert (run.outcome, run.code) == ("unchanged", "unchanged")
    assert not AllocationPool.objects.filter(run=run).exists()
    report = report_runs([AllocationRun.objects.get(pk=run.pk)])[0]
    assert (str(report.pools[0].balance), report.pools[0].source) == ("100.00", "live")
    assert entries_of(run) == {link.strategy.key: ("100.00", "100.00", "share")}


def test_preview_decides_the_same_and_writes_nothing(exchange: Exchange) -> None:
    account = exchange.open_account(wallets={"spot": {"USDT": "100"}})
    make_link(account=account)
    models = (AllocationRun, StrategyCapital, DailyAccountSummary)

    (preview,) = preview_allocation([account.pk])

    assert [model.objects.count() for model in models] == [0, 0, 0]
    shown = report_decision(preview.account, preview.decision)
    run = auto_allocate_capital_for_account(account.pk)
    applied = report_runs([run])[0]
    assert (shown.outcome, shown.code, shown.run_key) == ("applied", "allocated", None)
    assert [pool.entries for pool in shown.pools] == [pool.entries for pool in applied.pools]


def test_inactive_account_is_left_alone() -> None:
    account = make_account(is_active=False)
    link = make_link(account=account, capital="5.00", is_active=False)

    run = auto_allocate_capital_for_account(account.pk)

    assert (run.outcome, run.code) == ("skipped", "account_inactive")
    assert capital_of(link) == Decimal(5)
    assert not report_runs([run])[0].complete


# Ruling 7: idempotent


def test_used_run_key_returns_the_first_run_whatever_the_balance_is_now(
    exchange: Exchange,
) -> None:
    account = exchange.open_account(wallets={"spot": {"USDT": "100"}})
    link = make_link(account=account)
    first = auto_allocate_capital_for_account(account.pk, run_key="slot-1")
    exchange.set_balance(account, "spot", "999")

    again = auto_allocate_capital_for_account(account.pk, run_key="slot-1")

    assert again.pk == first.pk
    assert capital_of(link) == Decimal(100)
    assert len(exchange.asked) == 1
    assert report_runs([again]) == report_runs([first])


@pytest.mark.parametrize("other", [{"trigger": "api"}, {"live": False}])
def test_used_run_key_with_other_arguments_is_an_error(
    exchange: Exchange, other: dict[str, Any]
) -> None:
    account = exchange.open_account(wallets={"spot": {"USDT": "100"}})
    make_link(account=account)
    auto_allocate_capital_for_account(account.pk, run_key="slot-1")

    with pytest.raises(RunKeyConflict, match=next(iter(other))):
        auto_allocate_capital_for_account(account.pk, run_key="slot-1", **other)

    assert AllocationRun.objects.count() == 1


def test_one_run_key_serves_each_account_of_a_batch_once(exchange: Exchange) -> None:
    accounts = [exchange.open_account(wallets={"spot": {"USDT": "1"}}) for _ in range(3)]
    for account in accounts:
        make_link(account=account)
    ids = [account.pk for account in accounts]
    first = allocate_capital(ids[:2], run_key="k")

    runs = allocate_capital(reversed(ids), run_key="k")

    assert [run.account_id for run in runs] == ids[::-1]
    assert [run.pk for run in runs[1:]] == [first[1].pk, first[0].pk]


@pytest.mark.parametrize("key", ["", "k" * 201])
def test_impossible_run_key_is_refused(key: str) -> None:
    with pytest.raises(InvalidRunKey, match="1 to 200"):
        auto_allocate_capital_for_account(make_account().pk, run_key=key)


def test_accounts_are_looked_up_in_parts_in_their_order(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(requests, "_IDS_AT_ONCE", 2)
    ids = [make_account().pk for _ in range(5)]
    first = allocate_capital(ids, run_key="in-parts", live=False)

    again = allocate_capital([*ids, ids[0]], run_key="in-parts", live=False)

    assert [run.account_id for run in again] == ids
    assert [run.pk for run in again] == [run.pk for run in first]
    with pytest.raises(UnknownAccount, match="999999"):
        allocate_capital([*ids, 999999])


def test_unknown_account_is_refused_before_anything_is_done(exchange: Exchange) -> None:
    account = exchange.open_account(wallets={"spot": {"USDT": "100"}})
    make_link(account=account)

    with pytest.raises(UnknownAccount, match="999999"):
        allocate_capital([account.pk, 999999])

    assert not AllocationRun.objects.exists()
    assert exchange.asked == []


def test_progress_adds_up_to_all_accounts(exchange: Exchange) -> None:
    asked, idle = exchange.open_account(wallets={"spot": {"USDT": "1"}}), make_account()
    make_link(account=asked)
    told: list[int] = []

    allocate_capital([asked.pk, idle.pk], on_progress=told.append)

    assert told == [1, 1]
    # Where all are told as they answer, nothing is left for the end.
    allocate_capital([asked.pk], on_progress=told.append)
    assert told == [1, 1, 1]


def test_unknown_trigger_is_refused() -> None:
    with pytest.raises(ValueError, match="nobody"):
        auto_allocate_capital_for_account(make_account().pk, trigger="nobody")


# Batches


def test_account_that_the_database_refuses_never_takes_others_with_it(
    exchange: Exchange, refuse_to_record: Callable[[Account], None]
) -> None:
    accounts = [exchange.open_account(wallets={"spot": {"USDT": "100"}}) for _ in range(3)]
    links = [make_link(account=account) for account in accounts]
    refuse_to_record(accounts[1])

    runs = allocate_capital([account.pk for account in accounts])

    assert [run.outcome for run in runs] == ["applied", "failed", "applied"]
    assert (runs[1].code, runs[1].figures) == ("database_error", {"kind": "DatabaseError"})
    assert [capital_of(link) for link in links] == [Decimal(100), None, Decimal(100)]
    assert len(exchange.asked) == 3, "the readings of the batch serve its second try"


def test_balance_that_the_database_cannot_hold_fails_that_account_only(
    exchange: Exchange,
) -> None:
    absurd = exchange.open_account(wallets={"spot": {"USDT": "1" + "0" * 20}})
    sound = exchange.open_account(wallets={"spot": {"USDT": "100"}})
    for account in (absurd, sound):
        make_summary(account=account)
        make_link(account=account)

    runs = allocate_capital([absurd.pk, sound.pk])

    assert [run.outcome for run in runs] == ["skipped", "applied"]
    assert runs[0].pools.get().code == "exchange_bad_answer"


def test_account_that_changes_while_it_is_read_is_not_allocated(
    exchange: Exchange, monkeypatch: Any
) -> None:
    account = exchange.open_account(wallets={"spot": {"USDT": "100"}})
    link = make_link(account=account)
    observe = allocate.observe_pools

    def change_meanwhile(*args: Any, **kwargs: Any) -> Any:
        answers = observe(*args, **kwargs)
        Account.objects.filter(pk=account.pk).update(currency="USDC")
        return answers

    monkeypatch.setattr(allocate, "observe_pools", change_meanwhile)

    run = auto_allocate_capital_for_account(account.pk)

    assert (run.outcome, run.code) == ("failed", "account_changed")
    assert capital_of(link) is None


def test_link_that_appears_while_balances_are_read_waits_for_the_next_run(
    exchange: Exchange, monkeypatch: Any
) -> None:
    account = exchange.open_account(wallets={"spot": {"USDT": "100"}, "futures": {"USDT": "9"}})
    make_link(account=account)
    observe = allocate.observe_pools

    def link_meanwhile(*args: Any, **kwargs: Any) -> Any:
        answers = observe(*args, **kwargs)
        make_link(account=account, market_type=FUTURES)
        return answers

    monkeypatch.setattr(allocate, "observe_pools", link_meanwhile)

    run = auto_allocate_capital_for_account(account.pk)

    assert run.code == "partly_allocated"
    assert run.pools.get(pool="futures").code == "not_read"


def test_unreadable_credentials_fail_their_account_only(exchange: Exchange, settings: Any) -> None:
    locked = exchange.open_account(wallets={"spot": {"USDT": "100"}})
    settings.FIELD_ENCRYPTION_KEYS = ["MDEyMzQ1Njc4OTAxMjM0NTY3ODkwMTIzNDU2Nzg5MDE="]
    sound = exchange.open_account(wallets={"spot": {"USDT": "100"}})
    make_link(account=locked)
    make_link(account=sound)

    runs = allocate_capital([locked.pk, sound.pk])

    assert [run.outcome for run in runs] == ["skipped", "applied"]
    assert runs[0].pools.get().code == "credentials_unreadable"


def test_account_of_a_venue_that_is_no_longer_known_is_skipped(exchange: Exchange) -> None:
    account = exchange.open_account(wallets={"spot": {"USDT": "100"}})
    make_link(account=account)
    Account.objects.filter(pk=account.pk).update(venue="mtgox")

    run = auto_allocate_capital_for_account(account.pk)

    assert (run.outcome, run.pools.get().code) == ("skipped", "unknown_venue")


@pytest.mark.parametrize(("venue", "mode"), [("mexc", "unified"), ("bybit", "separate")])
def test_wallet_mode_that_slipped_in_fails_and_never_mixes_pools(
    exchange: Exchange, venue: str, mode: str
) -> None:
    account = exchange.open_account(venue=venue, wallets={})
    link = make_link(account=account, market_type=FUTURES, capital="5000.00")
    make_summary(
        account=account,
        spot_balance=Decimal(10369),
        futures_balance=Decimal(5000),
        ending_balance=Decimal(15369),
    )
    Account.objects.filter(pk=account.pk).update(wallet_mode=mode)

    run = auto_allocate_capital_for_account(account.pk)

    assert (run.outcome, run.code) == ("failed", "wallet_mode_not_on_venue")
    assert capital_of(link) == Decimal(5000)
    assert exchange.asked == []


class BrokenGateway:
    def fetch_balances(self, *_: Any, **__: Any) -> Any:
        raise OSError("CANARY-signature")


def test_gateway_that_breaks_is_no_answer_and_the_cache_stands_in(
    monkeypatch: Any, caplog: Any
) -> None:
    monkeypatch.setattr("capital.services.balances.live.get_gateway", BrokenGateway)
    account = make_account()
    link = make_link(account=account, market_type=FUTURES)
    make_summary(account=account, futures_balance=Decimal(5000), ending_balance=Decimal(15369))

    run = auto_allocate_capital_for_account(account.pk)

    pool = run.pools.get()
    assert capital_of(link) == Decimal(5000)
    assert (pool.source, pool.code) == ("cached", "exchange_error")
    assert pool.figures == {"venue": "binance", "kind": "OSError"}
    assert "CANARY" not in caplog.text


@pytest.fixture
def _always_copied(monkeypatch: pytest.MonkeyPatch) -> None:
    """One row is written as many are: by COPY, with statements for its keys and for staging."""
    monkeypatch.setattr("capital.models.columns.copying._FEWEST", 1)
    monkeypatch.setattr("capital.models.columns.rows.FEWEST", 1)


@pytest.mark.postgresql
@pytest.mark.usefixtures("_always_copied")
def test_queries_of_a_batch_do_not_grow_with_it(
    exchange: Exchange, django_assert_num_queries: Any
) -> None:
    from django.db import connection
    from django.test.utils import CaptureQueriesContext

    def batch(size: int) -> list[int]:
        accounts = [make_account() for _ in range(size)]
        for account in accounts:
            make_summary(account=account, spot_balance=Decimal(100), futures_balance=Decimal(50))
            make_link(account=account)
            make_link(account=account, market_type=FUTURES)
        return [account.pk for account in accounts]

    one, many = batch(1), batch(500)
    with CaptureQueriesContext(
        connection,
    ) as of_one:
        allocate_capital(one, live=False)
    with django_assert_num_queries(len(of_one)):
        allocate_capital(many, live=False)

    assert AllocationEntry.objects.count() == 1002
    # Two of them stage the capital and name what the runs follow from.
    assert len(of_one) <= 26


@pytest.mark.postgresql
@pytest.mark.usefixtures("_always_copied")
def test_queries_of_a_mixed_batch_do_not_grow_with_it(
    exchange: Exchange, django_assert_num_queries: Any
) -> None:
    from django.db import connection
    from django.test.utils import CaptureQueriesContext

    def batch(size: int) -> list[int]:
        """Applied, skipped without a balance, nothing to allocate, held as suspect: each alike."""
        accounts = []
        for _ in range(size):
            applied, unknown, idle = make_account(), make_account(), make_account()
            suspect = exchange.open_account(
                wallets={"spot": {"USDT": "100"}}, max_jump_percent=Decimal(50)
            )
            for account in (applied, suspect):
                make_summary(account=account, spot_balance=Decimal(10))
            for account in (applied, unknown, suspect):
                make_link(account=account)
            accounts += [applied, unknown, idle, suspect]
        return [account.pk for account in accounts]

    one, many = batch(1), batch(20)
    with CaptureQueriesContext(connection) as of_one:
        runs = allocate_capital(one)
    with django_assert_num_queries(len(of_one)):
        allocate_capital(many)

    assert [run.outcome for run in runs] == ["applied", "skipped", "skipped", "held"]
    assert Account.objects.exclude(suspect_readings={}).count() == 21
    assert set(Account.objects.values_list("last_check_code", flat=True)) == {
        "allocated", "no_balance", "nothing_to_allocate", "jump_suspected"
    }  # fmt: skip


def test_balance_that_somebody_read_later_and_decided_on_sooner_stays(
    exchange: Exchange, monkeypatch: Any
) -> None:
    """A slow job must not take back what a signal decided on a newer balance."""
    account = exchange.open_account(wallets={"spot": {"USDT": "100"}})
    link = make_link(account=account)
    auto_allocate_capital_for_account(account.pk)
    observe = allocate.observe_pools

    def withdraw_meanwhile(*args: Any, **kwargs: Any) -> Any:
        answers = observe(*args, **kwargs)
        monkeypatch.setattr(allocate, "observe_pools", observe)
        exchange.set_balance(account, "spot", "80")
        auto_allocate_capital_for_account(account.pk)
        return answers

    monkeypatch.setattr(allocate, "observe_pools", withdraw_meanwhile)

    late = auto_allocate_capital_for_account(account.pk)

    newer = AllocationRun.objects.exclude(pk=late.pk).latest("pk")
    assert (newer.outcome, late.outcome) == ("applied", "unchanged")
    assert capital_of(link) == Decimal(80)
