"""Rules that are broken only where the database says so."""

from typing import Any

from django.core.exceptions import ValidationError
from django.db import OperationalError, connection, models


class AnsweredRules(models.Model):
    """A row with a rule about which the database is asked before it is written.

    Django takes a database that does not answer for a broken rule, where the rule holds for some
    rows only (``Q.check``). Then nobody knows, and nothing is refused for it.
    """

    class Meta:
        abstract = True

    def validate_constraints(self, exclude: Any = None) -> None:
        """Ask.

        Raises:
            ValidationError: A rule is broken.
            OperationalError: The database did not answer.
        """
        try:
            super().validate_constraints(exclude)
        except ValidationError as error:
            if connection.errors_occurred:
                message = "the connection is lost, or waited too long: no rule is known as broken"
                raise OperationalError(message) from error
            raise
