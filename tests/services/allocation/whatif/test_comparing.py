"""What is on record of an account beside the same days by another policy."""

from datetime import UTC, date, datetime, time, timedelta
from decimal import Decimal
from typing import Any

import pytest
from django.utils.timezone import get_default_timezone

from capital.domain.allocation.rules import PolicyName
from capital.domain.errors import NothingToReplay, UnknownAccount
from capital.domain.performance.measures.periods import Period
from capital.models import Account, AllocationRun, LinkDay, PoolDay, StrategyAccount
from capital.services.allocation import comparison_as_json
from capital.services.allocation.whatif.comparing import Comparison, replay_policy
from tests.factories import make_account, make_flow, make_link, make_link_day, make_strategy

pytestmark = pytest.mark.django_db

D = Decimal
ONE, TWO, THREE = (date(2026, 3, 10) + timedelta(days=each) for each in range(3))
ALL = Period(None, date(2026, 12, 31))


def day_of(link: StrategyAccount, day: date, start: str, earned: str, **fields: Any) -> LinkDay:
    """What it earned with that on the day; nothing is held at its end."""
    worth = {"equity_start": D(start), "settled_start": D(start), "unrealized": D(0)}
    costs = {"fees": D(0), "funding": D(0)}
    return make_link_day(
        link, date=day, **{**worth, **costs, "realized": D(earned), "fills": 2, **fields}
    )


def pool_day(account: Account, day: date, balance: str, **fields: Any) -> PoolDay:
    until = datetime(day.year, day.month, day.day, 12, tzinfo=UTC)
    return PoolDay.objects.create(
        account=account,
        pool=fields.pop("pool", "futures"),
        date=day,
        balance=D(balance),
        until=until,
        **{"unexplained": D(0), **fields},
    )


class Desk:
    """a earned 10 % twice, b lost 5 % twice, each with 5,000 at first of 10,000."""

    def __init__(self, **fields: Any) -> None:
        self.account = make_account(name="Main", **fields)
        self.a, self.b = (self.link(key) for key in ("a", "b"))
        pool_day(self.account, ONE - timedelta(days=1), "10000")
        day_of(self.a, ONE, "5000", "500")
        day_of(self.a, TWO, "5500", "550")
        day_of(self.b, ONE, "5000", "-250")
        day_of(self.b, TWO, "4750", "-237.5")

    def link(self, key: str, market_type: str = "futures") -> StrategyAccount:
        strategy = make_strategy(key=key, market_type=market_type)
        return make_link(account=self.account, strategy=strategy)

    def replay(self, policy: str = "weights", period: Period = ALL, **rules: Any) -> Comparison:
        return replay_policy(self.account.pk, PolicyName(policy), period=period, **rules)


def equities(comparison: Comparison) -> list[list[str]]:
    courses = (comparison.recorded, comparison.replayed)
    return [[format(day.equity.normalize(), "f") for day in course.days] for course in courses]


def codes(comparison: Comparison) -> list[str]:
    """Besides what is always said."""
    always = ["replay_same_returns", "replay_present_settings", "replay_daily"]
    found = [reason.code.value for reason in comparison.unknown]
    assert found[:3] == always
    return found[3:]


def test_both_courses_are_told_and_nothing_is_written() -> None:
    desk = Desk()
    before = list(Account.objects.values()), list(LinkDay.objects.values())

    comparison = desk.replay()

    assert equities(comparison) == [["10250", "10562.5"], ["10250", "10506.25"]]
    assert codes(comparison) == []
    assert before == (list(Account.objects.values()), list(LinkDay.objects.values()))
    assert AllocationRun.objects.count() == 0


def test_what_programs_read_has_both_courses_with_every_day() -> None:
    told = comparison_as_json(Desk().replay())

    assert (told["account_name"], told["currency"], told["policy"]) == ("Main", "USDT", "weights")
    assert told["parameters"] == {"lookback_days": 60, "drift_band_percent": "0"}
    assert (told["from"], told["to"]) == ("2026-03-10", "2026-03-11")
    days = told["replayed"].pop("days")
    assert told["replayed"] == {
        "equity_start": "10000.00",
        "equity_end": "10506.25",
        "earned": "506.25",
        "return": "0.050625",
        "drawdown": "0",
        "turnover": "750.00",
        "allocations": 1,
        "strategies": [
            {"strategy": "a", "capital": "5125.00", "earned": "1012.50"},
            {"strategy": "b", "capital": "5125.00", "earned": "-506.25"},
        ],
    }
    assert days[1] == {
        "date": "2026-03-11",
        "equity": "10506.25",
        "return": "0.025",
        "moved": "750.00",
        "capital": {"a": "5125.00", "b": "5125.00"},
    }
    assert told["recorded"]["return"] == "0.05625"
    assert [each["code"] for each in told["unknown"]] == [
        "replay_same_returns",
        "replay_present_settings",
        "replay_daily",
    ]


