"""Capital for bots: ask for sizes, hold capital for orders, report what became of them.

Copy this file beside your bot. It needs Python 3.11 and ``requests``, nothing else.

    capital = Capital("http://127.0.0.1:8000/api/v1", "cap_…")  # or: Capital.from_environment()
    size = capital.size(3, "BTC/USDT:USDT", "buy", qty_per="50")
    if size.is_order:
        print(size.amount)  # Decimal("0.024"), for ccxt's create_order

**Numbers** are ``Decimal``, in and out. A ``float`` is refused: it has lost digits already.

**Links.** Where a strategy on an account is meant, give its id (``3``), or the key of the
strategy and the name of the account: ``("trend", "Binance main")``.

**Retries.** What failed on the way is sent again, as often as ``attempts`` says and no longer than
``patience_seconds``: after what ``Retry-After`` says, else after half a second, one, two and
four. That is safe: whatever could happen twice carries an ``Idempotency-Key``, so that a
repetition gets the first answer. Give a ``key`` of your own where a restarted bot is to get it,
too.

**Errors.** A refusal raises what a bot can do about it, with ``status``, ``code``, ``detail``
and ``errors`` of the problem (RFC 9457):

- ``Refused``: the request is wrong, or the order is not allowed. The same request will be
  refused again.
- ``NotAllowed``: the token, its scope or a permission.
- ``NotFound``: it does not exist, or is not yours.
- ``Conflict``: it contradicts what is there, or what was sent with the same key.
- ``Unavailable``: no answer, or none yet, after all attempts. **Whether it was done is not
  known**; asking again with the same ``key`` tells.
"""

import os
import time
import uuid
from collections.abc import Iterator, Mapping, Sequence
from datetime import datetime
from decimal import Decimal
from email.utils import parsedate_to_datetime
from typing import Any
from urllib.parse import quote

import requests

Link = int | tuple[str, str]
"""A strategy on an account: its id, or the strategy's key and the account's name."""

NUMBERS = frozenset(
    """
    after allocated_capital amount amount_precision annual_return annual_volatility available
    average_capital balance base_capital before budget calmar capital capital_added
    capital_after capital_before chained closing_balance coins contract_size contracts cost
    current_pnl daily_return drawdown drawdown_amount drawdown_amount_now drawdown_now
    drift_band_percent earned ending_balance entry_price equity equity_end equity_start
    expectancy external_flows fee fee_amount fee_rate fees filled_quantity fixed_amount funding
    futures_balance holdings in_use largest_loss largest_win leverage margin mark_price
    market_buy_max_cost market_max_amount market_max_cost market_min_amount
    market_sell_max_amount max_amount max_budget_percent max_cost max_daily_loss_amount
    max_daily_loss_percent max_drawdown_percent max_jump_percent max_leverage max_notional
    max_percent max_price_deviation_percent max_settled max_stake max_unexplained_percent
    min_amount min_change_amount min_change_percent min_cost min_stake notional opening_balance
    payoff percent pnl price profit_factor quantity raw_quantity realized realized_pnl
    realized_reported reserve reserve_amount reserve_percent reserved return roi sharpe sortino
    spot_balance sqn stake stake_step starting_balance step threshold total_fees total_volume
    unallocated unexplained unrealized unrealized_change unrealized_pnl utilisation volume
    weight weight_after weight_before win_rate
    """.split()  # noqa: SIM905  # a list would take a screen
)
"""Fields whose text is a number. Ids of an exchange are digits too, and stay text."""

_AGAIN = frozenset({408, 425, 429, 500, 502, 503, 504})
_BUSY = frozenset({"request_in_progress", "delivery_in_progress"})


class CapitalError(Exception):
    """Everything that this client raises of its own."""


class Problem(CapitalError):
    """A refusal. ``code`` is for programs, ``detail`` for people, ``errors`` names the fields."""

    def __init__(self, status: int, code: str, detail: str, errors: Sequence[Any] = ()) -> None:
        super().__init__(f"{code}: {detail}" if detail else code)
        self.status, self.code, self.detail, self.errors = status, code, detail, list(errors)


class Refused(Problem):
    """400, 413, 422: sent again, it will be refused again."""


class NotAllowed(Problem):
    """401, 403: the token is unknown, or may not do this."""


class NotFound(Problem):
    """404: there is no such thing, or it is somebody else's."""


class Conflict(Problem):
    """409, 412: it contradicts what is there."""


class Unavailable(Problem):
    """No answer after all attempts; ``status`` is 0 where none came. It may have been done.

    Unless ``is_undone``: then the server said that nothing was, or was never reached.
    """

    retry_after = 0.0
    is_undone = False


_KINDS = {401: NotAllowed, 403: NotAllowed, 404: NotFound, 409: Conflict, 412: Conflict}


class Answer(dict[str, Any]):
    """An object of an answer, with its fields as attributes, too: ``size.amount``."""

    def __getattr__(self, name: str) -> Any:
        try:
            return self[name]
        except KeyError:
            raise AttributeError(f"the answer has no {name!r}; it has {', '.join(self)}") from None

    @property
    def is_order(self) -> bool:
        """Of a size: there is something to send. **Never send an order of 0.**"""
        return Decimal(self["amount"]) > 0


