"""The kinds of tables, with the library that imports them: loaded where one is really asked for.

As the library is imported, it loads all formats that it knows, spreadsheets among them: 300
modules, a quarter of what any process of ours takes to start.
"""

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from capital.services.desks.sheets.resources import Sheet


def account_sheet() -> "type[Sheet]":
    """A table of accounts."""
    from capital.services.desks.sheets.resources import AccountSheet

    return AccountSheet


def strategy_sheet() -> "type[Sheet]":
    """A table of strategies, and of the accounts on which they trade."""
    from capital.services.desks.sheets.resources import StrategySheet

    return StrategySheet
