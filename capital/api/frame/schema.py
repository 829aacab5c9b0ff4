"""The OpenAPI 3.1 description of the API, including the errors of every operation."""

from typing import Any

from django.utils import translation
from drf_spectacular import authentication as cookies
from drf_spectacular.extensions import (
    OpenApiAuthenticationExtension,
    OpenApiSerializerFieldExtension,
)
from drf_spectacular.hooks import postprocess_schema_enums
from drf_spectacular.openapi import AutoSchema
from drf_spectacular.plumbing import build_bearer_security_scheme_object
from drf_spectacular.utils import OpenApiParameter

from capital.api.frame.base import FIELDS, ApiView, readable
from capital.api.frame.examples import ANSWERS, REQUESTS, problems
from capital.api.frame.idempotency import HEADER, REPLAYED_HEADER
from capital.api.frame.problems import CONTENT_TYPE
from capital.api.frame.versions import IF_MATCH
from capital.models import Scope

EXACT_PATTERN = r"^-?[0-9]{1,20}(\.[0-9]{1,60})?$"
_IDEMPOTENCY_KEY = OpenApiParameter(
    HEADER,
    {
        "type": "string",
        "minLength": 1,
        "maxLength": 200,
        "pattern": "^[ -~]+$",
        "examples": ["6f1c2f9e-signal-42"],
    },
    OpenApiParameter.HEADER,
    description=(
        "Makes the request safe to retry. For 24 hours, the same key and body return the first "
        "response; the same key with another body is refused with 409."
    ),
)

_IF_MATCH = OpenApiParameter(
    IF_MATCH,
    str,
    OpenApiParameter.HEADER,
    description=(
        "The `ETag` of the row as you read it. If it was changed since, nothing is done and the "
        "answer is 412. Optional."
    ),
)
_CHANGES = ("update", "partial_update")

# The error statuses of all operations, and of some.
_ALWAYS = (400, 401, 403, 404, 405, 406, 429, 503)
_WITH_BODY = (409, 411, 413, 415)
_OF_CHANGES = (412,)
_OF_ORDERS = (422,)
# Where orders or what they came to are told.
_ABOUT_ORDERS = ("/size/", "/reservations/", "/positions/", "/fills/")
_OF_DELETE = (409,)

# No choice of a list, and yet an answer.
_BESIDES: dict[Any, dict[str, Any]] = {
    None: {"type": "null"},
    "": {"type": "string", "enum": [""]},
}


class BearerScheme(OpenApiAuthenticationExtension):  # type: ignore[no-untyped-call]
    """``Authorization: Bearer cap_…``."""

    target_class = "capital.api.frame.authentication.BearerAuthentication"
    name = "token"
    priority = 1

    def get_security_definition(self, auto_schema: Any) -> dict[str, Any]:
        scheme: dict[str, Any] = build_bearer_security_scheme_object("Authorization", "Bearer")
        scheme.pop("bearerFormat", None)
        return {**scheme, "description": "A token made by `manage.py token create`: cap_…"}


class SessionScheme(cookies.SessionScheme):  # type: ignore[no-untyped-call]
    """The session of the admin, by its cookie."""

    target_class = "capital.api.frame.authentication.GoodSession"


class ExactExtension(OpenApiSerializerFieldExtension):  # type: ignore[no-untyped-call]
    """Amounts: strings, both ways. A client made from a number would be one of binary numbers."""

    target_class = "capital.api.frame.fields.ExactField"
    match_subclasses = True

    def map_serializer_field(self, auto_schema: Any, direction: Any) -> dict[str, Any]:
        return {"type": "string", "format": "decimal", "pattern": EXACT_PATTERN}


class VisibleRowExtension(OpenApiSerializerFieldExtension):  # type: ignore[no-untyped-call]
    """References to other rows: an id or a key."""

    target_class = "capital.api.frame.fields.VisibleRow"

    def map_serializer_field(self, auto_schema: Any, direction: Any) -> dict[str, Any]:
        if self.target.named_by == "id":
            return {"type": "integer", "minimum": 1, "maximum": 2**63 - 1}
        return {"type": "string"}


