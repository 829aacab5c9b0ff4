"""TradingView's alerts as orders through ccxt: a small server that passes them on and trades.

    python tradingview_order.py 8080

TradingView calls this server through your proxy (it knows ports 80 and 443 only), at
``ALERT_PATH``, such as ``/kq3v…``, which only you and TradingView know. The alert's text is passed
on unchanged to the strategy's webhook, ``HOOK``, its whole address. The answer has a size for each
account; those for ``ACCOUNT``, by its name, are placed. Besides, the environment is that of
``ccxt_order``. Copy that file and ``capital_client.py`` beside this one.

The text is the one that the webhook's page makes. It must have an ``id``: an alert that comes twice
is ordered once. What was begun is remembered in the folder ``DONE`` before anything is ordered, so
that a crash never orders twice; what it left half done is yours to look at.
"""

import hashlib
import json
import os
import sys
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import ccxt_order
import requests
from capital_client import Answer, Capital, Refused, exact

MOST_BYTES = 65_536


def sizes_of(hook: str, body: bytes) -> list[Answer]:
    """What Capital answers to an alert: a size for each order on each account.

    Raises:
        Refused: The alert is wrong, or cannot be answered now; the message says why.
    """
    answer = requests.post(hook, data=body, timeout=10, allow_redirects=False)
    found = answer.json(object_hook=exact)
    if answer.status_code != 200:
        raise Refused(answer.status_code, found.code, found.detail)
    for warning in found.warnings:
        print(warning.reason)
    return list(found.sizes)


def is_first(done: Path, body: bytes) -> bool:
    """Whether this alert was not begun before; it is from now on."""
    alert_id = str(json.loads(body)["id"])
    done.mkdir(exist_ok=True)
    try:
        (done / hashlib.sha256(alert_id.encode()).hexdigest()).touch(exist_ok=False)
    except FileExistsError:
        return False
    return True


def trade(
    capital: Capital, exchange: Any, account: str, hook: str, body: bytes, done: Path
) -> list[dict[str, Any]]:
    """Order what an alert comes to on one account, closing first, one after the other."""
    sizes = [each for each in sizes_of(hook, body) if each.account == account]
    if not is_first(done, body):
        return []
    told = []
    for size in sizes:
        link, own_id = (size.strategy, size.account), ccxt_order.new_order_id(exchange)
        held = size.get("reservation") or {}
        order = ccxt_order.carry_out(
            capital, exchange, link, size, "market", own_id, held.get("id")
        )
        if order is not None:
            told.append(order)
    return told


def serve(port: int, path: str, answer: Any) -> None:
    """Give each alert at ``path`` to ``answer``; whatever else comes gets 404."""

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:  # http.server's name
            """One alert. TradingView reads no answer, and hangs up after three seconds."""
            length = int(self.headers.get("Content-Length") or 0)
            is_alert = self.path == path and 0 < length <= MOST_BYTES
            self.send_response(200 if is_alert else 404)
            self.send_header("Content-Length", "0")
            self.end_headers()
            if is_alert:
                answer(self.rfile.read(length))

    ThreadingHTTPServer(("127.0.0.1", port), Handler).serve_forever()


def main() -> None:
    """Serve until somebody stops it."""
    capital, exchange = Capital.from_environment(), ccxt_order.exchange_from_environment()
    account, hook = os.environ["ACCOUNT"], os.environ["HOOK"]
    done = Path(os.environ.get("DONE", "done"))

    def answer(body: bytes) -> None:
        for order in trade(capital, exchange, account, hook, body, done):
            print(f"{order['symbol']} {order['side']} {order['filled']}: {order['status']}")

    serve(int(sys.argv[1]), os.environ["ALERT_PATH"], answer)


if __name__ == "__main__":
    main()