def test_parameters_are_the_accounts_where_they_are_not_given() -> None:
    desk = Desk(drift_band_percent=D(8), lookback_days=40)

    assert desk.replay().replayed.turnover == 0
    assert desk.replay(drift_band_percent=D(0), lookback_days=45).replayed.turnover == 750
    assert desk.replay(lookback_days=45).rules.lookback_days == 45
    assert desk.replay().rules.lookback_days == 40


def test_only_the_days_of_the_period_are_taken() -> None:
    comparison = Desk().replay(period=Period(TWO, TWO))

    assert comparison.days == [TWO]
    # No balance is on record of the day before: what the strategies had.
    assert codes(comparison) == ["replay_without_balance"]
    assert equities(comparison) == [["10562.5"], ["10506.25"]]


def test_volatility_is_measured_on_the_days_before_the_period_too() -> None:
    desk = Desk()
    for at in range(2, 62):
        for link, size in ((desk.a, 100), (desk.b, 200)):
            earned = size if at % 2 else -size
            day_of(link, ONE - timedelta(days=at), "1000", str(earned))
    for link in (desk.a, desk.b):
        # Neither a position nor a trade: such a day does not count.
        day_of(link, ONE - timedelta(days=1), "1000", "0", fills=0)

    comparison = desk.replay("inverse_volatility", Period(ONE, ONE))

    (day,) = comparison.replayed.days
    assert [day.capital[link.pk] for link in (desk.a, desk.b)] == [D("6666.67"), D("3333.33")]


def test_money_from_outside_reaches_both_courses_and_what_nothing_explains_is_told() -> None:
    desk = Desk()
    other = make_account()
    for account, amount in ((desk.account, "1000"), (other, "7")):
        at = datetime(2026, 3, 11, 3, tzinfo=UTC)
        make_flow(account, kind="deposit", pool="futures", amount=D(amount), occurred_at=at)
        late = datetime(2026, 6, 1, tzinfo=UTC)
        make_flow(account, kind="deposit", pool="futures", amount=D(5), occurred_at=late)
    pool_day(desk.account, ONE, "10250", unexplained=D("500"))
    pool_day(desk.account, TWO, "11560", unexplained=D("-502.5"))
    pool_day(other, TWO, "1", unexplained=D(9))

    comparison = desk.replay("own_profit")

    # What nothing explains is in neither: often a balance that was read too early for a fill.
    assert equities(comparison)[0] == ["10250", "11562.5"]
    assert codes(comparison) == ["replay_unexplained"]
    assert dict(comparison.unknown[-1].figures) == {"amount": "-2.50", "currency": "USDT"}


def test_money_of_the_first_and_of_the_last_day_counts_and_none_of_the_days_around() -> None:
    desk = Desk()
    begin, minute = datetime.combine(ONE, time.min, get_default_timezone()), timedelta(minutes=1)
    for at, amount in (
        (begin - minute, 1),
        (begin, 20),
        (begin + timedelta(days=2) - minute, 300),
        (begin + timedelta(days=2), 4000),
    ):
        make_flow(desk.account, kind="deposit", pool="futures", amount=D(amount), occurred_at=at)

    comparison = desk.replay("own_profit")

    assert [day.external for day in comparison.recorded.days] == [20, 300]
    assert [day.external for day in comparison.replayed.days] == [20, 300]


def test_days_in_another_currency_stand_apart() -> None:
    desk = Desk()
    day_of(desk.a, THREE, "1", "1", currency="BTC")

    assert desk.replay().days == [ONE, TWO]


def test_what_is_unrealised_at_the_start_is_part_of_it() -> None:
    account = make_account()
    link = make_link(account=account, market_type="futures")
    pool_day(account, ONE - timedelta(days=1), "1000")
    day_of(link, ONE, "900", "0", settled_start=D(850), unrealized=D(70))

    comparison = replay_policy(account.pk, PolicyName.WEIGHTS, period=ALL)

    # 1,000 and 50 unrealised; 20 more at the end: by 1,050, all of the pool, 23.33.
    (day,) = comparison.recorded.days
    assert (day.start, day.equity) == (1050, 1070)
    account.balance_basis = "equity"
    account.save()
    (day,) = replay_policy(account.pk, PolicyName.WEIGHTS, period=ALL).recorded.days
    assert (day.start, day.equity) == (1000, 1020)