class ApiSchema(AutoSchema):
    """Adds what all operations share: scopes, ``?fields=`` and ``Idempotency-Key``."""

    def get_operation_id(self) -> str:
        """Resource and action: ``accounts_list``, ``strategies_size``; ``allocate`` by itself."""
        action = getattr(self.view, "action", None) or self.method.lower()
        tag = self.get_tags()[0]
        return action if action == tag else f"{tag}_{action}".replace("-", "_")

    def get_tags(self) -> list[str]:
        parts = self.path.removeprefix("/api/v1/").split("/")
        return [parts[0]]

    def get_override_parameters(self) -> list[Any]:
        parameters = list(super().get_override_parameters())
        view = self.view
        if (
            isinstance(view, ApiView)
            and self.method == "GET"
            and (serializer := view.get_serializer_class_or_none()) is not None
        ):
            names = ", ".join(readable(serializer().fields))
            parameters.append(
                OpenApiParameter(
                    FIELDS,
                    str,
                    description=(
                        f"Return only these fields, separated by commas: {names}. The description "
                        "is of the answer without it."
                    ),
                )
            )
        takes_key = isinstance(view, ApiView) and view.takes_key(self.method.lower())
        # A webhook says itself what the header means there.
        is_described = any(getattr(each, "name", "") == HEADER for each in parameters)
        if (takes_key or self.method == "POST") and not is_described:
            parameters.append(_IDEMPOTENCY_KEY)
        if self.method in ("PUT", "PATCH") and getattr(view, "action", "") in _CHANGES:
            parameters.append(_IF_MATCH)
        return parameters

    def get_description(self) -> str:  # type: ignore[override]  # as spectacular has it
        """The docstring, and the required scope and permission."""
        text = str(super().get_description() or "")
        view = self.view
        if not isinstance(view, ApiView):
            return text
        needed = needed_scope(view, self.method)
        permissions = " and ".join(f"`{each}`" for each in view.permissions_of(view.action))
        says = f"Scope: `{needed.value}`."
        if permissions:
            says += f" Permission: {permissions}."
        return f"{text}\n\n{says}".strip()


def needed_scope(view: ApiView, method: str) -> Scope:
    """The scope that a token needs for the view's current action."""
    usual = Scope.READ if method in ("GET", "HEAD") else Scope.MANAGE
    return view.scopes.get(view.action or "", usual)


def name_enums(result: dict[str, Any], **context: Any) -> dict[str, Any]:
    """Give choices components of their own, as spectacular does, and keep what else is answered.

    spectacular takes null and the empty text out of a list of choices that it names. Its own
    setting for them would give each a name in every client.
    """
    schemas = result["components"]["schemas"]
    besides = {
        (name, field): [_BESIDES[each] for each in described["enum"] if each in _BESIDES]
        for name, schema in schemas.items()
        for field, described in schema.get("properties", {}).items()
        if "enum" in described
    }
    result = postprocess_schema_enums(result, **context)  # type: ignore[no-untyped-call]
    for (name, field), others in besides.items():
        described = result["components"]["schemas"][name]["properties"][field]
        if others:
            of_enum = described.pop("allOf", None) or [{"$ref": described.pop("$ref")}]
            described["oneOf"] = [*of_enum, *others]
    return result


def describe_problems(result: dict[str, Any], **_kwargs: Any) -> dict[str, Any]:
    """Complete the generated description.

    Every operation lists its errors and has examples. Requests allow no unknown fields. Responses
    are described as they are without ``?fields=``.
    """
    schemas = result["components"]["schemas"]
    schemas["Problem"] = _PROBLEM
    responses = result["components"].setdefault("responses", {})
    published = {*_ALWAYS, *_WITH_BODY, *_OF_CHANGES, *_OF_ORDERS}
    # All of the description is English.
    with translation.override("en"):
        for status, example in problems().items():
            if status in published:
                responses[f"Problem{status}"] = _problem_response(status, example)
    for path, methods in result["paths"].items():
        for method, operation in methods.items():
            for status in _refusals_of(path, method, operation):
                reference = {"$ref": f"#/components/responses/Problem{status}"}
                operation["responses"].setdefault(str(status), reference)
            _add_examples(operation)
            _describe_csv(operation)
            _describe_replays(operation)
            for parameter in operation.get("parameters", ()):
                if parameter["in"] == "path" and parameter["name"] == "id":
                    parameter["schema"] = _ID
                if "description" in parameter:
                    # spectacular leaves room for a list of choices.
                    parameter["description"] = parameter["description"].strip()
    for name, schema in schemas.items():
        if name.endswith("Request") and schema.get("type") == "object":
            schema["additionalProperties"] = False
    for name in {*_rows(result), "ReportedPosition"}:
        # Whatever may be left out of a request: an answer has every field of its rows.
        schemas[name]["required"] = list(schemas[name]["properties"])
    _let_more_than_one_fit(schemas)
    return result


