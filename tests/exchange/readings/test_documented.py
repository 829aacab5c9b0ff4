"""Every venue's documented answer, of exactly the endpoint and version that is asked.

``documented/`` has one for each call of each row, with small figures of ours: every field that the
venue's page shows, and in ``also`` those that it describes besides. What a row looks for must be
there, the simulator may send nothing else, and each basis is read off it by hand.
"""

from collections.abc import Iterator, Mapping
from decimal import Decimal
from typing import Any

import pytest

from capital.domain.balances import BalanceBasis
from capital.domain.reasons import Code
from capital.exchange.answers import read_balance
from capital.exchange.calls.balances import BalanceCall
from capital.exchange.ccxt import balances as ccxt_balances
from capital.exchange.entries import entries_by_currency
from capital.exchange.formulas import fields_of, read_along, value_at
from capital.exchange.venues import VENUES
from capital.simulator.server import SimulatedExchange
from capital.simulator.state import ExchangeState
from tests.exchange.asking import NOW, gateway_to, request_for, simulated_account
from tests.exchange.readings.documented_answers import DOCUMENTED, call_of, read

EACH = pytest.mark.parametrize("documented", DOCUMENTED.values(), ids=DOCUMENTED)


class Answer:
    """What ccxt makes of an answer: its entry of the account's currency, and the whole."""

    def __init__(self, documented: Mapping[str, Any], *, is_simulated: bool = False) -> None:
        kept: dict[str, Any] = {}

        def keep(answer: Any, call: BalanceCall, **others: Any) -> Decimal:
            kept.update(answer=answer, **others)
            return read_balance(answer, call, **others)

        pool, currency = documented["pool"], documented["currency"]
        given: dict[str, Any] = {"recorded": {pool: documented["answer"]}}
        if is_simulated:
            given = {"wallets": {pool: {currency: "100"}}}
            if pool != "spot":
                given["unrealised"] = {pool: {currency: "12.5"}}
        account = simulated_account(documented["venue"], currency=currency, **given)
        call = call_of(documented)
        with pytest.MonkeyPatch.context() as patch:
            patch.setattr(ccxt_balances, "read_balance", keep)
            with SimulatedExchange(ExchangeState([account])) as server:
                basis = next(iter(call.formulas))
                gateway_to(server).fetch_balances(
                    [request_for(account, [pool], basis=basis)], clock=lambda: NOW
                )
                self.path = server.requests[-1].path
        self.info = kept["answer"]["info"]
        self.top = kept["pages"][-1]
        listed = entries_by_currency(
            kept["answer"], kept["pages"], call, documented["venue"], kept["code_of"]
        )
        self.entry = listed.entries[currency][0]


def named_by(call: BalanceCall) -> Iterator[str]:
    """Every field that the row of ``call`` looks for."""
    for formula in call.formulas.values():
        yield from fields_of(formula)
    for withheld in call.withheld:
        yield withheld.field.removesuffix("?")
        yield from fields_of(withheld.over)
    holdings = call.holdings
    yield from holdings.only
    yield from holdings.never
    if call.pools_margin:
        yield call.pools_margin
    if holdings.form in ("rows", "single") and not holdings.name.startswith("="):
        yield holdings.name
    if holdings.more:
        yield f"/{holdings.more}"
    for path in (holdings.worth, *holdings.says):
        if path:
            yield "/" + ".".join(map(str, path))


def is_told(answer: Answer, path: str) -> bool:
    """Whether the answer has such a field, be it empty."""
    steps = path.removeprefix("/").split(".")
    *way, last = steps
    if "[]" in path:
        found = value_at(answer.entry, answer.info, path)
        return bool(found) and None not in found
    for whole in (answer.info, answer.top) if path.startswith("/") else (answer.entry,):
        holder = read_along(whole, tuple(int(step) if step.isdigit() else step for step in way))
        if isinstance(holder, dict) and last in holder:
            return True
    return False


def test_every_call_of_every_row_has_its_documented_answer() -> None:
    calls = {id(call) for row in VENUES.values() for calls in row.calls.values() for call in calls}
    # Bitget's wallets of other product types are the same endpoint.
    found = {id(call_of(documented)) for documented in DOCUMENTED.values()}
    missing = [
        (row.id, pool.value, call.params)
        for row in VENUES.values()
        for pool, calls_of_pool in row.calls.items()
        for call in calls_of_pool
        if id(call) in calls - found and "productType" not in call.params
    ]

    assert missing == []
    assert len(found) >= 31


@EACH
def test_endpoint_that_is_asked_is_the_documented_one(documented: dict[str, Any]) -> None:
    assert Answer(documented).path == documented["asked"]


@EACH
def test_row_looks_for_nothing_that_the_asked_version_does_not_have(
    documented: dict[str, Any],
) -> None:
    answer, also = Answer(documented), set(documented["also"])

    nowhere = {
        path
        for path in named_by(call_of(documented))
        if path not in also and not is_told(answer, path)
    }

    assert nowhere == set()


@EACH
@pytest.mark.parametrize("basis", BalanceBasis)
def test_documented_answer_is_read_right(documented: dict[str, Any], basis: BalanceBasis) -> None:
    expected = documented["read"][basis.value]

    found = read(documented, documented["answer"], basis)

    assert found == (Code(expected) if expected in list(Code) else Decimal(expected))


@EACH
def test_simulator_sends_no_field_that_the_venue_does_not(documented: dict[str, Any]) -> None:
    """A field of ours alone would let a guard pass here that never fires there."""
    real, simulated = Answer(documented), Answer(documented, is_simulated=True)
    also = {path.rpartition(".")[2] for path in documented["also"]}

    assert fields_in(simulated.entry) - fields_in(real.entry) - also == set()
    # A row's formulas are tried on all that the venue has: what is missing is not tried at all.
    needed = {path for path in named_by(call_of(documented)) if is_told(real, path)}
    assert {path for path in needed if not is_told(simulated, path)} == NOT_SIMULATED.get(
        (documented["venue"], documented["pool"]), set()
    )


# Only accounts with a credit line have these.
NOT_SIMULATED = {("kraken", "spot"): {"credit", "credit_used"}}


def fields_in(entry: Mapping[str, Any]) -> set[str]:
    """Its fields, of any depth but lists."""
    inner = [fields_in(value) for value in entry.values() if isinstance(value, dict)]
    return set(entry).union(*inner)
