"""Every operation of the description × who asks. A new endpoint is in the table by itself."""

import re
from collections.abc import Iterator
from copy import deepcopy
from datetime import timedelta
from decimal import Decimal
from typing import Any

import pytest
from django.test import Client
from django.utils import timezone

from capital.models import (
    Account,
    AccountAccess,
    AllocationRun,
    ApiToken,
    Market,
    Position,
    Scope,
    Stop,
    StrategyAccount,
)
from capital.services.allocation.allocate import auto_allocate_capital_for_account
from tests.api.client import Bot, permit, problem
from tests.api.description import description, operations, takes_a_token
from tests.factories import (
    make_account,
    make_fill,
    make_flow,
    make_link,
    make_link_day,
    make_market,
    make_reservation,
    make_strategy,
    make_summary,
    make_user,
)
from tests.security.desk import undone
from tests.simulated import Exchange

pytestmark = [pytest.mark.django_db, pytest.mark.once]

DESCRIBED = operations(description())
TABLE = [(path, method) for path, method, operation in DESCRIBED if takes_a_token(operation)]
OPERATIONS = {(path, method): operation for path, method, operation in DESCRIBED}
# What a row is deleted from must never have been used.
UNUSED = "delete"

PERMISSIONS = [
    *(f"capital.{verb}_account" for verb in ("add", "change", "delete")),
    *(f"capital.{verb}_strategyaccount" for verb in ("add", "change", "delete")),
    *(f"strategies.{verb}_strategy" for verb in ("add", "change", "delete")),
    "capital.allocate_capital",
    "capital.revert_allocation",
    "capital.report_position",
    "capital.report_trading",
    "capital.change_flows",
    "capital.share_account",
    "capital.stop_entries",
    "capital.lift_stop",
]  # fmt: skip

# The same for everyone who shows a token.
SHARED = {"markets"}


