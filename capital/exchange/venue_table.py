"""The tables of supported exchanges for the docs, made from the rows. See ``make venues``."""

from collections.abc import Iterator, Mapping, Sequence
from datetime import timedelta
from typing import Any

from capital.domain.balances import BalanceBasis
from capital.domain.pools import Pool
from capital.exchange.calls.balances import BalanceCall
from capital.exchange.calls.places import Path, alternatives
from capital.exchange.calls.rules import BracketsCall, MarginLevels
from capital.exchange.sharing.slices import requests_a_minute
from capital.exchange.trading.rows import ALL_KINDS, Call
from capital.exchange.trading.venues import trading_of
from capital.exchange.venue import Venue
from capital.exchange.venues import VENUES
from strategies.markets import MarketType

BEGIN = "<!-- begin: made by `make venues` -->"
END = "<!-- end: made by `make venues` -->"
BRACKETS_BEGIN = "<!-- begin: brackets, made by `make venues` -->"
BRACKETS_END = "<!-- end: brackets, made by `make venues` -->"
PACES_BEGIN = "<!-- begin: paces, made by `make venues` -->"
PACES_END = "<!-- end: paces, made by `make venues` -->"
ANSWERS_BEGIN = "<!-- begin: answers, made by `make venues` -->"
ANSWERS_END = "<!-- end: answers, made by `make venues` -->"
TRADING_BEGIN = "<!-- begin: trading, made by `make venues` -->"
TRADING_END = "<!-- end: trading, made by `make venues` -->"
_TRADING_HEAD = "| exchange | what | pool | asked | at most, of the last |\n|---|---|---|---|---|"
TAGS_BEGIN = "<!-- begin: tags, made by `make venues` -->"
TAGS_END = "<!-- end: tags, made by `make venues` -->"
_TAGS_HEAD = (
    "| exchange | a client order id begins with | longest tag | left out of a tag | told in fills |"
    "\n|---|---|---|---|---|"
)
_ANSWERS_HEAD = (
    "| exchange | pool | whose account | made at | address of a request |\n|---|---|---|---|---|"
)
_HEAD = (
    "| exchange | markets | wallet mode | pool | `wallet` | `equity` | `free` | if not listed | "
    "sandbox | credentials |\n|---|---|---|---|---|---|---|---|---|---|"
)
_PACES_HEAD = (
    "| exchange | pool | accounts within a minute | requests of one key |\n|---|---|---|---|"
)
_BRACKETS_HEAD = "| exchange | told in | sizes are in | of accounts |\n|---|---|---|---|"


def venues_table() -> str:
    """Markdown with one line for each venue, wallet mode, pool and call."""
    return "\n".join([_HEAD, *(line for venue in VENUES.values() for line in _lines(venue))])


def brackets_table() -> str:
    """Markdown with one line for each venue that trades futures: what it tells of brackets."""
    futures = (venue for venue in VENUES.values() if MarketType.FUTURES in venue.markets)
    lines = (f"| `{venue.id}` | {' | '.join(_brackets(venue))} |" for venue in futures)
    return "\n".join([_BRACKETS_HEAD, *lines])


def paces_table() -> str:
    """Markdown with one line for each call: how many accounts an address can keep up to date."""
    lines = []
    for venue in VENUES.values():
        for pool, calls in venue.calls.items():
            for call in calls:
                number = requests_a_minute(call.weight, call.pace)
                accounts = "no limit by address" if number is None else f"{number:,}"
                keys = f"{call.pace.key_requests} in {call.pace.key_seconds} s"
                name = f"{pool.value}{_currencies(venue, call)}"
                lines.append(f"| `{venue.id}` | {name} | {accounts} | {keys} |")
    return "\n".join([_PACES_HEAD, *lines])


def answers_table() -> str:
    """Markdown with one line for each call: what its answer says of itself."""
    lines = (
        f"| `{venue.id}` | {pool.value}{_currencies(venue, call)} | {_field(call.owner)} | "
        f"{_field(call.told_at)} | {'its own' if call.has_own_address else 'the same each time'} |"
        for venue in VENUES.values()
        for pool, calls in venue.calls.items()
        for call in calls
    )
    return "\n".join([_ANSWERS_HEAD, *lines])


def trading_table() -> str:
    """Markdown with one line for each question about fills, positions and flows, and the rest."""
    return "\n".join([_TRADING_HEAD, *(line for venue in VENUES for line in _told(venue))])


