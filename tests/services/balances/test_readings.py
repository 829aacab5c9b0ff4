"""Readings are judged by the account's own balances: what is on hold, and what waits."""

from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any

import pytest

from capital.domain.balances import Observation
from capital.domain.pools import Pool
from capital.domain.reasons import Code, Reason
from capital.domain.trails import Trail
from capital.models import Account, DailyAccountSummary
from capital.services.balances import readings, trails
from capital.services.balances.readings import NO_MOVES, JudgedReadings, judge_all, judge_readings
from capital.services.balances.suspects import Suspect
from capital.services.balances.trails import Moves, stored_trail, trail_as_json

NOON = datetime(2026, 11, 24, 12, tzinfo=UTC)
MINUTE = timedelta(minutes=1)
D = Decimal


def account(**fields: Any) -> Account:
    given = {"pk": 7, "name": "Main", "venue": "binance", "currency": "USDT"}
    return Account(**{**given, "max_jump_percent": 50, **fields})


def summary(amount: str = "1000", *, at: datetime = NOON, **fields: Any) -> DailyAccountSummary:
    return DailyAccountSummary(
        date=at.date(), spot_balance=D(amount), spot_observed_at=at, **fields
    )


def judged(
    of: Account, amount: str, stored: DailyAccountSummary, *, at: datetime = NOON, **fields: Any
) -> JudgedReadings:
    answers = {
        (of.pk, Pool.SPOT): Observation(D(amount), at),
        (of.pk + 1, Pool.SPOT): Observation(D(5), at),
    }
    return judge_readings(of, [Pool.SPOT], answers, stored, now=at, **fields)


def test_a_suspicion_that_is_stored_stays_as_it_is_stored() -> None:
    spot = {
        "amount": "9000",
        "observed_at": NOON.isoformat(),
        "accepted": "999.5",
        "is_recorded": True,
        "is_slide": True,
        "kept_at": NOON.isoformat(),
    }
    of = account(suspect_readings={"spot": spot, "futures": {**spot, "accepted": "1"}})
    known = Suspect(
        Observation(D(9000), NOON),
        D("999.5"),
        is_known=True,
        is_recorded=True,
        is_slide=True,
        kept={"kept_at": NOON.isoformat()},
    )

    assert judged(of, "9001", summary(), at=NOON + MINUTE).suspects == {Pool.SPOT: known}
    new = Suspect(Observation(D(9001), NOON + MINUTE), D(1000))
    for waiting in ({}, {"futures": spot}):
        found = judged(of, "9001", summary(), at=NOON + MINUTE, waiting=waiting)
        assert found.suspects == {Pool.SPOT: new}
    plain = {name: spot[name] for name in ("amount", "observed_at", "accepted")}
    found = judged(of, "9001", summary(), waiting={"spot": plain})
    assert found.suspects == {Pool.SPOT: Suspect(known.observation, D("999.5"), is_known=True)}


def test_what_somebody_else_read_later_counts() -> None:
    """Between reading and writing lies the time of the slowest exchange of a batch."""
    late, now = NOON - MINUTE, NOON + MINUTE

    def of(stored: DailyAccountSummary | None, **fields: Any) -> JudgedReadings:
        answers = {(7, Pool.SPOT): Observation(D(990), late)}
        return judge_readings(account(**fields), [Pool.SPOT], answers, stored, now=now)

    newer = of(summary())
    assert newer.readings[Pool.SPOT].amount == D(1000)
    assert newer.readings[Pool.SPOT].observed_at == NOON
    assert newer.readings[Pool.SPOT].source == "live"
    assert newer.believed == {}
    # By another program, at some time of its day; by a clock that is wrong; and before it.
    untimed = summary()
    untimed.spot_observed_at = None
    for stored in (untimed, summary(at=now + MINUTE), summary(at=late - MINUTE), None):
        assert of(stored).readings[Pool.SPOT].amount == D(990)
    # What is suspect since then does not become believed by what was read before.
    spot = {"amount": "9000", "observed_at": NOON.isoformat(), "accepted": "1000"}
    suspicious = of(summary(at=late - MINUTE), suspect_readings={"spot": spot})
    assert suspicious.suspects[Pool.SPOT].observation == Observation(D(9000), NOON)
    assert suspicious.readings == {}


def test_a_suspicion_says_what_was_told_how_far_it_is_and_from_where() -> None:
    suspect = Suspect(Observation(D("1505.599"), NOON), D(1000))

    assert suspect.reason(account(), Pool.SPOT) == Reason(
        Code.JUMP_SUSPECTED,
        {
            "account_id": "7",
            "venue": "binance",
            "currency": "USDT",
            "pool": "spot",
            "observed": "1505.599",
            "accepted": "1000.00",
            "percent": "50.5",
        },
    )


def test_a_first_balance_is_confirmed_by_a_second_reading_and_by_nothing_stored(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    first = Observation(D(1000), NOON)
    stored = summary(trails={"spot": trail_as_json(Trail((), first), "USDT")})
    later = NOON + 10 * MINUTE

    answers = {(7, Pool.SPOT): first}
    again = judge_readings(account(), [Pool.SPOT], answers, stored, now=later)

    assert again.unconfirmed == {Pool.SPOT: first}
    assert judged(account(), "1000", stored, at=later).unconfirmed == {}
    # However long ago this process read it.
    said = [timedelta(0)]
    monkeypatch.setattr(trails, "steady_clock", lambda: said[-1])
    trails.FIRSTS.remember(7, Pool.SPOT, first)
    said.append(10 * MINUTE)
    again = judge_readings(account(), [Pool.SPOT], answers, stored, now=later)
    assert again.unconfirmed == {Pool.SPOT: first}


def test_who_seems_to_have_jumped_is_judged_again_beside_those_who_do_not(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    accounts = {key: account(pk=key) for key in (1, 2, 3)}
    asked: list[Any] = []

    def known(doubtful: Mapping[int, Account], since: datetime) -> dict[int, Moves]:
        asked.append((sorted(doubtful), since))
        return {key: {Pool.SPOT: ()} for key in doubtful}

    def judge(key: int, moves: Moves) -> JudgedReadings:
        found = JudgedReadings(restarted={Pool.FUTURES} if moves is NO_MOVES else set())
        if key != 2:
            found.suspects[Pool.SPOT] = Suspect(Observation(D(key), NOON), D(1))
        return found

    monkeypatch.setattr(readings, "known_moves", known)

    found = judge_all(accounts, judge, now=NOON)

    assert asked == [([1, 3], NOON - timedelta(days=1))]
    assert {key: bool(each.restarted) for key, each in found.items()} == {
        1: False,
        2: True,
        3: False,
    }


def test_a_trail_is_read_as_it_was_stored() -> None:
    hour = (Observation(D("999.999"), NOON - MINUTE), Observation(D(1001), NOON))
    trail = Trail(hour, Observation(D("5.559"), NOON - MINUTE))

    stored = trail_as_json(trail, "USDT")

    assert stored == {
        "hour": [["2026-11-24T11:59:00+00:00", "999.99"], ["2026-11-24T12:00:00+00:00", "1001.00"]],
        "first": ["2026-11-24T11:59:00+00:00", "5.55"],
    }
    of = summary(trails={"spot": stored, "futures": {"hour": []}})
    found = stored_trail(account(), of, Pool.SPOT)
    assert [each.amount for each in found.hour] == [D("999.99"), D(1001)]
    assert found.first == Observation(D("5.55"), NOON - MINUTE)
    assert stored_trail(account(), of, Pool.FUTURES) == Trail()
    assert stored_trail(account(), None, Pool.SPOT) == Trail()
