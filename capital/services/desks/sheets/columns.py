"""Which columns a table of accounts or of strategies has, and a template to begin with."""

from dataclasses import dataclass

from capital.domain.errors import SheetRefused
from capital.domain.reasons import Code
from capital.services.desks import shape
from capital.services.tables import TableForm

# An answer comes in seconds; more is a matter of `import_desk`.
MOST_LINES = 500
# A strategy has a status beside, so that a column “is_active” would say nothing clearly.
LINK = tuple(name for name in shape.LINK if name != "is_active")


@dataclass(frozen=True, kw_only=True)
class SheetColumns:
    """The columns of one kind of table.

    Attributes:
        name: What names a row; no line is without it.
        usual: Those of the template, with what stands in its one example.
        optional: All others, secrets among them.
    """

    name: str
    usual: dict[str, str]
    optional: tuple[str, ...]

    @property
    def form(self) -> TableForm:
        """As tables are read."""
        return TableForm(
            required=(self.name,),
            optional=(*(each for each in self.usual if each != self.name), *self.optional),
            refused=SheetRefused,
            unreadable=Code.SHEET_UNREADABLE,
        )


def _columns(name: str, usual: dict[str, str], known: tuple[str, ...]) -> SheetColumns:
    optional = tuple(each for each in known if each not in usual)
    return SheetColumns(name=name, usual=usual, optional=optional)


ACCOUNTS = _columns(
    "name",
    {
        "name": "Main",
        "venue": "binance",
        "currency": "USDT",
        "wallet_mode": "separate",
        "balance_basis": "wallet",
        "reserve_percent": "10",
        "max_drawdown_percent": "20",
    },
    ("owner", *shape.ACCOUNT, *shape.CREDENTIALS),
)
STRATEGIES = _columns(
    "key",
    {
        "key": "trend",
        "name": "Trend",
        "market_type": "futures",
        "order_tag": "",
        "status": "active",
        "account": "Main",
        "weight": "1",
        "leverage": "2",
        "max_symbols": "",
    },
    ("owner", *shape.STRATEGY, *LINK),
)
