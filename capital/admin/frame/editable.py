"""Rows that a service enters, changes and removes, as in the API's ``views/editable.py``."""

from typing import Any

from django import forms
from django.core.exceptions import NON_FIELD_ERRORS, ValidationError
from django.db.models import Model
from django.http import HttpRequest, HttpResponse
from django.utils.html import format_html
from django.utils.safestring import SafeString
from django.utils.translation import gettext
from unfold.widgets import UnfoldAdminPasswordWidget

from capital.admin.frame.stale import CarriesShown, StaleRows
from capital.domain.errors import CapitalError
from capital.services.sentences import sentence
from strategies.edits import ChangedMeanwhile, Seen


class EditableForm(CarriesShown, forms.ModelForm):  # type: ignore[type-arg]
    """A form that carries what it showed, and also shows what the service refused."""

    refusal: ValidationError | None = None

    def _post_clean(self) -> None:
        super()._post_clean()
        if self.refusal is None:
            return
        by_field = getattr(self.refusal, "error_dict", {NON_FIELD_ERRORS: [self.refusal]})
        for name, errors in by_field.items():
            # A form without the field has no place for its error.
            self.add_error(name if name in self.fields else None, errors)


class SecretInput(UnfoldAdminPasswordWidget):  # type: ignore[misc]  # unfold has no types
    """What is typed here is sent to no page. One that is made from a POST says that it is gone."""

    is_gone = False

    def render(self, *args: Any, **kwargs: Any) -> SafeString:
        """The field; below it, that what was typed must be typed again."""
        field: SafeString = super().render(*args, **kwargs)
        if not self.is_gone:
            return field
        again = gettext("Type this again. For safety, a page does not show what was typed here.")
        return format_html('{}<p class="desk-bad mt-1" role="alert">{}</p>', field, again)


class SecretField(forms.CharField):
    """With a ``SecretInput``. Empty leaves what is stored, and is no change."""

    def has_changed(self, initial: Any, data: Any) -> bool:
        """Whether anything was typed."""
        return bool(data)

    def bound_data(self, data: Any, initial: Any) -> Any:
        """Asked for only where a form is shown with what was typed."""
        self.widget.is_gone = bool(data)
        return super().bound_data(data, initial)


class Editable:
    """For a ``ModelAdmin`` with an ``EditableForm``, before its base class.

    A child makes the service calls. What the service refuses comes back as the form's error, with
    all that was typed but secrets: the change is rolled back, and the page is made again from the
    same POST.
    """

    def create_row(self, request: HttpRequest, values: dict[str, Any]) -> Model:
        raise NotImplementedError

    def change_row(
        self, request: HttpRequest, row: Any, values: dict[str, Any], seen: Seen
    ) -> Model:
        """The row with the changed fields, if it still is as it was seen."""
        raise NotImplementedError

    def delete_row(self, request: HttpRequest, row: Any) -> None:
        """Remove a row that has no history. Raises ``HasHistory``."""
        raise NotImplementedError

    def changeform_view(
        self,
        request: HttpRequest,
        object_id: str | None = None,
        form_url: str = "",
        extra_context: dict[str, Any] | None = None,
    ) -> HttpResponse:
        """Show the form again where the service refuses what the form took for valid."""
        arguments = (object_id, form_url, extra_context)
        if request.method != "POST":
            return super().changeform_view(request, *arguments)  # type: ignore[misc,no-any-return]
        try:
            return super().changeform_view(request, *arguments)  # type: ignore[misc,no-any-return]
        except ChangedMeanwhile as error:
            request.stale = [error]  # type: ignore[attr-defined]
        except StaleRows as error:
            request.stale = error.rows  # type: ignore[attr-defined]
        except (ValidationError, CapitalError) as error:
            request.refusal = _as_validation_error(error)  # type: ignore[attr-defined]
        return super().changeform_view(request, *arguments)  # type: ignore[misc,no-any-return]

    def get_form(self, request: HttpRequest, *args: Any, **kwargs: Any) -> Any:
        """A form that knows what was refused."""
        form: Any = super().get_form(request, *args, **kwargs)  # type: ignore[misc]
        form.refusal = getattr(request, "refusal", None)
        form.stale = stale_rows(request, form._meta.model)
        return form

    def save_model(
        self,
        request: HttpRequest,
        obj: Any,
        form: Any,
        change: bool,  # noqa: FBT001  # Django's signature
    ) -> None:
        """One service call with what was typed: the jobs write other columns meanwhile."""
        if not change:
            names = form.cleaned_data
            saved = self.create_row(request, {name: getattr(obj, name) for name in names})
        elif form.changed_data:
            names = form.changed_data
            values = {name: getattr(obj, name) for name in names}
            saved = self.change_row(request, obj, values, form.seen())
        else:
            return
        take_over(obj, saved)

    def delete_model(self, request: HttpRequest, obj: Any) -> None:
        """One service call."""
        self.delete_row(request, obj)


def stale_rows(request: HttpRequest, model: type[Model]) -> dict[Any, ChangedMeanwhile]:
    """What this request was refused because of somebody else's change, by primary key."""
    refused: list[ChangedMeanwhile] = getattr(request, "stale", [])
    return {each.row.pk: each for each in refused if isinstance(each.row, model)}


def take_over(row: Model, saved: Model) -> None:
    """Make the form's row the one that was saved: the admin goes on with its own."""
    row.__dict__.update(saved.__dict__)


def _as_validation_error(error: ValidationError | CapitalError) -> ValidationError:
    return error if isinstance(error, ValidationError) else ValidationError(sentence(error.reason))
