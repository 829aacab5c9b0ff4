"""The base class of the API's views: permissions, rate limits, parameters, idempotency keys."""

from collections.abc import Collection, Mapping
from typing import Any

from django.db.models import QuerySet
from django.utils.translation import gettext as _
from rest_framework.exceptions import ErrorDetail, ValidationError
from rest_framework.generics import GenericAPIView
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.viewsets import ViewSetMixin

from capital.addresses import client_address
from capital.api.frame.authentication import account_of, caller_of, scope_of, token_of
from capital.api.frame.idempotency import HEADER, Handler, idempotent
from capital.api.frame.problems import BodyMissing
from capital.api.frame.throttles import AddressThrottle
from capital.domain.errors import NotPermitted, ScopeTooSmall, TokenOfOneAccount, TokenRefused
from capital.models import Scope
from capital.services.access import ACCEPT_PERMISSION, FORCE_PERMISSION, visible_to, within_account

_SAFE = frozenset({"GET", "HEAD"})
_WITH_BODY = frozenset({"POST", "PUT", "PATCH"})
FIELDS = "fields"


class ApiView(ViewSetMixin, GenericAPIView[Any]):
    """One resource, limited to the rows that the caller may see.

    Attributes:
        scopes: By action, the scope it needs; by default ``read`` for GET, else ``manage``.
        permissions: By action, the permission that the user needs, or all those.
        keyed: Actions besides POST that take an ``Idempotency-Key``.
        answered_with_work: Actions whose answer is kept in the transaction of their work, since
            a repetition would do it again: nothing else knows what was done. They wait for nobody.
        beyond_one_account: Actions that are refused to a token limited to one account.
        without_body: Actions with a POST that take no request body.
        optional_body: Actions whose request body may be left out.
        query: By action, the query parameters besides filters, ordering and pagination.
    """

    lookup_value_regex = "[0-9]{1,18}"
    scopes: Mapping[str, Scope] = {}
    permissions: Mapping[str, str | tuple[str, ...]] = {}
    keyed: Collection[str] = ()
    answered_with_work: Collection[str] = ("create",)
    beyond_one_account: Collection[str] = ()
    without_body: Collection[str] = ()
    optional_body: Collection[str] = ()
    query: Mapping[str, Collection[str]] = {}

    action: str | None = None  # type: ignore[assignment]  # None: the method is not allowed
    run_key: str | None = None
    keeps_answer: bool = True

    def initial(self, request: Request, *args: Any, **kwargs: Any) -> None:
        """Check address, token, scope, permission, rate and parameters before the action runs."""
        self.format_kwarg = None
        negotiated = self.perform_content_negotiation(request)
        request.accepted_renderer, request.accepted_media_type = negotiated
        address = AddressThrottle()
        if not address.allow_request(request, self):
            self.throttled(request, address.wait() or 1)
        self.perform_authentication(request)
        if self.action is not None:
            # None: the method is not allowed here; the framework answers 405 next.
            self.check_permissions(request)
            self._check_rights(request)
            self.check_throttles(request)
            self._check_query(request)
            self._check_body(request)
        key = request.headers.get(HEADER)
        method = (request.method or "").lower()
        if key is not None and self.takes_key(method) and hasattr(self, method):
            handler: Handler = getattr(self, method)
            setattr(self, method, idempotent(self, handler, caller_of(request), key))

    def handle_exception(self, exc: Exception) -> Response:
        """Send ``WWW-Authenticate`` with a 401."""
        if isinstance(exc, TokenRefused):
            exc.auth_header = self.get_authenticate_header(self.request)  # type: ignore[attr-defined]
        return super().handle_exception(exc)

    def visible(self, rows: QuerySet[Any]) -> QuerySet[Any]:
        """The rows that the user may see, limited to the token's account if it has one."""
        return within_account(visible_to(self.request.user, rows), account_of(self.request))

    def get_queryset(self) -> QuerySet[Any]:
        return self.visible(super().get_queryset())

    def wanted_fields(self) -> frozenset[str] | None:
        """The names in ``?fields=``; None (all fields) where it is not given."""
        written = self.request.query_params.get(FIELDS) if self.request.method in _SAFE else None
        return None if written is None else frozenset(filter(None, written.split(",")))

    def get_serializer(self, *args: Any, **kwargs: Any) -> Any:
        serializer = super().get_serializer(*args, **kwargs)
        wanted = self.wanted_fields()
        if wanted is not None:
            child: Any = getattr(serializer, "child", serializer)
            keep_fields(child.fields, wanted)
        return serializer

    def _check_rights(self, request: Request) -> None:
        action = self.action or ""
        usual = Scope.READ if request.method in _SAFE else Scope.MANAGE
        needed = self.scopes.get(action, usual)
        scope = scope_of(request)
        if not scope.includes(needed):
            raise ScopeTooSmall(scope=scope.value, needed=needed.value)
        token = token_of(request)
        if token is not None and token.account_id is not None and action in self.beyond_one_account:
            raise TokenOfOneAccount
        for permission in self.permissions_of(action):
            if not request.user.has_perm(permission):
                raise NotPermitted(user=request.user.get_username(), permission=permission)

    def permissions_of(self, action: str | None) -> tuple[str, ...]:
        """The permissions that the user needs for an action, all of them."""
        needed = self.permissions.get(action or "", ())
        return (needed,) if isinstance(needed, str) else needed

    def takes_key(self, method: str) -> bool:
        """Whether a repetition of the current action is known by its ``Idempotency-Key``.

        Args:
            method: In small letters.
        """
        return method == "post" or (self.action in self.keyed and method not in ("get", "head"))

    @property
    def answers_with_work(self) -> bool:
        """Whether the current action's answer is kept in the transaction of its work."""
        return self.action in self.answered_with_work

    @property
    def asker(self) -> dict[str, Any]:
        """Who asks, and from where: what services that change something want to know."""
        return {"actor": self.request.user, "origin": client_address(self.request)}

    def check_replay(self, answer: Mapping[str, Any]) -> None:
        """Refuse to repeat a stored answer about a row that the caller no longer sees.

        Args:
            answer: The JSON of the first answer.

        Raises:
            NotFound: A row of it is not seen now.
        """
        if (self.lookup_url_kwarg or self.lookup_field) in self.kwargs:
            self.get_object()

    def present(self, answer: Mapping[str, Any]) -> Mapping[str, Any]:
        """A stored answer as it is repeated; by default as it was.

        Args:
            answer: The JSON of the first answer.
        """
        return answer

    def check_extraordinary(self, *, force: bool, accept_jump: bool) -> None:
        """Forcing an allocation and accepting a jump each need a permission of their own.

        Raises:
            NotPermitted: The user does not have it.
        """
        for asked, permission in ((force, FORCE_PERMISSION), (accept_jump, ACCEPT_PERMISSION)):
            user = self.request.user
            if asked and not user.has_perm(permission):
                raise NotPermitted(user=user.get_username(), permission=permission)

    def _check_query(self, request: Request) -> None:
        """Refuse unknown parameters: a misspelt filter would otherwise be ignored."""
        if request.META.get("QUERY_STRING"):
            check_query(request, self.known_query())

    def _check_body(self, request: Request) -> None:
        """Refuse a body that got lost on the way: without it, another request would be answered.

        Where it may be left out, a media type of JSON still announces one.
        """
        if request.method not in _WITH_BODY or self.action in self.without_body:
            return
        announced = request.META.get("CONTENT_TYPE", "")
        is_expected = self.action not in self.optional_body or "json" in announced
        if is_expected and not int(request.META.get("CONTENT_LENGTH") or 0):
            raise BodyMissing

    def known_query(self) -> set[str]:
        """The query parameters that the current action takes."""
        known = set(self.query.get(self.action or "", ()))
        if self.request.method in _SAFE and self.get_serializer_class_or_none() is not None:
            known.add(FIELDS)
        return known

    def get_serializer_class_or_none(self) -> type[Any] | None:
        """The serializer whose fields ``?fields=`` may name, where the action has one."""
        return self.serializer_class if self.action in ("list", "retrieve") else None


