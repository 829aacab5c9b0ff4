"""Monthly statements of accounts and owners, to be looked at and printed."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from decimal import Decimal
from typing import Any

from django import forms
from django.core.exceptions import PermissionDenied
from django.core.paginator import Paginator
from django.db.models import QuerySet
from django.http import HttpRequest, HttpResponseBase
from django.template.response import TemplateResponse
from django.utils import timezone
from django.utils.http import urlencode
from django.utils.translation import gettext, gettext_lazy
from unfold.widgets import UnfoldAdminTextInputWidget

from capital.admin.frame.formats import NOTHING, digits, on_quantum
from capital.admin.performance.asked import Choice
from capital.admin.performance.exports import exported
from capital.domain.errors import InvalidMonth
from capital.domain.money import EXACT
from capital.domain.reasons import Code, Reason
from capital.models import Account
from capital.services.access import visible_to
from capital.services.performance import (
    LINES,
    Line,
    Statement,
    account_statements,
    chosen_month,
    owner_statements,
    statements_as_table,
    statements_as_workbook,
)
from capital.services.sentences import sentence

_ON_A_PAGE = 20
_NAMES: Mapping[str, Any] = {
    "account": gettext_lazy("Accounts"),
    "owner": gettext_lazy("Owners"),
}


class MonthForm(forms.Form):
    """Which month, of what; an account's own page names it."""

    month = forms.CharField(
        label=gettext_lazy("Month"),
        required=False,
        widget=UnfoldAdminTextInputWidget(attrs={"type": "month", "placeholder": "2026-11"}),
    )
    by = forms.ChoiceField(
        choices=[(name, name) for name in _NAMES], required=False, widget=forms.HiddenInput()
    )
    account = forms.IntegerField(required=False, widget=forms.HiddenInput())

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.fields["month"].widget.attrs["max"] = f"{_this_month():%Y-%m}"

    def clean_month(self) -> date:
        """Its first day."""
        try:
            return chosen_month(self.cleaned_data["month"] or None, now=timezone.now())
        except InvalidMonth as error:
            raise forms.ValidationError(sentence(error.reason)) from None


@dataclass(frozen=True)
class LineRow:
    """One line as text; ``exact`` has all digits."""

    line: Line
    text: str
    exact: str = ""
    why: str = ""

    @property
    def is_balance(self) -> bool:
        """Whether it is the first or the last line."""
        return not self.line.sign


@dataclass(frozen=True)
class StatementCard:
    """One statement as text; ``why`` it is not known, instead of its lines."""

    statement: Statement
    lines: Sequence[LineRow]
    left_out: str
    why: str


def _this_month() -> date:
    """Its first day."""
    return chosen_month(now=timezone.now())


def may_see_statements(request: HttpRequest) -> bool:
    """As the API's: whoever may look at accounts."""
    return request.user.has_perm("capital.view_account")


def statements_page(request: HttpRequest, context: dict[str, Any]) -> HttpResponseBase:
    """The statements of a month.

    Args:
        request: Of a user who may use the admin; ``export`` asks for a file.
        context: What every page of the site shows.
    """
    if not may_see_statements(request):
        raise PermissionDenied
    # The field shows the month that is told, also where the address names none.
    present = f"{_this_month():%Y-%m}"
    form = MonthForm({"month": present, **request.GET.dict()})
    shown = {**context, "form": form, "title": gettext("Monthly statements")}
    if form.is_valid():
        given = form.cleaned_data
        by, account = given["by"] or "account", given["account"]
        accounts = visible_to(request.user, Account.objects.all())
        if account is not None:
            accounts = accounts.filter(pk=account)
        if name := request.GET.get("export"):
            found = _statements(accounts, by, given["month"])
            return exported(
                name,
                "statements",
                lambda: statements_as_table(found, of=by),
                lambda: statements_as_workbook(found, of=by),
            )
        shown |= _shown(request, accounts, by, given["month"])
    return TemplateResponse(request, "capital/performance/statements.html", shown)


def _statements(accounts: "QuerySet[Account]", by: str, month: date) -> list[Statement]:
    told = owner_statements if by == "owner" else account_statements
    return told(accounts, month=month)


def _shown(
    request: HttpRequest, accounts: "QuerySet[Account]", by: str, month: date
) -> dict[str, Any]:
    rows: Any = accounts.order_by("name", "pk").values_list("pk", flat=True)
    if by == "owner":
        owners = accounts.order_by("owner__username").values_list("owner", flat=True)
        rows = owners.distinct()
    page = Paginator(rows, _ON_A_PAGE).get_page(request.GET.get("page"))
    keys = list(page.object_list)
    chosen = accounts.filter(**{"owner__in" if by == "owner" else "pk__in": keys})

    def url(**changes: str) -> str:
        return _url(request, **changes)

    place = {"page": page.number, "pages": page.paginator.num_pages}
    return {
        "month": month,
        "cards": [_card(each) for each in _statements(chosen, by, month)],
        "choices": [
            Choice(title, url(by=name, page=""), name == by) for name, title in _NAMES.items()
        ],
        "csv_url": url(export="csv"),
        "xlsx_url": url(export="xlsx"),
        "before_url": url(month=f"{month - timedelta(days=1):%Y-%m}"),
        # Of a month that has not begun there is nothing to tell.
        "after_url": url(month=f"{month + timedelta(days=31):%Y-%m}")
        if month < _this_month()
        else "",
        "pages": {
            "before": url(page=str(page.number - 1)) if page.has_previous() else "",
            "after": url(page=str(page.number + 1)) if page.has_next() else "",
            "place": gettext("Page %(page)s of %(pages)s") % place,
        }
        if page.has_other_pages()
        else {},
    }


def _url(request: HttpRequest, **changes: str) -> str:
    kept = {name: request.GET.get(name, "") for name in ("month", "by", "account", "page")}
    return "?" + urlencode({name: text for name, text in {**kept, **changes}.items() if text})


def _card(statement: Statement) -> StatementCard:
    return StatementCard(
        statement=statement,
        lines=statement_lines(statement),
        left_out=", ".join(statement.left_out),
        why="" if statement.is_known else _why(statement),
    )


def _why(statement: Statement) -> str:
    """Of a month that begins with no balance nothing is known, for one reason."""
    opening = statement.amounts["opening_balance"]
    return sentence(opening) if isinstance(opening, Reason) else ""


def statement_lines(statement: Statement) -> list[LineRow]:
    """The lines in the digits of the currency, which add up as they are shown.

    Each is what it makes of the rounded sum of those before it: so it is at most one unit from what
    it would be rounded by itself, and nothing is lost on the way from the first to the last.
    """
    currency, rows = statement.currency, []
    before: Decimal | None = None
    for name, line in LINES.items():
        amount = statement.amounts[name]
        if isinstance(amount, Reason):
            rows.append(LineRow(line, NOTHING, why=sentence(amount)))
            if amount.code is not Code.NOT_IN_BALANCE:
                before = None
            continue
        signed = EXACT.minus(amount) if line.sign < 0 else amount
        shown = on_quantum(signed, currency)
        if not line.sign:
            before = signed
        elif before is not None:
            after = EXACT.add(before, signed)
            shown = EXACT.subtract(on_quantum(after, currency), on_quantum(before, currency))
            before = after
        text = digits(shown, currency)
        is_gain = line.sign and shown > 0
        rows.append(LineRow(line, f"+{text}" if is_gain else text, digits(signed, currency)))
    return rows
