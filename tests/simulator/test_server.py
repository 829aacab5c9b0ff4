"""What the server leaves behind when it stops."""

import contextlib
import gc
import socket
import warnings
from urllib.parse import urlsplit

from capital.simulator.server import SimulatedExchange
from capital.simulator.state import DEMO_ACCOUNTS, ExchangeState


def test_a_connection_that_is_accepted_while_the_server_stops_is_closed():
    exchange = SimulatedExchange(ExchangeState.from_json(DEMO_ACCOUNTS))
    for _ in range(20):
        exchange.start()
        address = urlsplit(exchange.base_url)
        with (
            socket.create_connection((address.hostname, address.port), timeout=10) as client,
            warnings.catch_warnings(record=True) as told,
        ):
            warnings.simplefilter("always")
            exchange.stop()
            gc.collect()
            with contextlib.suppress(ConnectionResetError):
                assert client.recv(1) == b""

        assert [str(each.message) for each in told] == []
