"""What capital was at a moment: the last decision until then, exactly, or what is known instead."""

from datetime import datetime, timedelta
from decimal import Decimal
from typing import Any

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from capital.domain.allocation.policies.contract import Did, Step
from capital.models import AllocationRun, ArchivedRun, AuditCheckpoint, StrategyAccount
from capital.services import auto_allocate_capital_for_account
from capital.services.overview import (
    CapitalAt,
    Record,
    capital_by_run,
    checked_again,
    exact_share,
    read_capital_at,
    steps_of,
)
from tests.factories import make_account, make_link, make_summary
from tests.services.overview.timeline.records import NOW, decided

pytestmark = pytest.mark.django_db

D = Decimal
NINE = {"balance": "9", "reserve": "1", "claim": "1"}
SECOND, HOUR, DAY = timedelta(seconds=1), timedelta(hours=1), timedelta(days=1)


def at(link: StrategyAccount, moment: datetime) -> CapitalAt:
    (answer,) = read_capital_at(StrategyAccount.objects.filter(pk=link.pk), moment)
    return answer


def told(link: StrategyAccount, moment: datetime) -> tuple[Record, Decimal | None]:
    answer = at(link, moment)
    return answer.record, answer.amount


def test_last_decision_until_then_counts_from_its_very_moment_on():
    link = make_link()
    first = decided(link, None, "2500", NOW - 2 * DAY)
    second = decided(link, "2500", "3000", NOW - DAY)
    decided(make_link(), None, "9", NOW - DAY)

    before = at(link, NOW - DAY - timedelta(microseconds=1))
    exactly = at(link, NOW - DAY)
    after = at(link, NOW)

    assert [(each.amount, each.run) for each in (before, exactly, after)] == [
        (2500, first),
        (3000, second),
        (3000, second),
    ]
    assert exactly.reason == "Allocated by weight."


def test_before_the_first_decision_there_was_no_capital():
    link = make_link()
    decided(link, None, "3000", NOW - DAY)

    assert told(link, NOW - DAY - SECOND) == (Record.NEVER, None)
    assert at(link, NOW - DAY - SECOND).reason == ""
    assert told(make_link(), NOW) == (Record.NEVER, None)


def test_capital_without_any_decision_on_record_is_known_from_when_it_was_allocated():
    link = make_link(capital="40")
    assert told(link, NOW) == (Record.FOUND, 40)

    link.capital.allocated_at = NOW
    link.capital.save()
    assert told(link, NOW) == (Record.FOUND, 40)
    assert told(link, NOW - SECOND) == (Record.NEVER, None)


def test_reverted_decision_counts_until_the_revert_and_says_so():
    link = make_link()
    first = decided(link, None, "2500", NOW - 3 * HOUR)
    wrong = decided(link, "2500", "9000", NOW - 2 * HOUR)
    back = decided(link, "9000", "2500", NOW - HOUR, trigger="revert", reverts=wrong)

    between, since = at(link, NOW - 2 * HOUR), at(link, NOW)

    assert (between.amount, between.run, between.reverted_by) == (9000, wrong, back)
    assert (since.amount, since.run, since.reverted_by) == (2500, back, None)
    assert at(link, NOW - 3 * HOUR).run == first


def test_archived_strategy_tells_what_it_had_and_why_it_has_nothing():
    link = make_link(status="ARCHIVED")
    decided(link, None, "3000", NOW - 2 * DAY)
    decided(link, "3000", "0", NOW - DAY, code="strategy_archived")

    assert told(link, NOW - DAY - SECOND) == (Record.DECIDED, 3000)
    assert at(link, NOW).amount == 0
    assert at(link, NOW).reason == "The strategy is archived."


def archived(link: StrategyAccount, decided_at: datetime) -> None:
    ArchivedRun.objects.create(
        account=link.account,
        run_key="in a file",
        run_id=1,
        trigger="command",
        outcome="applied",
        code="allocated",
        decided_at=decided_at,
    )
    AuditCheckpoint.objects.create(account=link.account, archived_through=1)


def test_time_whose_decisions_are_in_files_is_not_told_as_if_it_were_known():
    link = make_link()
    archived(link, NOW - 3 * DAY)
    decided(link, "2500", "3000", NOW - DAY)

    # After the last archived run, and before the first that is there, nothing was decided.
    assert told(link, NOW - 2 * DAY) == (Record.FOUND, 2500)
    assert told(link, NOW - 3 * DAY) == (Record.FOUND, 2500)
    assert told(link, NOW - 3 * DAY - SECOND) == (Record.ARCHIVED, None)
    assert told(link, NOW) == (Record.DECIDED, 3000)


def test_capital_whose_only_decision_is_in_a_file_is_known_since_then():
    link = make_link(capital="40")
    link.capital.allocated_at = NOW - DAY
    link.capital.save()
    archived(link, NOW - HOUR)

    assert told(link, NOW - DAY) == (Record.FOUND, 40)
    assert told(link, NOW - DAY - SECOND) == (Record.ARCHIVED, None)


