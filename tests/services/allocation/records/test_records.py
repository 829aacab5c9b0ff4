"""What allocations write as tuples is what instances of the models would have written."""

import json
import random
from collections import Counter
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from capital.domain.errors import AppendOnly
from capital.models import (
    Account,
    AllocationEntry,
    AllocationPool,
    AllocationRun,
    DailyAccountSummary,
    StrategyAccount,
    StrategyCapital,
)
from capital.models.columns.json_text import JsonText
from capital.models.columns.rows import FEWEST
from capital.services.allocation import records
from capital.services.allocation.allocate import allocate_capital, reallocate_where_due
from strategies.models import MarketType, Strategy
from tests.factories import make_account, make_link, make_strategy, make_summary, make_user

pytestmark = pytest.mark.django_db

NOON = datetime(2026, 3, 2, 12, tzinfo=UTC)
HOUR, DAY = timedelta(hours=1), timedelta(days=1)
KINDS = (
    ("binance", "USDT", "separate"),
    ("bybit", "USDT", "unified"),
    ("upbit", "KRW", "separate"),
)


def insert_instances(
    model: Any, names: Sequence[str], rows: Sequence[Any], *, keyed: bool = True
) -> list[int]:
    """As ``insert_rows``, by instances."""
    made = [
        model(
            **{
                name: json.loads(value) if isinstance(value, JsonText) else value
                for name, value in zip(names, row, strict=True)
            }
        )
        for row in rows
    ]
    for each in made:
        each.save()
    return [each.pk for each in made] if keyed else []


def upsert_instances(
    model: Any, names: Sequence[str], rows: Sequence[Any], *, unique: str, update: Sequence[str]
) -> None:
    """As ``upsert_rows``, by instances."""
    for row in rows:
        values = dict(zip(names, row, strict=True))
        present = model.objects.filter(**{unique: values[unique]}).first()
        if present is None:
            model(**values).save()
            continue
        for name in update:
            setattr(present, name, values[name])
        present.save()


def strategies() -> list[Strategy]:
    """Four of each market, the last of each not active."""
    owner = make_user()
    return [
        make_strategy(owner=owner, market_type=market, status=status)
        for market in (MarketType.SPOT, MarketType.FUTURES)
        for status in ("ACTIVE", "ACTIVE", "ACTIVE", "PAUSED")
    ]


def accounts_of(traded: Sequence[Strategy], count: int) -> list[Account]:
    """Accounts by chance, the same for every call: reserves, and three links with weights."""
    chance, made = random.Random(5), []
    for number in range(count):
        venue, currency, mode = KINDS[number % len(KINDS)]
        account = make_account(
            owner=traded[0].owner,
            venue=venue,
            currency=currency,
            wallet_mode=mode,
            reserve_percent=Decimal(chance.randrange(20)),
        )
        usable = [each for each in traded if venue != "upbit" or each.market_type == "spot"]
        for strategy in chance.sample(usable, 3):
            weight = Decimal(chance.randrange(1, 10**9)).scaleb(-7)
            make_link(account=account, strategy=strategy, weight=weight)
        made.append(account)
    return made


def give_balances(accounts: Sequence[Account], at: datetime) -> None:
    """Balances of this moment, the same for every call; some are not known, none is rounded."""
    chance = random.Random(at.day)
    for account in accounts:
        spot, futures, whole = (
            None if chance.random() < 0.1 else Decimal(chance.randrange(10**12)).scaleb(-6)
            for _ in range(3)
        )
        DailyAccountSummary.objects.create(
            account=account,
            date=at.date(),
            spot_balance=spot,
            futures_balance=futures,
            ending_balance=whole,
            spot_observed_at=at,
            futures_observed_at=at,
            ending_observed_at=at,
        )


