"""Whatever a client sends, it gets a problem that says what to do, never a 500."""

import re
from typing import Any

import pytest
from django.db import DataError, IntegrityError, OperationalError
from django.test import Client

from capital.api.frame.problems import STATUS, handle_exception, status_of
from capital.domain import errors
from capital.domain.errors import CapitalError
from tests.api.client import ROOT, Bot, permit, problem
from tests.factories import make_account, make_user

pytestmark = pytest.mark.django_db

KINDS = [
    each
    for each in vars(errors).values()
    if isinstance(each, type) and issubclass(each, CapitalError)
]


@pytest.fixture
def bot() -> Bot:
    return Bot(permit(make_user(), "strategies.add_strategy", "capital.allocate_capital"))


def send(
    bot: Bot, body: bytes, content_type: str = "application/json", path: str = "strategies/"
) -> Any:
    return bot.client.generic(
        "POST",
        ROOT + path,
        body,
        content_type=content_type,
        headers={"Authorization": f"Bearer {bot.text}"},
    )


@pytest.mark.once
@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"{",
        b"[1",
        b"\xff\xfe",
        b"\x00",
        b'{"key": "a", "key": "b"}',
        b"NaN",
        b"Infinity",
        b'{"name": "\\u0000"}',
        b'{"name": "\\ud800"}',
        b'{"\\udfff": 1}',
        b"[" * 50_000,
        b'{"a":' * 9_000 + b"1" + b"}" * 9_000,
        b"1" * 5_000,
        b"1e" + b"9" * 500,
        b'{"name": 1e999999999}',
        b'{"name": 1e999999999999999999999}',
        b'{"name": -1e-999999999999999999999}',
        b"null",
        b'"text"',
        b"[]",
        b"7",
    ],
)  # fmt: skip
def test_body_that_cannot_be_read_is_a_400(bot: Bot, body: bytes) -> None:
    problem(send(bot, body), 400)


@pytest.mark.parametrize(
    ("body", "said"),
    [
        (b'{"name": "a", "name": "a"}', "same name twice"),
        (b'{"name": NaN}', "no numbers"),
        (b'{"name": -Infinity}', "no numbers"),
        (b"7" * 500, "too many digits"),
        (b'{"name": 1e999999999999999999999}', "too many digits"),
        (b"[" * 60_000, "nested too deeply"),
        (b'{"name": ' + b"[" * 100 + b"]" * 100 + b"}", "nested too deeply"),
    ],
)
def test_body_of_two_meanings_says_what_to_mend(bot: Bot, body: bytes, said: str) -> None:
    assert said in problem(send(bot, body), 400)["detail"]
    # A webhook reads the body before it knows who sent it.
    assert said in problem(Client().generic("POST", f"{ROOT}hooks/none/x/", body), 400)["detail"]


@pytest.mark.once
def test_large_body_is_a_413(bot: Bot) -> None:
    problem(send(bot, b'"' + b"x" * 65_536 + b'"'), 413)
    problem(send(bot, b"x" * 3_000_000), 413)


@pytest.mark.once
@pytest.mark.parametrize(
    "kind",
    [
        "text/plain",
        "application/x-www-form-urlencoded",
        "multipart/form-data; boundary=x",
        "nonsense",
        "",
    ],
)
def test_other_than_json_is_a_415(bot: Bot, kind: str) -> None:
    assert "application/json" in problem(send(bot, b"key=a", kind), 415)["detail"]


@pytest.mark.once
def test_other_format_is_a_406(bot: Bot) -> None:
    problem(bot.get("accounts/", Accept="text/csv"), 406)


