"""Lists and single rows: ordering and pagination."""

from collections.abc import Mapping, Sequence
from typing import Any

from django.core.exceptions import ValidationError as ModelValidationError
from django.db import DataError
from django.db.models import QuerySet
from django.utils.translation import gettext as _
from django_filters.rest_framework import DjangoFilterBackend
from rest_framework.filters import OrderingFilter
from rest_framework.pagination import CursorPagination
from rest_framework.request import Request
from rest_framework.response import Response

from capital.api.frame.base import ApiView, check_fields, refusal
from capital.domain.errors import NotFound
from capital.models import Account
from capital.traces import note_accounts


class StrictOrdering(OrderingFilter):
    """``?ordering=``: one known field, ``-`` for descending. Ties are ordered by id."""

    def get_ordering(self, request: Request, queryset: QuerySet[Any], view: Any) -> Any:
        written = request.query_params.get(self.ordering_param)
        ordering = view.ordering if written is None else written
        if ordering.removeprefix("-") not in view.ordering_fields:
            message = _("Must be one of %(known)s, with a leading - for descending order.")
            raise refusal("ordering", message % {"known": ", ".join(view.ordering_fields)})
        if ordering.removeprefix("-") == "id":
            return (ordering,)
        return (ordering, "-id" if ordering.startswith("-") else "id")

    def get_schema_operation_parameters(self, view: Any) -> list[dict[str, Any]]:
        names = [f"{sign}{name}" for name in view.ordering_fields for sign in ("", "-")]
        schema = {"type": "string", "enum": names, "default": view.ordering}
        return [
            {
                "name": self.ordering_param,
                "required": False,
                "in": "query",
                "description": "Field to sort by. Prefix it with - for descending order.",
                "schema": schema,
            }
        ]


class Pages(CursorPagination):
    """Cursor pagination: rows added meanwhile cause no repeated or skipped rows."""

    page_size = 100
    max_page_size = 500
    page_size_query_param = "page_size"
    # A date has one row per account: a cursor may have to skip that many.
    offset_cutoff = 1_000_000

    def paginate_queryset(  # type: ignore[override]  # of querysets only
        self, queryset: QuerySet[Any], request: Request, view: Any = None
    ) -> list[Any] | None:
        """One page; a cursor whose values fit no row is refused."""
        try:
            return super().paginate_queryset(queryset, request, view)
        except NotFound:
            raise
        except (
            ValueError,
            TypeError,
            OverflowError,
            ModelValidationError,
            DataError,
            ArithmeticError,
        ):
            raise refusal("cursor", _("Invalid cursor.")) from None

    def decode_cursor(self, request: Request) -> Any:
        """Answer 400, as for any other parameter; the framework answers 404."""
        from rest_framework.exceptions import NotFound as NotACursor

        try:
            return super().decode_cursor(request)
        except NotACursor:
            message = _("Invalid cursor.")
            raise refusal("cursor", message) from None

    def get_page_size(self, request: Request) -> int | None:
        written = request.query_params.get(self.page_size_query_param)
        if written is None:
            return self.page_size
        if not (written.isascii() and written.isdigit() and len(written) <= 4):
            written = "0"
        size = int(written)
        if not 1 <= size <= self.max_page_size:
            message = _("Must be between 1 and %(largest)s.")
            raise refusal("page_size", message % {"largest": self.max_page_size})
        return size

    def get_paginated_response_schema(self, schema: dict[str, Any]) -> dict[str, Any]:
        link = {"type": ["string", "null"], "format": "uri"}
        return {
            "type": "object",
            "required": ["next", "previous", "results"],
            "properties": {"next": link, "previous": link, "results": schema},
        }

    def get_schema_operation_parameters(self, view: Any) -> list[dict[str, Any]]:
        size = {"type": "integer", "minimum": 1, "maximum": self.max_page_size, "default": 100}
        return [
            {
                "name": "cursor",
                "required": False,
                "in": "query",
                "description": "Cursor from the next or previous link.",
                "schema": {"type": "string"},
            },
            {
                "name": "page_size",
                "required": False,
                "in": "query",
                "description": "Number of rows per page.",
                "schema": size,
            },
        ]


class ListAndRetrieve(ApiView):
    """A resource that can be listed and read."""

    pagination_class = Pages
    filter_backends = [DjangoFilterBackend, StrictOrdering]
    ordering = "id"
    ordering_fields: tuple[str, ...] = ("id",)

    def known_query(self) -> set[str]:
        known = super().known_query()
        if self.action == "list":
            known |= {"cursor", "page_size", "ordering", *self._filters()}
        return known

    def get_object(self) -> Any:
        """The row if it is visible, else 404. The list's filters do not apply."""
        field = self.lookup_url_kwarg or self.lookup_field
        found = self.get_queryset().filter(**{self.lookup_field: self.kwargs[field]}).first()
        if found is None:
            raise NotFound
        note_accounts(_accounts_of(found))
        return found

    def list(self, request: Request, *args: Any, **kwargs: Any) -> Response:
        """One page of the rows that you may see."""
        rows = self.paginate_queryset(self.filter_queryset(self.get_queryset()))
        return self.get_paginated_response(self.rows_as_json(rows or []))

    def retrieve(self, request: Request, *args: Any, **kwargs: Any) -> Response:
        return Response(self.rows_as_json([self.get_object()])[0])

    def prepare_rows(self, rows: Sequence[Any]) -> Sequence[Any]:
        """The objects that the serializer gets, for a page of rows or for one row.

        A view that shows more than the columns of its rows reads the rest here for the whole page,
        in a constant number of queries, and attaches it to the rows.
        """
        return rows

    def rows_as_json(self, rows: Sequence[Any]) -> Sequence[Any]:
        """The rows as JSON, with the requested fields."""
        written: Sequence[Any] = self.get_serializer(self.prepare_rows(rows), many=True).data
        return written

    def _filters(self) -> Mapping[str, Any]:
        filterset = getattr(self, "filterset_class", None)
        return {} if filterset is None else filterset.base_filters


class ListAndRetrieveAsJson(ListAndRetrieve):
    """A resource for which a serializer would be too slow: ``prepare_rows`` returns the JSON.

    The serializer class only describes it and names its fields.
    """

    def rows_as_json(self, rows: Sequence[Any]) -> Sequence[Any]:
        """The result of ``prepare_rows``, with the requested fields."""
        written, wanted = self.prepare_rows(rows), self.wanted_fields()
        if wanted is None:
            return written
        described: Any = self.get_serializer_class()()
        check_fields(list(described.fields), wanted)
        return [{name: row[name] for name in row if name in wanted} for row in written]


def _accounts_of(row: Any) -> tuple[int, ...]:
    """The account that a row is of, where the row itself tells."""
    key = row.pk if isinstance(row, Account) else getattr(row, "account_id", None)
    return (key,) if isinstance(key, int) else ()
