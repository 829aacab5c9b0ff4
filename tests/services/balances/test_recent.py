"""Many accounts for one answer: only those are asked of which nothing is known of this minute."""

from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any

import pytest

from capital.domain.balances import Observation
from capital.domain.pools import Pool
from capital.domain.reasons import Code, Reason
from capital.exchange.moments import Moment
from capital.models import Account, DailyAccountSummary
from capital.services.balances.live import LiveAnswers
from capital.services.balances.recent import ASKED_ANYWAY, observe_in_time
from tests.factories import make_summary
from tests.simulated import Exchange

pytestmark = pytest.mark.django_db

NOON = datetime(2026, 3, 10, 12, tzinfo=UTC)
SPOT = (Pool.SPOT,)
MANY = ASKED_ANYWAY + 1


def open_accounts(exchange: Exchange, ages: Sequence[float | None], **fields: Any) -> list[Account]:
    """Accounts with 5,000 on the exchange, whose 4,000 were read so many seconds ago."""
    accounts = []
    for age in ages:
        account = exchange.open_account(venue="upbit", wallets={"spot": {"KRW": "5000"}}, **fields)
        accounts.append(account)
        if age is not None:
            make_summary(
                account=account,
                date=NOON.date(),
                spot_balance=Decimal(4000),
                spot_observed_at=NOON - timedelta(seconds=age),
            )
    return accounts


def observe(accounts: Sequence[Account], *, seconds: float = 60, **options: Any) -> LiveAnswers:
    return observe_in_time(
        [(account, SPOT) for account in accounts],
        until=Moment.now() + timedelta(seconds=seconds),
        clock=lambda: NOON,
        **options,
    )


def amounts(answers: LiveAnswers, accounts: Sequence[Account]) -> list[Decimal | Code]:
    found = [answers[account.pk, Pool.SPOT] for account in accounts]
    return [each.code if isinstance(each, Reason) else each.amount for each in found]


def asked(exchange: Exchange) -> set[str]:
    return {request.api_key for request in exchange.server.requests}


def test_few_accounts_are_asked_however_young_their_balances_are(exchange: Exchange) -> None:
    accounts = open_accounts(exchange, [1] * ASKED_ANYWAY)

    answers = observe(accounts)

    assert amounts(answers, accounts) == [Decimal(5000)] * ASKED_ANYWAY


def test_of_many_accounts_those_read_within_a_minute_are_not_asked(exchange: Exchange) -> None:
    accounts = open_accounts(exchange, [0, 30, 59.9, 60, 3600, None, -1, *[1] * MANY])

    answers = observe(accounts)

    young = [Decimal(4000)] * 3
    old = [Decimal(5000)] * 4
    assert amounts(answers, accounts) == [*young, *old, *[Decimal(4000)] * MANY]
    assert asked(exchange) == {exchange.keys[account.pk] for account in accounts[3:7]}
    # It says when it was read.
    observed_at = NOON - timedelta(seconds=30)
    assert answers[accounts[1].pk, Pool.SPOT] == Observation(Decimal(4000), observed_at)


def test_what_is_suspect_or_could_not_be_read_since_is_asked(exchange: Exchange) -> None:
    suspect, other_pool, failed, *young = accounts = open_accounts(exchange, [1] * MANY)
    suspicion = {"amount": "9", "observed_at": NOON.isoformat(), "accepted": "4000"}
    Account.objects.filter(pk=suspect.pk).update(suspect_readings={"spot": suspicion})
    Account.objects.filter(pk=other_pool.pk).update(suspect_readings={"futures": suspicion})
    Account.objects.filter(pk=failed.pk).update(connection_code="exchange_timeout")
    accounts = [Account.objects.get(pk=account.pk) for account in accounts]

    answers = observe(accounts)

    assert asked(exchange) == {exchange.keys[suspect.pk], exchange.keys[failed.pk]}
    assert amounts(answers, [suspect, other_pool, failed]) == [
        Decimal(5000),
        Decimal(4000),
        Decimal(5000),
    ]
    assert amounts(answers, young) == [Decimal(4000)] * len(young)


def test_balance_from_before_another_balance_type_was_chosen_does_not_count(
    exchange: Exchange,
) -> None:
    changed, *_ = accounts = open_accounts(exchange, [30] * MANY)
    Account.objects.filter(pk=changed.pk).update(readings_since=NOON - timedelta(seconds=20))
    accounts = [Account.objects.get(pk=account.pk) for account in accounts]

    observe(accounts)

    assert asked(exchange) == {exchange.keys[changed.pk]}


def test_account_of_two_pools_is_asked_unless_both_are_young(exchange: Exchange) -> None:
    wallets = {"spot": {"USDT": "5000"}, "futures": {"USDT": "7"}}
    both, one = (exchange.open_account(wallets=wallets) for _ in range(2))
    for account, futures_at in ((both, NOON), (one, NOON - timedelta(minutes=2))):
        make_summary(
            account=account,
            date=NOON.date(),
            spot_balance=Decimal(4000),
            spot_observed_at=NOON,
            futures_balance=Decimal(6),
            futures_observed_at=futures_at,
        )
    others = open_accounts(exchange, [1] * MANY)
    wanted: list[Any] = [(account, (Pool.SPOT, Pool.FUTURES)) for account in (both, one)]
    wanted += [(account, SPOT) for account in others]

    answers = observe_in_time(
        wanted, until=Moment.now() + timedelta(seconds=60), clock=lambda: NOON
    )

    assert asked(exchange) == {exchange.keys[one.pk]}
    assert len(answers) == 4 + MANY


def test_whoever_waited_longest_is_asked_first(exchange: Exchange, settings: Any) -> None:
    settings.CAPITAL_LIVE_CONCURRENCY = 1
    ages = [100, 5000, None, 300, 70, *range(400, 400 + MANY)]
    accounts = open_accounts(exchange, ages)

    observe(accounts)

    first_to_last = sorted(
        zip(ages, accounts, strict=True), key=lambda each: (each[0] is not None, -(each[0] or 0))
    )
    assert [request.api_key for request in exchange.server.requests] == [
        exchange.keys[account.pk] for _, account in first_to_last
    ]


def test_nobody_is_asked_after_the_deadline(exchange: Exchange) -> None:
    accounts = open_accounts(exchange, [30, *[120] * MANY])

    answers = observe(accounts, seconds=0)

    assert amounts(answers, accounts) == [Decimal(4000), *[Code.NO_TIME_LEFT] * MANY]
    assert exchange.asked == []


@pytest.mark.parametrize("how", ["argument", "setting"])
def test_where_live_balances_are_off_young_ones_are_not_live_either(
    exchange: Exchange, settings: Any, how: str
) -> None:
    settings.CAPITAL_LIVE_BALANCES = how != "setting"
    accounts = open_accounts(exchange, [1] * MANY)

    answers = observe(accounts, live=how != "argument")

    assert amounts(answers, accounts) == [Code.LIVE_DISABLED] * MANY


def test_choosing_costs_one_query(exchange: Exchange, django_assert_num_queries: Any) -> None:
    accounts = open_accounts(exchange, [1] * 3 * MANY)

    with django_assert_num_queries(1):
        observe(accounts)

    assert DailyAccountSummary.objects.count() == 3 * MANY