def _let_more_than_one_fit(schemas: dict[str, Any]) -> None:
    """An answer: a row whose fields may be left out fits any object, a list of them too."""
    for name, schema in schemas.items():
        if "oneOf" in schema and not name.endswith("Request"):
            schema["anyOf"] = schema.pop("oneOf")


def _refusals_of(path: str, method: str, operation: dict[str, Any]) -> list[int]:
    """The error statuses of an operation."""
    statuses = set(_ALWAYS)
    if "requestBody" in operation or method == "post":
        statuses |= set(_WITH_BODY)
    if method == "delete":
        statuses |= set(_OF_DELETE)
    if method in ("put", "patch") and path.endswith("}/"):
        statuses |= set(_OF_CHANGES)
    if path.endswith(_ABOUT_ORDERS) and method != "get":
        statuses |= set(_OF_ORDERS)
    return sorted(statuses)


def _add_examples(operation: dict[str, Any]) -> None:
    bodies = [(operation.get("requestBody", {}), REQUESTS)]
    bodies += [(operation["responses"].get(status, {}), ANSWERS) for status in ("200", "201")]
    for body, examples in bodies:
        content = body.get("content", {}).get("application/json", {})
        name = content.get("schema", {}).get("$ref", "").rpartition("/")[2]
        if name in examples:
            content["examples"] = {"example": {"value": examples[name]}}


def _describe_csv(operation: dict[str, Any]) -> None:
    """A list as CSV is a text, not the pages that spectacular takes it for."""
    content = operation["responses"].get("200", {}).get("content", {})
    if "text/csv" in content:
        content["text/csv"] = {
            "schema": {
                "type": "string",
                "description": (
                    "All rows that fit the filters, without `cursor` and `page_size`: a line of "
                    "names, then one line for each row. Null is empty. A text that a spreadsheet "
                    "would run has an apostrophe before it."
                ),
            }
        }


def _rows(result: dict[str, Any]) -> set[str]:
    """The components of which ``?fields=`` chooses fields."""
    found = set()
    for methods in result["paths"].values():
        operation = methods.get("get", {})
        if not any(each["name"] == FIELDS for each in operation.get("parameters", ())):
            continue
        schema = operation["responses"]["200"]["content"]["application/json"]["schema"]
        reference = schema.get("$ref", "").rpartition("/")[2]
        of_page = result["components"]["schemas"].get(reference, {}).get("properties", {})
        if "results" in of_page:
            reference = of_page["results"]["items"]["$ref"].rpartition("/")[2]
        found.add(reference)
    return found


def _describe_replays(operation: dict[str, Any]) -> None:
    """An answer that was made before says so, where a key was sent."""
    if not any(each["name"] == HEADER for each in operation.get("parameters", ())):
        return
    for status, response in operation["responses"].items():
        if status.startswith("2"):
            response.setdefault("headers", {})[REPLAYED_HEADER] = {
                "description": "`true`: this is the first response to the same key, again.",
                "schema": {"type": "string", "enum": ["true"]},
            }


def _problem_response(status: int, example: dict[str, Any]) -> dict[str, Any]:
    response: dict[str, Any] = {
        "description": example["title"],
        "content": {
            CONTENT_TYPE: {
                "schema": {"$ref": "#/components/schemas/Problem"},
                "example": example,
            }
        },
    }
    if status in (429, 503):
        response["headers"] = {
            "Retry-After": {
                "description": "Seconds to wait before trying again.",
                "schema": {"type": "integer", "minimum": 1},
                "required": status == 429,
            }
        }
    return response


# As large as the addresses of the API take it.
_ID: dict[str, Any] = {"type": "integer", "minimum": 0, "maximum": 10**18 - 1}

_PROBLEM: dict[str, Any] = {
    "type": "object",
    "description": "RFC 9457. Programs match `code`; people read `detail`.",
    "required": ["type", "title", "status", "code", "detail"],
    "properties": {
        "type": {"type": "string", "format": "uri"},
        "title": {"type": "string"},
        "status": {"type": "integer"},
        "code": {"type": "string"},
        "detail": {"type": "string"},
        "request_id": {
            "type": "string",
            "description": (
                "The request in the server's log, as in `X-Request-ID` of the answer. An answer "
                "that is repeated has that of the first."
            ),
        },
        "errors": {
            "type": "array",
            "items": {
                "type": "object",
                "required": ["field", "code", "detail"],
                "properties": {
                    "field": {
                        "type": "string",
                        "description": "Empty if the error is about the whole request.",
                    },
                    "code": {"type": "string"},
                    "detail": {"type": "string"},
                },
            },
        },
    },
}