def tags_table() -> str:
    """Markdown with one line for each venue: how an order tag is written there."""
    return "\n".join([_TAGS_HEAD, *(f"| `{venue}` | {_tag(venue)} |" for venue in VENUES)])


def _tag(venue: str) -> str:
    ids = trading_of(venue).order_ids
    if ids is None:
        return "it cannot carry a tag: it is a number | – | – | –"
    begins = f"`{ids.prefix}` and the tag" if ids.prefix else "the tag"
    if len(ids.kinds) < len(ALL_KINDS):
        begins += f", of {', '.join(sorted(ids.kinds))} only: others are numbers"
    longest = "not told" if ids.room is None else str(ids.room)
    left_out = " ".join(f"`{sign}`" for sign in "-_" if sign not in ids.signs) or "–"
    return f"{begins} | {longest} | {left_out} | {ids.told or 'none'}"


def _told(venue: str) -> Iterator[str]:
    trading = trading_of(venue)
    kinds: tuple[tuple[str, Mapping[Pool, Sequence[Call[Any]]]], ...] = (
        ("fills", trading.fills),
        ("positions", trading.positions),
        ("flows", trading.flows),
    )
    for what, calls_by_pool in kinds:
        asked_for: dict[str, tuple[Call[Any], dict[str, None]]] = {}
        for pool, calls in calls_by_pool.items():
            for call in calls:
                asked_for.setdefault(call.endpoint, (call, {}))[1][pool.value] = None
        for call, names in asked_for.values():
            asked = f"`{call.endpoint}`{', one symbol at a time' if call.by_symbol else ''}"
            about = f"; {call.about}" if call.about else ""
            if call.order is not None:
                about += f"; client order ids by `{call.order.endpoint}`, each order once"
            limits = f"{_days(call.span)}, {_days(call.reach)}"
            yield f"| `{venue}` | {what} | {', '.join(names)} | {asked}{about} | {limits} |"
    untold = "; ".join(trading.untold) or "–"
    yield f"| `{venue}` | not told | – | {untold} | – |"


def _days(span: timedelta | None) -> str:
    if span is None:
        return "–"
    hours = round(span.total_seconds() / 3600)
    return f"{hours} h" if hours <= 48 else f"{round(hours / 24)} d"


def with_table(document: str) -> str:
    """``document`` with the tables inserted between their markers.

    Raises:
        ValueError: It lacks markers.
    """
    document = _inserted(document, venues_table(), BEGIN, END)
    document = _inserted(document, brackets_table(), BRACKETS_BEGIN, BRACKETS_END)
    document = _inserted(document, paces_table(), PACES_BEGIN, PACES_END)
    document = _inserted(document, trading_table(), TRADING_BEGIN, TRADING_END)
    document = _inserted(document, tags_table(), TAGS_BEGIN, TAGS_END)
    return _inserted(document, answers_table(), ANSWERS_BEGIN, ANSWERS_END)


def _field(path: Path) -> str:
    return f"`{'.'.join(map(str, path))}`" if path else "–"


def _inserted(document: str, table: str, begin: str, end: str) -> str:
    before, _, rest = document.partition(begin)
    _, found, after = rest.partition(end)
    if not found:
        raise ValueError(f"the document has no place for the table: {begin} … {end}")
    return f"{before}{begin}\n\n{table}\n\n{end}{after}"


def _brackets(venue: Venue) -> tuple[str, str, str]:
    call = venue.rules_call
    if call.margins is not None:
        is_by_value = isinstance(call.margins, MarginLevels)
        return "its list of markets", "quote currency" if is_by_value else "contracts", "all"
    told, sizes, modes = [], [], set()
    for asked in call.keyed_brackets:
        told.append(_asked(asked, "with an account's key"))
        sizes.append("contracts" if asked.in_amounts else "settle currency")
    if (asked_by_all := call.brackets) is not None:
        modes = {mode.value for mode in asked_by_all.wallet_modes}
        if asked_by_all.tells_sizes:
            told.append(_asked(asked_by_all))
            sizes.append("contracts" if asked_by_all.in_amounts else "settle currency")
        else:
            told.append(_asked(asked_by_all, "the maximum only"))
    if not told:
        return f"not read: {call.no_brackets}", "–", "–"
    return "; ".join(told), ", ".join(dict.fromkeys(sizes)), ", ".join(sorted(modes)) or "all"


def _asked(call: BracketsCall, how: str = "") -> str:
    return ", ".join(each for each in (f"`{call.endpoint}`", how, call.about) if each)


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
