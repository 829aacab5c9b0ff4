"""Lists of records that become millions: how they are counted, searched by index, and sorted."""

from collections.abc import Mapping, Sequence
from typing import Any

from django.core.exceptions import ValidationError
from django.core.paginator import Paginator
from django.db.models import F, Model, OrderBy, Q, QuerySet
from django.http import HttpRequest
from django.utils.functional import cached_property
from django.utils.text import smart_split, unescape_string_literal

# 200 pages of 50. To count and to pass over rows costs a second for each million.
MOST_ROWS = 10_000
# A column of keys has 64 bits.
_KEYS = 2**63


class Known(F):
    """What a column is sorted by: what is not known comes last, in both directions.

    Databases do not agree on where they put it; PostgreSQL calls it the largest.
    """

    def asc(self, **_kwargs: Any) -> OrderBy:
        return super().asc(nulls_last=True)

    def desc(self, **_kwargs: Any) -> OrderBy:
        return super().desc(nulls_last=True)


class Money(Known):
    """An amount: those of one currency are compared, and no others."""

    def __init__(self, name: str, *, currency: str) -> None:
        super().__init__(name)
        self.currency = currency


def by_currency(ordering: Sequence[Any]) -> list[Any]:
    """An order in which the currency of each ``Money`` comes before it."""
    found: list[Any] = []
    for each in ordering:
        column = getattr(each, "expression", None)
        if isinstance(column, Money):
            found.append(column.currency)
        found.append(each)
    return found


def is_key(model: type[Model], text: Any) -> bool:
    """Whether a row of the model can have this primary key. Of what it cannot, none is asked."""
    column: Any = model._meta.pk
    try:
        key = column.to_python(text)
    except ValidationError:
        return False
    return -_KEYS <= key < _KEYS if isinstance(key, int) else "\0" not in str(key)


class AtLeast(int):
    """A number of rows of which there are more; written ``10,000+``."""

    def __str__(self) -> str:
        return f"{int(self):,}+"


class BoundedPaginator(Paginator):  # type: ignore[type-arg]
    """Pages of the first ten thousand rows. Whoever looks for others filters or searches."""

    template_name = "capital/frame/pagination.html"

    @cached_property
    def count(self) -> int:
        """How many rows there are; of more than ten thousand, ``AtLeast`` so many."""
        rows: Any = self.object_list
        found: int = rows.order_by()[: MOST_ROWS + 1].count()
        return AtLeast(MOST_ROWS) if found > MOST_ROWS else found

    @property
    def is_cut(self) -> bool:
        """Whether there are rows on no page."""
        return isinstance(self.count, AtLeast)


class IndexedSearch:
    """For a ``ModelAdmin``: every word is looked up where there is an index.

    Attributes:
        searched_rows: By the column that refers to them, the texts of other rows of which a word
            may be a part; they are few.
        searched_columns: Own columns in which a word is the whole text.
    """

    searched_rows: Mapping[str, Sequence[str]] = {}
    searched_columns: Sequence[str] = ()

    def get_search_results(
        self, request: HttpRequest, queryset: QuerySet[Any], search_term: str
    ) -> tuple[QuerySet[Any], bool]:
        """The rows in which every word is found."""
        for written in smart_split(search_term):
            is_quoted = written[:1] in "\"'" and written[:1] == written[-1:] and len(written) > 1
            word = unescape_string_literal(written) if is_quoted else written
            queryset = queryset.filter(self._found(queryset.model, word))
        return queryset, False

    def _found(self, model: type[Model], word: str) -> Q:
        found = Q(pk__in=[])
        for column, texts in self.searched_rows.items():
            rows = model._meta.get_field(column).related_model._default_manager.order_by()  # type: ignore[union-attr]
            fits = Q.create([(f"{text}__icontains", word) for text in texts], connector=Q.OR)
            # As a list: the database knows then how few they are.
            if keys := list(rows.filter(fits).values_list("pk", flat=True)):
                found |= Q(**{f"{column}__in": keys})
        if keys := self.keys_of(model, word):
            found |= Q(pk__in=keys)
        return found

    def keys_of(self, model: type[Model], word: str) -> list[Any]:
        """The primary keys of rows of which a column is the word."""
        if not self.searched_columns:
            return []
        fits = Q.create([(column, word) for column in self.searched_columns], connector=Q.OR)
        rows = model._default_manager.order_by().filter(fits)
        return list(rows.values_list("pk", flat=True)[:MOST_ROWS])
