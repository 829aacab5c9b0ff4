"""The client for bots, alone: what it sends again, what it refuses, what it raises."""

import time
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from email.utils import format_datetime
from typing import Any

import capital_client
import pytest
from capital_client import (
    Answer,
    Capital,
    CapitalError,
    Conflict,
    NotAllowed,
    NotFound,
    Problem,
    Refused,
    Unavailable,
)

from capital.services.performance import FIGURES, LINES, Kind
from tests.api.description import description, operations
from tests.recipes.servers import served

SIZE = {"amount": "0.024", "code": "sized", "symbol": "BTC/USDT:USDT"}
HELD = {"id": 7, "size": SIZE}
BUSY = (503, {"code": "price_unavailable", "detail": "None came."})


@pytest.fixture
def naps(monkeypatch: pytest.MonkeyPatch) -> list[float]:
    """How long it waited; nobody waits."""
    slept: list[float] = []
    monkeypatch.setattr(capital_client.time, "sleep", slept.append)
    return slept


def client(url: str, **options: Any) -> Capital:
    return Capital(url, "cap_secret", **{"timeout_seconds": 5, **options})


def test_numbers_are_decimals_both_ways_and_ids_are_text() -> None:
    fill = {"quantity": Decimal("1E-7"), "executed_at": datetime(2026, 11, 24, tzinfo=UTC)}
    row = {"amount": "0.10", "order_id": "81250340", "stake": None, "fees": [{"amount": "-1"}]}
    with served((200, {"results": [row]})) as (url, script):
        (answer,) = client(url).report_fills(3, [fill])

    assert repr(answer.amount) == "Decimal('0.10')"
    assert (answer.order_id, answer.stake) == ("81250340", None)
    assert answer.fees[0].amount == Decimal(-1)
    (_, path, body, headers) = script.asked[0]
    assert path == "/api/v1/strategy-accounts/3/fills/"
    assert body == {
        "fills": [{"quantity": "0.0000001", "executed_at": "2026-11-24T00:00:00+00:00"}]
    }
    assert headers["Authorization"] == "Bearer cap_secret"


def test_a_float_is_refused_before_anything_is_sent() -> None:
    with served((200, SIZE)) as (url, script):
        with pytest.raises(TypeError, match=r"0\.1 is a float"):
            client(url).size(3, "BTC/USDT", "buy", qty=0.1)
        with pytest.raises(TypeError, match="float"):
            client(url).report_fills(3, [{"fees": [{"amount": 0.5}]}])

    assert script.asked == []


def test_every_exact_number_of_the_description_becomes_a_decimal() -> None:
    """Ids of exchanges, and the currencies by which amounts are kept, are no numbers."""
    schema = description()
    exact = {
        name
        for component, each in schema["components"]["schemas"].items()
        if not component.endswith("Request")
        for name, field in each.get("properties", {}).items()
        if "decimal" in str(field.get("format")) or "'format': 'decimal'" in str(field)
    }
    exact |= {
        name
        for _, _, operation in operations(schema)
        for response in operation["responses"].values()
        for content in response.get("content", {}).values()
        for example in content.get("examples", {}).values()
        for name, value in leaves(example["value"])
        if isinstance(value, str) and value.replace(".", "", 1).removeprefix("-").isdecimal()
    }
    exact |= set(LINES) | {
        name
        for name, figure in FIGURES.items()
        if figure.kind in (Kind.AMOUNT, Kind.PART, Kind.RATIO)
    }
    exact |= {
        name
        for component in ("PerformanceDay", "PerformanceMonth")
        for name, field in schema["components"]["schemas"][component]["properties"].items()
        if "format" not in field and name not in ("month", "code")
    }
    # Null in the examples, or not named in the description.
    exact |= {"current_pnl", "holdings", "max_notional", "max_settled"}

    assert exact - {"order_id", "venue_fill_id", "BNB"} == capital_client.NUMBERS


