"""Large answers in part: ``?fields=sizes.account,sizes.amount``."""

from collections.abc import Mapping
from typing import Any

from rest_framework import serializers

from capital.api.frame.base import check_fields


def parts_of(described: serializers.Serializer[Any]) -> list[str]:
    """What ``?fields=`` may name: each field, and each field of the lines in a list."""
    names = []
    for name, field in described.fields.items():
        names.append(name)
        if isinstance(field, serializers.ListSerializer):
            lines: Any = field.child
            names += [f"{name}.{inner}" for inner in lines.fields]
    return names


def wanted_parts(
    written: str | None, described: serializers.Serializer[Any]
) -> frozenset[str] | None:
    """The names in ``?fields=``; None where it is not given: then it is all of the answer.

    Raises:
        ValidationError: A name is unknown.
    """
    if written is None:
        return None
    wanted = frozenset(filter(None, written.split(",")))
    check_fields(parts_of(described), wanted)
    return wanted


def in_part(answer: Mapping[str, Any], wanted: frozenset[str] | None) -> Mapping[str, Any]:
    """The wanted parts of an answer, in its order. A list that is named itself has whole lines."""
    if wanted is None:
        return answer
    told: dict[str, Any] = {}
    for name, value in answer.items():
        inner = {part.partition(".")[2] for part in wanted if part.startswith(f"{name}.")}
        if name in wanted:
            told[name] = value
        elif inner:
            told[name] = [{key: line[key] for key in line if key in inner} for line in value]
    return told
