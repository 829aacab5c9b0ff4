"""A server that answers by path, for venues that are not simulated."""

import json
import threading
from collections.abc import Mapping
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from types import TracebackType
from typing import Any, Self
from urllib.parse import parse_qsl, urlsplit


class PlainServer:
    """Serves ``answers`` by path, while the context lasts; any other path is not found.

    Args:
        answers: Path to body: text as it is, anything else as JSON. A function makes the body of
            the arguments of the request.
        headers: Sent besides.

    Attributes:
        asked: The path of each request.
        arguments: The arguments of each request.
    """

    def __init__(
        self, answers: Mapping[str, Any], *, headers: Mapping[str, str] | None = None
    ) -> None:
        self.asked: list[str] = []
        self.arguments: list[dict[str, Any]] = []
        asked, received = self.asked, self.arguments

        class Handler(BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                path = urlsplit(self.path).path
                given = self._given()
                asked.append(path)
                received.append(given)
                body = answers.get(path, {"error": "not found"})
                if callable(body):
                    body = body(given)
                text = body if isinstance(body, str) else json.dumps(body)
                self.send_response(200 if path in answers else 404)
                self.send_header("Content-Type", "application/json")
                for name, value in (headers or {}).items():
                    self.send_header(name, value)
                self.end_headers()
                self.wfile.write(text.encode())

            def _given(self) -> dict[str, Any]:
                length = int(self.headers.get("Content-Length") or 0)
                sent = self.rfile.read(length).decode()
                if sent.startswith("{"):
                    return dict(json.loads(sent))
                return dict(parse_qsl(urlsplit(self.path).query) + parse_qsl(sent))

            do_POST = do_GET  # noqa: N815

            def log_message(self, *_: object) -> None:
                """Nothing."""

        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)

    @property
    def base_url(self) -> str:
        """Without a slash at the end."""
        return f"http://127.0.0.1:{self._server.server_port}"

    def __enter__(self) -> Self:
        threading.Thread(
            target=self._server.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True
        ).start()
        return self

    def __exit__(
        self,
        _kind: type[BaseException] | None,
        _error: BaseException | None,
        _trace: TracebackType | None,
    ) -> None:
        self._server.shutdown()
        self._server.server_close()
