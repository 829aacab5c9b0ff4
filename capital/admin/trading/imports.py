"""Importing trades from a file: uploaded, seen first, and imported exactly so."""

import json
from collections.abc import Iterator, Mapping, Sequence
from typing import Any
from uuid import UUID

from django import forms
from django.contrib import messages
from django.contrib.auth.models import AbstractUser
from django.core.exceptions import PermissionDenied
from django.http import Http404, HttpRequest, HttpResponse, HttpResponseRedirect
from django.urls import path, reverse
from django.utils.safestring import SafeString
from django.utils.translation import gettext, gettext_lazy
from unfold.decorators import action
from unfold.enums import ActionVariant
from unfold.widgets import UnfoldAdminFileFieldWidget, UnfoldAdminSelectWidget

from capital.admin.frame.cells import link_to
from capital.admin.frame.navigation import listing
from capital.admin.frame.views import render_page, user_of
from capital.admin.trading.entry_forms import LinkForm
from capital.admin.trading.previews import COUNTS, preview_context
from capital.domain.errors import (
    CapitalError,
    ImportChanged,
    NotFound,
    NotPermitted,
    RoleTooSmall,
    UnknownAccount,
)
from capital.models import TradeUpload
from capital.services.access import Act
from capital.services.sentences import sentence
from capital.services.trading import (
    LARGEST_UPLOAD_MB,
    MOST_UPLOADED_LINES,
    counts_of,
    get_upload,
    import_upload,
    keep_upload,
    preview_upload,
)
from strategies.models import Strategy

# What is left of a request for the file, which our page compresses.
_MOST_SENT = 1_000_000


class UploadForm(LinkForm):
    """Which file, and whose trades are in it."""

    act = Act.REPORT_TRADING
    field_order = ("file", "account", "strategy")
    file = forms.FileField(
        label=gettext_lazy("File"),
        widget=UnfoldAdminFileFieldWidget({"data-most-sent": _MOST_SENT}),
    )
    strategy = forms.ModelChoiceField(
        Strategy.objects.none(),
        label=gettext_lazy("Strategy"),
        required=False,
        empty_label=gettext_lazy("as each line says"),
        widget=UnfoldAdminSelectWidget(),
        help_text=gettext_lazy(
            "Whose trades all of them are. Leave it as it is where each line, or freqtrade, names "
            "the strategy by key or name."
        ),
    )

    def __init__(self, user: AbstractUser, *args: Any, **kwargs: Any) -> None:
        super().__init__(user, *args, **kwargs)
        text = gettext(
            "CSV, XLSX, or the SQLite database of a freqtrade bot: stop the bot first, so that "
            "everything is in it. At most %(lines)s lines and %(size)s MB; split what is larger."
        )
        self.fields["file"].help_text = text % {
            "lines": f"{MOST_UPLOADED_LINES:,}",
            "size": LARGEST_UPLOAD_MB,
        }


