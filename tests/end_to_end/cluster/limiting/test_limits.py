"""Two processes lose on one account while money comes and goes, and one is killed in between."""

import json
import signal
import subprocess
from pathlib import Path

from tests.end_to_end.cluster.databases import Row
from tests.end_to_end.cluster.processes import wait_for
from tests.end_to_end.cluster.stage import Stage

WORKER = "tests.end_to_end.cluster.limiting.bots"
TRADES = 14


def test_each_limit_stops_once_and_at_its_figure_whoever_loses_and_whoever_dies(
    stage: Stage, tmp_path: Path
) -> None:
    stage.settings["CAPITAL_LIVE_BALANCES"] = "0"
    stage.python("-m", WORKER, "seed")
    over = tmp_path / "over"
    mover = stage.begin("-m", WORKER, "mover", str(over))
    diaries = [tmp_path / f"bot-{number}" for number in range(2)]

    def begin(number: int) -> "subprocess.Popen[str]":
        return stage.begin("-m", WORKER, "bot", str(number), str(TRADES), str(diaries[number]))

    first, second = begin(0), begin(1)
    # Long before anything is stopped, and in the middle of its work.
    wait_for(lambda: len(lines(diaries[0])) >= 2, "the first bot loses", seconds=60)
    first.send_signal(signal.SIGKILL)
    first.communicate()
    assert len(lines(diaries[0])) < TRADES
    first = begin(0)
    for bot in (first, second):
        said = bot.communicate(timeout=120)
        assert bot.returncode == 0, said
    over.touch()
    moved, said = mover.communicate(timeout=60)
    assert (mover.returncode, int(moved) >= 3) == (0, True), said

    stops = stage.database.rows("SELECT * FROM capital_stop ORDER BY id")
    by_code = {stop["code"]: stop for stop in stops}
    assert len(by_code) == len(stops) == 2
    # Each loss is half a percent of the account's 1,000: neither one too early nor one too late.
    daily = by_code["daily_loss_reached"]
    assert figures(daily)["percent"] == "10.00"
    assert daily["account_id"] is not None
    of_link = by_code["daily_loss_amount_reached"]
    assert figures(of_link)["loss"] == "30.00"
    assert of_link["strategy_account_id"] is not None
    for diary in diaries:
        told = [line.split() for line in lines(diary)]
        assert len(told) == TRADES
        for before, answer, after in told:
            # What was stopped when it asked is stopped on whichever process; else it is not.
            assert before == "False" or answer == "stopped"
            assert after == "True" or answer == "sized"
        assert told[0] == ["False", "sized", "False"]
    # A process that comes later obeys, too.
    for number, diary in enumerate(diaries):
        stage.python("-m", WORKER, "bot", str(number), str(TRADES + 1), str(diary))
        assert lines(diary)[-1] == "True stopped True"


def test_what_one_process_stopped_before_a_restart_is_stopped_after_it_and_lifted_once(
    stage: Stage, tmp_path: Path
) -> None:
    stage.settings["CAPITAL_LIVE_BALANCES"] = "0"
    stage.python("-m", WORKER, "seed")
    diary = tmp_path / "bot"
    stage.python("-m", WORKER, "bot", "0", "6", str(diary))
    assert [line.split()[1] for line in lines(diary)] == ["sized"] * 5 + ["stopped"]

    # Every process is gone; a new one goes on, and another 30 from where it was lifted stop again.
    said = stage.manage(
        "lift_stop", "--account", "Desk", "--strategy", "s1", "--reason", "Seen", "--json"
    )
    assert '"lifted_reason": "Seen"' in said.stdout
    stage.python("-m", WORKER, "bot", "0", "12", str(diary))

    answers = [line.split()[1] for line in lines(diary)]
    assert answers == (["sized"] * 5 + ["stopped"]) * 2
    stops = stage.database.rows("SELECT code, lifted_at FROM capital_stop ORDER BY id")
    assert [stop["lifted_at"] is None for stop in stops] == [False, True]


def lines(diary: Path) -> list[str]:
    return diary.read_text().splitlines() if diary.exists() else []


def figures(stop: Row) -> dict[str, str]:
    found = stop["figures"]
    return json.loads(found) if isinstance(found, str) else found
