"""Control: the endpoints that only a simulator has, to see the accounts and to change them.

``GET /simulator/`` shows it without keys; ``POST /simulator/faults``, ``/simulator/balances``,
``/simulator/fills`` and ``/simulator/flows`` change it. Bad input is 400 with what is wrong.
"""

import json
from collections.abc import Set
from typing import Any

from aiohttp import web

from capital.simulator.errors import SimulatorError
from capital.simulator.state import ExchangeState, SimulatedAccount
from capital.simulator.trading.book import plain
from capital.simulator.trading.script import (
    FILL_FIELDS,
    FLOW_FIELDS,
    MORE_OF_FILLS,
    MORE_OF_FLOWS,
)
from capital.simulator.venues import VENUES

_STATE = web.AppKey("state", ExchangeState)


def add_control_routes(app: web.Application, state: ExchangeState) -> None:
    """Let ``app`` show and change ``state``."""
    app[_STATE] = state
    app.router.add_get("/simulator/", _show)
    app.router.add_post("/simulator/faults", _set_fault)
    app.router.add_post("/simulator/balances", _set_balance)
    app.router.add_post("/simulator/fills", _fill)
    app.router.add_post("/simulator/flows", _flow)


async def _show(request: web.Request) -> web.Response:
    state = request.app[_STATE]
    return web.json_response(
        {
            "venues": {
                name: [{"pool": each.pool, "path": each.path} for each in venue.balances]
                for name, venue in sorted(VENUES.items())
            },
            "accounts": [_shown(state, account) for account in state.accounts],
        }
    )


def _shown(state: ExchangeState, account: SimulatedAccount) -> dict[str, Any]:
    standing = state.standing_faults(account)
    return {
        "name": account.name,
        "venue": account.venue,
        "currency": account.currency,
        "pools": list(account.pools),
        "faults": {
            pool: {"fault": fault.fault, "times": fault.times} for pool, fault in standing.items()
        },
    }


async def _set_fault(request: web.Request) -> web.Response:
    try:
        change = await _fields(request, required={"api_key", "fault"}, optional={"pool", "times"})
        request.app[_STATE].set_fault(
            change["api_key"], change["fault"], change.get("pool"), change.get("times")
        )
    except SimulatorError as error:
        return _refused(error)
    return web.json_response({"ok": True})


async def _set_balance(request: web.Request) -> web.Response:
    try:
        change = await _fields(request, required={"api_key", "pool", "currency", "amount"})
        request.app[_STATE].set_balance(
            change["api_key"], change["pool"], change["currency"], change["amount"]
        )
    except SimulatorError as error:
        return _refused(error)
    return web.json_response({"ok": True})


async def _fill(request: web.Request) -> web.Response:
    """Execute a fill: ``trading.script`` says what it is told with."""
    try:
        told = await _fields(request, required=FILL_FIELDS | {"api_key"}, optional=MORE_OF_FILLS)
        fill = request.app[_STATE].fill(told.pop("api_key"), told)
    except SimulatorError as error:
        return _refused(error)
    return web.json_response({"id": fill.fill_id, "realised": plain(fill.realised)})


async def _flow(request: web.Request) -> web.Response:
    """Book a flow: ``trading.script`` says what it is told with."""
    try:
        told = await _fields(request, required=FLOW_FIELDS | {"api_key"}, optional=MORE_OF_FLOWS)
        flow = request.app[_STATE].flow(told.pop("api_key"), told)
    except SimulatorError as error:
        return _refused(error)
    return web.json_response({"id": flow.flow_id})


def _refused(error: SimulatorError) -> web.Response:
    return web.json_response({"error": str(error)}, status=400)


async def _fields(
    request: web.Request, *, required: Set[str], optional: Set[str] = frozenset()
) -> dict[str, Any]:
    try:
        content = json.loads(await request.read())
    except ValueError:
        raise SimulatorError("the body is not JSON.") from None
    if not isinstance(content, dict):
        raise SimulatorError("the body must be a JSON object.")
    missing, unknown = sorted(required - set(content)), sorted(set(content) - required - optional)
    if missing:
        raise SimulatorError(f"{missing[0]} is missing.")
    if unknown:
        raise SimulatorError(
            f"unknown field {unknown[0]!r}; use {', '.join(sorted(required | optional))}."
        )
    return content
