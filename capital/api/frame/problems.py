"""Errors as RFC 9457 ``application/problem+json``, and the HTTP status of each."""

import json
from collections.abc import Iterator, Mapping
from decimal import Decimal
from http import HTTPStatus
from math import ceil
from typing import Any

from django.core.exceptions import (
    NON_FIELD_ERRORS,
    ObjectDoesNotExist,
    PermissionDenied,
    RequestDataTooBig,
    SuspiciousOperation,
    ValidationError,
)
from django.db import DatabaseError, DataError, IntegrityError
from django.http import Http404, HttpRequest, HttpResponse, JsonResponse
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy
from rest_framework import exceptions
from rest_framework.renderers import JSONRenderer
from rest_framework.response import Response

from capital.domain import errors
from capital.domain.errors import CapitalError
from capital.domain.money import EXACT, plain
from capital.services.sentences import sentence
from capital.traces import current_id
from strategies.edits import ChangedMeanwhile

CONTENT_TYPE = "application/problem+json"
TYPE_PREFIX = "urn:capital:problem:"

# The only mapping of errors to HTTP. A class that is not listed has the status of its parent.
STATUS: Mapping[type[CapitalError], HTTPStatus] = {
    CapitalError: HTTPStatus.BAD_REQUEST,
    errors.TokenRefused: HTTPStatus.UNAUTHORIZED,
    errors.WebhookRefused: HTTPStatus.UNAUTHORIZED,
    errors.DeliveryArchived: HTTPStatus.CONFLICT,
    errors.AddressNotAllowed: HTTPStatus.FORBIDDEN,
    errors.InvalidWebhook: HTTPStatus.BAD_REQUEST,
    errors.DeliveryConflict: HTTPStatus.CONFLICT,
    errors.DeliveryInProgress: HTTPStatus.CONFLICT,
    errors.SessionRefused: HTTPStatus.FORBIDDEN,
    errors.ScopeTooSmall: HTTPStatus.FORBIDDEN,
    errors.TokenOfOneAccount: HTTPStatus.FORBIDDEN,
    errors.Forbidden: HTTPStatus.FORBIDDEN,
    errors.ForceNotAllowed: HTTPStatus.FORBIDDEN,
    errors.BudgetLimitNotAllowed: HTTPStatus.FORBIDDEN,
    errors.NotFound: HTTPStatus.NOT_FOUND,
    errors.UnknownRun: HTTPStatus.NOT_FOUND,
    errors.UnknownPlan: HTTPStatus.NOT_FOUND,
    errors.UnknownStrategy: HTTPStatus.NOT_FOUND,
    errors.UnknownAccount: HTTPStatus.NOT_FOUND,
    errors.UnknownJob: HTTPStatus.NOT_FOUND,
    errors.UnknownToken: HTTPStatus.NOT_FOUND,
    errors.RunKeyConflict: HTTPStatus.CONFLICT,
    errors.NothingToAccept: HTTPStatus.CONFLICT,
    errors.OtherSuspect: HTTPStatus.CONFLICT,
    errors.NoPendingRules: HTTPStatus.CONFLICT,
    errors.AppendOnly: HTTPStatus.CONFLICT,
    errors.RevertRefused: HTTPStatus.CONFLICT,
    errors.PlanExpired: HTTPStatus.CONFLICT,
    errors.PlanStale: HTTPStatus.CONFLICT,
    errors.HasHistory: HTTPStatus.CONFLICT,
    errors.IdempotencyConflict: HTTPStatus.CONFLICT,
    errors.RequestInProgress: HTTPStatus.CONFLICT,
    errors.AmbiguousAccount: HTTPStatus.CONFLICT,
    errors.CredentialsUnreadable: HTTPStatus.CONFLICT,
    errors.BalanceUnavailable: HTTPStatus.BAD_GATEWAY,
    errors.SizingError: HTTPStatus.BAD_REQUEST,
    errors.ReservationRefused: HTTPStatus.CONFLICT,
    errors.UnknownSymbol: HTTPStatus.UNPROCESSABLE_ENTITY,
    errors.CurrencyMismatch: HTTPStatus.UNPROCESSABLE_ENTITY,
    errors.OrderRefused: HTTPStatus.UNPROCESSABLE_ENTITY,
    errors.PriceUnavailable: HTTPStatus.SERVICE_UNAVAILABLE,
    errors.JobFailed: HTTPStatus.SERVICE_UNAVAILABLE,
}

