"""The table of supported exchanges for the docs, made from the rows. See ``make venues``."""

from collections.abc import Iterator

from capital.domain.balances import BalanceBasis
from capital.exchange.venue import BalanceCall, Venue, alternatives
from capital.exchange.venues import VENUES

BEGIN = "<!-- begin: made by `make venues` -->"
END = "<!-- end: made by `make venues` -->"
_HEAD = (
    "| exchange | markets | wallet mode | pool | `wallet` | `equity` | `free` | if not listed | "
    "sandbox | credentials |\n|---|---|---|---|---|---|---|---|---|---|"
)


def venues_table() -> str:
    """Markdown with one line for each venue, wallet mode, pool and call."""
    return "\n".join([_HEAD, *(line for venue in VENUES.values() for line in _lines(venue))])


def with_table(document: str) -> str:
    """``document`` with the table inserted between its markers.

    Raises:
        ValueError: It has no markers.
    """
    before, _, rest = document.partition(BEGIN)
    _, found, after = rest.partition(END)
    if not found:
        raise ValueError(f"the document has no place for the table: {BEGIN} … {END}")
    return f"{before}{BEGIN}\n\n{venues_table()}\n\n{END}{after}"


def _lines(venue: Venue) -> Iterator[str]:
    for mode in venue.wallet_modes:
        for pool in venue.pools(mode):
            for call in venue.calls[pool]:
                cells = [
                    f"`{venue.id}`",
                    " and ".join(sorted(venue.markets, reverse=True)),
                    mode.value,
                    f"{pool.value}{_currencies(venue, call)}",
                    *(_reading(call, basis) for basis in BalanceBasis),
                    "zero" if call.omits_empty else "a failure",
                    (venue.sandbox or "none") if venue.has_sandbox(mode) else "none",
                    ", ".join(name.removeprefix("api_") for name in venue.credentials),
                ]
                yield f"| {' | '.join(cells)} |"


def _currencies(venue: Venue, call: BalanceCall) -> str:
    if call.currencies is not None:
        return f", {', '.join(sorted(call.currencies))}"
    is_one_of_many = any(call in calls and len(calls) > 1 for calls in venue.calls.values())
    return ", others" if is_one_of_many else ""


def _reading(call: BalanceCall, basis: BalanceBasis) -> str:
    formula = call.formulas.get(basis)
    if formula is None:
        return f"refused (`{call.refused[basis].value}`)"
    told = ", else ".join(f"`{alternative}`" for alternative in alternatives(formula))
    withheld = [str(each) for each in call.withheld if each.basis is basis]
    if call.pools_margin and basis is BalanceBasis.FREE:
        withheld.append("another coin below zero")
    return told + "".join(f"; not with {each}" for each in withheld)