class ImportPages:
    """For the fills' ``ModelAdmin``: upload, see first, import."""

    actions_list: Sequence[Any] = ["import_trades"]

    def get_urls(self) -> list[Any]:
        """The page of an upload, before those of a fill."""
        view = self.admin_site.admin_view(self.upload_view)  # type: ignore[attr-defined]
        name = "capital_fill_upload"
        return [path("import/<uuid:upload_id>/", view, name=name), *super().get_urls()]  # type: ignore[misc]

    def has_import_permission(self, request: HttpRequest, _obj: Any = None) -> bool:
        """Whether the user may import at all; on which accounts, the form says."""
        return request.user.has_perm(Act.REPORT_TRADING.permission)

    @action(  # type: ignore[untyped-decorator]
        permissions=["import"],
        description=gettext_lazy("Import trades"),
        url_path="import",
        icon="upload_file",
        variant=ActionVariant.PRIMARY,
    )
    def import_trades(self, request: HttpRequest) -> HttpResponse:
        """Choose a file; then see what it would do."""
        user = user_of(request)
        form = UploadForm(user, request.POST or None, request.FILES or None)
        if request.method == "POST" and form.is_valid():
            try:
                return _to_upload(_kept(form, user))
            except CapitalError as error:
                form.add_error("file", sentence(error.reason))
        context = {"form": form, "back": listing("fill")}
        return render_page(self, request, "trading/import", gettext("Import trades"), context)

    def upload_view(self, request: HttpRequest, upload_id: UUID) -> HttpResponse:
        """What would be recorded: import it, or leave it."""
        user = user_of(request)
        try:
            upload = get_upload(upload_id, actor=user)
            if request.method == "POST":
                return self._import(request, upload)
            if upload.imported_at is None:
                return self._preview(request, upload)
        except (NotFound, UnknownAccount):
            raise Http404 from None
        except (NotPermitted, RoleTooSmall):
            raise PermissionDenied from None
        names = _names(upload)
        context = {
            **_about(upload, names),
            "counts": [
                (names.get(key, key), [(label, counts[name]) for name, label in COUNTS])
                # PostgreSQL keeps the keys of an object in an order of its own.
                for key, counts in sorted(upload.counts["strategies"].items())
            ],
        }
        title = gettext("Import trades: result")
        return render_page(self, request, "trading/import_result", title, context)

    def _preview(self, request: HttpRequest, upload: TradeUpload) -> HttpResponse:
        title = gettext("Import trades: preview")
        try:
            file, report = preview_upload(upload, actor=user_of(request))
        except CapitalError as error:
            # The account, or what may be imported, is another one by now.
            messages.error(request, sentence(error.reason))
            return HttpResponseRedirect(_start())
        names = _names(upload)
        context = {
            **_about(upload, names),
            **preview_context(file, report, names),
            "shown": json.dumps(counts_of(report)),
        }
        return render_page(self, request, "trading/import_preview", title, context)

    def _import(self, request: HttpRequest, upload: TradeUpload) -> HttpResponse:
        shown = _carried(request.POST.get("shown", ""))
        user = user_of(request)
        try:
            import_upload(upload.public_id, shown=shown, actor=user)
        except ImportChanged as error:
            messages.error(request, sentence(error.reason))
            _, report = preview_upload(upload, actor=user)
            for text in _changes(shown, counts_of(report)):
                messages.warning(request, text)
        return _to_upload(upload)


def _kept(form: UploadForm, user: AbstractUser) -> TradeUpload:
    given = form.cleaned_data
    strategy = given["strategy"]
    return keep_upload(
        given["account"].pk,
        given["file"].read(),
        file_name=given["file"].name,
        strategy=strategy.key if strategy else "",
        actor=user,
    )


def _carried(text: str) -> dict[str, Any]:
    """What the page carried; of anything else, nothing, which is never what would be recorded."""
    try:
        shown = json.loads(text)
    except ValueError:
        return {}
    return shown if isinstance(shown, dict) else {}


def _changes(shown: Mapping[str, Any], now: Mapping[str, Any]) -> Iterator[str]:
    """By strategy, the numbers that are others than they were shown."""
    before = shown.get("strategies")
    if not isinstance(before, dict):
        return
    for key, counts in now["strategies"].items():
        seen = before.get(key)
        if not isinstance(seen, dict):
            continue
        parts = [
            f"{label} {seen[name]} → {counts[name]}"
            for name, label in COUNTS
            if isinstance(seen.get(name), int) and seen[name] != counts[name]
        ]
        if parts:
            yield f"{key}: {', '.join(parts)}"


def _names(upload: TradeUpload) -> dict[str, SafeString]:
    """The names of the strategies on the account, by the keys that a file tells."""
    found = Strategy.objects.filter(strategy_accounts__account=upload.account_id)
    return {each.key: link_to(each, each.name) for each in found}


def _about(upload: TradeUpload, names: Mapping[str, Any]) -> dict[str, Any]:
    fills = {"account__id__exact": str(upload.account_id), "source__exact": "file"}
    return {
        "upload": upload,
        "account": upload.account,
        "strategy": names.get(upload.strategy, upload.strategy),
        "again": _start(),
        "back": listing("fill"),
        "fills": listing("fill", **fills),
    }


def _start() -> str:
    return reverse("admin:capital_fill_import_trades")


def _to_upload(upload: TradeUpload) -> HttpResponseRedirect:
    return HttpResponseRedirect(reverse("admin:capital_fill_upload", args=[upload.public_id]))