class World:
    """One user's desk with a row of everything, a second account, and another user."""

    def __init__(self, exchange: Exchange | None = None) -> None:
        self.owner = permit(make_user(), *PERMISSIONS)
        self.other = permit(make_user(), *PERMISSIONS)
        self.account, self.second = (self._account(exchange) for _ in range(2))
        self.link = make_link(account=self.account, market_type="futures")
        self.summary = make_summary(account=self.account, futures_balance=Decimal(5000))
        self.run = auto_allocate_capital_for_account(self.account.pk, live=False)
        self.position = Position.objects.create(
            strategy_account=self.link, symbol="ETH/USDT:USDT", quantity=Decimal(0)
        )
        rules = {"venue": "binance", "symbol": "BTC/USDT:USDT"}
        self.market = Market.objects.filter(**rules).first() or make_market(**rules)
        self.fill = make_fill(self.link, symbol="BTC/USDT:USDT")
        self.flow = make_flow(self.account)
        self.reservation = make_reservation(self.link, symbol="BTC/USDT:USDT")
        self.link_day = make_link_day(self.link)
        self.unused_strategy = make_strategy(owner=self.owner)
        self.access = self._access()
        self.stop = Stop.objects.create(
            account=self.account, reason="Test", lifted_at=timezone.now(), lifted_reason="Over"
        )
        self.guest = make_user()

    def _access(self) -> AccountAccess:
        return AccountAccess.objects.create(account=self.account, user=make_user(), role="viewer")

    def _account(self, exchange: Exchange | None) -> Account:
        if exchange is None:
            return make_account(owner=self.owner)
        wallets = {"spot": {"USDT": "10369"}, "futures": {"USDT": "5000"}}
        return exchange.open_account(owner=self.owner, wallets=wallets)

    def path(self, template: str, method: str) -> str:
        resource = template.split("/")[3]
        if method == UNUSED:
            return self._unused(template, resource)
        ids: dict[str, Any] = {
            "accounts": self.account.pk,
            "strategies": self.link.strategy.key,
            "strategy-accounts": self.link.pk,
            "capital": self.link.capital.pk,
            "daily-summaries": self.summary.pk,
            "allocation-runs": self.run.pk,
            "positions": self.position.pk,
            "markets": self.market.pk,
            "fills": self.fill.pk,
            "flows": self.flow.pk,
            "link-days": self.link_day.pk,
            "account-access": self.access.pk,
            "stops": self.stop.pk,
            "reservations": self.reservation.pk,
            "stop": None,
            "allocate": None,
            "performance": None,
            "needs": None,
        }
        template = template.replace("{name}", self.account.name)
        return re.sub(r"\{\w+\}", str(ids[resource]), template)

    def _unused(self, template: str, resource: str) -> str:
        ids: dict[str, Any] = {"strategies": self.unused_strategy.key}
        if resource == "accounts":
            ids[resource] = Account.objects.create(
                owner=self.owner,
                name=f"unused {Account.objects.count()}",
                venue="binance",
                currency="USDT",
            ).pk
        elif resource == "account-access":
            ids[resource] = self._access().pk
        elif resource == "reservations":
            ids[resource] = make_reservation(self.link, symbol="BTC/USDT:USDT").pk
        elif resource == "strategy-accounts":
            ids[resource] = make_link(account=self.account, market_type="spot").pk
        return re.sub(r"\{\w+\}", str(ids[resource]), template)

    def body(self, path: str, method: str) -> Any:
        """The example of the description, about rows that are there."""
        operation = OPERATIONS[path, method]
        if "requestBody" not in operation:
            return None
        content = operation["requestBody"]["content"]["application/json"]
        body = dict(content["examples"]["example"]["value"])
        if "symbols" in body:
            # The only symbol whose rules are there is a contract.
            body["symbols"] = []
        if path == "/api/v1/strategy-accounts/" and method == "post":
            return {**body, "strategy": self.unused_strategy.key, "account": self.account.pk}
        if path == "/api/v1/account-access/":
            return {**body, "account": self.account.pk, "user": self.guest.username}
        if path == "/api/v1/strategy-accounts/{id}/" and method == "put":
            return {**body, "strategy": self.link.strategy.key, "account": self.account.pk}
        if path == "/api/v1/strategies/{key}/" and method == "put":
            return {**body, "key": self.link.strategy.key}
        if path.endswith(("/size/", "/reservations/")):
            return {**body, "price": "61234.5"}
        if path == "/api/v1/stop/":
            return {"owner": self.owner.username, "reason": "Test"}
        if path.endswith("/weights/"):
            return {"weights": {self.link.strategy.key: "2"}}
        if "dry_run" in body:
            return {"cached": True}
        return body


@pytest.fixture(scope="module")
def _one_world(django_db_setup: Any, django_db_blocker: Any) -> Iterator[World]:
    with django_db_blocker.unblock(), undone():
        yield World()


@pytest.fixture
def world(_one_world: World) -> World:
    """As it was made: what a test writes is rolled back, and its rows are copies."""
    return deepcopy(_one_world)


def needed(path: str, method: str) -> Scope:
    found = re.search(r"Scope: `(\w+)`", OPERATIONS[path, method]["description"])
    assert found, f"{method} {path} does not say its scope"
    return Scope(found[1])


def ask(world: World, path: str, method: str, bot: Bot | None) -> Any:
    url, body = world.path(path, method), world.body(path, method)
    client = Client() if bot is None else bot.client
    headers = {} if bot is None else {"Authorization": f"Bearer {bot.text}"}
    call = getattr(client, method)
    if method in ("get", "delete"):
        return call(url, headers=headers)
    return call(url, {} if body is None else body, content_type="application/json", headers=headers)


def counts() -> list[int]:
    return [rows.objects.count() for rows in (Account, StrategyAccount, AllocationRun, Position)]


def each_operation() -> pytest.MarkDecorator:
    return pytest.mark.parametrize(("path", "method"), TABLE, ids=lambda part: str(part))


@each_operation()
def test_without_a_token_it_is_401(world: World, path: str, method: str) -> None:
    answer = ask(world, path, method, None)

    assert answer.status_code == 401
    assert answer["WWW-Authenticate"].startswith("Bearer")


