"""The books, read by plain SQL: nothing half-written, nothing twice, nothing lost or created."""

from collections import Counter, defaultdict
from decimal import ROUND_FLOOR, Decimal
from typing import Any

from tests.end_to_end.cluster.stage import Stage


def capital_of(stage: Stage, account_id: int) -> list[str]:
    """What each link of the account may use now, in the order of the links."""
    rows = stage.database.rows(
        "SELECT allocated_capital FROM capital_strategycapital c"
        " JOIN capital_strategyaccount l ON l.id = c.strategy_account_id"
        " WHERE l.account_id = %s ORDER BY l.id",
        account_id,
    )
    return [f"{_decimal(row['allocated_capital']):.2f}" for row in rows]


def check_books(stage: Stage) -> None:
    """Every run is whole, the runs form one chain, and capital is where the chain ends."""
    _check_keys(stage)
    _check_runs_are_whole(stage)
    _check_chain(stage)
    stage.audit()


def _check_keys(stage: Stage) -> None:
    keys = Counter((run["account_id"], run["run_key"]) for run in stage.runs())
    assert not [key for key, number in keys.items() if number > 1]


def _check_runs_are_whole(stage: Stage) -> None:
    """Every applied run has each link of its account once, in pools that add up exactly."""
    links = Counter(
        row["account_id"]
        for row in stage.database.rows("SELECT account_id FROM capital_strategyaccount")
    )
    pools: dict[int, list[dict[str, Any]]] = defaultdict(list)
    for pool in stage.database.rows("SELECT * FROM capital_allocationpool ORDER BY id"):
        pools[pool["run_id"]].append(pool)
    entries: dict[int, list[dict[str, Any]]] = defaultdict(list)
    for entry in stage.database.rows("SELECT * FROM capital_allocationentry ORDER BY id"):
        entries[entry["pool_id"]].append(entry)

    for run in stage.runs():
        assert run["outcome"] in ("applied", "unchanged"), dict(run)
        of_run = pools.pop(run["id"], [])
        if run["outcome"] == "unchanged":
            assert not of_run
            continue
        own = [entry for pool in of_run for entry in entries[pool["id"]]]
        assert len({entry["strategy_account_id"] for entry in own}) == len(own)
        assert len(own) == links[run["account_id"]], dict(run)
        for pool in of_run:
            given = sum((_decimal(entry["after"]) for entry in entries[pool["id"]]), Decimal(0))
            whole = Decimal(pool["reading"]).quantize(Decimal("0.01"), ROUND_FLOOR)
            assert given + _decimal(pool["reserve"]) + _decimal(pool["unallocated"]) == whole
    assert not pools


def _check_chain(stage: Stage) -> None:
    """Each entry begins where the last one of its link ended, and capital is the last one."""
    current: dict[int, Decimal] = {}
    for entry in stage.database.rows(
        "SELECT e.* FROM capital_allocationentry e"
        " JOIN capital_allocationpool p ON p.id = e.pool_id ORDER BY p.run_id, e.id"
    ):
        link = entry["strategy_account_id"]
        before = None if entry["before"] is None else _decimal(entry["before"])
        assert before == current.get(link), dict(entry)
        current[link] = _decimal(entry["after"])
    capital = {
        row["strategy_account_id"]: _decimal(row["allocated_capital"])
        for row in stage.database.rows("SELECT * FROM capital_strategycapital")
    }
    assert capital == current


def _decimal(value: Any) -> Decimal:
    """An amount as either database answers it; SQLite keeps 15 significant digits."""
    return Decimal(str(value))
