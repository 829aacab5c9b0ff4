"""Desks: a user with everything that a user can have, for tests of who sees what."""

from dataclasses import dataclass
from decimal import Decimal
from typing import Any

from django.contrib.auth.models import Group, Permission, User
from django.db.models import Model
from django.utils import timezone

from capital.models import (
    Account,
    Alert,
    AlertKind,
    AlertState,
    AlertTarget,
    AllocationRun,
    ApiToken,
    DailyAccountSummary,
    Fill,
    Flow,
    LinkDay,
    Position,
    Reservation,
    SecondFactorDevice,
    SettingChange,
    Stop,
    StrategyAccount,
    StrategyCapital,
    WebhookAnswer,
    WebhookDelivery,
)
from capital.services import auto_allocate_capital_for_account
from capital.services.access.tokens import create_token
from strategies.models import Strategy
from tests.factories import (
    make_account,
    make_fill,
    make_flow,
    make_link,
    make_link_day,
    make_reservation,
    make_strategy,
    make_summary,
    make_user,
)
from tests.phones import make_phone


@dataclass
class Tenant:
    """One user with an account, two strategies and what belongs to them."""

    user: User
    account: Account
    strategies: list[Strategy]
    links: list[StrategyAccount]
    runs: list[AllocationRun]
    summary: DailyAccountSummary
    position: Position
    phone: SecondFactorDevice
    delivery: WebhookDelivery

    @property
    def models(self) -> list[type[Model]]:
        """What it has rows of."""
        return list(self._owned)

    def rows(self, model: type[Model]) -> list[Model]:
        """This desk's rows of a model; none of a model that nobody owns."""
        owned = self._owned
        return list(owned[model].order_by("pk")) if model in owned else []

    @property
    def _owned(self) -> dict[type[Model], Any]:
        return {
            User: User.objects.filter(pk=self.user.pk),
            Account: Account.objects.filter(owner=self.user),
            Strategy: Strategy.objects.filter(owner=self.user),
            StrategyAccount: StrategyAccount.objects.filter(account__owner=self.user),
            StrategyCapital: StrategyCapital.objects.filter(
                strategy_account__account__owner=self.user
            ),
            AllocationRun: AllocationRun.objects.filter(account__owner=self.user),
            DailyAccountSummary: DailyAccountSummary.objects.filter(account__owner=self.user),
            Position: Position.objects.filter(strategy_account__account__owner=self.user),
            Reservation: Reservation.objects.filter(strategy_account__account__owner=self.user),
            LinkDay: LinkDay.objects.filter(strategy_account__account__owner=self.user),
            Fill: Fill.objects.filter(account__owner=self.user),
            Flow: Flow.objects.filter(account__owner=self.user),
            Stop: Stop.objects.filter(account__owner=self.user),
            Alert: Alert.objects.filter(account__owner=self.user),
            AlertTarget: AlertTarget.objects.filter(user=self.user),
            SettingChange: SettingChange.objects.filter(account__owner=self.user),
            WebhookDelivery: WebhookDelivery.objects.filter(strategy__owner=self.user),
            ApiToken: ApiToken.objects.filter(user=self.user),
            SecondFactorDevice: SecondFactorDevice.objects.filter(user=self.user),
        }


