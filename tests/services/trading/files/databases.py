"""freqtrade databases, made as its own migrations leave them."""

import sqlite3
from contextlib import closing
from pathlib import Path

_SAMPLE = Path(__file__).with_name("freqtrade.sql")


def make_database(path: Path, *changes: str) -> Path:
    """A database with 20 trades, and what SQL changes of them."""
    with closing(sqlite3.connect(path)) as database:
        database.executescript(_SAMPLE.read_text())
        for change in changes:
            database.execute(change)
        database.commit()
    return path
