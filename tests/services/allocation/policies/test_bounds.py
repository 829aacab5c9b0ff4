"""Bounds of links, from the setting to the record and its sentence."""

from decimal import Decimal

import pytest
from django.core.exceptions import ValidationError
from django.db import IntegrityError, connection, transaction
from django.test.utils import CaptureQueriesContext
from django.utils import translation

from capital.models import LimitState, Stop
from capital.services.allocation import check_gate, preview_allocation, told_steps
from capital.services.allocation.policies.kept import inputs_from_json
from tests.factories import forge
from tests.services.allocation.policies.desk import (
    at,
    capitals,
    desk,
    how,
    is_clean,
    read_and_decide,
)

D = Decimal
pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("seoul")]


def test_a_ceiling_is_kept_told_and_recomputed() -> None:
    account, links = desk("weights", "50", "50", reserve_amount=D(3000))
    links[0].max_amount = D(10_000)
    links[0].save()

    run = read_and_decide(account, "30000", 1)

    assert capitals(links) == ["10000.00", "17000.00"]
    share = "(30,000.00 − 3,000.00 reserve) × 50 of 100 = 13,500.00"
    assert how(run) == [
        f"{share}; at most 10,000.00; 3,500.00 to the others",
        f"{share}; 3,500.00 from the others",
    ]
    with translation.override("ko"):
        assert how(run)[0] == (
            "(30,000.00 − 유보금 3,000.00) × 100 중 50 = 13,500.00; 최대 10,000.00; "
            "3,500.00은 다른 전략으로"
        )
    assert inputs_from_json(run.basis).links[links[0].pk].bounds.max_amount == 10_000
    assert is_clean(account)


def test_a_share_that_breaks_its_ceiling_is_found() -> None:
    account, links = desk("weights", "1", "1")
    links[0].max_amount = D(100)
    links[0].save()
    run = read_and_decide(account, "1000", 1)
    assert is_clean(account)

    run.basis["links"][str(links[0].pk)]["bounds"]["max_amount"] = "200"
    forge(run, basis=run.basis)

    assert not is_clean(account)


def test_an_unchanged_run_keeps_its_steps_too() -> None:
    account, links = desk("weights", "1")
    links[0].max_amount = D(600)
    links[0].save()
    read_and_decide(account, "1000", 1)

    run = read_and_decide(account, "1000", 5)

    assert run.outcome == "unchanged"
    share = "(1,000.00 − 0.00 reserve) × 1 of 1 = 1,000.00"
    assert how(run) == [f"{share}; at most 600.00; 400.00 unallocated"]
    assert is_clean(account)


def test_a_preview_shows_the_same_sentence() -> None:
    account, links = desk("weights", "1", "3")
    links[1].fixed_amount = D(700)
    links[1].save()
    run = read_and_decide(account, "1000", 1)

    [preview] = preview_allocation([account.pk], live=False, clock=lambda: at(3))

    assert preview.decision is not None
    entries = [entry for pool in preview.decision.pools for entry in pool.entries]
    assert [told_steps(entry.steps, "USDT") for entry in entries] == how(run)
    assert how(run) == [
        "(1,000.00 − 0.00 reserve − 700.00 for others) × 1 of 1 = 300.00",
        "fixed amount 700.00",
    ]


def test_changed_bounds_are_due_and_name_whose() -> None:
    account, links = desk("weights", "1", "1")
    read_and_decide(account, "1000", 1)
    links[1].min_amount = D(700)
    links[1].save()

    gate = check_gate(account.pk, live=False, clock=lambda: at(3))

    assert (gate.due, gate.reason.code) == (True, "bounds_changed")
    assert gate.reason.figures == {"strategies": links[1].strategy.key}


@pytest.mark.parametrize(
    ("field", "value", "due"),
    [
        ("policy", "inverse_volatility", True),
        ("drift_band_percent", D(5), True),
        ("lookback_days", 90, False),
        ("max_unexplained_percent", D(2), False),
    ],
)
def test_a_policy_is_due_with_the_settings_that_it_uses(field, value, due) -> None:
    account, _ = desk("weights", "1")
    read_and_decide(account, "1000", 1)
    setattr(account, field, value)
    account.save()

    gate = check_gate(account.pk, live=False, clock=lambda: at(3))

    assert gate.due is due
    assert gate.reason.code == ("policy_changed" if due else "change_too_small")


def test_within_the_drift_band_nothing_is_begun_again() -> None:
    account, links = desk("weights", "1", "1", drift_band_percent=D(10))
    read_and_decide(account, "1000", 1)

    run = read_and_decide(account, "1050", 5)

    assert capitals(links) == ["500.00", "500.00"]
    assert (run.outcome, run.pnl) == ("unchanged", None)
    assert run.snapshot[0]["unallocated"] == "50.00"
    assert is_clean(account)


def test_a_drawdown_scales_by_how_deep_the_link_stood_when_it_was_judged() -> None:
    account, links = desk("weights", "1", "1")
    links[0].max_drawdown_percent = D(20)
    links[0].drawdown_scaling = True
    links[0].save()
    LimitState.objects.create(
        strategy_account=links[0], kind="drawdown", used=D(5), limit=D(20), judged_at=at(1)
    )

    run = read_and_decide(account, "10000", 1)

    assert capitals(links) == ["3750.00", "5000.00"]
    assert how(run)[0] == (
        "(10,000.00 − 0.00 reserve) × 1 of 2 = 5,000.00; × (1 − drawdown of 5% ÷ 20%) = 3,750.00"
    )
    assert is_clean(account)


def test_a_drawdown_that_is_not_known_now_scales_as_it_did_last() -> None:
    """As between the fill that opens a position and its first mark."""
    account, links = desk("weights", "1", "1")
    links[0].max_drawdown_percent = D(20)
    links[0].drawdown_scaling = True
    links[0].save()
    LimitState.objects.create(
        strategy_account=links[0], kind="drawdown", used=D(15), limit=D(20), judged_at=at(1)
    )
    read_and_decide(account, "10000", 1)
    LimitState.objects.update(used=None, code="limit_not_judged")

    for minute in (4, 7):
        read_and_decide(account, "12000", minute, force=True)
        assert capitals(links) == ["1500.00", "6000.00"]
    assert is_clean(account)

    # Once its stop is lifted it begins again.
    stop = Stop.objects.create(strategy_account=links[0], code="drawdown_reached", at=at(8))
    read_and_decide(account, "12000", 9, force=True)
    assert capitals(links) == ["0.00", "6000.00"]
    stop.lift(by_id=None, at=at(10), reason="Seen", figures={})
    read_and_decide(account, "12000", 11, force=True)
    assert capitals(links) == ["6000.00", "6000.00"]


def test_scaling_by_drawdown_needs_its_limit() -> None:
    _, (link,) = desk("weights", "1")
    link.drawdown_scaling = True

    with pytest.raises(ValidationError, match="needs the maximum drawdown"):
        link.full_clean()
    with pytest.raises(IntegrityError), transaction.atomic():
        type(link).objects.filter(pk=link.pk).update(drawdown_scaling=True)


def test_bounds_cost_no_query() -> None:
    account, links = desk("weights", "1", "1")
    read_and_decide(account, "1000", 1)
    with CaptureQueriesContext(connection) as plain:
        read_and_decide(account, "1100", 3)
    links[0].min_amount = D(100)
    links[0].save()
    # Who changed them is looked up once.
    read_and_decide(account, "1150", 5)

    with CaptureQueriesContext(connection) as bounded:
        read_and_decide(account, "1200", 7)

    assert len(bounded) == len(plain)
