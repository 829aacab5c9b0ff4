"""Bots and people, for the tests of the API."""

from typing import Any

from django.contrib.auth.models import Permission, User
from django.test import Client

from capital.models import Account
from capital.services.access.tokens import create_token
from tests.factories import make_user

ROOT = "/api/v1/"


def permit(user: User, *names: str) -> User:
    """Give permissions such as ``capital.allocate_capital``."""
    rows = Permission.objects.filter(codename__in=[name.partition(".")[2] for name in names])
    found = {
        f"{row.content_type.app_label}.{row.codename}": row
        for row in rows.select_related("content_type")
    }
    user.user_permissions.add(*(found[name] for name in names))
    return User.objects.get(pk=user.pk)


class Bot:
    """A client that shows a token of one user."""

    def __init__(
        self,
        user: User | None = None,
        scope: str = "manage",
        account: Account | None = None,
        days: int = 30,
    ) -> None:
        self.user = user or make_user()
        self.token, self.text = create_token(
            user=self.user,
            name="bot",
            scope=scope,
            days=days,
            account_id=None if account is None else account.pk,
        )
        self.client = Client(raise_request_exception=True)

    def send(self, method: str, path: str, body: Any = None, **headers: str) -> Any:
        """Any request below ``/api/v1/``; a body becomes JSON."""
        call = getattr(self.client, method.lower())
        given = {"Authorization": f"Bearer {self.text}", **headers}
        if body is None:
            return call(ROOT + path, headers=given)
        return call(ROOT + path, body, content_type="application/json", headers=given)

    def get(self, path: str, **headers: str) -> Any:
        return self.send("get", path, **headers)

    def post(self, path: str, body: Any = None, **headers: str) -> Any:
        return self.send("post", path, {} if body is None else body, **headers)

    def put(self, path: str, body: Any, **headers: str) -> Any:
        return self.send("put", path, body, **headers)

    def patch(self, path: str, body: Any) -> Any:
        return self.send("patch", path, body)

    def delete(self, path: str) -> Any:
        return self.send("delete", path)


def problem(answer: Any, status: int) -> dict[str, Any]:
    assert answer.status_code == status, answer.content
    assert answer["Content-Type"] == "application/problem+json"
    body: dict[str, Any] = answer.json()
    assert {"type", "title", "status", "code", "detail"} <= body.keys()
    assert body["status"] == status
    return body
