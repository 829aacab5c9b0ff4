"""What stands in a query that is compiled before it is known what it asks about."""

from dataclasses import dataclass
from typing import Any

from django.db.models import Expression


class Given(Expression):
    """A place for a value that is told later, or behind ``__among`` for a list of them.

    Attributes:
        number: Which of the values it is, from 0.
    """

    def __init__(self, number: int) -> None:
        super().__init__()
        self.number = number

    def as_sql(self, compiler: Any, connection: Any) -> tuple[str, tuple[Any, ...]]:
        """One parameter: this place itself."""
        return "%s", (self,)


@dataclass(frozen=True)
class GivenAmong:
    """As a parameter: the place of a list.

    Attributes:
        number: Which of the values it is, from 0.
        is_text: Whether they are texts; else primary keys.
    """

    number: int
    is_text: bool
