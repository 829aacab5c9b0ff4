"""The gateway against the simulated exchange: real ccxt, real HTTP, every way to fail."""

import asyncio
import logging
from collections import Counter
from datetime import timedelta
from decimal import Decimal
from typing import Any

import pytest
from django.db import connection
from django_q.signals import post_spawn

from capital.domain.balances import Observation
from capital.domain.pools import Pool
from capital.domain.reasons import Code, Reason
from capital.exchange import gateway as gateways
from capital.exchange.ccxt import balances as ccxt_gateway
from capital.exchange.ccxt import clients as ccxt_clients
from capital.exchange.ccxt.balances import CcxtGateway
from capital.exchange.contract import BalanceRequest, Credentials
from capital.exchange.moments import Moment
from capital.exchange.venues import VENUES, get_venue
from capital.models import AllocationRun, StrategyCapital
from capital.services.allocation.allocate import allocate_capital
from capital.services.balances import live as balances
from capital.simulator.faults import Fault
from capital.simulator.server import SimulatedExchange
from capital.simulator.state import ExchangeState, SimulatedAccount
from tests.exchange.asking import NOW, ask, gateway_to, request_for, simulated_account
from tests.factories import make_link, make_summary
from tests.simulated import Exchange

SINGLE_POOL_VENUES = {"bybit": "unified", "okx": "unified", "upbit": "spot", "bithumb": "spot"}

TEMPORARY = {Fault.SERVER_ERROR, Fault.RESET, Fault.HTML, Fault.TRUNCATED, Fault.NAN}
EXPECTED = {
    Fault.TIMEOUT: Code.EXCHANGE_TIMEOUT,
    Fault.DRIP: Code.EXCHANGE_TIMEOUT,
    Fault.UNAUTHORIZED: Code.EXCHANGE_REFUSED_KEY,
    Fault.BANNED: Code.EXCHANGE_RATE_LIMITED,
    Fault.RATE_LIMITED: Code.EXCHANGE_RATE_LIMITED,
    Fault.SERVER_ERROR: Code.EXCHANGE_UNREACHABLE,
    Fault.BLOCKED: Code.EXCHANGE_BLOCKED,
    Fault.BLOCKED_PAGE: Code.EXCHANGE_BLOCKED,
    Fault.RESET: Code.EXCHANGE_UNREACHABLE,
    Fault.HTML: Code.EXCHANGE_BAD_ANSWER,
    Fault.TRUNCATED: Code.EXCHANGE_BAD_ANSWER,
    Fault.EMPTY_OBJECT: Code.EXCHANGE_BAD_ANSWER,
    Fault.NAN: Code.EXCHANGE_BAD_ANSWER,
    Fault.NAN_TEXT: Code.EXCHANGE_BAD_ANSWER,
    Fault.INFINITE: Code.EXCHANGE_BAD_ANSWER,
    Fault.MISSING_CURRENCY: Code.EXCHANGE_CURRENCY_MISSING,
    Fault.OLD_ANSWER: Code.ANSWER_OLD,
}
# ccxt itself takes an empty object from these for an error of the exchange.
SAYS_EMPTY_IS_AN_ERROR = {"bybit", "okx"}


def omits_empty(venue: str, pool: str) -> bool:
    row = get_venue(venue)
    return row.call(Pool(pool), row.currency).omits_empty


@pytest.mark.parametrize(("venue", "pool"), [("binance", "spot"), *SINGLE_POOL_VENUES.items()])
def test_balance_is_exact_and_costs_one_request(venue: str, pool: str) -> None:
    currency = VENUES[venue].currency
    account = simulated_account(
        venue, wallets={pool: {currency: "12345678901.12345678", "BTC": "0.5"}}
    )

    answers, server = ask(account, pool)

    assert answers == [Observation(Decimal("12345678901.12345678"), NOW)]
    assert len(server.requests) == 1


def test_two_pools_of_one_account_are_two_requests() -> None:
    account = simulated_account(wallets={"spot": {"USDT": "10369"}, "futures": {"USDT": "5000"}})

    answers, server = ask(account, "spot", "futures")

    assert [answer.amount for answer in answers] == [Decimal(10369), Decimal(5000)]
    assert len(server.requests) == 2


