"""A server that answers as it is told, for what the real one does too seldom."""

import json
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any


class Scripted:
    """Its answers in order; the last one again and again. ``asked`` has what came."""

    def __init__(self, *answers: Any) -> None:
        self.answers, self.asked = list(answers), []

    def next(self) -> Any:
        return self.answers.pop(0) if len(self.answers) > 1 else self.answers[0]


@contextmanager
def served(*answers: Any) -> Iterator[tuple[str, Scripted]]:
    """The address of a server, and what it was asked.

    An answer is a status with a body and headers; ``"cut"``: the connection is closed before any;
    ``"late"``: it comes after half a second.
    """
    script = Scripted(*answers)

    class Handler(BaseHTTPRequestHandler):
        def handle_one(self) -> None:
            length = int(self.headers.get("Content-Length", 0))
            body = json.loads(self.rfile.read(length)) if length else None
            script.asked.append((self.command, self.path, body, dict(self.headers)))
            answer = script.next()
            if answer == "cut":
                self.close_connection = True
                return
            if answer == "late":
                threading.Event().wait(0.5)
                answer = (200, {}, {})
            status, content, headers = (*answer, {})[:3]
            text = content if isinstance(content, str) else json.dumps(content)
            self.send_response(status)
            for name, value in headers.items():
                self.send_header(name, value)
            self.send_header("Content-Length", str(len(text.encode())))
            self.end_headers()
            self.wfile.write(text.encode())

        def log_message(self, *args: Any) -> None:
            """Say nothing."""

    for method in ("GET", "POST", "PUT", "PATCH", "DELETE"):
        setattr(Handler, f"do_{method}", Handler.handle_one)
    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=server.serve_forever, args=(0.01,), daemon=True)
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_port}/api/v1", script
    finally:
        server.shutdown()
        server.server_close()
        thread.join()
