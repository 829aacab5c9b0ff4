"""Fifty secrets, and every face, log, dump, queue row and table: none of them is anywhere."""

import base64
import hashlib
import io
import json
import logging
import secrets
import traceback
from base64 import b32decode
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import pytest
from django.conf import settings as django_settings
from django.contrib.auth.models import User
from django.contrib.sessions.models import Session
from django.core.management import call_command, get_commands
from django.db import connection
from django.test import Client
from django.urls import reverse
from django_q.models import OrmQ, Task
from django_q.signing import SignedPackage

from capital.models import Account, StrategyAccount
from capital.services.access import add_backup_code, create_token
from capital.services.accounts import registry
from capital.services.desks import export_desk, import_desk
from capital.services.jobs import perform_by_hand
from capital.services.webhooks import rotate_secret
from capital.services.webhooks.secrets import signing_key_of
from capital_project.log_lines import JsonLine, OneLine
from strategies.models import Strategy
from tests.admin.frame.crawl import pages
from tests.factories import make_account, make_link, make_market, make_summary, make_user
from tests.hooks import hook_path
from tests.phones import make_phone
from tests.security.desk import OPERATIONS

pytestmark = pytest.mark.django_db(transaction=True)

ACCOUNTS = 12
# What may be seen, and has to be: who looks somewhere finds it there.
NAME = "Plainly visible"


class Desk:
    """One user with everything, and what nobody may find.

    Attributes:
        secrets: By what each is.
        heard: What every face said, piece by piece, by face.
    """

    def __init__(self) -> None:
        self.secrets: dict[str, str] = {}
        self.heard: dict[str, list[str]] = {}
        password = self.secret("password")
        self.user = make_user(
            username="canary", password=password, is_staff=True, is_superuser=True
        )
        for number in range(ACCOUNTS):
            names = ("api_key", "api_secret", "api_passphrase")
            account = make_account(
                owner=self.user,
                venue="okx",
                name=f"{NAME} {number}",
                **{name: self.secret(f"{name} {number}") for name in names},
            )
            make_summary(account=account, ending_balance=1000)
            link = make_link(account=account)
            Strategy.objects.filter(pk=link.strategy_id).update(owner=self.user)
        make_market(venue="okx")
        self.links = list(StrategyAccount.objects.select_related("strategy", "account"))
        for number, link in enumerate(self.links[:4]):
            text = rotate_secret(link.strategy)
            self.secrets[f"webhook {number}"] = text
            self.secrets[f"signing key {number}"] = signing_key_of(text)
        for number in range(4):
            self.secrets[f"token {number}"] = create_token(
                user=self.user, name=f"{NAME} {number}", scope="manage"
            )[1]
        for number in range(2):
            seed = make_phone(self.user).seed
            self.secrets[f"seed {number}"] = seed
            self.secrets[f"seed {number} in hex"] = b32decode(seed).hex()
            self.secrets[f"backup code {number}"] = add_backup_code(self.user)
        self.secrets["waiting seed"] = shown_seed(make_user(is_staff=True))
        self.secrets["SECRET_KEY"] = django_settings.SECRET_KEY
        self.secrets["FIELD_ENCRYPTION_KEYS"] = django_settings.FIELD_ENCRYPTION_KEYS[0]
        self.client = Client(raise_request_exception=False)
        self.client.force_login(self.user)

    def secret(self, what: str) -> str:
        self.secrets[what] = f"canary-{secrets.token_hex(12)}"
        return self.secrets[what]

    def hear(self, face: str, said: Any) -> None:
        self.heard.setdefault(face, []).append(str(said))

    def said(self, face: str) -> str:
        """Each line once: pages have most of theirs in common."""
        lines = (line for said in self.heard[face] for line in said.splitlines())
        return "\n".join(dict.fromkeys(lines))

    def ask(self, face: str, method: str, path: str, body: Any = None, **headers: str) -> Any:
        """One request, and all of its answer."""
        content = body if isinstance(body, bytes) else json.dumps(body).encode()
        given = {"content_type": "application/json", "headers": headers}
        if body is None:
            content, given = b"", {"headers": headers}
        answer = Client(raise_request_exception=False).generic(method, path, content, **given)
        self.hear(face, f"{answer.status_code} {dict(answer.headers)}\n{whole(answer)}")
        return answer

    def api(self, face: str, method: str, path: str, body: Any = None, **headers: str) -> Any:
        token = {"Authorization": f"Bearer {self.secrets['token 0']}"}
        return self.ask(face, method, f"/api/v1/{path}", body, **{**token, **headers})

    def leaks(self) -> list[tuple[str, str, str]]:
        """Which secret was said where, as it is or as it is often written, and what beside it."""
        return [
            (face, what, said[max(0, at - 60) : at].strip())
            for face in self.heard
            for said in [self.said(face)]
            for what, secret in self.secrets.items()
            for form in forms_of(secret)
            if (at := said.find(form)) >= 0
        ]