@pytest.mark.parametrize("fault", EXPECTED)
@pytest.mark.parametrize(("venue", "pool"), [("binance", "futures"), *SINGLE_POOL_VENUES.items()])
def test_every_fault_becomes_one_of_our_reasons(
    venue: str, pool: str, fault: Fault, monkeypatch: Any
) -> None:
    monkeypatch.setattr(ccxt_gateway, "RETRY_PAUSE_SECONDS", 0.01)
    account = simulated_account(
        venue, wallets={pool: {VENUES[venue].currency: "5000"}}, faults={pool: fault}
    )

    (answer,), _ = ask(account, pool, deadline_seconds=0.8)

    if fault is Fault.MISSING_CURRENCY and omits_empty(venue, pool):
        assert answer == Observation(Decimal(0), NOW)
        return
    expected = EXPECTED[fault]
    if fault is Fault.EMPTY_OBJECT and venue in SAYS_EMPTY_IS_AN_ERROR:
        expected = Code.EXCHANGE_ERROR
    assert isinstance(answer, Reason)
    assert answer.code == expected
    assert answer.english


@pytest.mark.parametrize("fault", [*EXPECTED, Fault.NEGATIVE])
def test_fault_of_one_pool_leaves_the_other_pool_and_account_alone(
    fault: Fault, monkeypatch: Any
) -> None:
    monkeypatch.setattr(ccxt_gateway, "RETRY_PAUSE_SECONDS", 0.01)
    wallets = {"spot": {"USDT": "1"}, "futures": {"USDT": "2"}}
    failing, sound = (
        simulated_account(wallets=wallets, faults={"futures": fault}),
        simulated_account("okx"),
    )
    sound.wallets = {Pool.UNIFIED: {"USDT": "3"}}
    with SimulatedExchange(ExchangeState([failing, sound])) as server:
        answers = gateway_to(server, deadline_seconds=0.8).fetch_balances(
            [
                request_for(failing, ["spot", "futures"], key=1),
                request_for(sound, ["unified"], key=2),
            ],
            clock=lambda: NOW,
        )

    assert answers[1, Pool.SPOT] == Observation(Decimal(1), NOW)
    assert answers[2, Pool.UNIFIED] == Observation(Decimal(3), NOW)
    assert answers[1, Pool.FUTURES] != Observation(Decimal(2), NOW)


@pytest.mark.parametrize("fault", sorted(TEMPORARY))
def test_passing_trouble_is_asked_again_up_to_three_times(fault: Fault, monkeypatch: Any) -> None:
    monkeypatch.setattr(ccxt_gateway, "RETRY_PAUSE_SECONDS", 0.01)

    def requests_with(times: int | None) -> tuple[Any, int]:
        account = simulated_account(wallets={"spot": {"USDT": "7"}})
        account.set_fault(fault, pool="spot", times=times)
        (answer,), server = ask(account, "spot")
        return answer, len(server.requests)

    assert requests_with(2) == (Observation(Decimal(7), NOW), 3)
    answer, asked = requests_with(None)
    assert isinstance(answer, Reason)
    # The HTTP client itself sends a request once more that was cut without an answer.
    assert asked in ((3, 6) if fault is Fault.RESET else (3,))


@pytest.mark.parametrize("venue", ["binance", *SINGLE_POOL_VENUES])
@pytest.mark.parametrize("fault", [Fault.UNAUTHORIZED, Fault.RATE_LIMITED, Fault.BANNED])
def test_a_no_is_never_asked_again(venue: str, fault: Fault) -> None:
    pool = SINGLE_POOL_VENUES.get(venue, "spot")
    account = simulated_account(
        venue, wallets={pool: {VENUES[venue].currency: "7"}}, faults={pool: fault}
    )

    _, server = ask(account, pool)

    assert len(server.requests) == 1


def test_wrong_secret_is_a_refused_key() -> None:
    account = simulated_account(wallets={"spot": {"USDT": "7"}})
    with SimulatedExchange(ExchangeState([account])) as server:
        request = request_for(account, ["spot"])
        wrong = BalanceRequest(
            **{**request.__dict__, "credentials": Credentials(account.api_key, "not the secret")}
        )
        answer = gateway_to(server).fetch_balances([wrong], clock=lambda: NOW)[1, Pool.SPOT]

    assert isinstance(answer, Reason)
    assert answer.code == Code.EXCHANGE_REFUSED_KEY


@pytest.mark.parametrize(
    ("venue", "credentials", "missing"),
    [
        ("binance", Credentials("", " "), "api_key, api_secret"),
        ("okx", Credentials("key", "secret"), "api_passphrase"),
    ],
)
def test_missing_credentials_are_named_and_nobody_is_asked(
    venue: str, credentials: Credentials, missing: str
) -> None:
    pool = VENUES[venue].pools(VENUES[venue].usual_wallet_mode)[0]
    request = BalanceRequest(1, get_venue(venue), "USDT", [pool], credentials)
    with SimulatedExchange(ExchangeState()) as server:
        answer = gateway_to(server).fetch_balances([request], clock=lambda: NOW)[1, pool]

    assert answer == Reason(Code.CREDENTIALS_MISSING, {"missing": missing})
    assert server.requests == []


