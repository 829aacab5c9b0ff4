"""Whoever asks the gate gets one answer: the API, the overview, a preview and the schedule."""

from collections.abc import Callable
from dataclasses import dataclass
from decimal import Decimal
from typing import Any

import pytest
from django.utils import timezone

from capital.domain.pools import Pool
from capital.models import Account, Position, StrategyAccount, StrategyCapital
from capital.services.allocation.allocate import (
    auto_allocate_capital_for_account,
    preview_allocation,
    reallocate_where_due,
)
from capital.services.allocation.gate import check_gate
from capital.services.audit.checks import audit_capital
from capital.services.balances.sync import sync_balances
from capital.services.overview.accounts import overview_accounts
from strategies.models import Strategy
from tests.factories import make_link, make_summary
from tests.simulated import Exchange

pytestmark = pytest.mark.django_db


@dataclass(frozen=True)
class Scene:
    """A spot account of 10,000 USDT with one strategy."""

    exchange: Exchange
    account: Account
    link: StrategyAccount

    def allocate(self) -> None:
        auto_allocate_capital_for_account(self.account.pk)

    def know_the_balance(self) -> None:
        make_summary(account=self.account, spot_balance=Decimal(10000))

    def balance(self, amount: str) -> None:
        self.exchange.set_balance(self.account, "spot", amount)

    def update(self, **fields: Any) -> None:
        Account.objects.filter(pk=self.account.pk).update(**fields)

    def open_position(self) -> None:
        Position.objects.create(
            strategy_account=self.link, symbol="BTC/USDT", quantity=Decimal("0.1")
        )

    def pause(self) -> None:
        Strategy.objects.filter(pk=self.link.strategy_id).update(status="PAUSED")

    def no_balance(self) -> None:
        self.exchange.fail(self.account, "server_error")

    def malform_suspects(self) -> None:
        self.update(suspect_readings={"spot": {"amount": "1"}})


def steps(*names: str | tuple[str, Any]) -> Callable[[Scene], None]:
    def take(scene: Scene) -> None:
        for each in names:
            name, *given = (each,) if isinstance(each, str) else each
            step = getattr(scene, name)
            if given and isinstance(given[0], dict):
                step(**given[0])
            else:
                step(*given)

    return take


JUMPED = ("balance", "100000")
IMPOSSIBLE_MODE = ("update", {"venue": "mexc", "wallet_mode": "unified"})
INACTIVE = ("update", {"is_active": False})

# What happens to the account; the gate's answer; the outcome and code of the schedule's run, with
# None for no run.
STATES: dict[str, tuple[Callable[[Scene], None], tuple[bool, str, bool], Any]] = {
    "first balance": (
        steps(),
        (False, "balance_unconfirmed", False),
        None,
    ),
    "never allocated": (
        steps("know_the_balance"),
        (True, "never_allocated", False),
        ("applied", "allocated"),
    ),
    "not due": (
        steps("allocate"),
        (False, "change_too_small", False),
        None,
    ),
    "not due by the percentage": (
        steps(("update", {"min_change_amount": None}), "allocate", ("balance", "10001")),
        (False, "below_threshold", False),
        None,
    ),
    "due by its balance": (
        steps("allocate", ("balance", "12000")),
        (True, "balance_changed", False),
        ("applied", "allocated"),
    ),
    "due by its reserve": (
        steps("allocate", ("update", {"reserve_percent": Decimal(10)})),
        (True, "reserve_changed", False),
        ("applied", "allocated"),
    ),
    "inactive": (
        steps("allocate", ("balance", "12000"), INACTIVE),
        (False, "account_inactive", False),
        ("skipped", "account_inactive"),
    ),
    "inactive and never allocated": (
        steps(INACTIVE),
        (False, "account_inactive", False),
        ("skipped", "account_inactive"),
    ),
    "impossible mode, never allocated": (
        steps(IMPOSSIBLE_MODE),
        (False, "wallet_mode_not_on_venue", False),
        ("failed", "wallet_mode_not_on_venue"),
    ),
    "impossible mode with an open position": (
        steps("allocate", "open_position", IMPOSSIBLE_MODE),
        (False, "wallet_mode_not_on_venue", False),
        ("failed", "wallet_mode_not_on_venue"),
    ),
    "open position": (
        steps("allocate", ("balance", "12000"), "open_position"),
        (False, "open_position", True),
        None,
    ),
    "open position, never allocated": (
        steps("open_position"),
        (False, "open_position", True),
        None,
    ),
    "suspect": (
        steps("allocate", JUMPED),
        (False, "jump_suspected", True),
        ("held", "jump_suspected"),
    ),
    "suspect with an open position": (
        steps("allocate", JUMPED, "open_position"),
        (False, "open_position", True),
        None,
    ),
    "malformed suspects": (
        steps("allocate", "malform_suspects"),
        (False, "suspect_malformed", False),
        ("failed", "suspect_malformed"),
    ),
    "no balance, never allocated": (
        steps("no_balance"),
        (True, "never_allocated", False),
        ("skipped", "no_balance"),
    ),
    "no balance any more": (
        steps("allocate", "no_balance"),
        (False, "change_too_small", False),
        None,
    ),
    "nothing to allocate to": (
        steps("allocate", "pause"),
        (True, "states_changed", False),
        ("skipped", "nothing_to_allocate"),
    ),
}


