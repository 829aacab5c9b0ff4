"""What runs moved, strategy by strategy."""

from decimal import Decimal
from itertools import count

import pytest

from capital.models import Account, AllocationEntry, AllocationPool, AllocationRun
from capital.services.overview import moves_of
from capital.services.overview.runs import recent_runs
from tests.factories import make_account, make_link, make_strategy

pytestmark = pytest.mark.django_db

D = Decimal
_keys = count()


def run_of(
    account: Account,
    entries: dict[str, tuple[str | None, str | None]],
    reverts: AllocationRun | None = None,
    outcome: str = "applied",
) -> AllocationRun:
    run = AllocationRun.objects.create(
        account=account,
        run_key=f"ledger-{next(_keys)}",
        trigger="admin" if reverts is None else "revert",
        outcome=outcome,
        code="allocated",
        reverts=reverts,
    )
    pool = AllocationPool.objects.create(
        run=run, pool="spot", reading="100", source="live", reserve=0, unallocated=0, code="live"
    )
    for name, (before, after) in entries.items():
        link = make_link(account=account, strategy=make_strategy(name=name, owner=account.owner))
        AllocationEntry.objects.create(
            pool=pool,
            strategy_account=link,
            weight=1,
            before=None if before is None else D(before),
            after=None if after is None else D(after),
            code="allocated",
        )
    return run


def test_what_came_and_went_is_told_the_largest_first() -> None:
    account = make_account()
    entries = {"A": ("60", "50"), "B": ("40", "30.5"), "C": (None, "19.5"), "D": ("5", "5")}
    run = run_of(account, entries)
    elsewhere = run_of(make_account(), {"Elsewhere": ("0", "7")})

    found = moves_of([run.pk, elsewhere.pk])

    told = [(move.strategy, move.before, move.after) for move in found[run.pk].moves]
    assert told == [("C", 0, D("19.5")), ("A", 60, 50), ("B", 40, D("30.5"))]
    assert found[run.pk].moved == D("19.5")
    assert found[run.pk].left == 105
    assert not found[run.pk].is_to_zero
    assert (found[elsewhere.pk].moved, len(found[elsewhere.pk].moves)) == (7, 1)


def test_only_what_left_nobody_anything_is_to_zero() -> None:
    account = make_account()
    emptied = run_of(account, {"A": ("60", "0"), "B": ("40", None)})
    partly = run_of(account, {"C": ("60", "0"), "D": ("40", "40")})
    never = run_of(account, {"E": ("0", "0")})
    bare = run_of(account, {})

    found = moves_of([run.pk for run in (emptied, partly, never, bare)])

    assert [found[run.pk].is_to_zero for run in (emptied, partly, never, bare)] == [
        True,
        False,
        False,
        False,
    ]
    assert (found[emptied.pk].moved, found[bare.pk].moved, found[bare.pk].left) == (100, 0, None)


def test_run_knows_what_took_it_back() -> None:
    account = make_account()
    first, second = run_of(account, {"A": ("0", "1")}), run_of(account, {"B": ("0", "1")})
    revert = run_of(account, {}, reverts=first)

    found = moves_of([first.pk, second.pk])

    assert (found[first.pk].reverted_by, found[second.pk].reverted_by) == (revert.pk, None)


def test_recent_run_took_all_only_where_nothing_was_allocated_and_nobody_has_anything() -> None:
    account = make_account()
    emptied = run_of(account, {"A": ("60", "0")}, outcome="skipped")
    run_of(account, {"B": ("0", "60")}, outcome="skipped")
    divided = run_of(account, {"C": ("60", "0")})

    found = {each.run.pk: each for each in recent_runs(AllocationRun.objects.all(), count=3)}

    assert {key for key, each in found.items() if each.took_all} == {emptied.pk}
    assert found[divided.pk].moves.moved == 60
