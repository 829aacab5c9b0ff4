"""A request body is what was sent, all of it, on every server; or nothing is done.

Django takes a body without a ``Content-Length`` for an empty one, and an empty body allocates.
"""

from collections.abc import Iterator
from io import BytesIO
from pathlib import Path
from typing import Any

import pytest
from django.core.handlers.asgi import ASGIRequest
from django.http import HttpResponse

from capital_project.serving.bodies import CompleteBody
from tests.api.client import Bot, problem
from tests.factories import make_link, make_user
from tests.security.servers import COMMANDS, Server, serving

ORDER = b'{"symbol": "BTC/USDT", "side": "buy", "qty": "1", "price": "10"}'
ALLOCATE = "accounts/1/allocate/"


@pytest.fixture(scope="module", params=list(COMMANDS))
def server(
    request: Any, migrated: Path, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Server]:
    with serving(request.param, migrated, tmp_path_factory.mktemp("served")) as server:
        yield server


def operations(server: Server) -> list[tuple[str, str, bytes]]:
    signal = ORDER.replace(b"{", b'{"token": "%s", ' % server.secret.encode())
    return [
        ("POST", ALLOCATE, b'{"dry_run": true}'),
        ("POST", "allocate/", b'{"dry_run": true}'),
        ("POST", "hooks/trend/", signal),
        ("POST", "strategy-accounts/1/size/", ORDER),
        ("POST", "strategies/trend/size/", ORDER),
        ("PUT", "strategy-accounts/1/positions/", b'{"symbol": "BTC/USDT", "quantity": "0"}'),
        ("PATCH", "accounts/1/", b'{"reserve_percent": "1"}'),
    ]


def test_a_chunked_body_is_read_or_refused_by_every_operation(server: Server) -> None:
    before = server.runs()
    for method, path, body in operations(server):
        answer = server.send_chunked(method, path, body)
        assert answer.number == 1, (path, answer)
        if server.reads_chunks:
            assert answer.status == 200, (path, answer)
        else:
            assert answer.status == 411, (path, answer)
            assert answer.json()["code"] == "length_required"
    # A dry run is one, and the webhook's own reallocation is the only other.
    assert server.runs() <= before + 1


def test_a_chunked_dry_run_allocates_nothing(server: Server) -> None:
    before = server.runs()
    server.send_chunked("POST", ALLOCATE, b'{"dry_run": true}')
    assert server.runs() == before
    # The request that it was mistaken for does allocate.
    assert server.send("POST", ALLOCATE, {}).status == 200
    assert server.runs() == before + 1


def test_two_chunked_bodies_do_not_share_an_idempotency_key(server: Server) -> None:
    key = "Idempotency-Key: once"
    first = server.send_chunked("POST", ALLOCATE, b'{"dry_run": true}', key)
    other = server.send_chunked("POST", ALLOCATE, b'{"cached": true}', key)
    same = server.send_chunked("POST", ALLOCATE, b'{"dry_run": true}', key)
    if server.reads_chunks:
        assert (first.status, other.status, same.status) == (200, 409, 200)
        assert (other.json()["code"], same.body) == ("idempotency_conflict", first.body)
    else:
        assert {first.status, other.status, same.status} == {411}


def test_a_body_that_is_cut_off_does_nothing(server: Server) -> None:
    before = server.runs()
    for method, path, body in operations(server):
        length = f"Content-Length: {len(body) + 20}"
        head = server.head(method, path, "Content-Type: application/json", length)
        answer = server.say(head, body, hang_up=True)
        assert answer.status == 400, (path, answer)
        assert answer.json()["code"] == "body_incomplete", path
    assert server.runs() == before


def test_a_chunked_body_that_is_cut_off_or_broken_does_nothing(server: Server) -> None:
    before = server.runs()
    for method, path, body in operations(server):
        encoding = ("Content-Type: application/json", "Transfer-Encoding: chunked")
        head = server.head(method, path, *encoding, "Connection: close")
        for sent in (b"%x\r\n%s\r\n" % (len(body), body), b"zz\r\n" + body, b"ff\r\n" + body):
            answer = server.say(head, sent, hang_up=True)
            assert answer.status == (400 if server.reads_chunks else 411), (path, sent, answer)
            assert answer.number == 1
    assert server.runs() == before