def _open(exchange: Exchange) -> Scene:
    account = exchange.open_account(
        wallets={"spot": {"USDT": "10000"}}, max_jump_percent=Decimal(50)
    )
    return Scene(exchange, account, make_link(account=account))


@pytest.fixture(params=list(STATES))
def state(
    request: pytest.FixtureRequest, exchange: Exchange
) -> tuple[Account, tuple[bool, str, bool], Any]:
    prepare, answer, run = STATES[request.param]
    scene = _open(exchange)
    prepare(scene)
    if request.param != "malformed suspects":
        # What the jobs would know by now, for whoever asks no exchange.
        sync_balances([scene.account.pk])
    return Account.objects.get(pk=scene.account.pk), answer, run


def test_every_face_gives_the_same_answer(state: Any) -> None:
    account, (due, code, is_held), run = state

    status = check_gate(account.pk)
    shown = overview_accounts([account], now=timezone.now())[account.pk].due
    (preview,) = preview_allocation([account.pk], if_due=True)
    (result,) = reallocate_where_due([account.pk])

    assert (status.due, status.reason.code, status.is_held) == (due, code, is_held)
    assert (shown.due, shown.reason, shown.is_held, shown.suspects, shown.held) == (
        status.due,
        status.reason,
        status.is_held,
        status.suspects,
        status.held,
    )
    assert status.held == ({Pool.SPOT: status.reason} if code == "open_position" else {})
    decided = None if result.run is None else (result.run.outcome, result.run.code)
    assert decided == run
    assert preview.reason == result.reason
    assert (preview.decision is None) == (result.run is None)
    if not due:
        assert result.reason == status.reason
    assert audit_capital().violations == [] or code == "suspect_malformed"


def test_looking_writes_nothing(state: Any) -> None:
    account, *_ = state
    before = Account.objects.values().get(), list(StrategyCapital.objects.values())

    check_gate(account.pk)
    overview_accounts([account], now=timezone.now())
    preview_allocation([account.pk], if_due=True)

    assert (Account.objects.values().get(), list(StrategyCapital.objects.values())) == before


def test_without_a_live_reading_the_accepted_balance_answers(exchange: Exchange) -> None:
    """As the schedule would decide from the daily summary: the suspect balance is not asked."""
    scene = _open(exchange)
    steps("allocate", JUMPED)(scene)
    sync_balances([scene.account.pk])

    status = check_gate(scene.account.pk, live=False)
    (result,) = reallocate_where_due([scene.account.pk], live=False)

    assert (status.due, status.reason.code, status.is_held) == (False, "change_too_small", False)
    assert (result.run, result.reason) == (None, status.reason)
