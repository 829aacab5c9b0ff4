"""Each operation of the API × each kind of caller: the table is ``api.table``.

A new operation without a row fails. A row says, caller by caller, the status of the answer: think
of it before you write it. What the words of the head mean stands in ``callers``.
"""

from collections.abc import Iterator
from copy import deepcopy
from typing import Any

import pytest
from django.core.cache import caches
from django.db import transaction
from django.test import Client, override_settings
from django.utils import timezone

from capital.domain.reasons import Code, Reason
from capital.models import Account, AlertKind
from capital.services.alerts.troubles import About, Seen, note
from tests.security.desk import ASKS, OPERATIONS, Desk, read_table, undone

pytestmark = [pytest.mark.django_db, pytest.mark.once]

HEAD, TABLE = read_table("api.table")


def callers(desk: Desk) -> dict[str, ASKS]:
    """Everybody of the head, with a token of the widest scope where nothing else is said.

    ``stranger`` owns nothing here; ``viewer``, ``operator`` and ``manager`` have that role on the
    account, and so has ``bare``, who is a manager without a permission; ``risk`` is of that group,
    ``everyone`` has every permission, to see everybody's rows among them. All the others hold every
    permission but that. ``read``, ``size`` and ``allocate`` are scopes of tokens of the owner;
    ``one`` is limited to the account, ``other`` to another one. The last three are sessions: a good
    one, one without its second factor, one whose user is staff no more.
    """
    exstaff = desk.session(desk.owner)
    return {
        **{name: desk.token(user) for name, user in desk.people.items()},
        **{scope: desk.token(desk.owner, scope) for scope in ("read", "size", "allocate")},
        "one": desk.token(desk.owner, account=desk.account),
        "other": desk.token(desk.owner, account=desk.second),
        "session": desk.session(desk.owner),
        "half": desk.session(desk.owner),
        "exstaff": exstaff,
    }


@pytest.fixture(scope="module")
def _one_desk(django_db_setup: Any, django_db_blocker: Any) -> Iterator[Desk]:
    with django_db_blocker.unblock(), undone():
        yield Desk()


@pytest.fixture
def desk(_one_desk: Desk) -> Desk:
    """The desk as it was made: what a test writes is rolled back, and its rows are copies."""
    return deepcopy(_one_desk)


@pytest.fixture(autouse=True)
def _fresh_rates() -> None:
    caches["throttles"].clear()


def answers(desk: Desk, path: str, method: str) -> dict[str, int]:
    """The status for each caller; each finds the desk as it was made."""
    found = {}
    for name, ask in callers(desk).items():
        with undone():
            desk.owner.is_staff = name != "exstaff"
            desk.owner.save(update_fields=["is_staff"])
            url, body = desk.path(path, method), desk.body(path, method)
            with override_settings(CAPITAL_REQUIRE_TOTP=name == "half"):
                found[name] = ask(method, url, body).status_code
    return found


def test_table_has_a_row_for_every_operation() -> None:
    assert {f"{method.upper()} {path}" for path, method in OPERATIONS} == set(TABLE)


@pytest.mark.parametrize("row", TABLE)
def test_row(desk: Desk, row: str) -> None:
    method, path = row.lower().split(" ", 1)
    found = answers(desk, path, method)

    expected = dict(zip(HEAD, TABLE[row], strict=True))
    assert found == expected


def test_lists_have_no_row_of_the_desk_for_who_sees_nothing_there(desk: Desk) -> None:
    asking = {
        "stranger": desk.token(desk.people["stranger"]),
        "other": desk.token(desk.owner, account=desk.second),
    }
    shown = desk.token(desk.roles["viewer"])
    reason = Reason(Code.EXCHANGE_REFUSED_KEY, {"venue": "binance", "kind": "AuthenticationError"})
    about = About(account_id=desk.account.pk)
    refused = Account.objects.filter(pk=desk.account.pk)
    refused.update(connection_code=Code.EXCHANGE_REFUSED_KEY.value)
    with transaction.atomic():
        note([Seen(kind=AlertKind.KEY_REFUSED, about=about, reason=reason)], now=timezone.now())

    for path, method in OPERATIONS:
        if method == "get" and "{" not in path and "markets" not in path:
            rows = shown(method, path).json()["results"]
            assert rows, path
            ids = {_named(row) for row in rows}
            for name, ask in asking.items():
                found = {_named(row) for row in ask(method, path).json()["results"]}
                assert not found & ids, (path, name)


@pytest.mark.parametrize("row", TABLE)
def test_nothing_opens_without_a_token_that_is_good(desk: Desk, row: str) -> None:
    method, path = row.lower().split(" ", 1)
    url, body = desk.path(path, method), desk.body(path, method)

    for name, ask in {"nobody": _nobody, **desk.dead_tokens()}.items():
        assert ask(method, url, body).status_code == 401, name


def _named(row: dict[str, Any]) -> int:
    """What needs somebody has no row of its own: it is of an account."""
    named: int = row["id"] if "id" in row else row["account"]
    return named


def _nobody(method: str, path: str, body: Any) -> Any:
    call = getattr(Client(), method)
    if method in ("get", "delete"):
        return call(path)
    return call(path, {} if body is None else body, content_type="application/json")
