"""The documented answer of every call of every row, from ``documented/``."""

import json
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any

from capital.domain.balances import BalanceBasis, Observation
from capital.domain.pools import Pool
from capital.exchange.calls.balances import BalanceCall
from capital.exchange.venues import VENUES
from tests.exchange.asking import ask, simulated_account

DOCUMENTED: Mapping[str, dict[str, Any]] = {
    f"{path.stem}-{name}": documented
    for path in sorted(Path(__file__).with_name("documented").glob("*.json"))
    for name, documented in json.loads(path.read_text(encoding="utf-8")).items()
}
# What a venue calls a currency on the wire, where that is not its name.
_WIRE_NAMES = {"USD": ("ZUSD", "USD.F")}


def call_of(documented: Mapping[str, Any]) -> BalanceCall:
    """The call whose answer it is."""
    return VENUES[documented["venue"]].call(Pool(documented["pool"]), documented["currency"])


def copy_of(documented: Mapping[str, Any]) -> Any:
    """The answer, to be changed."""
    return json.loads(json.dumps(documented["answer"]))


def wire_names(documented: Mapping[str, Any]) -> tuple[str, ...]:
    """What the answer may call the account's currency."""
    currency = documented["currency"]
    return (currency, currency.lower(), *_WIRE_NAMES.get(currency, ()))


def read(documented: Mapping[str, Any], body: Any, basis: BalanceBasis) -> Any:
    """What ``body`` comes to in place of the documented answer, or the code of why not."""
    account = simulated_account(
        documented["venue"],
        currency=documented["currency"],
        recorded={documented["pool"]: body},
    )
    (answer,), _ = ask(account, documented["pool"], basis=basis)
    return answer.amount if isinstance(answer, Observation) else answer.code


def rows_in(body: Any, is_one: Callable[[Any], bool]) -> Iterator[tuple[Any, Any]]:
    """Every place in ``body`` whose value ``is_one``: its list or object, and its key there."""
    places = body.items() if isinstance(body, dict) else enumerate(body)
    for key, value in list(places):
        if is_one(value):
            yield body, key
        elif isinstance(value, dict | list):
            yield from rows_in(value, is_one)