TITLES: Mapping[int, Any] = {
    400: gettext_lazy("Bad request"),
    401: gettext_lazy("Unauthorized"),
    403: gettext_lazy("Forbidden"),
    404: gettext_lazy("Not found"),
    405: gettext_lazy("Method not allowed"),
    406: gettext_lazy("Not acceptable"),
    409: gettext_lazy("Conflict"),
    411: gettext_lazy("Length required"),
    412: gettext_lazy("Precondition failed"),
    413: gettext_lazy("Payload too large"),
    415: gettext_lazy("Unsupported media type"),
    422: gettext_lazy("Unprocessable content"),
    429: gettext_lazy("Too many requests"),
    500: gettext_lazy("Internal server error"),
    502: gettext_lazy("Bad gateway"),
    503: gettext_lazy("Service unavailable"),
}
_RETRY_SECONDS = 5
# Worth another try: the first request may have finished by then, or a price may have arrived.
_RETRIED = frozenset({errors.DeliveryInProgress, errors.RequestInProgress, errors.PriceUnavailable})
# What to do about it, where the framework's own sentence does not say.
_HINTS: Mapping[type[exceptions.APIException], Any] = {
    exceptions.NotAuthenticated: gettext_lazy("Send a token: “Authorization: Bearer cap_…”."),
    exceptions.UnsupportedMediaType: gettext_lazy(
        "Send JSON, with the header “Content-Type: application/json”."
    ),
}


class PayloadTooLarge(exceptions.APIException):
    """The request body is larger than the API accepts."""

    status_code = HTTPStatus.REQUEST_ENTITY_TOO_LARGE
    default_code = "too_large"
    default_detail = gettext_lazy("The request body is too large.")


class BodyMissing(exceptions.APIException):
    """The operation takes a request body, and none came."""

    status_code = HTTPStatus.BAD_REQUEST
    default_code = "body_missing"
    default_detail = gettext_lazy("The request body is missing. Send a JSON object.")


def status_of(error: CapitalError) -> HTTPStatus:
    """The HTTP status of an error."""
    return next(STATUS[kind] for kind in type(error).__mro__ if kind in STATUS)


def problem(
    status: int, code: str, detail: str, *, fields: list[dict[str, str]] | None = None
) -> dict[str, Any]:
    """A problem object. Programs match ``code``; ``errors`` has an entry for each wrong field.

    ``request_id`` is that of the request: by it the lines of the log are found.
    """
    answer: dict[str, Any] = {
        "type": f"{TYPE_PREFIX}{code}",
        "title": str(TITLES.get(status, HTTPStatus(status).phrase)),
        "status": int(status),
        "code": code,
        "detail": detail,
    }
    if fields is not None:
        answer["errors"] = fields
    if (request_id := current_id()) is not None:
        answer["request_id"] = request_id
    return answer


def handle_exception(error: Exception, context: Mapping[str, Any]) -> Response | None:
    """The response to an error of a view; None for a bug, which the server then reports as 500."""
    translated = _translate(error)
    if translated is None:
        return None
    answer, headers = translated
    if (request := context.get("request")) is not None:
        # A problem is JSON also where a page or YAML was asked for.
        request.accepted_renderer = JSONRenderer()
        request.accepted_media_type = JSONRenderer.media_type
    return Response(answer, answer["status"], headers=headers, content_type=CONTENT_TYPE)


def _translate(error: Exception) -> tuple[dict[str, Any], dict[str, str]] | None:
    if isinstance(error, CapitalError):
        headers = {"Retry-After": str(_RETRY_SECONDS)} if type(error) in _RETRIED else {}
        if authenticate := getattr(error, "auth_header", None):
            headers["WWW-Authenticate"] = authenticate
        code = error.reason.code.value
        detail = sentence(error.reason)
        field = getattr(error, "field", None)
        fields = None if field is None else [{"field": field, "code": code, "detail": detail}]
        return problem(status_of(error), code, detail, fields=fields), headers
    if isinstance(error, ValidationError):
        return _invalid(list(_model_errors(error))), {}
    if isinstance(error, ChangedMeanwhile):
        return _of_stale(error), {}
    if isinstance(error, exceptions.ValidationError):
        return _invalid(list(_flat(error.detail, ""))), {}
    if isinstance(error, exceptions.APIException):
        return _of_framework(error)
    if isinstance(error, Http404 | ObjectDoesNotExist):
        return problem(404, "not_found", sentence(errors.NotFound().reason)), {}
    if isinstance(error, PermissionDenied):
        return problem(403, "permission_denied", _("You do not have permission to do this.")), {}
    if isinstance(error, RequestDataTooBig):
        return problem(413, "too_large", str(PayloadTooLarge.default_detail)), {}
    if isinstance(error, SuspiciousOperation):
        return problem(400, "bad_request", _("The request could not be read.")), {}
    if isinstance(error, DatabaseError):
        return _of_database(error)
    return None