def test_a_day_without_a_mark_and_one_without_capital_are_named() -> None:
    desk = Desk()
    late = desk.link("late")
    day_of(late, ONE, "0", "0")
    LinkDay.objects.filter(strategy_account=desk.b, date=TWO).update(unrealized=None)

    comparison = desk.replay()

    told = {reason.code.value: dict(reason.figures) for reason in comparison.unknown[3:]}
    assert told == {
        "replay_without_mark": {"strategy": "b", "days": "1"},
        "replay_without_return": {"strategy": "late", "days": "2"},
    }


def test_each_pool_is_divided_by_itself() -> None:
    desk = Desk()
    spot = desk.link("spot", "spot")
    day_of(spot, ONE, "300", "30")
    pool_day(desk.account, ONE - timedelta(days=1), "400", pool="spot")

    comparison = desk.replay()

    day = comparison.replayed.days[0]
    assert [day.capital[link.pk] for link in (desk.a, desk.b, spot)] == [5000, 5000, 400]
    assert (comparison.recorded.days[0].start, day.equity) == (10400, 10690)


def test_nothing_on_record_is_said_and_an_unknown_account_is_unknown() -> None:
    desk = Desk()

    with pytest.raises(NothingToReplay):
        desk.replay(period=Period(THREE, THREE))
    with pytest.raises(UnknownAccount):
        replay_policy(0, PolicyName.WEIGHTS, period=ALL)


def test_what_is_not_explained_below_the_quantum_is_not_told() -> None:
    desk = Desk()
    pool_day(desk.account, TWO, "10562.5", unexplained=D("0.004"))

    assert codes(desk.replay()) == []


def test_a_pool_day_without_a_balance_says_nothing_of_the_start() -> None:
    desk = Desk()
    PoolDay.objects.update(balance=None)
    comparison = desk.replay()

    assert codes(comparison) == ["replay_without_balance"]
    assert equities(comparison)[0] == ["10250", "10562.5"]


@pytest.mark.parametrize(("day", "balance"), [(ONE, "12250"), (TWO, "12562.5")])
@pytest.mark.parametrize("basis", ["wallet", "equity"])
def test_without_a_balance_at_the_beginning_the_first_that_is_known_is_reckoned_back(
    day, balance, basis
) -> None:
    """An account that was added on its first day: 12,000, of which 1,000 came on it."""
    desk = Desk(balance_basis=basis)
    PoolDay.objects.all().delete()
    at_noon = datetime.combine(ONE, time(12), get_default_timezone())
    make_flow(desk.account, amount=D(1000), occurred_at=at_noon)
    pool_day(desk.account, day, balance)

    comparison = desk.replay()

    assert codes(comparison) == ["replay_later_balance"]
    assert comparison.recorded.days[0].start == D(11000)
    assert equities(comparison)[0] == ["12250", "12562.5"]


def test_what_is_unrealised_beside_a_later_balance_was_earned_since() -> None:
    desk = Desk()
    PoolDay.objects.all().delete()
    LinkDay.objects.filter(strategy_account=desk.a, date=ONE).update(realized=0, unrealized=D(500))
    pool_day(desk.account, ONE, "9750")

    assert desk.replay().recorded.days[0].start == D(10000)


def test_capital_that_was_decided_on_the_first_day_was_there() -> None:
    """Without any balance on record: 0 as the day began, and 5,000 for each on it."""
    account = make_account()
    for _ in range(2):
        day_of(
            make_link(account=account, market_type="futures"), ONE, "0", "50", capital_added=D(5000)
        )

    comparison = replay_policy(account.pk, PolicyName.WEIGHTS, period=ALL)

    assert codes(comparison) == ["replay_without_balance"]
    for course in (comparison.recorded, comparison.replayed):
        assert (course.days[0].start, course.total_return) == (D(10000), D("0.01"))


def test_a_figure_that_does_not_exist_is_null() -> None:
    account = make_account()
    link = make_link(account=account, market_type="futures")
    day_of(link, ONE, "1000", "-1000")

    told = comparison_as_json(replay_policy(account.pk, PolicyName.WEIGHTS, period=ALL))

    assert (told["replayed"]["return"], told["replayed"]["drawdown"]) == (None, None)
    assert told["replayed"]["days"][0]["return"] == "-1"
