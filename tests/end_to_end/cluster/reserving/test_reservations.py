"""Many processes reserve at once, and some are killed: never more than there is, each once.

Four bots and 60 calls in CI, with two kills; 16 bots, 10,000 calls and 60 kills with ``CHAOS=1``.
"""

import random
import signal
import subprocess
import time
from collections.abc import Callable
from pathlib import Path

from tests.end_to_end.cluster.stage import Stage

WORKER = "tests.end_to_end.cluster.reserving.bots"
LONGEST_SECONDS = 5400


def test_sixteen_bots_never_reserve_more_than_there_is(
    stage: Stage, chaos: bool, tell: Callable[[str], None], tmp_path: Path
) -> None:
    bots, calls, kills = (16, 625, 60) if chaos else (4, 15, 2)
    stage.settings["CAPITAL_LIVE_BALANCES"] = "0"
    stage.python("-m", WORKER, "seed")
    over = tmp_path / "over"
    watcher = stage.begin("-m", WORKER, "watch", str(over))
    diaries = {f"bot-{n}": tmp_path / f"bot-{n}" for n in range(bots)}

    def begin(name: str) -> "subprocess.Popen[str]":
        return stage.begin("-m", WORKER, "bot", name, str(calls), str(diaries[name]))

    running = {name: begin(name) for name in diaries}
    chance, killed, began = random.Random("kills"), 0, time.monotonic()
    while running:
        assert time.monotonic() - began < LONGEST_SECONDS, "the bots do not come to an end"
        time.sleep(0.2 if chaos else 0.1)
        for name, bot in list(running.items()):
            if bot.poll() is None:
                continue
            said = bot.communicate()
            assert bot.returncode == 0, said
            del running[name]
        busy = [name for name in running if diaries[name].exists()]
        if killed < kills and busy and chance.random() < (0.1 if chaos else 0.5):
            name = chance.choice(busy)
            running[name].send_signal(signal.SIGKILL)
            running[name].communicate()
            running[name] = begin(name)
            killed += 1
    over.touch()
    said, looked = watcher.communicate(timeout=60)
    tell(f"{bots} bots, {calls * bots} calls, {killed} kills; {looked.strip()}")
    assert (watcher.returncode, said) == (0, "")
    _check_diaries(stage, [line for diary in diaries.values() for line in _lines(diary)])


def _lines(diary: Path) -> list[list[str]]:
    return [line.split() for line in diary.read_text().splitlines()]


def _check_diaries(stage: Stage, lines: list[list[str]]) -> None:
    """No reservation is lost or doubled, and each is used by its own fills."""
    rows = stage.database.rows(
        "SELECT id, key, state, is_held, quantity, filled_quantity FROM capital_reservation"
    )
    by_key = {row["key"].removesuffix(":0"): row for row in rows}
    assert len(by_key) == len(rows)
    told = {key: int(pk) for key, pk, _ in lines if pk != "0"}
    assert {key: row["id"] for key, row in by_key.items()} == told
    filled = {key: quantity for key, _, quantity in lines}
    for key, row in by_key.items():
        if row["state"] == "released":
            continue
        assert float(row["filled_quantity"]) == float(filled[key]), row
        assert (row["state"] == "used") is (row["filled_quantity"] == row["quantity"]), row