def shown_seed(user: User) -> str:
    """What a page shows to this user alone, to be enrolled."""
    client = Client()
    client.force_login(user)
    page = client.get(reverse("admin:second_factor"))
    return str(page.context_data["key"])


def forms_of(secret: str) -> Iterator[str]:
    yield secret
    yield base64.b64encode(secret.encode()).decode().rstrip("=")[:-1]
    yield secret.encode().hex()
    yield secret[::-1]


def whole(answer: Any) -> str:
    content = b"".join(answer) if answer.streaming else answer.content
    return content.decode("utf-8", "replace")


_WRITTEN = (OneLine(zone="UTC"), JsonLine(zone="UTC"))


class Log(logging.Handler):
    """What was logged, each piece once: a page fails to look up the same names again and again.

    Of an error it keeps the words, and the lines of code that it came through, once for each way.
    """

    def __init__(self) -> None:
        super().__init__()
        self.pieces: dict[str, None] = {}
        self._ways: set[tuple[Any, ...]] = set()

    def emit(self, record: logging.LogRecord) -> None:
        self._keep(record.getMessage())
        self._keep(repr(record.args))
        if not record.exc_info:
            # As it is written; of an error, what follows is the same.
            for each in _WRITTEN:
                self._keep(each.format(record))
        error = record.exc_info[1] if record.exc_info else None
        while error is not None:
            # Not by traceback: it would put the words of all its causes together, too, for each.
            self._keep(f"{type(error).__name__}: {error}")
            self._keep(repr(getattr(error, "__notes__", "")))
            self._keep_way(error)
            error = error.__cause__ or error.__context__

    def _keep(self, piece: str) -> None:
        self.pieces[piece] = None

    def _keep_way(self, error: BaseException) -> None:
        steps = traceback.walk_tb(error.__traceback__)
        way = tuple((frame.f_code, line) for frame, line in steps)
        if way not in self._ways:
            self._ways.add(way)
            self._keep("".join(traceback.format_tb(error.__traceback__)))


@contextmanager
def logged(caplog: pytest.LogCaptureFixture) -> Iterator[Log]:
    """Everything that is logged, and nothing of it to pytest: it is hundreds of megabytes."""
    for name in ("", "django", "django-q", "axes", "capital", "ccxt", "asyncio", "aiohttp"):
        caplog.set_level(logging.DEBUG, logger=name)
    root, log = logging.getLogger(), Log()
    others, root.handlers = root.handlers, [log]
    try:
        yield log
    finally:
        root.handlers = others


@pytest.fixture
def desk() -> Desk:
    return Desk()


def look_at_the_admin(desk: Desk) -> None:
    for page in pages():
        if "logout" in page.route:
            continue
        keys: list[dict[str, str]] = [{}]
        if page.arguments:
            model = page.model_admin.model if page.model_admin else Account
            some = model._base_manager.order_by("pk").values_list("pk", flat=True)[:2]
            keys = [dict.fromkeys(page.arguments, str(pk)) for pk in some]
        for values in keys:
            answer = desk.client.get(page.filled(values))
            desk.hear("admin", f"{dict(answer.headers)}\n{whole(answer)}")


def look_at_the_api(desk: Desk) -> None:
    lists = [path for path, method in OPERATIONS if method == "get" and "{" not in path]
    for name in (path.split("/")[3] for path in lists):
        rows = desk.api("api", "GET", f"{name}/").json()["results"]
        for row in rows[:3]:
            desk.api("api", "GET", f"{name}/{row['key'] if name == 'strategies' else row['id']}/")
    for account in Account.objects.all()[:3]:
        for action in ("balances", "rebalance-status"):
            desk.api("api", "GET", f"accounts/{account.pk}/{action}/")
        desk.api("api", "POST", f"accounts/{account.pk}/check-connection/")
    desk.api("api", "POST", "allocate/", {"dry_run": True})
    desk.api("api", "POST", "allocate/", {"force": True})
    for path in ("/api/schema/", "/api/docs/", "/healthz", "/readyz", "/", "/admin/login/"):
        desk.ask("api", "GET", path)
        desk.hear("api", whole(desk.client.get(path)))