@pytest.mark.parametrize(
    ("body", "expected"),
    [
        ('[{"currency":"KRW","balance":12345678901234567.123456789,"locked":0.1}]',
         Decimal("12345678901234567.223456789")),
        ('[{"currency":"KRW","balance":100,"locked":1}]', Decimal(101)),
        ('[{"currency":"KRW","balance":"1e3","locked":"0"}]', Decimal(1000)),
        ('[{"currency":"KRW","balance":"1_000","locked":"0"}]', None),
        ('[{"currency":"KRW","balance":"１０００","locked":"0"}]', None),
        ('[{"currency":"KRW","balance":"","locked":"0"}]', None),
        ('[{"currency":"KRW","balance":null,"locked":"0"}]', None),
        ('[{"currency":"KRW","balance":"ten","locked":"0"}]', None),
        ('[{"currency":"KRW","balance":Infinity,"locked":"0"}]', None),
        ('[{"currency":"KRW","balance":"100000000000000000000","locked":"0"}]', None),
        ('[{"currency":"KRW"}]', None),
        ("[]", None),
        ("{}", None),
        ("null", None),
        ('"KRW"', None),
        ("[1, 2]", None),
        ("", None),
    ],
)  # fmt: skip
def test_only_exact_plain_numbers_are_read(
    body: str, expected: Decimal | None, monkeypatch: Any
) -> None:
    monkeypatch.setattr(ccxt_gateway, "RETRY_PAUSE_SECONDS", 0.01)

    (answer,), _ = ask(simulated_account("upbit", recorded={"spot": body}), "spot")

    if expected is None:
        assert isinstance(answer, Reason)
        assert answer.code in (Code.EXCHANGE_BAD_ANSWER, Code.EXCHANGE_CURRENCY_MISSING)
    else:
        assert answer == Observation(expected, NOW)


@pytest.mark.parametrize(
    ("venue", "pool", "body"),
    [
        ("bybit", "unified", {"retCode": 0, "result": {"list": []}}),
        ("bybit", "unified", {"retCode": 0, "result": {}}),
        ("okx", "unified", {"code": "0", "data": [{}]}),
        ("okx", "unified", {"code": "0", "data": []}),
    ],
)
def test_venue_that_omits_empty_wallets_must_still_list_what_it_has(
    venue: str, pool: str, body: Any
) -> None:
    (answer,), _ = ask(simulated_account(venue, recorded={pool: body}), pool)

    assert isinstance(answer, Reason)
    assert answer.code == Code.EXCHANGE_BAD_ANSWER


@pytest.mark.parametrize("pools", [("spot",), ("spot", "futures")])
@pytest.mark.parametrize("seconds", [None, 30])
def test_no_more_accounts_are_asked_at_once_than_is_allowed(
    pools: tuple[str, ...], seconds: int | None
) -> None:
    accounts = [
        SimulatedAccount(
            venue="binance",
            api_key=f"key-{number}",
            api_secret="secret",
            currency="USDT",
            wallets={pool: {"USDT": str(number)} for pool in pools},
        )
        for number in range(12)
    ]
    requests = [request_for(account, list(pools), key=n) for n, account in enumerate(accounts)]
    begun: Counter[int] = Counter()
    told: list[int] = []
    most = 0
    with SimulatedExchange(ExchangeState(accounts)) as server:
        until = None if seconds is None else Moment.now() + timedelta(seconds=seconds)
        gateway = gateway_to(server, concurrency=3, until=until)
        fetch = CcxtGateway._fetch_pool

        async def counted(self: CcxtGateway, request: BalanceRequest, *args: Any) -> Any:
            nonlocal most
            begun[request.account_id] += 1
            most = max(most, len(begun) - len(told))
            return await fetch(self, request, *args)

        with pytest.MonkeyPatch.context() as patch:
            patch.setattr(CcxtGateway, "_fetch_pool", counted)
            answers = gateway.fetch_balances(
                requests,
                clock=lambda: NOW,
                on_account=lambda account_id, _: told.append(account_id),
            )

    assert most == 3
    assert begun == dict.fromkeys(range(12), len(pools))
    assert sorted(told) == list(range(12))
    assert {name: answer.amount for name, answer in answers.items()} == {  # type: ignore[union-attr]
        (n, Pool(pool)): n for n in range(12) for pool in pools
    }


