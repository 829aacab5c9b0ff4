"""A desk of six accounts on five venues, and everything that may happen to it in a minute.

All chance comes from one seeded generator, so a day can be lived through again.
"""

from dataclasses import dataclass, field
from decimal import Decimal
from random import Random

from capital.domain.money import quantum_of
from capital.domain.pools import Pool
from capital.models import Account, Position, StrategyAccount
from capital.services.accounts.lookup import pools_of_account
from strategies.models import MarketType, Strategy, StrategyStatus
from tests.factories import make_link, make_summary
from tests.simulated import Exchange

# Those that answer at once; one that never answers would make the day as long as it is.
FAULTS = (
    "banned",
    "empty_object",
    "html",
    "infinite",
    "missing_currency",
    "nan_text",
    "negative",
    "rate_limited",
    "reset",
    "server_error",
    "truncated",
    "unauthorized",
)
MOST_LINKS = 8


@dataclass
class World:
    """The exchanges, the accounts on them, and chance.

    Attributes:
        balances: What the exchange says, by account and pool.
        changed: The accounts that something happened to that asks for a reallocation.
    """

    exchange: Exchange
    random: Random
    accounts: list[Account] = field(default_factory=list)
    balances: dict[tuple[int, Pool], Decimal] = field(default_factory=dict)
    changed: set[int] = field(default_factory=set)

    @property
    def ids(self) -> list[int]:
        return [account.pk for account in self.accounts]

    def open_desk(self) -> None:
        """Six accounts; one of them has a summary that another program wrote."""
        both = {"spot": "10369.019", "futures": "5000"}
        guarded = {"max_jump_percent": Decimal(50)}
        self._open("binance", both, "ssfp", reserve_percent=Decimal("2.5"), **guarded)
        self._open("binance", {"spot": "77.777", "futures": "900"}, "sff", max_cache_age_hours=1)
        self._open("bybit", {"unified": "3000.5"}, "sffp", reserve_amount=Decimal(25), **guarded)
        self._open("okx", {"unified": "12000"}, "sf")
        self._open("upbit", {"spot": "5000000.7"}, "sss", reserve_percent=Decimal(1))
        theirs = self._open("bithumb", {"spot": "900000"}, "sp", **guarded)
        make_summary(account=theirs, ending_balance=Decimal(880000), spot_balance=Decimal(880000))

    def shake(self, intensity: float) -> None:
        """A while goes by: everything below may happen, ``intensity`` times as likely."""
        likely = lambda chance: self.random.random() < chance * intensity  # noqa: E731
        for key in self.balances:
            if likely(0.5):
                self._multiply(key, Decimal(self.random.randint(9900, 10100)) / 10000)
        for chance, happen in (
            (0.10, self._jump),
            (0.02, self._empty),
            (0.15, self._fail),
            (0.20, self._recover),
            (0.06, self._open_position),
            (0.15, self._close_position),
            (0.08, self._pause_or_resume),
            (0.05, self._switch_link),
            (0.08, self._reweigh),
            (0.04, self._add_link),
            (0.06, self._change_reserve),
            (0.03, self._switch_account),
            (0.05, self._change_by_sql),
        ):
            if likely(chance):
                happen()

    def _open(self, venue: str, wallets: dict[str, str], links: str, **fields: object) -> Account:
        currency = "KRW" if venue in ("upbit", "bithumb") else "USDT"
        account = self.exchange.open_account(
            venue=venue,
            wallets={pool: {currency: amount} for pool, amount in wallets.items()},
            **fields,
        )
        self.accounts.append(account)
        for pool in pools_of_account(account):
            self.balances[account.pk, pool] = Decimal(wallets[pool.value])
        for kind in links:
            make_link(
                account=account,
                market_type=MarketType.FUTURES if kind == "f" else MarketType.SPOT,
                status="PAUSED" if kind == "p" else "ACTIVE",
                weight=self._weight(),
            )
        return account

    def _multiply(self, key: tuple[int, Pool], factor: Decimal) -> None:
        account = self._account(key[0])
        finer = quantum_of(account.currency) / 100
        # A wallet that was emptied is filled again.
        self.balances[key] = ((self.balances[key] or Decimal(1000)) * factor).quantize(finer)
        self.exchange.set_balance(account, key[1].value, f"{self.balances[key]:f}")

    def _jump(self) -> None:
        factor = self.random.choice(["0.2", "0.45", "0.7", "1.7", "3"])
        self._multiply(self.random.choice(list(self.balances)), Decimal(factor))

    def _empty(self) -> None:
        account_id, pool = key = self.random.choice(list(self.balances))
        self.balances[key] = Decimal(0)
        self.exchange.set_balance(self._account(account_id), pool.value, "0")

    def _fail(self) -> None:
        account = self.random.choice(self.accounts)
        pool = self.random.choice([None, *pools_of_account(account)])
        self.exchange.fail(account, self.random.choice(FAULTS), pool)

    def _recover(self) -> None:
        account = self.random.choice(self.accounts)
        self.exchange.state.set_fault(self.exchange.keys[account.pk], None)

    def _open_position(self) -> None:
        quantity = self.random.choice([Decimal("-0.5"), Decimal(2)])
        link = self._link()
        Position.objects.update_or_create(
            strategy_account=link, symbol="BTC/USDT", defaults={"quantity": quantity}
        )

    def _close_position(self) -> None:
        position = self._any(Position.objects.exclude(quantity=0))
        if position is not None:
            position.quantity = Decimal(0)
            position.save()
            self.changed.add(position.strategy_account.account_id)

    def _pause_or_resume(self) -> None:
        link = self._link()
        link.strategy.status = self.random.choice(StrategyStatus.values)
        link.strategy.save()
        self.changed.add(link.account_id)

    def _switch_link(self) -> None:
        link = self._link()
        link.is_active = not link.is_active
        link.save()
        self.changed.add(link.account_id)

    def _reweigh(self) -> None:
        link = self._link()
        link.weight = self._weight()
        link.save()
        self.changed.add(link.account_id)

    def _add_link(self) -> None:
        account = self.random.choice(self.accounts)
        if account.strategy_accounts.count() < MOST_LINKS:
            spot_only = account.venue in ("upbit", "bithumb")
            market = MarketType.SPOT if spot_only else self.random.choice(list(MarketType))
            make_link(account=account, market_type=market, weight=self._weight())
            self.changed.add(account.pk)

    def _change_reserve(self) -> None:
        account = Account.objects.get(pk=self.random.choice(self.accounts).pk)
        before = account.reserve_percent, account.reserve_amount
        account.reserve_percent = Decimal(self.random.choice(["0", "1", "3.333", "50", "100"]))
        account.reserve_amount = Decimal(self.random.choice(["0", "0.005", "10", "1000"]))
        account.save()
        if before != (account.reserve_percent, account.reserve_amount):
            self.changed.add(account.pk)

    def _switch_account(self) -> None:
        """Off, or the one that is off on again."""
        account = Account.objects.filter(is_active=False).first()
        account = account or Account.objects.get(pk=self.random.choice(self.accounts).pk)
        account.is_active = not account.is_active
        account.save()

    def _change_by_sql(self) -> None:
        """Around the services: the gate finds it at its next slot."""
        link = self._link()
        StrategyAccount.objects.filter(pk=link.pk).update(weight=self._weight())
        Strategy.objects.filter(pk=link.strategy_id).update(status=StrategyStatus.ACTIVE)

    def _account(self, key: int) -> Account:
        return next(account for account in self.accounts if account.pk == key)

    def _link(self) -> StrategyAccount:
        link = self._any(StrategyAccount.objects.select_related("strategy"))
        assert link is not None
        return link

    def _any(self, rows):  # type: ignore[no-untyped-def]
        rows = list(rows.order_by("pk"))
        return self.random.choice(rows) if rows else None

    def _weight(self) -> Decimal:
        return Decimal(self.random.choice(["0.1", "0.33333333", "0.5", "1", "2", "7", "100"]))
