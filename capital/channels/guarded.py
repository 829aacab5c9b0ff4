"""HTTP for addresses that users gave: where it connects to, for how long, and what it follows.

Whoever may write an address could otherwise let this machine knock at its own network. So every
connection is to an address that the whole internet may reach, decided by what a name resolves to
when it is connected; no redirect is followed; nothing goes through a proxy; and all of it ends in
time, however slowly the other side answers. Settings allow the first two.

``requests`` opens a session of its own for each call, in our modules and in apprise's. While a
``Guard`` is entered, the sessions of this thread use its adapter; others are as they were.
"""

import os
import socket
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from datetime import timedelta
from ipaddress import IPv4Address, IPv6Address, IPv6Network, ip_address
from typing import Any

import requests
from django.conf import settings
from requests.adapters import HTTPAdapter
from urllib3 import HTTPConnectionPool, HTTPSConnectionPool
from urllib3.connection import HTTPConnection, HTTPSConnection
from urllib3.exceptions import HTTPError

from capital.domain.reasons import Code, Reason

TIME = timedelta(seconds=60)
# Of one read, and of a connection.
_READ_SECONDS = 10
# Of an answer, so much is looked at.
_MOST_READ = 64 * 1024
_NAT64 = IPv6Network("64:ff9b::/96")
_REDIRECTS = range(300, 400)


class Refused(requests.RequestException):
    """A guard refused: where it goes, or where it was sent."""


class Guard:
    """One message: what happened while it was sent.

    Attributes:
        problem: Why the guard refused; None where it did not.
        status: Of the last answer; None where there was none.
        is_over: Whether the time was over.
        is_silent: Whether somebody was reached and said nothing for as long as one waits.
    """

    def __init__(self) -> None:
        self.problem: Reason | None = None
        self.status: int | None = None
        self.is_over = False
        self.is_silent = False
        self.adapter = _Adapter()
        self._sockets: list[socket.socket] = []
        self._lock = threading.Lock()

    def why(self) -> Reason | None:
        """Why no answer, or none that is good, was read; None where the last one was good."""
        if self.problem is not None:
            return self.problem
        if self.is_over:
            return Reason(Code.CHANNEL_TIMED_OUT, {"seconds": str(TIME.seconds)})
        if self.is_silent:
            return Reason(Code.CHANNEL_TIMED_OUT, {"seconds": str(_READ_SECONDS)})
        if self.status is None:
            return Reason(Code.CHANNEL_UNREACHABLE)
        if self.status not in range(200, 300):
            return Reason(Code.CHANNEL_ANSWERED, {"status": str(self.status)})
        return None

    def refuse(self, code: Code) -> Refused:
        """Remember why, for whoever swallows the error."""
        self.problem = Reason(code)
        return Refused(code.value)

    def watch(self, connected: socket.socket) -> None:
        """End this connection when the time is over, whatever is wrapped around it by then."""
        with self._lock:
            self._sockets.append(socket.socket(fileno=os.dup(connected.fileno())))

    def end(self) -> None:
        """The time is over: whoever reads or writes is woken by an error."""
        self.is_over = True
        self.close()

    def close(self) -> None:
        """End every connection."""
        with self._lock:
            while self._sockets:
                with self._sockets.pop() as each:
                    try:
                        each.shutdown(socket.SHUT_RDWR)
                    except OSError:
                        continue


_GUARD: ContextVar[Guard | None] = ContextVar("guard", default=None)


@contextmanager
def guarded() -> Iterator[Guard]:
    """Let all HTTP of this thread be guarded meanwhile."""
    guard = Guard()
    token = _GUARD.set(guard)
    timer = threading.Timer(TIME.total_seconds(), guard.end)
    timer.daemon = True
    timer.start()
    try:
        yield guard
    finally:
        timer.cancel()
        guard.close()
        _GUARD.reset(token)


def is_public(text: str) -> bool:
    """Whether the whole internet may reach this IP address."""
    address = ip_address(text.partition("%")[0])
    return all(each.is_global and not each.is_multicast for each in _meant(address))


def _meant(address: IPv4Address | IPv6Address) -> list[IPv4Address | IPv6Address]:
    """The address, and those that it stands for."""
    if isinstance(address, IPv4Address):
        return [address]
    if address.ipv4_mapped is not None:
        return [address.ipv4_mapped]
    found: list[IPv4Address | IPv6Address] = [address]
    if address.sixtofour is not None:
        found.append(address.sixtofour)
    if address.teredo is not None:
        found += address.teredo
    if address in _NAT64:
        found.append(IPv4Address(int(address) & 0xFFFFFFFF))
    return found


def _connect(host: str, port: int) -> socket.socket:
    """A connection to what the name resolves to now, if all of it may be connected to."""
    guard = _GUARD.get()
    assert guard is not None, "only a guard's adapter makes such connections"
    found = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)
    if not settings.CAPITAL_ALERT_PRIVATE_ADDRESSES:
        for *_, address in found:
            if not is_public(str(address[0])):
                raise guard.refuse(Code.ADDRESS_PRIVATE)
    failure: OSError = OSError("no address")
    for family, kind, protocol, _, address in found:
        connection = socket.socket(family, kind, protocol)
        connection.settimeout(_READ_SECONDS)
        try:
            connection.connect(address)
        except OSError as error:
            connection.close()
            failure = error
        else:
            guard.watch(connection)
            return connection
    raise failure


class _Connection(HTTPConnection):
    def _new_conn(self) -> socket.socket:
        return _connect(self._dns_host, self.port or self.default_port)


class _SecureConnection(HTTPSConnection):
    def _new_conn(self) -> socket.socket:
        return _connect(self._dns_host, self.port or self.default_port)


class _Pool(HTTPConnectionPool):
    ConnectionCls = _Connection


class _SecurePool(HTTPSConnectionPool):
    ConnectionCls = _SecureConnection


class _Adapter(HTTPAdapter):
    """Sends as ``requests`` does, but where to, what of, and how long is the guard's."""

    def init_poolmanager(self, *args: Any, **kwargs: Any) -> None:
        """Connections that look where they go."""
        super().init_poolmanager(*args, **kwargs)
        self.poolmanager.pool_classes_by_scheme = {"http": _Pool, "https": _SecurePool}

    def send(self, request: Any, *_args: Any, verify: Any = True, **_kwargs: Any) -> Any:
        """One request: no proxy, no unverified certificate, no endless answer."""
        guard = _GUARD.get()
        assert guard is not None, "a session has it from a guard"
        guard.is_silent = False
        try:
            response = super().send(
                request, stream=True, timeout=_READ_SECONDS, verify=verify or True, proxies={}
            )
        except requests.ReadTimeout:
            guard.is_silent = True
            raise
        guard.status = response.status_code
        if response.status_code in _REDIRECTS and not settings.CAPITAL_ALERT_REDIRECTS:
            response.close()
            raise guard.refuse(Code.ADDRESS_REDIRECTS)
        try:
            response._content = response.raw.read(_MOST_READ, decode_content=True)
        except HTTPError:
            raise requests.ConnectionError from None
        response._content_consumed = True
        response.close()
        return response


_usual_adapter = requests.Session.get_adapter


def _get_adapter(self: requests.Session, url: Any) -> Any:
    guard = _GUARD.get()
    return _usual_adapter(self, url) if guard is None else guard.adapter


requests.Session.get_adapter = _get_adapter  # type: ignore[method-assign]