class _Token(requests.auth.AuthBase):
    """Else ``requests`` would put what it finds in a ``.netrc`` in its place."""

    def __init__(self, token: str) -> None:
        self._token = token

    def __call__(self, request: requests.PreparedRequest) -> requests.PreparedRequest:
        request.headers["Authorization"] = f"Bearer {self._token}"
        return request


class Capital:
    """The API, for the bot that has ``token``. Not to be shared between threads.

    Args:
        url: With ``/api/v1`` at its end.
        token: Of the scope ``size``, for a bot that trades.
        timeout_seconds: For one attempt: to connect, and until the answer goes on.
        attempts: How often a request is sent at most.
        patience_seconds: For all attempts of a request. A wait that would exceed it is not begun.
    """

    def __init__(
        self,
        url: str,
        token: str,
        *,
        timeout_seconds: float = 10,
        attempts: int = 5,
        patience_seconds: float = 60,
    ) -> None:
        self.url = url.rstrip("/")
        self.timeout_seconds, self.attempts = timeout_seconds, attempts
        self.patience_seconds = patience_seconds
        self.session = requests.Session()
        self.session.auth = _Token(token)

    @classmethod
    def from_environment(cls, **options: Any) -> "Capital":
        """With the address in ``CAPITAL`` and the token in ``TOKEN``."""
        return cls(os.environ["CAPITAL"], os.environ["TOKEN"], **options)

    # What there is.

    def allocated(self, link: Link) -> Decimal:
        """The capital that the strategy has on the account now."""
        if isinstance(link, int):
            (row,) = self.rows("capital", strategy_account=link)
            return Decimal(row.allocated_capital)
        key, name = link
        for row in self.rows("capital", strategy=key):
            if row.account_name == name:
                return Decimal(row.allocated_capital)
        raise NotFound(404, "not_found", f"{key} does not trade on {name}.")

    def rows(self, name: str, **filters: Any) -> Iterator[Answer]:
        """All rows of a list, such as ``positions``, page by page."""
        filters.setdefault("page_size", 100)
        page = self.request("GET", f"{name}/", params=filters)
        yield from page.results
        while page.next:
            page = self.request("GET", page.next)
            yield from page.results

    # From the question to the order.

    def size(self, link: Link, symbol: str, side: str, **order: Any) -> Answer:
        """How much may be ordered now: ``amount`` is for ccxt's ``create_order``, at ``price``.

        ``order`` has one of ``qty_per``, ``risk_per``, ``qty`` and ``stake``, and what else the
        API's order has: ``order_type``, ``price``, ``stop_price``, ``leverage``,
        ``position_side`` …
        """
        body = {"symbol": symbol, "side": side, **order}
        key = new_key() if order.get("reserve") else None
        return self.request("POST", f"{_path(link)}/size/", body, key=key)

    def reserve(
        self, link: Link, symbol: str, side: str, *, key: str | None = None, **order: Any
    ) -> Answer:
        """The same, and hold the capital: the ``id`` of what is held, and the ``size``.

        Nothing is held where nothing can be ordered: then ``id`` is None. Give your
        ``client_order_id``, by which the order's fills are recognised, and ``expires_in``
        seconds (60): so long it is held unless the order is placed.
        """
        body = {"symbol": symbol, "side": side, **order}
        return self.request("POST", f"{_path(link)}/reservations/", body, key=key or new_key())

    def placed(self, reservation: int, order_id: str) -> Answer:
        """The order was placed: hold its capital until it is filled or released."""
        return self.request("PATCH", f"reservations/{reservation}/", {"order_id": str(order_id)})

    def release(self, reservation: int) -> None:
        """The order will not be filled, or no further: hold nothing for it any more."""
        self.request("DELETE", f"reservations/{reservation}/")

    # What became of it.

    def report_fills(self, link: Link, fills: Sequence[Mapping[str, Any]]) -> list[Answer]:
        """Tell what was executed. Told again, a fill is kept once: do so whenever in doubt."""
        found: list[Answer] = []
        for start in range(0, len(fills), 500):
            body = {"fills": [dict(each) for each in fills[start : start + 500]]}
            path = f"{_path(link)}/fills/"
            found += self.request("POST", path, body, key=new_key()).results
        return found

    def report_position(
        self, link: Link, symbol: str, quantity: Decimal | str, **more: Any
    ) -> Answer:
        """Tell what is held of a symbol now: below 0 is short, 0 is closed."""
        body = {"symbol": symbol, "quantity": quantity, **more}
        return self.request("PUT", f"{_path(link)}/positions/", body)

    def report_positions(self, link: Link, positions: Sequence[Mapping[str, Any]]) -> Answer:
        """Tell all that is held: what is not named was closed. Send it when the bot starts."""
        body = {"positions": [dict(each) for each in positions]}
        return self.request("PUT", f"{_path(link)}/positions/", body)

    # Everything else.

    def request(
        self,
        method: str,
        path: str,
        body: Mapping[str, Any] | None = None,
        *,
        params: Mapping[str, Any] | None = None,
        key: str | None = None,
    ) -> Answer:
        """Send a request and return its answer; what the API has besides goes this way.

        Args:
            method: ``GET``, ``POST`` …
            path: Behind the address of the API, such as ``accounts/1/allocate/``, or a whole
                address of it.
            body: Decimals and times are written as the API reads them.
            params: Of the query.
            key: Of a POST that must not happen twice: without one it is sent once, and again
                only where the server answered that it did nothing.

        Raises:
            Problem: It was refused, or got no answer.
            TypeError: There is a float in it.
        """
        address = path if path.startswith(("http://", "https://")) else f"{self.url}/{path}"
        if not address.startswith(f"{self.url}/"):
            raise CapitalError(f"{address} is no address of {self.url}: the token stays here")
        is_question = path.endswith("/size/") and not (body or {}).get("reserve")
        can_repeat = method != "POST" or key is not None or is_question
        given_up_at = time.monotonic() + self.patience_seconds
        attempt, wait = 1, 0.5
        while True:
            answer = self._attempt(method, address, body, params, key)
            if isinstance(answer, Answer):
                return answer
            failed = answer
            wait_now = max(wait, failed.retry_after)
            is_last = attempt >= self.attempts or time.monotonic() + wait_now > given_up_at
            if is_last or not (can_repeat or failed.is_undone):
                raise failed
            time.sleep(wait_now)
            attempt, wait = attempt + 1, 2 * wait

    def _attempt(
        self,
        method: str,
        address: str,
        body: Mapping[str, Any] | None,
        params: Mapping[str, Any] | None,
        key: str | None,
    ) -> "Answer | Unavailable":
        """The answer, or what may be different the next time; a refusal is raised."""
        plain = None if body is None else _plain(body)
        try:
            response = self.session.request(
                method,
                address,
                params=None if params is None else _plain(params),
                json=plain,
                headers={"Idempotency-Key": key} if key else {},
                timeout=self.timeout_seconds,
                # A redirected POST would become a GET, and the token would go along.
                allow_redirects=False,
            )
        except requests.RequestException as error:
            failed = Unavailable(0, "no_answer", f"{method} {address}: {type(error).__name__}")
            failed.is_undone = isinstance(error, requests.ConnectTimeout)
            return failed
        if response.ok and not response.is_redirect:
            return _read(response)
        refusal = _problem(response)
        if response.status_code not in _AGAIN and refusal.code not in _BUSY:
            raise refusal
        failed = Unavailable(refusal.status, refusal.code, refusal.detail, refusal.errors)
        failed.retry_after = _seconds(response.headers.get("Retry-After"))
        failed.is_undone = refusal.status == 429 or refusal.code == "price_unavailable"
        return failed


