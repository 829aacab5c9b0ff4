"""Forms that carry what they showed, so that a page that was open for long undoes nothing."""

from collections.abc import Mapping
from decimal import Decimal
from typing import Any

from django.core.exceptions import ValidationError
from django.db.models import Model
from django.utils.translation import gettext

from capital.admin.frame.formats import NOTHING, ratio
from strategies.edits import ChangedMeanwhile, Difference, Seen, mark_of

_LONGEST = 200


class StaleRows(Exception):
    """Rows of one page that were changed since it was opened.

    Attributes:
        rows: What each row's service refused.
    """

    def __init__(self, rows: list[ChangedMeanwhile]) -> None:
        super().__init__(f"{len(rows)} rows were changed meanwhile.")
        self.rows = rows


class CarriesShown:
    """For a ``ModelForm`` of a row that is edited, before its base class.

    Each field goes along a second time, hidden, as it was shown. Only what differs from that was
    changed by the user. What somebody else changed meanwhile is left alone, or refused where the
    user changed it too.

    Attributes:
        stale: What was refused, by the primary key of the row: set on the class of one request.
    """

    stale: Mapping[Any, ChangedMeanwhile] = {}

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        form: Any = self
        self.carried: frozenset[str] = frozenset()
        if form.instance.pk is None:
            return
        names = set(form.fields).intersection(form.instance.edited_fields)
        if form.is_bound:
            # Whoever fills the form without our page does not say what it showed.
            names = {each for each in names if form.add_initial_prefix(each) in form.data}
        self.carried = frozenset(names)
        for name in names:
            form.fields[name].show_hidden_initial = True
        for name in form.instance.hidden_fields.intersection(names):
            form.initial[name] = mark_of(form.instance, name)
        if form.is_bound and (refused := self.stale.get(form.instance.pk)):
            form.data = form.data.copy()
            for each in refused.differences:
                form.data[form.add_initial_prefix(each.name)] = self._as_shown(each)

    def seen(self) -> Seen:
        """What the page showed of the fields that the user changed."""
        form: Any = self
        values = {}
        for name in self.carried.intersection(form.changed_data):
            try:
                shown = form.data[form.add_initial_prefix(name)]
                values[name] = form.fields[name].to_python(shown)
            except ValidationError:
                continue
        return Seen(values)

    def _post_clean(self) -> None:
        """Leave alone what the user did not change, and say what was refused."""
        form: Any = self
        untouched = self.carried.difference(form.changed_data, form.instance.hidden_fields)
        for name in untouched.intersection(form.cleaned_data):
            form.cleaned_data[name] = getattr(form.instance, name)
        super()._post_clean()  # type: ignore[misc]
        if refused := self.stale.get(form.instance.pk):
            for each in refused.differences:
                form.add_error(each.name, _says(form.instance, each))

    def _as_shown(self, difference: Difference) -> Any:
        """What the page that is made now shows of the field."""
        form: Any = self
        if difference.name in form.instance.hidden_fields:
            return mark_of(form.instance, difference.name)
        prepared = form.fields[difference.name].prepare_value(difference.stored)
        return "" if prepared is None else str(getattr(prepared, "pk", prepared))


def _says(row: Model, difference: Difference) -> str:
    """Both values, side by side."""
    if difference.name in row.hidden_fields:  # type: ignore[attr-defined]
        return gettext(
            "Somebody else replaced this since you opened the page. Type yours again to replace "
            "theirs."
        )
    return gettext(
        "Somebody else changed this since you opened the page: it was %(seen)s and is %(stored)s "
        "now. You entered %(wanted)s. Save again to keep yours, or reload the page."
    ) % {
        name: _text(row, difference.name, getattr(difference, name))
        for name in ("seen", "stored", "wanted")
    }


def _text(row: Model, name: str, value: Any) -> str:
    """A value as people read it."""
    if isinstance(value, list):
        value = ", ".join(map(str, value))
    choices = dict(row._meta.get_field(name).flatchoices)  # type: ignore[union-attr]
    if value in choices:
        return str(choices[value])
    if isinstance(value, bool):
        return gettext("yes") if value else gettext("no")
    if isinstance(value, Decimal):
        return ratio(value)
    return NOTHING if value in (None, "") else f"“{str(value)[:_LONGEST]}”"
