"""The description is the API: checked in, complete, and served with its pages."""

import re
from collections.abc import Iterator
from typing import Any

import pytest
import yaml
from django.test import Client
from django.utils import translation
from drf_spectacular.generators import SchemaGenerator
from drf_spectacular.renderers import OpenApiYamlRenderer
from drf_spectacular.validation import validate_schema

from capital.api.frame.throttles import TokenThrottle
from capital.api.views import public
from capital.domain.errors import PriceUnavailable
from capital.domain.reasons import Code
from capital.models import Account, DailyAccountSummary, Market, Position, StrategyAccount
from strategies.models import Strategy
from tests.api.client import Bot, permit
from tests.api.description import description, operations, takes_a_token
from tests.factories import make_account, make_link, make_market, make_position
from tests.paths import ROOT

CHECKED_IN = ROOT / "docs" / "openapi.yaml"


def test_description_that_is_checked_in_is_the_present_one() -> None:
    """Otherwise run: make openapi."""
    written = OpenApiYamlRenderer().render(description(), renderer_context={})

    assert written.decode() == CHECKED_IN.read_text(encoding="utf-8")


def test_description_is_openapi_3_1_and_valid() -> None:
    schema = description()

    assert schema["openapi"] == "3.1.0"
    validate_schema(schema)


def test_every_operation_says_what_it_is_and_what_it_may_refuse() -> None:
    for path, method, operation in operations(description()):
        where = f"{method} {path}"
        assert operation["summary"], where
        if takes_a_token(operation):
            assert re.search(r"Scope: `\w+`", operation["description"]), where
        assert {"400", "401", "403", "404", "405", "406", "429"} <= operation["responses"].keys(), (
            where
        )
        if method == "post":
            assert "Idempotency-Key" in str(operation["parameters"]), where
    names = [operation["operationId"] for _, _, operation in operations(description())]
    assert len(names) == len(set(names))


def test_requests_are_closed_and_have_examples() -> None:
    schema = description()

    requests = {
        name: each
        for name, each in schema["components"]["schemas"].items()
        if name.endswith("Request")
    }
    assert requests
    for name, each in requests.items():
        # One of several is as closed as each of them.
        assert "oneOf" in each or each["additionalProperties"] is False, name
    for path, method, operation in operations(schema):
        if "requestBody" in operation:
            content = operation["requestBody"]["content"]["application/json"]
            assert content.get("examples"), f"{method} {path}"


def test_parameters_and_fields_of_rows_are_described() -> None:
    """The labels and help texts of forms are not published: they would mislead of a filter."""
    schema = description()
    help_texts = {
        str(field.help_text)
        for model in (Account, DailyAccountSummary, Market, Position, Strategy, StrategyAccount)
        for field in model._meta.fields
        if field.help_text
    }

    for path, method, operation in operations(schema):
        for parameter in operation.get("parameters", ()):
            where = f"{method} {path} {parameter['name']}"
            assert parameter["in"] == "path" or parameter.get("description"), where
            assert parameter.get("description", "").strip() not in help_texts, where
    for name in ("Account", "Strategy", "StrategyAccount", "DailySummary", "Position", "Market"):
        for field, each in schema["components"]["schemas"][name]["properties"].items():
            where = f"{name}.{field}"
            assert field in ("id", "is_proven") or each.get("description"), where
            assert "title" not in each, where


def everything_in(node: Any, path: str = "") -> Iterator[tuple[str, dict[str, Any]]]:
    """Every object of the description with where it stands."""
    if isinstance(node, dict):
        yield path, node
        for name, inner in node.items():
            yield from everything_in(inner, f"{path}/{name}")
    elif isinstance(node, list):
        for number, inner in enumerate(node):
            yield from everything_in(inner, f"{path}/{number}")


def test_a_client_that_is_generated_has_no_binary_numbers_and_integer_ids() -> None:
    schema = description()

    assert [path for path, each in everything_in(schema) if each.get("type") == "number"] == []
    ids = {
        name: each["properties"]["id"]["type"]
        for name, each in schema["components"]["schemas"].items()
        if "id" in each.get("properties", {})
    }
    # What a sender of signals calls them is its own.
    assert ids.pop("HookRequest") == "string"
    assert {str(kind) for kind in ids.values()} <= {"integer", "['integer', 'null']"}