@each_operation()
def test_with_an_expired_token_it_is_401(world: World, path: str, method: str) -> None:
    bot = Bot(world.owner)
    ApiToken.objects.update(expiry=timezone.now() - timedelta(seconds=1))

    assert ask(world, path, method, bot).status_code == 401


@each_operation()
def test_with_a_smaller_scope_it_is_403(world: World, path: str, method: str) -> None:
    scope = needed(path, method)
    smaller = [each for each in Scope if not each.includes(scope)]
    assert smaller or method == "get"
    before = counts()

    for each in smaller:
        answer = ask(world, path, method, Bot(world.owner, scope=each))
        assert (answer.status_code, answer.json()["code"]) == (403, "scope_too_small")
    if method != UNUSED:
        assert counts() == before


def is_detail(path: str) -> bool:
    return "{" in path


def names_another_row(path: str, method: str) -> bool:
    named = ("/api/v1/strategy-accounts/", "/api/v1/account-access/")
    return path in named and method == "post"


@each_operation()
def test_with_a_token_of_another_account_nothing_of_this_one_is_seen(
    world: World, path: str, method: str
) -> None:
    answer = ask(world, path, method, Bot(world.owner, account=world.second))

    refuse_all_but_own(answer, path, method, {world.second.pk})


@each_operation()
def test_another_user_sees_nothing_of_it(world: World, path: str, method: str) -> None:
    answer = ask(world, path, method, Bot(world.other))

    refuse_all_but_own(answer, path, method, set())


def refuse_all_but_own(answer: Any, path: str, method: str, own: set[int]) -> None:
    resource = path.split("/")[3]
    if resource in SHARED:
        assert answer.status_code == 200
    elif is_detail(path):
        # 403 for what a token of one account may do to nobody.
        assert answer.status_code in (404, 403), answer.content
        if answer.status_code == 403:
            assert answer.json()["code"] == "token_of_one_account"
    elif names_another_row(path, method):
        assert answer.status_code == 400
        assert answer.json()["errors"][0]["field"] in ("account", "strategy")
    elif method == "get":
        rows = answer.json()["results"]
        assert answer.status_code == 200
        assert {row.get("account", row["id"]) for row in rows} <= own
    elif resource == "allocate":
        assert {run["account"] for run in answer.json()["runs"]} <= own
    elif own:
        assert (answer.status_code, answer.json()["code"]) == (403, "token_of_one_account")
    elif resource == "stop":
        assert answer.status_code == 404
    else:
        assert answer.status_code == 201


@each_operation()
def test_whoever_may_gets_an_answer(exchange: Exchange, path: str, method: str) -> None:
    world = World(exchange)
    bot = Bot(world.owner, scope=needed(path, method).value)

    answer = ask(world, path, method, bot)

    assert answer.status_code in (200, 201, 204), answer.content
    assert str(answer.status_code) in OPERATIONS[path, method]["responses"]


def named(found: re.Match[str]) -> str:
    return f"{{{found[1] or found[2]}}}"


def test_the_table_has_every_address_of_the_api() -> None:
    from capital.api.urls import urlpatterns

    described = {path for path, _, _ in DESCRIBED}
    of_version = next(each for each in urlpatterns if str(each.pattern) == "v1/")
    routed = set()
    for pattern in of_version.url_patterns:
        route = re.sub(r"\(\?P<(\w+)>[^)]*\)|<(?:slug|path):(\w+)>", named, str(pattern.pattern))
        route = route.strip("^$")
        routed.add("/api/v1/" + route.replace("{pk}", "{id}").removesuffix("\\Z"))

    assert routed == described


@pytest.mark.django_db
def test_what_is_only_sent_cannot_be_asked_for() -> None:
    told = problem(Bot().get("accounts/?fields=name,api_secret"), 400)

    assert "Unknown fields: api_secret." in str(told)
    assert "api_key," not in str(told)
