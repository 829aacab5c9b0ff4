"""The API's description in OpenAPI, made from the views."""

from copy import deepcopy
from functools import cache
from typing import Any

from django.utils import translation
from drf_spectacular.generators import SchemaGenerator

Schema = dict[str, Any]


def description() -> Schema:
    """One of the caller's own, of one that is made once for each language."""
    return deepcopy(_description(translation.get_language()))


@cache
def _description(_language: str) -> Schema:
    schema: Schema = SchemaGenerator().get_schema(request=None, public=True)  # type: ignore[no-untyped-call]
    return schema


def operations(schema: Schema) -> list[tuple[str, str, Schema]]:
    return [
        (path, method, operation)
        for path, methods in schema["paths"].items()
        for method, operation in methods.items()
    ]


def takes_a_token(operation: Schema) -> bool:
    """The webhook has a proof of its own."""
    return bool(operation.get("security"))
