"""Weights of an account's strategies, set over the API together with the run that follows."""

from decimal import Decimal
from typing import Any

import pytest

from capital.models import AccountAccess, AllocationRun, StrategyAccount
from tests.api.client import Bot, permit, problem
from tests.factories import make_link, make_position, make_strategy, make_user
from tests.simulated import Exchange

pytestmark = pytest.mark.django_db

BOTH = ("capital.change_strategyaccount", "capital.allocate_capital")
KEY = {"Idempotency-Key": "weights-42"}


class Desk:
    """Spot strategies alpha and beta share 300; gamma has 90 of futures."""

    def __init__(self, exchange: Exchange) -> None:
        self.bot = Bot(permit(make_user(), *BOTH))
        self.account = exchange.open_account(
            owner=self.bot.user, wallets={"spot": {"USDT": "300"}, "futures": {"USDT": "90"}}
        )
        self.alpha, self.beta = self.link("alpha"), self.link("beta")
        self.gamma = self.link("gamma", "futures")
        self.path = f"accounts/{self.account.pk}/weights/"
        self.bot.post(f"accounts/{self.account.pk}/allocate/")

    def link(self, key: str, market_type: str = "spot") -> StrategyAccount:
        strategy = make_strategy(key=key, market_type=market_type, owner=self.bot.user)
        return make_link(account=self.account, strategy=strategy)

    @property
    def weights(self) -> list[Decimal]:
        rows = StrategyAccount.objects.filter(account=self.account).order_by("pk")
        return list(rows.values_list("weight", flat=True))


@pytest.fixture
def desk(exchange: Exchange) -> Desk:
    return Desk(exchange)


def test_before_and_after_of_each_strategy_are_answered_with_the_run(desk: Desk) -> None:
    answer = desk.bot.put(desk.path, {"weights": {"alpha": "50", "beta": 25}, "dry_run": False})

    assert answer.status_code == 200, answer.content
    told = answer.json()
    run = AllocationRun.objects.order_by("pk").last()
    assert run is not None
    assert told["run"] == desk.bot.get(f"allocation-runs/{run.pk}/").json()
    assert (told["run"]["actor"], told["run"]["trigger"]) == (desk.bot.user.username, "api")
    assert (told["account"], told["dry_run"], told["capital_waits"], told["notice"]) == (
        desk.account.pk,
        False,
        False,
        "",
    )
    assert told["strategies"][0] == {
        "strategy": "alpha",
        "pool": "spot",
        "weight_before": "1",
        "weight_after": "50",
        "capital_before": "150.00",
        "capital_after": "200.00",
        "waits": False,
        "code": "share",
        "reason": "Allocated by weight.",
    }
    assert [(each["weight_after"], each["capital_after"]) for each in told["strategies"][1:]] == [
        ("25", "100.00"),
        ("1", "90.00"),
    ]
    assert desk.weights == [50, 25, 1]


def test_dry_run_answers_what_would_be_and_writes_nothing(desk: Desk) -> None:
    told = desk.bot.put(desk.path, {"weights": {"alpha": "2"}, "dry_run": True}).json()

    assert (told["dry_run"], told["run"]["id"], told["run"]["outcome"]) == (True, None, "applied")
    assert [each["capital_after"] for each in told["strategies"]] == ["200.00", "100.00", "90.00"]
    assert (desk.weights, AllocationRun.objects.count()) == ([1, 1, 1], 1)


def test_held_pool_saves_the_weights_and_says_that_the_capital_waits(desk: Desk) -> None:
    make_position(desk.alpha, "1")

    told = desk.bot.put(desk.path, {"weights": {"alpha": "3"}}).json()

    assert (told["capital_waits"], told["strategies"][0]["waits"]) == (True, True)
    assert told["notice"].startswith("The weights are saved. The capital waits: ")
    assert told["strategies"][0]["capital_after"] == "150.00"
    assert desk.weights == [3, 1, 1]


@pytest.mark.parametrize(
    ("weights", "code"),
    [
        ({"alpha": "5", "nobody": "1"}, "weights_of_unknown"),
        ({"alpha": "5", "gamma": "5"}, "weights_of_two_pools"),
    ],
)
def test_keys_that_share_no_pool_of_the_account_are_refused(
    desk: Desk, weights: dict[str, str], code: str
) -> None:
    refused = problem(desk.bot.put(desk.path, {"weights": weights}), 400)

    assert (refused["code"], refused["errors"][0]["field"]) == (code, "weights")
    assert (desk.weights, AllocationRun.objects.count()) == ([1, 1, 1], 1)


@pytest.mark.parametrize(
    ("body", "field"),
    [
        ({"weights": {"beta": "5", "alpha": "0"}}, "weights.alpha"),
        ({"weights": {"alpha": "-1"}}, "weights.alpha"),
        ({"weights": {"alpha": "1e9"}}, "weights.alpha"),
        ({"weights": {"alpha": "100.5"}}, "weights.alpha"),
        ({"weights": {"alpha": "half"}}, "weights.alpha"),
        ({"weights": {"alpha": None}}, "weights.alpha"),
        ({"weights": {"alpha": True}}, "weights.alpha"),
        ({"weights": {}}, "weights"),
        ({"weights": [1, 2]}, "weights"),
        ({}, "weights"),
        ({"weights": {"alpha": "5"}, "dry_run": "no"}, "dry_run"),
        ({"weights": {"alpha": "5"}, "shares": True}, "shares"),
    ],
)
def test_what_cannot_be_a_weight_is_refused_by_its_name(
    desk: Desk, body: dict[str, Any], field: str
) -> None:
    refused = problem(desk.bot.put(desk.path, body), 400)

    assert {each["field"] for each in refused["errors"]} == {field}
    assert (desk.weights, AllocationRun.objects.count()) == ([1, 1, 1], 1)


def test_repeated_request_makes_one_run_and_gets_the_first_answer(desk: Desk) -> None:
    body = {"weights": {"alpha": "50"}}

    first = desk.bot.put(desk.path, body, **KEY)
    StrategyAccount.objects.filter(pk=desk.alpha.pk).update(weight=1)
    second = desk.bot.put(desk.path, body, **KEY)

    assert first.content == second.content
    assert second["Idempotency-Replayed"] == "true"
    assert (AllocationRun.objects.count(), desk.weights) == (2, [1, 1, 1])
    other = problem(desk.bot.put(desk.path, {"weights": {"alpha": "51"}}, **KEY), 409)
    assert other["code"] == "idempotency_conflict"


@pytest.mark.parametrize("name", BOTH)
def test_it_takes_both_permissions(desk: Desk, name: str) -> None:
    guest = permit(make_user(), name)
    AccountAccess.objects.create(account=desk.account, user=guest, role="manager")

    refused = problem(Bot(guest).put(desk.path, {"weights": {"alpha": "2"}, "dry_run": True}), 403)

    (missing,) = set(BOTH) - {name}
    assert (refused["code"], missing in refused["detail"]) == ("not_permitted", True)