def test_venue_that_hangs_leaves_the_others_their_share_of_a_deadline() -> None:
    hanging = [simulated_account("binance", wallets={"spot": {"USDT": "1"}}) for _ in range(3)]
    healthy = [
        simulated_account("upbit", wallets={"spot": {"KRW": str(number)}}) for number in range(3)
    ]
    for number, account in enumerate((*hanging, *healthy)):
        account.api_key = f"key-{number}"
    with SimulatedExchange(ExchangeState([*hanging, *healthy])) as server:
        for account in hanging:
            server.state.set_fault(account.api_key, "timeout")
        gateway = gateway_to(server, concurrency=2, until=Moment.now() + timedelta(seconds=3))
        answers = gateway.fetch_balances(
            [request_for(each, ["spot"], key=n) for n, each in enumerate((*hanging, *healthy))],
            clock=lambda: NOW,
        )

    found = [answers[number, Pool.SPOT] for number in range(6)]
    assert [each.code for each in found[:3]] == [  # type: ignore[union-attr]
        Code.EXCHANGE_TIMEOUT,
        Code.NO_TIME_LEFT,
        Code.NO_TIME_LEFT,
    ]
    assert [each.amount for each in found[3:]] == [0, 1, 2]  # type: ignore[union-attr]


def test_gateway_works_where_an_event_loop_runs_already() -> None:
    account = simulated_account(wallets={"spot": {"USDT": "7"}})

    async def inside_a_loop() -> Any:
        return ask(account, "spot")[0]

    assert asyncio.run(inside_a_loop()) == [Observation(Decimal(7), NOW)]


def test_nothing_to_ask_asks_nobody() -> None:
    assert CcxtGateway(venue_urls={}, concurrency=1).fetch_balances([], clock=lambda: NOW) == {}


@pytest.mark.parametrize("venue", VENUES)
def test_replaced_url_keeps_every_path_and_leaves_no_real_host(venue: str) -> None:
    class_ = ccxt_clients._exchange_class(venue)
    urls = class_({}).urls["api"]

    replaced = ccxt_clients.redirected(urls, "http://127.0.0.1:1/")

    flat, before = flattened(replaced), flattened(urls)
    assert set(flat) == set(before)
    for name, url in flat.items():
        assert url.startswith("http://127.0.0.1:1"), name
        assert url.removeprefix("http://127.0.0.1:1") == "".join(
            f"/{part}" for part in before[name].split("://")[1].split("/")[1:]
        )


def flattened(urls: Any, name: tuple[str, ...] = ()) -> dict[tuple[str, ...], str]:
    """Every URL, at any depth."""
    if not isinstance(urls, dict):
        return {name: urls}
    return {k: v for key, value in urls.items() for k, v in flattened(value, (*name, key)).items()}


@pytest.mark.parametrize("venue", [row.id for row in VENUES.values() if row.sandbox])
def test_sandbox_account_never_talks_to_the_real_venue(venue: str) -> None:
    row = get_venue(venue)
    request = BalanceRequest(
        1, row, "USDT", [], Credentials("key", "secret", "phrase"), is_sandbox=True
    )

    async def exchanges() -> tuple[Any, Any]:
        gateway = CcxtGateway(venue_urls={}, concurrency=1)
        session: Any = object()
        sandbox = gateway.client(request, session)
        real = gateway.client(BalanceRequest(1, row, "USDT", [], request.credentials), session)
        sandbox.session = real.session = None
        return sandbox, real

    sandbox, real = asyncio.run(exchanges())

    if venue == "bitget":
        signed = sandbox.sign("v2/spot/account/assets", ["private", "spot"])
        assert signed["headers"]["PAPTRADING"] == "1"
        return
    assert sandbox.urls["api"] != real.urls["api"] or "x-simulated-trading" in sandbox.headers