def test_answers_say_what_they_always_have() -> None:
    schemas = description()["components"]["schemas"]

    for name in ("Account", "Capital", "StrategyAccount", "Run", "HookAnswer", "HookSize", "Fill"):
        required = set(schemas[name]["required"])
        assert len(required) >= len(schemas[name]["properties"]) - 1, name
    assert "reservation" not in schemas["HookSize"]["required"]


@pytest.mark.django_db
def test_rows_have_every_field_that_they_are_described_with() -> None:
    link = make_link(capital="1000")
    make_market("BTC/USDT")
    make_position(link, "1")
    bot = Bot(link.account.owner)
    schemas = description()["components"]["schemas"]

    for path, name in (
        ("accounts", "Account"), ("strategies", "Strategy"), ("capital", "Capital"),
        ("strategy-accounts", "StrategyAccount"), ("markets", "Market"), ("positions", "Position"),
    ):  # fmt: skip
        (row,) = bot.get(f"{path}/").json()["results"]
        assert list(row) == list(schemas[name]["properties"]), name
        assert set(schemas[name]["required"]) == set(row), name
    permit(link.account.owner, "capital.report_position")
    told = bot.put(
        f"strategy-accounts/{link.pk}/positions/", {"symbol": "BTC/USDT", "quantity": "1"}
    )
    assert set(told.json()) == set(schemas["ReportedPosition"]["required"])


def test_names_of_operations_and_enums_say_what_of() -> None:
    schema = description()

    names = [operation["operationId"] for _, _, operation in operations(schema)]
    assert len(set(names)) == len(names)
    assert {"allocate", "stop", "accounts_list", "strategies_size", "deliver_hook"} <= set(names)
    enums = {name for name, each in schema["components"]["schemas"].items() if "enum" in each}
    vague = {"CodeEnum", "StateEnum", "ScopeEnum", "StatusEnum", "RoleEnum", "SourceEnum",
             "BlankEnum", "NullEnum", "KindEnum", "TypeEnum"}  # fmt: skip
    assert enums & vague == set()


def test_servers_and_headers_are_described() -> None:
    schema = description()

    assert schema["servers"] == [
        {"url": "/", "description": "The server that serves this description"}
    ]
    size = schema["paths"]["/api/v1/strategy-accounts/{id}/size/"]["post"]
    listed = schema["paths"]["/api/v1/accounts/"]["get"]
    assert "Idempotency-Replayed" in size["responses"]["200"]["headers"]
    assert "headers" not in listed["responses"]["200"]
    throttled = schema["components"]["responses"]["Problem429"]
    assert throttled["headers"]["Retry-After"]["schema"]["type"] == "integer"


def test_webhooks_say_what_an_idempotency_key_means_there() -> None:
    """It stands for the id of a signal, which is shorter and has no end."""
    for path, _, operation in operations(description()):
        if "/hooks/" in path:
            (key,) = [each for each in operation["parameters"] if each["name"] == "Idempotency-Key"]
            assert key["schema"] == {"type": "string", "maxLength": 100}, path
            assert "24 hours" not in key["description"], path


def test_every_problem_has_an_example_of_its_own_code() -> None:
    for name, response in description()["components"]["responses"].items():
        example = response["content"]["application/problem+json"]["example"]
        assert name == f"Problem{example['status']}"
        assert example["code"] != "not_found" or name == "Problem404"


