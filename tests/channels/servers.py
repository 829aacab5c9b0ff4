"""Local servers that messages are sent to: one for mail, one for HTTP."""

import socketserver
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any


@dataclass
class MailServer:
    """What a mail server took; ``answer`` is what it says to the recipient."""

    port: int = 0
    answer: str = "250 ok"
    mails: list[str] = field(default_factory=list)


@contextmanager
def mail_server(answer: str = "250 ok") -> Iterator[MailServer]:
    """A mail server that speaks as much SMTP as Django's backend needs."""
    served = MailServer(answer=answer)

    class Handler(socketserver.StreamRequestHandler):
        def handle(self) -> None:
            self.say("220 local")
            while line := self.rfile.readline().decode().strip():
                self.take(line)
                if line.upper().startswith("QUIT"):
                    return

        def take(self, line: str) -> None:
            verb = line.upper()
            if verb.startswith("RCPT"):
                self.say(served.answer)
            elif verb.startswith("DATA"):
                self.say("354 go on")
                served.mails.append(self.body())
                self.say("250 taken")
            else:
                self.say("250 ok")

        def body(self) -> str:
            lines = []
            while (line := self.rfile.readline().decode()) != ".\r\n":
                lines.append(line)
            return "".join(lines)

        def say(self, text: str) -> None:
            self.wfile.write(f"{text}\r\n".encode())

    with socketserver.ThreadingTCPServer(("127.0.0.1", 0), Handler) as server:
        served.port = server.server_address[1]
        yield from _served(server, served)


@dataclass
class WebServer:
    """What a web server was asked, and what it answers.

    Attributes:
        status: Of its answer; 0 for none at all, until the server ends.
        location: Where it redirects to.
    """

    port: int = 0
    status: int = 200
    location: str = ""
    requests: list[tuple[str, dict[str, str], bytes]] = field(default_factory=list)

    @property
    def address(self) -> str:
        """Its host and port."""
        return f"127.0.0.1:{self.port}"


@contextmanager
def web_server(status: int = 200, location: str = "") -> Iterator[WebServer]:
    """A web server that takes everything, and answers so."""
    served = WebServer(status=status, location=location)
    ended = threading.Event()

    class Handler(BaseHTTPRequestHandler):
        def answer(self) -> None:
            length = int(self.headers.get("Content-Length") or 0)
            body = self.rfile.read(length)
            served.requests.append((self.path, dict(self.headers), body))
            if not served.status:
                ended.wait(30)
                return
            self.send_response(served.status)
            if served.location:
                self.send_header("Location", served.location)
            self.send_header("Content-Type", "application/json")
            self.send_header("Content-Length", "2")
            self.end_headers()
            self.wfile.write(b"{}")

        def log_message(self, *_args: Any) -> None:
            pass

    for verb in ("GET", "POST", "PUT"):
        setattr(Handler, f"do_{verb}", Handler.answer)

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        server.daemon_threads = True
        served.port = server.server_address[1]
        try:
            yield from _served(server, served)
        finally:
            ended.set()


def _served(server: socketserver.BaseServer, served: Any) -> Iterator[Any]:
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.05})
    thread.start()
    try:
        yield served
    finally:
        server.shutdown()
        thread.join()
