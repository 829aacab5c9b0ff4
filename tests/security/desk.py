"""A desk, and everybody who may come to its doors, for the tables of who may what."""

import re
import zlib
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import timedelta
from pathlib import Path
from typing import Any
from urllib.parse import quote

from django.contrib.auth.models import User
from django.db import transaction
from django.test import Client
from django.utils import timezone

from capital.models import (
    Account,
    AccountAccess,
    ApiToken,
    Fill,
    Flow,
    LinkDay,
    Reservation,
    Stop,
    TradeUpload,
)
from capital.services.access.tokens import create_token
from capital.services.allocation.plans import make_plan
from capital.services.overview import store_rate
from tests.admin.tenants import allow_everything, join, make_tenant
from tests.api.description import description, operations
from tests.factories import make_account, make_link, make_market, make_strategy, make_user

OPERATIONS = {
    (path, method): operation
    for path, method, operation in operations(description())
    if operation.get("security")
}
# Asks with a method, an address and a body.
ASKS = Callable[[str, str, Any], Any]


class Desk:
    """An owner with a row of everything; colleagues with each role; others."""

    def __init__(self) -> None:
        self.tenant = make_tenant("desk")
        self.account, self.links = self.tenant.account, self.tenant.links
        self.owner = allow_everything(self.tenant.user)
        self.tenant.position.delete()
        self.tenant.position.pk = None
        self.tenant.position.quantity = 0
        self.tenant.position.save()
        self.second = make_account(owner=self.owner, name="desk-second")
        self.market = make_market(venue="binance", symbol="BTC/USDT")
        store_rate("KRW", "USD", "0.00072")
        self.unused_strategy = make_strategy(owner=self.owner, key="desk-unused")
        self.plan = make_plan([self.account.pk], actor=self.owner, live=False)
        self.upload = TradeUpload.objects.create(
            actor=self.owner,
            account=self.account,
            file_name="desk.csv",
            content=zlib.compress(b"executed_at,symbol,side,quantity,price"),
        )
        self.roles = {role: self._invited(role) for role in ("viewer", "operator", "manager")}
        self.access = AccountAccess.objects.get(user=self.roles["viewer"])
        self.people: dict[str, User] = {
            **self.roles,
            "owner": self.owner,
            "stranger": allow_everything(make_user(is_staff=True)),
            "bare": self._bare(),
            "risk": join(make_user(is_staff=True), "risk"),
            "everyone": allow_everything(make_user(is_staff=True), but=()),
            "root": make_user(is_staff=True, is_superuser=True),
        }

    def _invited(self, role: str) -> User:
        user = allow_everything(make_user(username=f"desk-{role}", is_staff=True))
        AccountAccess.objects.create(account=self.account, user=user, role=role)
        return user

    def _bare(self) -> User:
        """A manager of the account to whom no permission was given."""
        user = make_user(is_staff=True)
        AccountAccess.objects.create(account=self.account, user=user, role="manager")
        return user

    # Asking

    def token(self, user: User, scope: str = "manage", account: Account | None = None) -> ASKS:
        """Ask with a token of this user."""
        key = None if account is None else account.pk
        _, text = create_token(user=user, name="bot", scope=scope, account_id=key)
        return _asking(Client(), {"Authorization": f"Bearer {text}"})

    def session(self, user: User) -> ASKS:
        """Ask as a browser with a session of this user."""
        client = Client()
        client.force_login(user)
        return _asking(client, {})

    def path(self, template: str, method: str) -> str:
        """The address of a row that is there; of an unused one, where it is to be deleted."""
        resource = template.split("/")[3]
        ids: dict[str, Any] = {
            "accounts": self.account.pk,
            "account-access": self.access.pk,
            "strategies": self.tenant.strategies[0].key,
            "strategy-accounts": self.links[0].pk,
            "capital": self.links[0].capital.pk,
            "daily-summaries": self.tenant.summary.pk,
            "allocation-runs": self.tenant.runs[0].pk,
            "positions": self.tenant.position.pk,
            "markets": self.market.pk,
            "fills": lambda: self.tenant.rows(Fill)[0].pk,
            "flows": lambda: self.tenant.rows(Flow)[0].pk,
            "stops": lambda: self.tenant.rows(Stop)[0].pk,
            "reservations": lambda: self.tenant.rows(Reservation)[0].pk,
            "link-days": lambda: LinkDay.objects.get(strategy_account=self.links[0]).pk,
        }
        if method == "delete":
            ids |= {
                "strategies": self.unused_strategy.key,
                "strategy-accounts": self._unused_link,
                "accounts": self._unused_account,
            }
        template = template.replace("{name}", quote(self.account.name))
        found = ids.get(resource)
        return re.sub(r"\{\w+\}", str(found() if callable(found) else found), template)

    def _unused_link(self) -> int:
        strategy = make_strategy(owner=self.owner)
        return make_link(account=self.account, strategy=strategy).pk

    def _unused_account(self) -> int:
        """One that was shared as the other was."""
        account = make_account(owner=self.owner)
        for access in AccountAccess.objects.filter(account=self.account):
            AccountAccess.objects.create(account=account, user=access.user, role=access.role)
        return account.pk

    def body(self, path: str, method: str) -> Any:
        """The example of the description, about rows that are there."""
        operation = OPERATIONS[path, method]
        if "requestBody" not in operation:
            return None
        content = operation["requestBody"]["content"]["application/json"]
        body = dict(content["examples"]["example"]["value"])
        match path, method:
            case "/api/v1/account-access/", _:
                return {**body, "account": self.account.pk, "user": make_user().username}
            case "/api/v1/strategy-accounts/", _:
                mine = {"strategy": self.unused_strategy.key, "account": self.account.pk}
                return {**body, **mine, "symbols": ["BTC/USDT"]}
            case "/api/v1/strategy-accounts/{id}/", "put":
                mine = {"strategy": self.tenant.strategies[0].key, "account": self.account.pk}
                return {**body, **mine, "symbols": ["BTC/USDT"]}
            case "/api/v1/stop/", _:
                return {**body, "owner": self.owner.username}
            case "/api/v1/strategies/{key}/", "put":
                same = {"key": self.tenant.strategies[0].key, "market_type": "spot"}
                return {**body, **same}
            case "/api/v1/accounts/{id}/", "put":
                return {**body, "name": self.account.name}
        if path.endswith("/positions/"):
            return {**body, "symbol": "BTC/USDT", "quantity": "0"}
        if path.endswith("/fills/"):
            return {"fills": [{**fill, "symbol": "BTC/USDT"} for fill in body["fills"]]}
        whole = {
            "reservations": {"symbol": "BTC/USDT", "side": "sell", "qty": "1", "price": "61234.5"},
            "weights": {"weights": {self.tenant.strategies[0].key: "2"}},
        }
        if (verb := path.split("/")[-2]) in whole:
            return whole[verb]
        if path.endswith("/size/"):
            return {**body, "symbol": "BTC/USDT", "price": "61234.5"}
        return {"cached": True} if "dry_run" in body else body

    def dead_tokens(self) -> dict[str, ASKS]:
        """Tokens of the owner that open nothing any more, each for another reason."""
        asks = {}
        for why in ("expired", "revoked"):
            asks[why] = self.token(self.owner)
        expired, revoked = ApiToken.objects.order_by("-created", "-pk")[:2][::-1]
        ApiToken.objects.filter(pk=expired.pk).update(expiry=timezone.now() - timedelta(seconds=1))
        ApiToken.objects.filter(pk=revoked.pk).update(revoked_at=timezone.now())
        return asks


def _asking(client: Client, headers: dict[str, str]) -> ASKS:
    def ask(method: str, path: str, body: Any = None) -> Any:
        call = getattr(client, method)
        if method in ("get", "delete"):
            return call(path, headers=headers)
        sent = {} if body is None else body
        return call(path, sent, content_type="application/json", headers=headers)

    return ask


@contextmanager
def undone() -> Iterator[None]:
    """Whatever is written inside is rolled back; services take it for no transaction at all."""
    block: Any = transaction.atomic()
    block._from_testcase = True
    with block:
        yield
        transaction.set_rollback(True)


def read_table(name: str) -> tuple[list[str], dict[str, list[int]]]:
    """The callers of a table's head, and the statuses of each row."""
    lines = Path(__file__).with_name(name).read_text(encoding="utf-8").splitlines()
    # The last bar: an address may have some, too.
    head, *rows = [line.rpartition("|") for line in lines]
    return head[2].split(), {
        row.strip(): [int(status) for status in statuses.split()] for row, _, statuses in rows
    }