def leaves(node: Any, name: str = "") -> Any:
    if isinstance(node, dict):
        for key, each in node.items():
            yield from leaves(each, key)
    elif isinstance(node, list):
        for each in node:
            yield from leaves(each, name)
    else:
        yield name, node


def test_a_link_is_an_id_or_the_names_of_strategy_and_account() -> None:
    with served((200, SIZE)) as (url, script):
        client(url).size(3, "BTC/USDT", "buy", qty_per="50")
        client(url).size(("trend", "Main 1/2"), "BTC/USDT", "buy", qty_per="50")

    assert [path for _, path, _, _ in script.asked] == [
        "/api/v1/strategy-accounts/3/size/",
        "/api/v1/strategies/trend/accounts/Main%201%2F2/size/",
    ]


@pytest.mark.parametrize(("amount", "is_order"), [("0.001", True), ("0", False), ("0.000", False)])
def test_an_order_of_nothing_is_no_order(amount: str, is_order: bool) -> None:
    assert Answer(amount=Decimal(amount)).is_order is is_order


@pytest.mark.parametrize("trouble", ["cut", BUSY, (502, "<html>bad gateway</html>"), (429, {})])
def test_a_reservation_that_failed_is_sent_again_with_the_same_key(
    naps: list[float], trouble: Any
) -> None:
    with served(trouble, trouble, (201, HELD)) as (url, script):
        held = client(url).reserve(3, "BTC/USDT", "buy", qty_per="50")

    assert held.id == 7
    keys = {headers["Idempotency-Key"] for *_, headers in script.asked}
    assert (len(script.asked), len(keys)) == (3, 1)
    assert naps == [0.5, 1.0]


def test_two_requests_have_two_keys() -> None:
    with served((201, HELD)) as (url, script):
        client(url).reserve(3, "BTC/USDT", "buy", qty_per="50")
        client(url).reserve(3, "BTC/USDT", "buy", qty_per="50")
        client(url).reserve(3, "BTC/USDT", "buy", qty_per="50", key="mine")

    first, second, third = (headers["Idempotency-Key"] for *_, headers in script.asked)
    assert first != second
    assert third == "mine"


def test_a_post_without_a_key_is_not_repeated_where_it_may_have_been_done(
    naps: list[float],
) -> None:
    for trouble, times in (("cut", 1), ((500, {}), 1), (BUSY, 2), ((429, {}), 2)):
        with served(trouble, (200, {})) as (url, script):
            if times == 1:
                with pytest.raises(Unavailable):
                    client(url).request("POST", "allocate/", {})
            else:
                client(url).request("POST", "allocate/", {})
        assert len(script.asked) == times, trouble


def test_it_waits_for_as_long_as_it_is_told(naps: list[float]) -> None:
    later = format_datetime(datetime.now(UTC) + timedelta(seconds=30), usegmt=True)
    troubles = [(429, {}, {"Retry-After": text}) for text in ("7", later, "soon")]
    with served(*troubles, (200, SIZE)) as (url, _):
        client(url).size(3, "BTC/USDT", "buy", qty_per="50")

    assert naps[0] == 7
    assert 25 < naps[1] <= 30
    assert naps[2] == 2


def test_it_gives_up_rather_than_wait_too_long(naps: list[float]) -> None:
    busy = (503, {"code": "price_unavailable"}, {"Retry-After": "61"})
    with served(busy) as (url, script), pytest.raises(Unavailable) as caught:
        client(url).size(3, "BTC/USDT", "buy", qty_per="50")

    assert (caught.value.status, caught.value.code) == (503, "price_unavailable")
    assert (naps, len(script.asked)) == ([], 1)


def test_it_gives_up_after_all_attempts(naps: list[float]) -> None:
    with served("cut") as (url, script), pytest.raises(Unavailable) as caught:
        client(url, attempts=3).size(3, "BTC/USDT", "buy", qty_per="50")

    assert (caught.value.status, caught.value.code, len(script.asked)) == (0, "no_answer", 3)
    assert "cap_secret" not in str(caught.value)


