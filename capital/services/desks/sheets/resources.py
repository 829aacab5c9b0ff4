"""A table into accounts or strategies: everything, or nothing, and never but what was shown.

Imported only where a table is read, by ``account_sheet`` and ``strategy_sheet``.
"""

from typing import Any

from django.contrib.auth.models import AbstractUser
from django.core.exceptions import ValidationError
from django.db import transaction
from import_export.instance_loaders import BaseInstanceLoader
from import_export.resources import Resource
from import_export.results import RowResult
from tablib import Dataset

from capital.domain.errors import SheetChanged
from capital.models import Account
from capital.services.desks.sheets.columns import ACCOUNTS, MOST_LINES, STRATEGIES, SheetColumns
from capital.services.desks.sheets.entering import AccountLines, Asker, Entering, StrategyLines
from capital.services.desks.sheets.report import SheetProblem, SheetReport
from capital.services.desks.steps import Verb
from capital.services.tables import read_table
from strategies.models import Strategy

# Where each line stands in the file: beside its cells, in a column that no table can have.
_NUMBER = ""


class Sheet(Resource):  # type: ignore[misc]  # the library has no types
    """A table whose lines are entered by services, in one transaction.

    Args:
        actor: Who imports.
        origin: The address from which, for the records.
        shown: The digest of what was shown before; None for a preview.
        report: Written to: what came of it.

    Attributes:
        columns: Which it has.
    """

    columns: SheetColumns
    lines: type[Any]

    def __init__(
        self,
        *,
        actor: AbstractUser,
        origin: str = "",
        shown: str | None = None,
        report: SheetReport | None = None,
        **kwargs: Any,
    ) -> None:
        super().__init__(**kwargs)
        self._shown = shown
        self._entering: Entering = self.lines(Asker(actor, origin))
        self.report = SheetReport() if report is None else report

    @classmethod
    def get_display_name(cls) -> str:
        """For the library's choice among several, which nobody sees of one."""
        return cls.__name__

    @classmethod
    def read(cls, content: bytes, *, name: str) -> Dataset:
        """What a file says: its lines, each with its number.

        Raises:
            SheetRefused: It is no table, too long, or has other columns.
        """
        form = cls.columns.form
        columns = (*form.required, *form.optional)
        found = read_table(content, form, name=name, most_lines=MOST_LINES)
        rows = [(number, *map(cells.get, columns)) for number, cells in found]
        return Dataset(*rows, headers=[_NUMBER, *columns])

    def import_data(self, dataset: Dataset, dry_run: bool = False, **kwargs: Any) -> Any:  # noqa: FBT001, FBT002
        """Enter all lines, or none. A preview enters them, tells, and takes them back.

        Raises:
            SheetChanged: It would do something else than was shown. Nothing was imported.
        """
        kwargs |= {"use_transactions": True, "rollback_on_validation_errors": True}
        with transaction.atomic():
            result = super().import_data(dataset, dry_run=dry_run, **kwargs)
            if not dry_run and (self.report.problems or self.report.digest != self._shown):
                raise SheetChanged
        return result

    def before_import(self, dataset: Dataset, **_kwargs: Any) -> None:
        """Lock what is changed."""
        self._entering.lock(dataset.dict)

    def handle_import_error(self, _result: Any, error: Exception, _raises: object = None) -> None:
        """What nobody foresaw is no line's problem."""
        raise error

    def import_row(self, row: dict[str, Any], _loader: Any, **_kwargs: Any) -> Any:
        """Enter one line; what is refused of it is told by column, and the next one is tried."""
        result = RowResult()
        number = row.pop(_NUMBER)
        try:
            with transaction.atomic():
                steps = self._entering.enter(number, row)
        except ValidationError as error:
            result.import_type, result.validation_error = RowResult.IMPORT_TYPE_INVALID, error
            self.report.problems += [
                SheetProblem(number, column, " ".join(texts))
                for column, texts in error.message_dict.items()
            ]
            return result
        self.report.steps += [(number, step) for step in steps]
        verbs = {step.verb for step in steps}
        result.import_type = RowResult.IMPORT_TYPE_SKIP
        if Verb.MADE in verbs:
            result.import_type = RowResult.IMPORT_TYPE_NEW
        elif Verb.CHANGED in verbs:
            result.import_type = RowResult.IMPORT_TYPE_UPDATE
        return result


class AccountSheet(Sheet):
    """A table of accounts."""

    columns, lines = ACCOUNTS, AccountLines

    class Meta:
        model = Account
        instance_loader_class = BaseInstanceLoader


class StrategySheet(Sheet):
    """A table of strategies, and of the accounts on which they trade."""

    columns, lines = STRATEGIES, StrategyLines

    class Meta:
        model = Strategy
        instance_loader_class = BaseInstanceLoader