def make_tenant(word: str, **user_fields: Any) -> Tenant:
    """A desk whose every text contains ``word``.

    Its account has been decided twice: the second run is an unchanged one, with a snapshot.
    """
    user = make_user(username=f"{word}-user", is_staff=True, first_name=word, **user_fields)
    account = make_account(
        owner=user,
        name=f"{word}-account",
        api_key=f"{word}-CANARY-key",
        api_secret=f"{word}-CANARY-secret",
        api_passphrase=f"{word}-CANARY-passphrase",
    )
    strategies = [
        make_strategy(
            owner=user,
            name=f"{word}-{market}",
            key=f"{slug(word)}-{market}",
            market_type=market,
            description=f"{word}-description",
        )
        for market in ("spot", "futures")
    ]
    summary = make_summary(
        account=account,
        spot_balance=Decimal(10369),
        futures_balance=Decimal(5000),
        ending_balance=Decimal(15369),
        starting_balance=Decimal(15000),
    )
    links = [make_link(account=account, strategy=strategy) for strategy in strategies]
    allocating = Permission.objects.get(codename="allocate_capital")
    user.user_permissions.add(allocating)
    runs = [
        auto_allocate_capital_for_account(
            account.pk,
            live=False,
            actor=User.objects.get(pk=user.pk),
            trigger="admin",
            run_key=f"{word}-{number}",
        )
        for number in (1, 2)
    ]
    # A desk is given what its test is about.
    user.user_permissions.remove(allocating)
    position = Position.objects.create(
        strategy_account=links[0], symbol=f"{word}/USDT", quantity=Decimal("-1.5")
    )
    SettingChange.objects.create(
        row="account",
        verb="changed",
        account=account,
        name=account.name,
        values={"name": {"old": f"{word}-old", "new": account.name}},
    )
    make_fill(
        links[0],
        symbol=f"{word}/USDT",
        venue_fill_id=f"{word}-fill",
        order_id=f"{word}-order",
        client_order_id=f"{word}-client",
    )
    Stop.objects.create(
        account=account,
        reason=f"{word}-stop",
        lifted_at=timezone.now(),
        lifted_reason=f"{word}-lifted",
    )
    Alert.objects.create(
        kind=AlertKind.STOP,
        state=AlertState.BEGAN,
        code="entries_stopped",
        figures={"name": account.name, "cause": f"{word}-stop"},
        account=account,
        spread_at=timezone.now(),
    )
    AlertTarget.objects.create(
        user=user,
        name=f"{word}-target",
        channel="webhook",
        address=f"https://hooks.example.com/{word}-CANARY-1234",
        hint="1234",
        signing_secret=f"{word}-CANARY-signing",
        language="en",
    )
    make_flow(account, note=f"{word}-note")
    make_link_day(links[0])
    make_reservation(
        links[0],
        symbol=f"{word}/USDT",
        client_order_id=f"{word}-reserving",
    )
    phone = make_phone(user, name=f"{word}-phone")
    create_token(user=user, name=f"{word}-bot", scope="read", account_id=account.pk)
    delivery = make_delivery(strategies[0], account, runs[1])
    return Tenant(user, account, strategies, links, runs, summary, position, phone, delivery)


def make_delivery(
    strategy: Strategy, account: Account, run: AllocationRun | None = None
) -> WebhookDelivery:
    """An answered delivery: every text of its answer is the account's or the strategy's name."""
    delivery = WebhookDelivery.objects.create(
        strategy=strategy,
        delivery_id=f"{strategy.name} id",
        fingerprint="f" * 64,
        body={"symbol": f"{strategy.name}/USDT", "side": "buy", "qty_per": "50"},
        address="203.0.113.7",
    )
    warning = {"code": "balance_not_live", "reason": f"{account.name} was not read live."}
    WebhookAnswer.objects.create(
        delivery=delivery,
        body={
            "delivery": delivery.pk,
            "strategy": strategy.key,
            "received_at": delivery.received_at.isoformat(),
            "allocations": [
                {
                    "account": account.name,
                    "outcome": "applied" if run else None,
                    "code": "allocated" if run else "unchanged",
                    "reason": f"Capital of {account.name} was allocated.",
                    "run": run and run.pk,
                    "balances": [
                        {
                            "pool": "spot",
                            "amount": "10369",
                            "source": "cached",
                            "observed_at": delivery.received_at.isoformat(),
                        }
                    ],
                }
            ],
            "sizes": [
                {
                    "strategy": strategy.key,
                    "account": account.name,
                    "symbol": f"{strategy.name}/USDT",
                    "side": "buy",
                    "quantity": "0.1607",
                    "contracts": None,
                    "price": "61234.5",
                    "capital": "10369.00",
                    "code": "sized",
                    "warnings": [warning],
                }
            ],
            "warnings": [warning],
        },
    )
    return delivery


def slug(word: str) -> str:
    """What of a word may stand in a key."""
    return "".join(letter for letter in word if letter.isalnum()) or "key"


def allow(user: User, *permissions: str) -> User:
    """Give the user permissions; a fresh instance knows them."""
    for permission in permissions:
        app, _, codename = permission.partition(".")
        user.user_permissions.add(
            Permission.objects.get(content_type__app_label=app, codename=codename)
        )
    return User.objects.get(pk=user.pk)


def allow_everything(user: User, *, but: tuple[str, ...] = ("view_all_accounts",)) -> User:
    """Every permission there is except ``but``: only visibility is left to keep rows apart."""
    user.user_permissions.set(Permission.objects.exclude(codename__in=but))
    return User.objects.get(pk=user.pk)


def join(user: User, group: str) -> User:
    """Put the user into one of the groups that come with the migrations."""
    user.groups.add(Group.objects.get(name=group))
    return User.objects.get(pk=user.pk)
