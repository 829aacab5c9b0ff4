"""What no filter expects: each is answered or refused, whatever it says."""

from collections.abc import Iterator

import pytest
from django_filters import FilterSet
from django_filters.utils import translate_validation

from capital.api import urls
from tests.api.client import Bot, problem

assert urls  # every set of filters is loaded with the views

HOSTILE = (
    "%",
    "%s",
    "%(value)s",
    "{0}",
    "\x00",
    "'",
    "٣",
    "-1",
    "9" * 40,
    "1e400",
    "NaN",
    "가" * 300,
    "0001-01-01",
    "9999-12-31",
    "0001-01-01T00:00:00+14:00",
    "9999-12-31T23:59:59-12:00",
    "2026-06-30T23:59:60Z",
)


def sets(of: type[FilterSet] = FilterSet) -> Iterator[type[FilterSet]]:
    for each in of.__subclasses__():
        if each.__module__.startswith("capital.") and each._meta.model is not None:
            yield each
        yield from sets(each)


FILTERS = sorted(
    {(each, name) for each in sets() for name in each.base_filters},
    key=lambda of: (of[0].__name__, of[1]),
)


def test_all_filters_are_found() -> None:
    assert len(FILTERS) > 50
    assert {"wallet_mode", "kind", "outcome", "created_to"} <= {name for _, name in FILTERS}


@pytest.mark.django_db
@pytest.mark.parametrize(("of", "name"), FILTERS, ids=lambda each: getattr(each, "__name__", each))
def test_any_text_is_taken_or_refused(of: type[FilterSet], name: str) -> None:
    for text in HOSTILE:
        filters = of({name: text})
        if not filters.is_valid():
            refused = translate_validation(filters.errors).detail
            assert list(refused) == [name]
            assert all(refused[name])
        else:
            list(filters.qs[:1])


@pytest.mark.django_db
def test_a_choice_that_is_none_is_told_as_it_was_written() -> None:
    told = problem(Bot().get("markets/?kind=%25"), 400)

    assert "% is not one of the available choices." in str(told["errors"])
    assert "Choose one of: spot, linear, inverse." in str(told["errors"])