def test_archive_of_which_nothing_is_remembered_tells_nothing():
    link = make_link()
    AuditCheckpoint.objects.create(account=link.account, archived_through=7)
    decided(link, "2500", "3000", NOW - DAY)

    assert told(link, NOW - 2 * DAY) == (Record.ARCHIVED, None)


def test_several_links_come_with_the_largest_first_in_as_many_queries_as_one():
    account = make_account()

    def cost() -> int:
        with CaptureQueriesContext(connection) as queries:
            read_capital_at(StrategyAccount.objects.filter(account=account), NOW)
        return len(queries)

    for amount in ("1", "3"):
        decided(make_link(account=account), None, amount, NOW - DAY)
    few = cost()
    for amount in ("2", "4", "5"):
        decided(make_link(account=account), None, amount, NOW - DAY)

    found = read_capital_at(StrategyAccount.objects.filter(account=account), NOW)
    assert [each.amount for each in found] == [5, 4, 3, 2, 1]
    assert cost() == few
    assert len(read_capital_at(StrategyAccount.objects.all(), NOW, most=2)) == 2


def test_what_one_run_left_a_link():
    link = make_link()
    run = decided(link, "1", "2", NOW - DAY)
    later = decided(link, "2", "3", NOW - HOUR)
    back = decided(link, "3", "2", NOW, trigger="revert", reverts=later)

    found = capital_by_run(link, run.pk)
    assert found is not None
    assert (found.amount, found.at, found.reverted_by) == (2, NOW - DAY, None)
    taken_back = capital_by_run(link, later.pk)
    assert taken_back is not None
    assert taken_back.reverted_by == back
    assert capital_by_run(make_link(), run.pk) is None


def test_run_that_changed_nothing_left_what_there_was() -> None:
    link = make_link()
    decided(link, "1", "2", NOW - DAY)
    same = AllocationRun.objects.create(
        account=link.account,
        run_key="same",
        trigger="admin",
        outcome="unchanged",
        code="unchanged",
        created_at=NOW - DAY / 2,
    )

    found = capital_by_run(link, same.pk)

    assert found is not None
    assert (found.amount, found.at) == (2, NOW - DAY / 2)


def test_last_look_that_found_nothing_to_change_is_of_the_account_and_not_of_later():
    link = make_link()

    def look(moment: datetime, **fields: Any) -> AllocationRun:
        return AllocationRun.objects.create(
            **{
                "account": link.account,
                "run_key": f"look-{moment}",
                "trigger": "schedule",
                "outcome": "unchanged",
                "code": "unchanged",
                "created_at": moment,
                **fields,
            }
        )

    look(NOW - 2 * DAY)
    decided(link, None, "3000", NOW - DAY)
    look(NOW - 3 * HOUR)
    wanted = look(NOW - 2 * HOUR)
    look(NOW - HOUR, outcome="held")
    look(NOW)
    make_link()

    answer = at(link, NOW - HOUR)
    assert checked_again(answer, clock=lambda: NOW) == wanted
    assert checked_again(at(link, NOW - DAY), clock=lambda: NOW) is None
    assert checked_again(at(make_link(), NOW), clock=lambda: NOW) is None


def test_steps_of_a_real_decision_and_what_rounding_did_to_them():
    account = make_account()
    make_summary(account=account, spot_balance=D(10000), ending_balance=D(10000))
    links = [make_link(account=account) for _ in range(3)]
    auto_allocate_capital_for_account(account.pk, live=False)

    answers = [at(link, NOW + 9000 * DAY) for link in links]

    assert [each.amount for each in answers] == [D("3333.34"), D("3333.33"), D("3333.33")]
    steps = [steps_of(each) for each in answers]
    assert [[step.did for step in each] for each in steps] == [[Did.SHARE]] * 3
    assert exact_share(steps[0], answers[0].amount, "USDT") == D("3333.33333333")
    assert steps_of(at(make_link(), NOW)) == ()


@pytest.mark.parametrize(
    ("steps", "amount", "exact"),
    [
        ((), "1", None),
        ((Step(Did.AT_MOST, {"amount": "1"}),), "1", None),
        # It came out even.
        (
            (Step(Did.SHARE, {"balance": "9", "reserve": "1", "claim": "1", "claims": "2"}),),
            "4",
            None,
        ),
        # Bounds had the last word.
        (
            (Step(Did.SHARE, {"balance": "9", "reserve": "1", "claim": "1", "claims": "3"}),),
            "2",
            None,
        ),
        (
            (Step(Did.SHARE, {"balance": "9", "reserve": "1", "claim": "1", "claims": "3"}),),
            "2.66",
            "2.66666667",
        ),
        (
            (
                Step(
                    Did.SHARE_BESIDE,
                    {"balance": "9", "reserve": "1", "beside": "4", "claim": "2", "claims": "3"},
                ),
            ),
            "2.67",
            "2.66666667",
        ),
    ],
)
def test_exact_share_is_told_where_rounding_alone_made_the_difference(
    steps: tuple[Step, ...], amount: str, exact: str | None
):
    assert exact_share(steps, D(amount), "USDT") == (None if exact is None else D(exact))
    assert exact_share(steps, None, "USDT") is None