@pytest.mark.django_db
def test_every_example_of_a_problem_is_what_the_api_answers(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    bot, reader = Bot(), Bot(scope="read")
    link = make_link(account=make_account(owner=bot.user), market_type="futures", capital="5000")
    make_market("BTC/USDT:USDT")
    size = f"strategy-accounts/{link.pk}/size/"
    order = {"symbol": "BTC/USDT:USDT", "side": "buy", "qty_per": "50"}
    key = {"Idempotency-Key": "6f1c2f9e-signal-42"}
    bot.post(size, {**order, "price": "100"}, **key)
    answers = {
        400: bot.post(size, {**order, "qty_per": "half"}),
        401: Client().get("/api/v1/accounts/", headers={"Authorization": "Bearer cap_unknown"}),
        403: reader.post("allocate/"),
        404: bot.get("accounts/999999/"),
        405: bot.put("accounts/", {}),
        406: bot.get("accounts/", Accept="text/csv"),
        409: bot.post(size, {**order, "price": "200"}, **key),
        411: Client().post("/api/v1/accounts/", headers={"Transfer-Encoding": "chunked"}),
        412: stale_change(bot, link),
        413: bot.post(size, {**order, "symbol": "x" * 70_000}),
        415: bot.client.post(
            f"/api/v1/{size}", "x", "text/plain", headers={"Authorization": f"Bearer {bot.text}"}
        ),
        422: bot.post(size, {**order, "symbol": "BTC/UST:USDT"}),
    }

    def fail(*_args: Any, **_given: Any) -> Any:
        raise PriceUnavailable(
            Code.PRICE_UNAVAILABLE,
            venue="binance",
            symbol="BTC/USDT:USDT",
            cause=Code.EXCHANGE_TIMEOUT.value,
        )

    monkeypatch.setattr("capital.api.views.links.size_orders", fail)
    answers[503] = bot.post(size, order)
    monkeypatch.setattr(TokenThrottle, "allow_request", lambda *_args: False)
    monkeypatch.setattr(TokenThrottle, "wait", lambda _self: 3)
    answers[429] = bot.get("accounts/")

    for name, response in description()["components"]["responses"].items():
        example = response["content"]["application/problem+json"]["example"]
        answer = answers.pop(example["status"])
        # The id of the request is another one each time.
        told = {**answer.json(), "request_id": ""}
        assert told == {**example, "request_id": ""}, name
        assert answer.json()["request_id"] == answer["X-Request-ID"]
    assert answers == {}


def stale_change(bot: Bot, link: StrategyAccount) -> Any:
    """A change of what somebody else has changed since it was read."""
    path = f"strategy-accounts/{link.pk}/"
    tag = bot.get(path)["ETag"]
    StrategyAccount.objects.filter(pk=link.pk).update(weight="0.6")
    permit(bot.user, "capital.change_strategyaccount")
    return bot.send("patch", path, {"weight": "0.4"}, **{"If-Match": tag})


def test_description_is_english_on_a_korean_server() -> None:
    with translation.override("ko"):
        assert not re.search("[가-힣]", str(description()["components"]["responses"]))


@pytest.mark.django_db
def test_description_is_served_and_reads_the_same() -> None:
    answer = Client().get("/api/schema/", headers={"Accept": "application/vnd.oai.openapi"})

    assert answer.status_code == 200
    assert yaml.safe_load(answer.content)["paths"].keys() == description()["paths"].keys()


@pytest.mark.once
@pytest.mark.django_db
def test_description_is_made_once_for_a_language_and_a_form_and_is_the_one_checked_in(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    public._description.cache_clear()
    made: list[str | None] = []
    make: Any = SchemaGenerator.get_schema

    def get_schema(*args: Any, **kwargs: Any) -> Any:
        made.append(translation.get_language())
        return make(*args, **kwargs)

    monkeypatch.setattr(SchemaGenerator, "get_schema", get_schema)

    def served(query: str = "", **headers: str) -> str:
        headers = {"Accept": "application/yaml", **headers}
        answer = Client().get(f"/api/schema/{query}", headers=headers)
        assert answer["Content-Type"] == "application/yaml; charset=utf-8"
        assert answer["Content-Disposition"] == 'inline; filename="Capital.yaml"'
        return answer.content.decode()

    first = served(**{"X-Request-ID": "of-the-first-one"})

    assert first == CHECKED_IN.read_text(encoding="utf-8")
    assert served("?version=2&lang=xx") == first
    korean = served("?lang=ko")
    assert re.search("[가-힣]", korean)
    assert served(**{"Accept-Language": "ko"}) == korean
    assert made == ["en", "ko"]


@pytest.mark.django_db
def test_docs_load_nothing_from_elsewhere_and_no_inline_script() -> None:
    page = Client().get("/api/docs/")
    html = page.content.decode()
    scripts = re.findall(r"<script([^>]*)>(.*?)</script>", html, flags=re.DOTALL)

    assert page.status_code == 200
    assert scripts
    assert all("src=" in attributes and not body.strip() for attributes, body in scripts)
    addresses = re.findall(r'(?:src|href)="([^"]+)"', html)
    assert all(address.startswith("/") for address in addresses), addresses
    assert "default-src 'self'" in page["Content-Security-Policy"]
    for address in addresses:
        served = Client().get(address.replace("&amp;", "&"))
        assert served.status_code == 200, address
        assert served.getvalue()
        served.close()


def test_ids_in_addresses_are_integers() -> None:
    kinds = {
        parameter["schema"]["type"]
        for _, _, operation in operations(description())
        for parameter in operation.get("parameters", ())
        if parameter["in"] == "path" and parameter["name"] == "id"
    }

    assert kinds == {"integer"}
