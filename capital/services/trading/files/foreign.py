"""Somebody else's SQLite database: rows of its tables are read, and nothing in it is run."""

import sqlite3

# No row of what is read is longer; it bounds what one value can be made to be.
_LONGEST_VALUE = 1 << 20
# Steps of SQLite's machine. A history of 100,000 orders takes about ten million.
_MOST_STEPS, _STEPS_AT_ONCE = 200_000_000, 100_000


def restrict(database: sqlite3.Connection) -> None:
    """Allow reading of rows only, for a bounded time, by name."""
    database.row_factory = sqlite3.Row
    database.setlimit(sqlite3.SQLITE_LIMIT_LENGTH, _LONGEST_VALUE)
    # Not to trust a schema is part of it: views and generated columns run no function.
    database.execute("PRAGMA trusted_schema = OFF")
    turns = iter(range(_MOST_STEPS // _STEPS_AT_ONCE))
    database.set_progress_handler(lambda: next(turns, None) is None, _STEPS_AT_ONCE)
    database.set_authorizer(_may)


def _may(action: int, what: str | None, of: str | None, *_place: str | None) -> int:
    is_allowed = (
        action in (sqlite3.SQLITE_SELECT, sqlite3.SQLITE_READ)
        or (action == sqlite3.SQLITE_FUNCTION and of in ("printf", "typeof"))
        or (action == sqlite3.SQLITE_PRAGMA and what == "table_xinfo")
    )
    return sqlite3.SQLITE_OK if is_allowed else sqlite3.SQLITE_DENY


def refuse_all_but_a_table(database: sqlite3.Connection, name: str) -> None:
    """Refuse a view, a virtual table, and one with columns that are computed.

    Raises:
        ValueError: It is no plain table.
    """
    found = database.execute(
        "SELECT 1 FROM sqlite_master WHERE name = ? AND type = 'table' AND rootpage > 0", (name,)
    )
    if found.fetchone() is None:
        raise ValueError
    columns = database.execute(f"PRAGMA table_xinfo({name})")
    if any(column["hidden"] for column in columns):
        raise ValueError
