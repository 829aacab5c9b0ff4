"""Every answer of the API that tells a person something tells it in their language."""

import re
from collections.abc import Iterable, Iterator
from string import Formatter
from typing import Any

import pytest
from django.core import exceptions as django_exceptions
from django.db import DataError, IntegrityError, OperationalError
from django.http import Http404
from django.utils import translation
from rest_framework import exceptions

from capital.api.frame.problems import PayloadTooLarge, handle_exception
from capital.domain import errors
from capital.domain.errors import CapitalError
from capital.domain.reasons import Reason
from capital.models import Account
from tests.admin.tenants import Tenant, make_tenant
from tests.api.client import Bot
from tests.api.description import description, operations
from tests.words.reading import faults_of, report

LANGUAGES = ("ko", "en")
KINDS = [
    each
    for each in vars(errors).values()
    if isinstance(each, type) and issubclass(each, CapitalError)
]


def framework_errors() -> list[Exception]:
    """Their sentences are in the language in which they are raised."""
    return [
        *(
            kind()
            for kind in vars(exceptions).values()
            if isinstance(kind, type)
            and issubclass(kind, exceptions.APIException)
            and kind not in (exceptions.MethodNotAllowed, exceptions.UnsupportedMediaType)
        ),
        exceptions.MethodNotAllowed("PUT"),
        exceptions.UnsupportedMediaType("text/plain"),
        exceptions.Throttled(wait=3),
        PayloadTooLarge(),
        Http404(),
        django_exceptions.ObjectDoesNotExist(),
        django_exceptions.PermissionDenied(),
        django_exceptions.RequestDataTooBig(),
        django_exceptions.SuspiciousOperation(),
        IntegrityError(),
        DataError(),
        OperationalError(),
    ]


def names(schema: Any) -> Iterator[str]:
    """What is typed, whatever the language: fields, parameters, and the words they take."""
    if isinstance(schema, dict):
        yield from map(str, schema.get("properties", ()))
        yield from map(str, schema.get("enum", ()))
        yield from [schema["name"]] if "in" in schema else []
    inner = schema.values() if isinstance(schema, dict) else schema
    if isinstance(schema, dict | list):
        for each in inner:
            yield from names(each)


@pytest.fixture(scope="module")
def typed() -> re.Pattern[str]:
    words = sorted({*names(description()), "true", "false", "null"}, key=len, reverse=True)
    patterns = (
        r"capital\.\w+",
        r"\b(?:" + "|".join(map(re.escape, words)) + r")\b",
        r"Idempotency-Key|Accept\b|text/plain|FIELD_ENCRYPTION_KEYS|ASCII|JSON\w*|PUT",
        r"YYYY\S*|HH:MM\S*|[+-]HH:MM",
        r"\b(?:str|int|list|dict|bool|float|NoneType)\b",
        r"manage\.py token create|python manage\.py|sync_markets|--venue|rates \S+ \S+ RATE",
        # What was sent.
        r"mine-\w+|nothing: |: (?:True|\{\})(?= |$)",
        r"\"[^\"]*\"|‘[^’]*’|“[^”]*”",
    )
    return re.compile("|".join(patterns), re.ASCII)


def wrong(problem: Any, language: str, typed: re.Pattern[str]) -> list[str]:
    told = [problem["title"], problem["detail"]]
    told += [each["detail"] for each in problem.get("errors", ())]
    return [fault for text in told for fault in faults_of(typed.sub("", text), language)]


@pytest.mark.parametrize("language", LANGUAGES)
def test_every_error_is_told_in_the_readers_language(language: str, typed: re.Pattern[str]) -> None:
    found = {}
    with translation.override(language):
        for error in [
            *framework_errors(),
            *(told_by(kind) for kind in KINDS if hasattr(kind, "code")),
        ]:
            answer = handle_exception(error, {})
            assert answer is not None
            if faulty := wrong(answer.data, language, typed):
                found[repr(error)] = faulty

    assert not found, report(found)


def told_by(kind: type[CapitalError]) -> CapitalError:
    """One of this kind, with a figure for each gap of its sentence."""
    gaps = [name for _, name, _, _ in Formatter().parse(kind.code.english) if name]
    error = kind.__new__(kind)
    error.reason = Reason(kind.code, dict.fromkeys(gaps, "7"))
    return error


JUNK: list[Any] = [{}, [], "?", "", -1, "9" * 40, None, 1.5, True, "‽" * 300]


@pytest.mark.once
@pytest.mark.django_db
def test_every_refused_body_and_parameter_is_told_in_the_readers_language(
    typed: re.Pattern[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("capital.api.frame.throttles.RateThrottle.allow_request", allowed)
    tenant = make_tenant("mine", is_superuser=True)
    bot = Bot(tenant.user)
    found, refused = {}, 0
    for method, path, bodies in requests(tenant):
        for body in bodies:
            for language in LANGUAGES:
                answer = bot.send(method, path, body, **{"Accept-Language": language})
                if answer.status_code >= 400:
                    refused += 1
                    if faulty := wrong(answer.json(), language, typed):
                        found[f"{language} {method} {path} {str(body)[:60]}"] = faulty

    assert not found, report(found)
    assert refused > 300
    assert Account.objects.filter(pk=tenant.account.pk).exists()


def allowed(*_args: Any) -> bool:
    return True


def requests(tenant: Tenant) -> Iterator[tuple[str, str, list[Any]]]:
    """Each operation with bodies, or parameters, that make no sense."""
    schema = description()
    for path, method, operation in operations(schema):
        if method == "delete" or not path.startswith("/api/v1/"):
            continue
        address = path.removeprefix("/api/v1/").replace("{name}", tenant.account.name)
        address = re.sub(r"\{\w+\}", key_of(path, tenant), address)
        parameters = operation.get("parameters", ())
        for name in [each["name"] for each in parameters if each["in"] == "query"]:
            for junk in ("?", "-1", "9" * 40, ""):
                yield method, f"{address}?{name}={junk}", [None]
        yield method, f"{address}?nothing=1", [None]
        if "requestBody" in operation:
            content = operation["requestBody"]["content"]["application/json"]["schema"]
            yield method, address, [{}, [], {"nothing": 1}]
            for fields in bodies(content, schema["components"]["schemas"]):
                yield method, address, [dict.fromkeys(fields, junk) for junk in JUNK]
    for address in ("nowhere/", "accounts/0/", "accounts/1/nowhere/"):
        yield "get", address, [None]
        yield "put", address, [None]


def bodies(body: dict[str, Any], known: dict[str, Any]) -> Iterator[Iterable[str]]:
    """The fields of a body; of one of several, those of each."""
    found = known[body["$ref"].rpartition("/")[2]]
    for each in found.get("oneOf", ()):
        yield from bodies(each, known)
    if "properties" in found:
        yield found["properties"]


def key_of(path: str, tenant: Tenant) -> str:
    """A key of a row of the desk that fills the path."""
    if "/strategies/" in path or "/hooks/" in path:
        return str(tenant.strategies[0].key)
    rows = {"accounts": tenant.account, "links": tenant.links[0], "runs": tenant.runs[0]}
    return next((str(row.pk) for part, row in rows.items() if f"/{part}/" in path), "1")