def rows_of(accounts: Sequence[Account]) -> list[str]:
    """All that was written of these accounts in its order, as text; keys as places among them."""
    links = StrategyAccount.objects.filter(account__in=accounts).order_by("pk")
    place_of = {key: place for place, key in enumerate(links.values_list("pk", flat=True))}
    found = []
    for model, condition in (
        (AllocationRun, {"account__in": accounts}),
        (AllocationPool, {"run__account__in": accounts}),
        (AllocationEntry, {"pool__run__account__in": accounts}),
        (StrategyCapital, {"strategy_account__account__in": accounts}),
    ):
        parents: dict[str, dict[int, int]] = {}
        for row in model.objects.filter(**condition).order_by("pk").values():
            del row["id"]
            for name in ("account_id", "run_id", "pool_id"):
                if name in row:
                    places = parents.setdefault(name, {})
                    row[name] = places.setdefault(row[name], len(places))
            if "strategy_account_id" in row:
                row["strategy_account_id"] = place_of[row["strategy_account_id"]]
            text = json.dumps(row, default=repr, ensure_ascii=False)
            for key, place in place_of.items():
                text = text.replace(f'"{key}": {{', f'"link {place}": {{')
                text = text.replace(f'"{key}": [', f'"link {place}": [')
            found.append(text)
    return found


@pytest.mark.parametrize("count", [3, FEWEST + 10], ids=["few", "many"])
def test_rows_are_those_that_instances_would_write(count, monkeypatch):
    traded = strategies()
    here, there = accounts_of(traded, count), accounts_of(traded, count)
    outcomes: Counter[str] = Counter()
    for key, at in (("first", NOON), ("again", NOON + HOUR), ("moved", NOON + DAY)):
        if key != "again":
            give_balances([*here], at - HOUR)
            give_balances([*there], at - HOUR)
        given = {"live": False, "run_key": key, "clock": lambda at=at: at}
        runs = allocate_capital([account.pk for account in here], **given)
        outcomes.update(run.outcome for run in runs)
        with monkeypatch.context() as patched:
            patched.setattr(records, "insert_rows", insert_instances)
            patched.setattr(records, "upsert_rows", upsert_instances)
            allocate_capital([account.pk for account in there], **given)
    assert rows_of(here) == rows_of(there)
    assert outcomes["applied"] >= count
    assert outcomes["unchanged"] >= count // 2


def test_capital_that_stands_is_not_written_again():
    account = make_account()
    link = make_link(account=account)
    make_summary(
        account=account,
        date=NOON.date(),
        spot_balance=Decimal(100),
        spot_observed_at=NOON - HOUR,
    )
    given = {"live": False, "clock": lambda: NOON}
    allocate_capital([account.pk], **given)
    with CaptureQueriesContext(connection) as again:
        allocate_capital([account.pk], **given)
    assert not [
        each
        for each in again.captured_queries
        if "INTO" in each["sql"] and "strategycapital" in each["sql"]
    ]
    DailyAccountSummary.objects.update(spot_observed_at=NOON)
    allocate_capital([account.pk], **given)
    link.capital.refresh_from_db()
    assert link.capital.pnl_since == NOON


def test_the_run_that_is_returned_is_the_row_that_was_written():
    link = make_link()
    make_summary(account=link.account, date=NOON.date(), spot_balance=Decimal(100))
    (run,) = allocate_capital([link.account_id], live=False, clock=lambda: NOON)
    stored = AllocationRun.objects.get()
    names = [field.attname for field in AllocationRun._meta.concrete_fields]
    assert {name: getattr(run, name) for name in names} == {
        name: getattr(stored, name) for name in names
    }
    with pytest.raises(AppendOnly):
        run.save()


def test_each_check_is_stored_with_its_account_and_with_no_other() -> None:
    before = NOON - DAY
    checked, off, beside = (
        make_account(last_checked_at=before, last_check_code="below_threshold") for _ in range(3)
    )
    Account.objects.filter(pk=off.pk).update(is_active=False)

    reallocate_where_due([checked.pk, off.pk], live=False, clock=lambda: NOON)

    rows = Account.objects.order_by("pk").values_list("pk", "last_checked_at", "last_check_code")
    assert list(rows) == [
        (checked.pk, NOON, "nothing_to_allocate"),
        (off.pk, NOON, "account_inactive"),
        (beside.pk, before, "below_threshold"),
    ]