def new_key() -> str:
    """A key for one request and its repetitions."""
    return str(uuid.uuid4())


def _path(link: Link) -> str:
    if isinstance(link, int):
        return f"strategy-accounts/{link}"
    key, name = link
    return f"strategies/{quote(key, safe='')}/accounts/{quote(name, safe='')}"


def _plain(value: Any) -> Any:
    """As JSON has it: exact numbers as text."""
    if isinstance(value, float):
        raise TypeError(f"{value!r} is a float; give a Decimal or text, which lose no digits")
    if isinstance(value, Decimal):
        return format(value, "f")
    if isinstance(value, datetime):
        return value.isoformat()
    if isinstance(value, Mapping):
        return {name: _plain(each) for name, each in value.items() if each is not None}
    if isinstance(value, list | tuple):
        return [_plain(each) for each in value]
    return value


def _read(response: requests.Response) -> Answer:
    if response.status_code == 204:
        return Answer()
    try:
        found = response.json(object_hook=exact)
    except ValueError:
        raise Unavailable(response.status_code, "unreadable", "the answer is no JSON") from None
    if not isinstance(found, Answer):
        raise Unavailable(response.status_code, "unreadable", "the answer is no object")
    return found


def exact(found: dict[str, Any]) -> Answer:
    """An object of JSON with its numbers as Decimals: for ``json.loads(…, object_hook=exact)``."""
    return Answer(
        (name, Decimal(value) if name in NUMBERS and isinstance(value, str) and value else value)
        for name, value in found.items()
    )


def _problem(response: requests.Response) -> Problem:
    """What the body says; a proxy in between may answer with a page."""
    try:
        body = response.json()
    except ValueError:
        body = {}
    body = body if isinstance(body, dict) else {}
    kind = _KINDS.get(response.status_code, Refused)
    return kind(
        response.status_code,
        str(body.get("code") or f"http_{response.status_code}"),
        str(body.get("detail") or response.reason or ""),
        body.get("errors") or (),
    )


def _seconds(header: str | None) -> float:
    """What ``Retry-After`` says, in seconds or as a date."""
    if not header:
        return 0
    if header.strip().isdecimal():
        return float(header)
    try:
        return max(0, parsedate_to_datetime(header).timestamp() - time.time())
    except ValueError:
        return 0