def test_an_answer_that_does_not_come_is_not_waited_for(naps: list[float]) -> None:
    begins = time.monotonic()
    with served("late") as (url, _), pytest.raises(Unavailable):
        client(url, timeout_seconds=0.05, attempts=2).size(3, "BTC/USDT", "buy", qty_per="50")

    assert time.monotonic() - begins < 5


def test_a_repetition_that_came_too_early_is_sent_again(naps: list[float]) -> None:
    busy = (409, {"code": "request_in_progress"}, {"Retry-After": "5"})
    with served(busy, (201, HELD)) as (url, _):
        assert client(url).reserve(3, "BTC/USDT", "buy", qty_per="50").id == 7

    assert naps == [5]


@pytest.mark.parametrize(
    ("status", "kind"),
    [
        (400, Refused), (401, NotAllowed), (403, NotAllowed), (404, NotFound), (409, Conflict),
        (412, Conflict), (413, Refused), (422, Refused),
    ],
)  # fmt: skip
def test_a_problem_is_an_exception_that_says_what_to_do(
    naps: list[float], status: int, kind: type[Problem]
) -> None:
    wrong = [{"field": "qty", "code": "invalid", "detail": "Say how much."}]
    body = {"code": "size_missing", "detail": "Say how much.", "errors": wrong}
    with served((status, body)) as (url, script), pytest.raises(CapitalError) as caught:
        client(url).size(3, "BTC/USDT", "buy")

    problem = caught.value
    assert type(problem) is kind
    assert (problem.status, problem.code, problem.errors) == (status, "size_missing", wrong)
    assert str(problem) == "size_missing: Say how much."
    assert (len(script.asked), naps) == (1, [])


def test_the_token_is_sent_nowhere_else() -> None:
    with served((200, {})) as (other, elsewhere):
        moved = (302, "", {"Location": f"{other}/x/"})
        with served(moved) as (url, _), pytest.raises(Refused) as caught:
            client(url).request("GET", "positions/")
        assert caught.value.code == "http_302"
        page = (200, {"results": [], "next": f"{other}/positions/?cursor=1"})
        with served(page) as (url, _), pytest.raises(CapitalError, match="is no address of"):
            list(client(url).rows("positions"))

    assert elsewhere.asked == []


def test_a_netrc_does_not_replace_the_token(monkeypatch: pytest.MonkeyPatch, tmp_path: Any) -> None:
    (tmp_path / "netrc").write_text("machine 127.0.0.1 login a password b", encoding="utf-8")
    (tmp_path / "netrc").chmod(0o600)
    monkeypatch.setenv("NETRC", str(tmp_path / "netrc"))
    with served((200, SIZE)) as (url, script):
        client(url).size(3, "BTC/USDT", "buy", qty_per="50")

    assert script.asked[0][3]["Authorization"] == "Bearer cap_secret"


def test_an_answer_that_cannot_be_read_is_no_answer() -> None:
    for content in ("<html>", "[]"):
        with served((200, content)) as (url, _), pytest.raises(Unavailable) as caught:
            client(url).size(3, "BTC/USDT", "buy", qty_per="50")
        assert caught.value.code == "unreadable"


def test_what_an_answer_lacks_is_named() -> None:
    with pytest.raises(AttributeError, match="no 'quantity'; it has amount, code"):
        _ = Answer(amount=Decimal(1), code="sized").quantity


def test_it_is_made_from_the_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    with served((200, SIZE)) as (url, script):
        monkeypatch.setenv("CAPITAL", f"{url}/")
        monkeypatch.setenv("TOKEN", "cap_other")
        Capital.from_environment().size(3, "BTC/USDT", "buy", qty_per="50")

    assert script.asked[0][3]["Authorization"] == "Bearer cap_other"