@pytest.mark.django_db
@pytest.mark.parametrize("fault", [fault for fault in Fault if fault is not Fault.WRONG_ACCOUNT])
def test_no_fault_changes_anything_but_its_own_pool_and_no_secret_leaks(
    exchange: Exchange, fault: Fault, monkeypatch: Any, caplog: Any, capsys: Any
) -> None:
    """The canary: keys and secrets of these accounts begin with CANARY."""
    caplog.set_level(logging.DEBUG)
    monkeypatch.setattr(ccxt_gateway, "RETRY_PAUSE_SECONDS", 0.01)
    monkeypatch.setattr(
        balances,
        "get_gateway",
        lambda: gateway_to(exchange.server, deadline_seconds=0.8),
    )
    account = exchange.open_account(wallets={"spot": {"USDT": "1"}, "futures": {"USDT": "2"}})
    other = exchange.open_account(venue="okx", wallets={"unified": {"USDT": "3"}})
    spot, futures = make_link(account=account), make_link(account=account, market_type="futures")
    unified = make_link(account=other)
    make_summary(account=account, spot_balance=Decimal(10), futures_balance=Decimal(20))
    exchange.fail(account, fault, "futures")

    allocate_capital([account.pk, other.pk])

    held = {row.strategy_account_id: row.allocated_capital for row in StrategyCapital.objects.all()}
    debt = fault is Fault.NEGATIVE
    assert held == {spot.pk: Decimal(1), futures.pk: Decimal(0 if debt else 20), unified.pk: 3}
    pool = AllocationRun.objects.get(account=account).pools.get(pool="futures")
    assert pool.source == ("live" if debt else "cached")
    assert pool.code == (Code.NEGATIVE_BALANCE if debt else EXPECTED[fault])

    printed = "".join(capsys.readouterr())
    for leak in ("CANARY", "signature=", "X-MBX-APIKEY"):
        assert leak not in caplog.text
        assert leak not in printed
        assert leak not in everything_stored()


def everything_stored() -> str:
    """Every row of every table, as text."""
    with connection.cursor() as cursor:
        rows = []
        for table in connection.introspection.table_names(cursor):
            cursor.execute(f"SELECT * FROM {connection.ops.quote_name(table)}")
            rows += cursor.fetchall()
    return repr(rows)


def test_clients_of_a_venue_share_no_state_and_their_template_has_no_keys() -> None:
    row = get_venue("binance")
    requests = [
        BalanceRequest(key, row, "USDT", [], Credentials(f"key-{key}", f"secret-{key}"))
        for key in (1, 2)
    ]

    async def clients() -> list[Any]:
        gateway = CcxtGateway(venue_urls={}, concurrency=1)
        session: Any = None
        return [gateway.client(request, session) for request in requests]

    first, second = asyncio.run(clients())
    template = ccxt_clients.built_client("binance")

    first.options["hasAlreadyAuthenticatedSuccessfully"] = True
    first.urls["api"]["private"] = "http://elsewhere"
    assert (first.apiKey, second.apiKey) == ("key-1", "key-2")
    for other in (second, template):
        assert not other.options["hasAlreadyAuthenticatedSuccessfully"]
        assert other.urls["api"]["private"] != "http://elsewhere"
    assert not template.apiKey
    assert not template.secret
    assert template.session is None


@pytest.mark.parametrize(
    ("status", "body"),
    [
        (451, ""),
        # Binance, Bybit (CloudFront), KuCoin, Deribit, and Binance of an account.
        (451, '{"code": 0, "msg": "Service unavailable from a restricted location."}'),
        (
            403,
            "The Amazon CloudFront distribution is configured to block access from your country.",
        ),
        (400, '{"code":"400302","msg":"Our services are currently unavailable in the U.S. To …"}'),
        (400, '{"error":{"message":"country_is_banned","code":12005}}'),
        (400, '{"code":-4044,"msg":"This is a blacklist country."}'),
        (403, "This product is not available in your region."),
    ],
)
def test_an_answer_that_refuses_the_country_is_known_in_every_form(status: int, body: str) -> None:
    assert ccxt_clients.is_blocked(status, body)


@pytest.mark.parametrize(
    ("status", "body"),
    [
        (
            403,
            '{"code":"50120","msg":"This API key doesn\'t have permission to use this function."}',
        ),
        (401, '{"code":-2015,"msg":"Invalid API-key, IP, or permissions for action."}'),
        (403, "<html><h1>403 Forbidden</h1></html>"),
        (500, "Blocked in your country."),
        (200, '{"note": "not available in your region"}'),
        (400, '{"msg":"Account blocked. Country of residence is missing."}'),
    ],
)
def test_any_other_refusal_is_not_taken_for_one_of_the_country(status: int, body: str) -> None:
    assert not ccxt_clients.is_blocked(status, body)


@pytest.mark.parametrize(("live", "loads"), [(True, 1), (False, 0)], ids=["live", "cached"])
def test_a_worker_that_starts_loads_ccxt_where_exchanges_are_asked(
    live, loads, settings, monkeypatch
):
    settings.CAPITAL_LIVE_BALANCES = live
    loaded: list[str] = []
    monkeypatch.setattr(gateways, "load_ccxt", lambda: loaded.append("ccxt"))
    post_spawn.send(sender="django_q", proc_name="worker")
    assert len(loaded) == loads