def make_errors(desk: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    """Everything that is refused with a secret in it, and a bug that meets one."""
    link = desk.links[0]
    path = f"accounts/{link.account_id}/"
    new = desk.secret("replacement")
    key = desk.secrets["api_key 0"]
    for body in (
        {"api_key": [new]},
        {"api_key": {"a": new}},
        {"api_key": new, "venue": "nowhere"},
        {"api_key": new * 400},
        {"api_secret": f"{new}\0"},
        {"reserve_percent": new},
        {"is_active": new},
        {"name": "", "api_secret": new},
    ):
        desk.api("errors", "PATCH", path, body)
        desk.api("errors", "POST", "accounts/", body)
    for broken in (f'{{"api_key": "{new}', f'{{"api_key": "{new}", }}', f'["{new}"]', new):
        desk.api("errors", "PATCH", path, broken.encode())
    whs = desk.secrets["webhook 0"]
    hook = hook_path(link.strategy.key)
    order = {"symbol": "BTC/USDT", "side": "buy", "qty": "1", "price": "10"}
    for body in (
        {**order, "token": whs},
        {**order, "token": whs, "id": whs * 4},
        {**order, "token": whs, "note": [whs]},
        {**order, "token": whs, "symbol": whs},
        {**order, "token": whs, "qty": whs},
        {**order, "token": whs, "orders": whs},
        {**order, "token": [whs]},
        {**order, "tokn": whs},
        f'{{"token": "{whs}", "id": "a"b", "again": "{whs}"}}'.encode(),
        f'{{"token": "{whs}"'.encode(),
        whs.encode(),
    ):
        desk.ask("errors", "POST", hook, body)
    desk.ask("errors", "GET", "/api/v1/accounts/", Authorization=f"Bearer {key}")
    desk.ask("errors", "GET", "/api/v1/accounts/", Authorization=f"Basic {key}")
    for _ in range(3):
        answer = desk.client.post(
            reverse("admin:login"), {"username": "canary", "password": desk.secrets["api_key 1"]}
        )
        desk.hear("errors", whole(answer))
    for what in ("seed 0", "backup code 0", "password"):
        code = {"code": desk.secrets[what][:32]}
        desk.hear("errors", whole(desk.client.post(reverse("admin:second_factor"), code)))
    form = {"name": "", "venue": "nowhere", "api_key": new, "api_secret": new}
    page = reverse("admin:capital_account_change", args=[link.account_id])
    for url in (page, reverse("admin:capital_account_add")):
        desk.hear("errors", whole(desk.client.post(url, form)))

    def fail(account: Account) -> None:
        held = account.api_key
        raise RuntimeError(f"a bug beside {len(held)} letters")

    with monkeypatch.context() as patch:
        patch.setattr(registry, "_clean_and_save", fail)
        assert desk.api("errors", "PATCH", path, {"api_key": new}).status_code == 500


def run_commands(desk: Desk) -> None:
    run = {
        "load_demo",
        "qcluster",
        "run_with_worker",
        "simulate_exchange",
    }  # processes of their own
    run |= {"addstatictoken", "webhook_secret"}  # make a secret and show it once
    for command in (
        ["balances", "--json"], ["balances"], ["reallocate", "--json"], ["reallocate", "--dry-run"],
        ["audit_capital", "--json"], ["jobs", "--json"], ["jobs"], ["token", "list"],
        ["rotate_keys", "--json"], ["rotate_keys"], ["doctor"], ["doctor", "--json"],
        ["first_user", "--exists"], ["upgrade_check"], ["backup", "/nowhere/x"],
        ["restore", "/nowhere/x"], ["export_desk", "/nowhere/x"], ["import_desk", "/nowhere/x"],
        ["replay", "--account", "1", "--policy", "own_profit", "--json"],
        ["sync_markets", "--json"],
        ["dumpdata", "--format", "json"], ["dumpdata", "--format", "xml"],
        ["token", "list", "--json"], ["rates"], ["sync_schedules"], ["run_job", "prune"],
        ["size", desk.links[0].strategy.key, "--symbol", "BTC/USDT", "--side", "buy", "--qty", "1"],
        ["revert", "1", "--json"], ["archive", "--before", "2026-01-01", "--dry-run"],
        ["venues_table", "--check"], ["positions", "--json"], ["pnl", "--json"],
        ["alerts"], ["alerts", "--json"], ["send_test_alert"],
        ["reservations", "--all", "--json"], ["stop", "--everybody", "--reason", "canaries"],
        ["lift_stop", "--everybody", "--reason", "over"],
        ["performance", "--json"], ["performance"],
        ["replay", "--account", str(desk.links[0].account_id), "--policy", "weights",
         "--from", "2026-01-01", "--to", "2026-01-02"],
        ["import_trades", __file__, "--account", str(desk.links[0].account_id)],
        ["import_fills", "--account", str(desk.links[0].account_id), "--since", "2026-01-01"],
    ):  # fmt: skip
        run.add(command[0])
        out, err = io.StringIO(), io.StringIO()
        try:
            call_command(*command, stdout=out, stderr=err)
        except (SystemExit, Exception) as error:  # noqa: BLE001  # what it says counts too
            desk.hear("commands", error)
        desk.hear("commands", out.getvalue() + err.getvalue())
    for passphrase in (None, "correct horse battery"):
        desk.hear("commands", moved := export_desk(passphrase=passphrase).text)
        desk.hear("commands", import_desk(moved, passphrase=passphrase, is_dry_run=True))
    assert run >= {name for name, app in get_commands().items() if app.startswith("capital")}
    for job in (
        *("sync_balances", "sync_fills", "reallocate_due", "close_day", "prune"),
        *("watch", "send_digest", "check_keys"),
    ):
        try:
            desk.hear("commands", perform_by_hand(job))
        except Exception as error:  # noqa: BLE001  # as above
            desk.hear("commands", error)


def read_the_database(desk: Desk) -> None:
    """Every cell of every table as it is stored, and what the queue's rows hold."""
    with connection.cursor() as cursor:
        for table in connection.introspection.table_names(cursor):
            cursor.execute(f"SELECT * FROM {connection.ops.quote_name(table)}")
            for row in cursor.fetchall():
                desk.hear("database", [_text(cell) for cell in row])
    for login in Session.objects.all():
        # Packed, and signed with what is no secret to be read.
        desk.hear("database", login.get_decoded())
    for payload in OrmQ.objects.values_list("payload", flat=True):
        desk.hear("queue", SignedPackage.loads(payload))
    for task in Task.objects.all():
        desk.hear("queue", (task.func, task.args, task.kwargs, task.result))


def _text(cell: Any) -> str:
    if isinstance(cell, bytes | memoryview):
        return bytes(cell).decode("latin-1")
    return str(cell)


@pytest.mark.once
@pytest.mark.waits
@pytest.mark.usefixtures("hurried")
def test_no_secret_is_said_anywhere(
    desk: Desk, caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    with logged(caplog) as log:
        look_at_the_api(desk)
        make_errors(desk, monkeypatch)
        run_commands(desk)
        # What was refused or failed is recorded by now.
        look_at_the_admin(desk)
        read_the_database(desk)
    desk.hear("log", "\n".join(log.pieces))

    assert len(desk.secrets) >= 50
    assert len(set(desk.secrets.values())) == len(desk.secrets)
    assert desk.leaks() == []
    # Each was really looked at.
    for face in ("api", "admin", "commands", "database", "log"):
        assert NAME in desk.said(face), face
    for told in ("capital_project.access", '"user": "canary"', '"token": "cap_', '"job": '):
        assert told in desk.said("log"), told
    assert "RuntimeError" in desk.said("log")
    assert "capital.tasks" in desk.said("queue")
    for said in ("invalid", "token_refused", "webhook_refused"):
        assert said in desk.said("errors"), said
    # And each secret is really there, for whom it is meant.
    for number, account in enumerate(Account.objects.order_by("pk")[:ACCOUNTS]):
        if number:
            assert account.api_key == desk.secrets[f"api_key {number}"]


@pytest.mark.parametrize("write", list(forms_of("canary-0123")))
def test_a_leak_would_be_found(desk: Desk, write: str) -> None:
    desk.secrets["one"] = "canary-0123"
    desk.hear("somewhere", f"… {write}= …")

    assert desk.leaks() == [("somewhere", "one", "…")]


def test_log_keeps_the_words_of_each_error_and_of_its_cause(
    caplog: pytest.LogCaptureFixture,
) -> None:
    with logged(caplog) as log:
        for word in ("first", "second"):
            try:
                try:
                    raise ValueError(f"the {word} cause")
                except ValueError as cause:
                    raise RuntimeError("a bug") from cause
            except RuntimeError:
                logging.getLogger("capital").exception("Met with %s", {"argument": word})

    kept = "\n".join(log.pieces)
    for piece in ("the first cause", "the second cause", "Met with", "{'argument': 'second'}"):
        assert piece in kept
    assert kept.count("RuntimeError: a bug") == 1
    assert kept.count("raise ValueError(") == 1


def test_what_is_kept_of_a_secret_does_not_make_it(desk: Desk) -> None:
    """Digests of tokens and webhook secrets are stored: of random texts, by one-way functions."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT digest FROM capital_webhooksecret")
        stored = {row[0] for row in cursor.fetchall()}
    keys = {desk.secrets[f"signing key {number}"] for number in range(4)}

    assert stored == {hashlib.sha256(key.encode()).hexdigest() for key in keys}
    assert not stored & keys