def _of_stale(error: ChangedMeanwhile) -> dict[str, Any]:
    """412, with what is stored and what was sent side by side."""
    differing = [each for each in error.differences if each.stored != each.wanted]
    fields = [
        {
            "field": each.name,
            "code": "changed_meanwhile",
            "detail": _("It is %(stored)s now; you sent %(wanted)s.")
            % {"stored": _text(each.stored), "wanted": _text(each.wanted)},
        }
        for each in differing
    ]
    detail = _("It was changed since you read it. Nothing was done. Read it again, then decide.")
    return problem(HTTPStatus.PRECONDITION_FAILED, "changed_meanwhile", detail, fields=fields)


def _text(value: Any) -> str:
    """A value as the API writes it."""
    if isinstance(value, Decimal):
        return plain(value.normalize(EXACT))
    return json.dumps(value, ensure_ascii=False, default=str)


def _of_framework(error: exceptions.APIException) -> tuple[dict[str, Any], dict[str, str]]:
    headers = {}
    if authenticate := getattr(error, "auth_header", None):
        headers["WWW-Authenticate"] = authenticate
    if (wait := getattr(error, "wait", None)) is not None:
        headers["Retry-After"] = str(max(1, ceil(wait)))
    if isinstance(error, exceptions.NotFound):
        return problem(404, "not_found", sentence(errors.NotFound().reason)), headers
    detail = error.detail if isinstance(error.detail, str) else str(error.default_detail)
    detail = " ".join(filter(None, (detail, str(_HINTS.get(type(error), "")))))
    code = getattr(error.detail, "code", None) or error.default_code
    return problem(error.status_code, str(code), str(detail)), headers


def _of_database(error: DatabaseError) -> tuple[dict[str, Any], dict[str, str]]:
    if isinstance(error, IntegrityError):
        detail = _("Someone else changed this at the same time. Read it again, then retry.")
        return problem(409, "conflict", detail), {}
    if isinstance(error, DataError):
        return problem(400, "not_storable", _("A value cannot be stored exactly.")), {}
    detail = _("The database is not responding. Send the request again.")
    return problem(503, "database_error", detail), {"Retry-After": str(_RETRY_SECONDS)}


def _invalid(fields: list[dict[str, str]]) -> dict[str, Any]:
    detail = " ".join(
        f"{each['field']}: {each['detail']}" if each["field"] else each["detail"]
        for each in fields[:5]
    )
    return problem(400, "invalid", detail, fields=fields)


def _flat(detail: Any, path: str) -> Iterator[dict[str, str]]:
    """The leaves of the framework's nested errors, each with the path of its field."""
    if isinstance(detail, Mapping):
        for name, inner in detail.items():
            step = "" if name == "non_field_errors" else str(name)
            yield from _flat(inner, f"{path}.{step}".strip("."))
    elif isinstance(detail, list):
        for position, inner in enumerate(detail):
            deeper = isinstance(inner, Mapping | list)
            yield from _flat(inner, f"{path}.{position}".strip(".") if deeper else path)
    else:
        code = str(getattr(detail, "code", "invalid"))
        yield {"field": path, "code": code, "detail": str(detail)}


def _model_errors(error: ValidationError) -> Iterator[dict[str, str]]:
    by_field = error.error_dict if hasattr(error, "error_dict") else {"": error.error_list}
    for name, inner in by_field.items():
        field = "" if name == NON_FIELD_ERRORS else name
        for each in inner:
            code = str(each.code or "invalid")
            yield {"field": field, "code": code, "detail": " ".join(map(str, each.messages))}


def is_api(request: HttpRequest) -> bool:
    """Whether the request is to the API, so that errors must be problems, not pages."""
    return request.path_info.startswith("/api/")


def problem_response(status: int, code: str, detail: str) -> HttpResponse:
    """A problem response for errors outside the REST framework, before or beside any view."""
    response = JsonResponse(problem(status, code, detail), status=status, content_type=CONTENT_TYPE)
    response.problem_code = code  # type: ignore[attr-defined]  # for the access log
    return response
