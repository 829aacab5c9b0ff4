"""Resources that can be created, changed and deleted, each through its service."""

from collections.abc import Mapping
from typing import Any

from rest_framework import status
from rest_framework.generics import GenericAPIView
from rest_framework.request import Request
from rest_framework.response import Response

from capital.api.frame.pages import ListAndRetrieve
from capital.api.frame.versions import seen_by, with_etag
from capital.domain.errors import NotFound
from strategies.edits import Seen


class EditableView(ListAndRetrieve):
    """Create, change and delete rows. A subclass calls the services.

    Attributes:
        seen: The versions in ``If-Match``, for the service that changes a row; None without.
    """

    seen: Seen | None = None

    def create_row(self, values: dict[str, Any]) -> Any:
        """Create a row that belongs to the caller, and return it."""
        raise NotImplementedError

    def change_row(self, row: Any, values: dict[str, Any]) -> Any:
        """Change the row, and return it."""
        raise NotImplementedError

    def delete_row(self, row: Any) -> None:
        """Delete a row. The service refuses with 409 if it has history."""
        raise NotImplementedError

    def check_replay(self, answer: Mapping[str, Any]) -> None:
        """A row that was created is seen again only while it is seen."""
        super().check_replay(answer)
        if self.action == "create" and not self.get_queryset().filter(pk=answer["id"]).exists():
            raise NotFound

    def create(self, request: Request, *args: Any, **kwargs: Any) -> Response:
        """Fields that you omit get their defaults."""
        serializer = self.get_serializer(data=request.data)
        serializer.is_valid(raise_exception=True)
        row = self.create_row(dict(serializer.validated_data))
        return self._shown(row, status.HTTP_201_CREATED)

    def retrieve(self, request: Request, *args: Any, **kwargs: Any) -> Response:
        row = self.get_object()
        return with_etag(Response(self.rows_as_json([row])[0]), row)

    def update(self, request: Request, *args: Any, **kwargs: Any) -> Response:
        """Required fields must be given. Optional fields that you omit are not changed."""
        return self._change(request, partial=False)

    def partial_update(self, request: Request, *args: Any, **kwargs: Any) -> Response:
        """Fields that you omit are not changed."""
        return self._change(request, partial=True)

    def destroy(self, request: Request, *args: Any, **kwargs: Any) -> Response:
        """Rows with history cannot be deleted: archive or deactivate them instead."""
        self.delete_row(self.get_object())
        return Response(status=status.HTTP_204_NO_CONTENT)

    def _change(self, request: Request, *, partial: bool) -> Response:
        self.seen = seen_by(request)
        row = self.get_object()
        serializer = self.get_serializer(row, data=request.data, partial=partial)
        serializer.is_valid(raise_exception=True)
        changed = self.change_row(row, dict(serializer.validated_data))
        return self._shown(changed)

    def _shown(self, row: Any, code: int = status.HTTP_200_OK) -> Response:
        """The row as ``retrieve`` returns it, read again from the database."""
        fresh = GenericAPIView.get_queryset(self).get(pk=row.pk)
        return with_etag(Response(self.rows_as_json([fresh])[0], code), fresh)