def check_query(request: Request, known: Collection[str]) -> None:
    """Refuse query parameters that are unknown, or given twice.

    Raises:
        ValidationError: It names the first one.
    """
    for name, values in request.query_params.lists():
        if name not in known:
            message = _("Unknown parameter. Known parameters: %(known)s.")
            shown = ", ".join(sorted(known)) or "—"
            raise refusal(name, message % {"known": shown}, "unknown")
        if len(values) > 1:
            raise refusal(name, _("This parameter may be given only once."), "repeated")


def keep_fields(fields: Any, wanted: Collection[str]) -> None:
    """Remove all but the wanted fields. Raises ``ValidationError`` for an unknown one."""
    check_fields(readable(fields), wanted)
    for name in [name for name in fields if name not in wanted]:
        fields.pop(name)


def readable(fields: Mapping[str, Any]) -> list[str]:
    """The names of what an answer tells: not of what is only sent."""
    return [name for name, field in fields.items() if not field.write_only]


def check_fields(known: Collection[str], wanted: Collection[str]) -> None:
    """Raise ``ValidationError`` for an unknown field."""
    unknown = sorted(set(wanted) - set(known))
    if unknown:
        message = _("Unknown fields: %(name)s. Known fields: %(known)s.")
        figures = {"name": ", ".join(unknown)[:100], "known": ", ".join(known)}
        raise _invalid(FIELDS, message % figures, "unknown")


def refusal(field: str, message: str, code: str = "invalid") -> ValidationError:
    """A ``ValidationError`` about one field."""
    return ValidationError({field: [ErrorDetail(message, code=code)]})


_invalid = refusal


def refuse_body(request: Request) -> None:
    """Accept only an empty body or an empty object.

    Raises:
        ValidationError: The body is not empty.
    """
    if request.data:
        raise ValidationError(_("This operation takes no request body."))