def test_a_body_longer_than_announced_is_not_read_as_far_as_announced(server: Server) -> None:
    before = server.runs()
    for method, path, body in operations(server):
        length = f"Content-Length: {len(body) - 4}"
        head = server.head(
            method, path, "Content-Type: application/json", length, "Connection: close"
        )
        answer = server.say(head + body)
        assert (answer.status, answer.number) == (400, 1), (path, answer)
    assert server.runs() == before


def test_a_length_and_chunks_at_once_are_refused(server: Server) -> None:
    body = b'{"dry_run": true}'
    before = server.runs()
    for length in (0, len(body)):
        headers = (f"Content-Length: {length}", "Transfer-Encoding: chunked", "Connection: close")
        answer = server.say(server.head("POST", ALLOCATE, *headers), chunks(body))
        assert answer.status in (400, 411), answer
        assert answer.number == 1
    assert server.runs() == before


def test_a_chunked_body_that_is_too_large_is_refused(server: Server) -> None:
    body = b'{"symbol": "%s"}' % (b"x" * 70_000)
    answer = server.send_chunked("POST", "strategy-accounts/1/size/", body)
    assert answer.status == (413 if server.reads_chunks else 411)


def test_what_follows_a_refused_chunked_body_is_no_request(server: Server) -> None:
    before = server.runs()
    inner = server.head("POST", ALLOCATE, "Content-Length: 0", "Connection: close")
    head = server.head("POST", "strategies/trend/size/", "Transfer-Encoding: chunked")
    answer = server.say(head, b"zz\r\n" + inner, hang_up=True)
    assert (answer.status, answer.number) == (400 if server.reads_chunks else 411, 1)
    assert server.runs() == before


def test_an_empty_body_is_refused_where_one_is_expected(server: Server) -> None:
    before = server.runs()
    for method, path, _ in operations(server):
        kind = {"Content_Type": "application/json"}
        answer = server.send(method, path, **kind)
        assert answer.status == 400, (path, answer)
        expected = "webhook_refused" if "hooks" in path else "body_missing"
        assert answer.json()["code"] in (expected, "parse_error"), (path, answer)
    assert server.runs() == before
    # Whoever sends no body and announces none means all of the defaults.
    assert server.send("POST", ALLOCATE).status == 200
    assert server.runs() == before + 1


def chunks(body: bytes) -> bytes:
    return b"%x\r\n%s\r\n0\r\n\r\n" % (len(body), body)


@pytest.mark.django_db
def test_each_operation_with_a_body_says_that_it_is_missing() -> None:
    bot = Bot(make_user(is_superuser=True))
    link = make_link()
    account, strategy = link.account_id, link.strategy.key
    for method, path in (
        ("post", "accounts/"),
        ("put", f"accounts/{account}/"),
        ("patch", f"accounts/{account}/"),
        ("post", "strategies/"),
        ("patch", f"strategies/{strategy}/"),
        ("post", f"strategies/{strategy}/size/"),
        ("post", "strategy-accounts/"),
        ("patch", f"strategy-accounts/{link.pk}/"),
        ("post", f"strategy-accounts/{link.pk}/size/"),
        ("put", f"strategy-accounts/{link.pk}/positions/"),
    ):
        answer = bot.client.generic(
            method.upper(), f"/api/v1/{path}", headers={"Authorization": f"Bearer {bot.text}"}
        )
        assert problem(answer, 400)["code"] == "body_missing", path


@pytest.mark.parametrize("headers", [[], [(b"transfer-encoding", b"chunked")]])
def test_an_asgi_server_announces_nothing_and_is_read_too(headers: list[Any]) -> None:
    scope = {"type": "http", "method": "POST", "path": "/api/v1/allocate/", "headers": headers}
    request = ASGIRequest({**scope, "query_string": b""}, BytesIO(b'{"dry_run": true}'))
    seen: list[Any] = []

    def view(request: Any) -> HttpResponse:
        seen.append((request.body, request.META["CONTENT_LENGTH"]))
        return HttpResponse()

    assert CompleteBody(view)(request).status_code == 200
    assert seen == [(b'{"dry_run": true}', "17")]