@pytest.mark.parametrize(
    ("path", "body", "accept"),
    [
        ("accounts/", {"venue": "binance", "currency": 7, "is_active": "yes"}, "application/json"),
        ("accounts/", {"name": "", "venue": "x", "currency": "USDT"}, "application/json"),
        ("accounts/", {"wallet_mode": "both", "max_cache_age_hours": 0.5}, "application/json"),
        ("accounts/", {"owner": "me", "nothing": 1}, "application/json"),
        ("accounts/", ["name"], "application/json"),
        ("accounts/", {}, "text/csv"),
        ("accounts/?page=1", {}, "application/json"),
        ("strategies/none/size/", {}, "application/json"),
        ("allocate/", {"dry_run": "no"}, "application/json"),
        ("hooks/none/", {}, "application/json"),
    ],
)
def test_korean_reader_gets_no_english_sentence(
    bot: Bot, path: str, body: Any, accept: str
) -> None:
    """Names of fields and of what may be sent stay: programs read them."""
    permit(bot.user, "capital.add_account")

    answer = bot.post(path, body, **{"Accept-Language": "ko", "Accept": accept})

    said = answer.json()
    sentences = [said["title"], *(each["detail"] for each in said.get("errors", [said]))]
    for text in sentences:
        assert re.search("[가-힣]", text), text
        assert not re.search(r"[a-z]+ [a-z]+ [a-z]+", text), text


@pytest.mark.once
@pytest.mark.parametrize("method", ["put", "patch", "delete", "options", "trace"])
def test_other_method_is_a_405(bot: Bot, method: str) -> None:
    answer = bot.send(method, "accounts/")

    problem(answer, 405)
    assert "GET" in answer["Allow"]


@pytest.mark.parametrize(
    "path",
    ["accounts", "accounts/0/", "accounts/999999999999999999/", "accounts/1e3/", "accounts/-1/",
     "accounts/99999999999999999999999999/", "accounts/%00/", "accounts/%F0%9F/", "strategies/%00/",
     "strategies/none/", "nowhere/", "strategies/../accounts/", "", "accounts/١/"],
)  # fmt: skip
def test_address_that_is_not_there_is_a_404(bot: Bot, path: str) -> None:
    problem(bot.get(path), 404)


def test_address_outside_the_api_has_a_problem_too() -> None:
    problem(Client().post("/api/nowhere"), 404)


def test_huge_numbers_are_refused_not_stored(bot: Bot) -> None:
    make_account(owner=bot.user)

    for value in ("9" * 30, "1e19", 10**40, "0." + "1" * 70):
        body = problem(
            bot.patch(f"accounts/{bot.user.accounts.get().pk}/", {"reserve_amount": value}), 403
        )
        assert body["code"] == "not_permitted"
    permit(bot.user, "capital.change_account")
    for value in ("9" * 30, "1e21", 10**40, "0." + "1" * 70, "0.000000001"):
        path = f"accounts/{bot.user.accounts.get().pk}/"
        assert (
            problem(bot.patch(path, {"reserve_amount": value}), 400)["errors"][0]["field"]
            == "reserve_amount"
        )
        problem(bot.patch(path, {"max_cache_age_hours": 10**30}), 400)


@pytest.mark.parametrize("kind", KINDS, ids=lambda kind: kind.__name__)
def test_every_error_of_ours_has_a_status(kind: type[CapitalError]) -> None:
    assert kind in STATUS or kind.__mro__[1] in STATUS
    assert 400 <= status_of(kind.__new__(kind)) < 600


@pytest.mark.parametrize(
    ("error", "status", "code"),
    [
        (IntegrityError("secret"), 409, "conflict"),
        (DataError("secret"), 400, "not_storable"),
        (OperationalError("secret"), 503, "database_error"),
    ],
)
def test_database_error_tells_nothing_of_the_database(
    error: Exception, status: int, code: str
) -> None:
    answer = handle_exception(error, {})

    assert answer is not None
    assert (answer.status_code, answer.data["code"]) == (status, code)
    assert "secret" not in str(answer.data)


def test_bug_of_ours_is_a_problem_without_its_text(monkeypatch: pytest.MonkeyPatch) -> None:
    def broken(*_args: Any, **_kwargs: Any) -> None:
        raise RuntimeError("CANARY")

    monkeypatch.setattr("capital.api.views.accounts.Accounts.list", broken)
    bot = Bot()
    bot.client.raise_request_exception = False

    answer = bot.get("accounts/")

    assert problem(answer, 500)["code"] == "unexpected_error"
    assert b"CANARY" not in answer.content


def test_sentences_are_in_the_readers_language(bot: Bot) -> None:
    answer = bot.get("accounts/999/", **{"Accept-Language": "ko"})

    assert problem(answer, 404)["code"] == "not_found"
    assert any("가" <= letter <= "힣" for letter in answer.json()["detail"])
