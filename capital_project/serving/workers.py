"""A worker for gunicorn that gives a thread to whole requests only.

gunicorn's threaded worker reads a request in the thread that answers it: eight clients that send
half a request each, and then nothing, block eight threads for ever. Here the requests of all
clients arrive in the worker's event loop, and a thread gets one once it is complete.
"""

import re
import selectors
import socket
import time
from contextlib import suppress
from functools import partial
from typing import Any

from gunicorn import http
from gunicorn.workers.gthread import ThreadWorker

# How long a request may take to arrive, from its first byte to its last.
ARRIVAL_SECONDS = 10
# More than DATA_UPLOAD_MAX_MEMORY_SIZE: a longer request is refused by its head.
LARGEST_BODY = 1024 * 1024 + 64 * 1024
_LARGEST_HEAD = 128 * 1024
_AT_ONCE = 64 * 1024
_END = b"\r\n\r\n"
_LENGTH = re.compile(rb"(?im)^content-length[ \t]*:[ \t]*([0-9]{1,18})[ \t]*\r?$")
_CHUNKED = re.compile(rb"(?im)^transfer-encoding[ \t]*:")


class PatientWorker(ThreadWorker):  # type: ignore[misc]  # gunicorn has no types
    """Waits for requests in the event loop. With TLS of its own, it is gunicorn's worker.

    Everything here but ``_keepalive_after`` runs in the worker's main thread.
    """

    def enqueue_req(self, conn: Any) -> None:
        """A connection is new, or wants to be asked again: wait for its next request."""
        if self.cfg.is_ssl or conn.is_http2:
            super().enqueue_req(conn)
            return
        conn.close = partial(_close, conn)
        received = b"" if conn.parser is None else conn.parser.unreader.take_buffered()
        if is_whole(received):
            self._hand_over(conn, received)
            return
        conn.received = received
        conn.timeout = time.monotonic() + ARRIVAL_SECONDS
        conn.sock.settimeout(0)
        # gunicorn closes what waits there for too long.
        self.pending_conns.append(conn)
        self.poller.register(
            conn.sock, selectors.EVENT_READ, partial(self.on_pending_socket_readable, conn)
        )

    def on_pending_socket_readable(self, conn: Any, client: Any) -> None:
        """Part of a request arrived, or the client hung up."""
        try:
            part = conn.sock.recv(_AT_ONCE)
        except BlockingIOError:
            return
        except OSError:
            part = b""
        conn.received += part
        if part and not is_whole(conn.received):
            return
        self.poller.unregister(client)
        self.pending_conns.remove(conn)
        # What was cut off goes on too: the application says so to whoever still listens.
        self._hand_over(conn, conn.received)

    def _hand_over(self, conn: Any, received: bytes) -> None:
        """Give a thread to the request."""
        conn.data_ready = True
        conn.initialized = True
        if conn.parser is None:
            conn.parser = http.get_parser(self.cfg, conn.sock, conn.client)
        conn.parser.unreader.unread(received)
        conn.is_refused = is_too_large(received)
        super().enqueue_req(conn)

    def _keepalive_after(self, conn: Any, keepalive: bool) -> bool:  # noqa: FBT001  # gunicorn's signature
        """Whether the connection is used again. The rest of a refused body is not waited for."""
        if getattr(conn, "is_refused", False):
            return False
        return bool(super()._keepalive_after(conn, keepalive))


def is_whole(received: bytes) -> bool:
    """Whether a thread that gets this request waits for nothing: it is whole, or refused."""
    head, end, body = received.partition(_END)
    if not end:
        return len(received) > _LARGEST_HEAD
    if is_too_large(received):
        return True
    if _CHUNKED.search(head):
        return _is_last_chunk_there(body)
    return len(body) >= _length(head)


def is_too_large(received: bytes) -> bool:
    """Whether the application refuses the request without reading its body."""
    head, _, body = received.partition(_END)
    return max(len(body), _length(head)) > LARGEST_BODY


def _length(head: bytes) -> int:
    announced = _LENGTH.search(head)
    return int(announced[1]) if announced else 0


def _is_last_chunk_there(body: bytes) -> bool:
    at = 0
    while True:
        line_end = body.find(b"\r\n", at)
        if line_end < 0:
            return False
        try:
            size = int(body[at:line_end].partition(b";")[0], 16)
        except ValueError:
            return True  # gunicorn refuses it
        at = line_end + 2
        if size == 0:
            return body.startswith(b"\r\n", at) or body.find(_END, at) >= 0
        at += size + 2


def _close(conn: Any, graceful: bool = False) -> None:  # noqa: FBT001, FBT002  # gunicorn's signature
    """Close at once. gunicorn waits up to two seconds for the client, in the event loop."""
    with suppress(OSError):
        conn.sock.settimeout(0)
        if graceful:
            conn.sock.shutdown(socket.SHUT_WR)
            # Unread bytes would take the answer back.
            conn.sock.recv(_AT_ONCE)
    with suppress(OSError):
        conn.sock.close()
