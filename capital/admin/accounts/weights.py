"""Weights, edited where the money that follows from them is seen: on an account's page."""

from dataclasses import dataclass
from typing import Any
from uuid import UUID, uuid4

from django.contrib import messages
from django.core.exceptions import PermissionDenied, ValidationError
from django.forms import modelformset_factory
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect, JsonResponse
from django.urls import path, reverse
from django.utils import timezone
from django.utils.translation import gettext

from capital.admin.accounts.bounds import told_bounds
from capital.admin.accounts.weights_told import told_foreseen, width
from capital.admin.allocation.asking import ask_for_plan
from capital.admin.frame.cells import why_url
from capital.admin.frame.editable import EditableForm
from capital.admin.frame.formats import digits, percent
from capital.admin.frame.views import asker_of, render_page, seen_or_404, user_of
from capital.domain.allocation.rules import PolicyName
from capital.domain.errors import CapitalError
from capital.domain.pools import Pool, WalletMode, pool_of
from capital.models import Account, StrategyAccount
from capital.services.access import Act, may
from capital.services.allocation import (
    Weighed,
    foresee_saved_weights,
    save_weights,
    weigh_links,
)
from capital.services.labels import POOL_NAMES
from capital.services.sentences import sentence, sentence_of
from strategies.edits import SomeChangedMeanwhile
from strategies.markets import MarketType
from strategies.models import StrategyStatus

PREFIX = "weights"


@dataclass(frozen=True)
class Row:
    """One strategy of a pool.

    Attributes:
        share: Of what is divided by weight, as text and as the width of its bar.
        why_url: Where it is said why it has its capital.
        notes: Why its weight does not count now, and what limits its capital.
    """

    form: Any
    link: StrategyAccount
    share: str
    width: str
    capital: str
    why_url: str
    notes: list[str]


@dataclass(frozen=True)
class Editor:
    """What the template shows.

    Attributes:
        problems: What is wrong beyond single weights.
        note: What weights do under the account's policy, where that is not the usual.
        once: The key of the form: a preview is made once of it.
    """

    account: Account
    formset: Any
    pools: list[tuple[Pool, Any, list[Row]]]
    problems: list[str]
    note: str
    may_allocate: bool
    save_url: str
    preview_url: str
    split_url: str
    once: UUID


class WeightsPage:
    """For the accounts' ``ModelAdmin``: the editor, its live figures, and saving."""

    def get_urls(self) -> list[Any]:
        """Before those of an account."""
        site = self.admin_site  # type: ignore[attr-defined]
        return [
            path(
                "<path:object_id>/weights/",
                site.admin_view(self.weights_view),
                name="capital_account_weights",
            ),
            path(
                "<path:object_id>/weights/preview/",
                site.admin_view(self.weights_preview_view),
                name="capital_account_weights_preview",
            ),
            *super().get_urls(),  # type: ignore[misc]
        ]

    def render_change_form(
        self,
        request: HttpRequest,
        context: dict[str, Any],
        add: bool = False,  # noqa: FBT001, FBT002  # Django's signature
        change: bool = False,  # noqa: FBT001, FBT002
        form_url: str = "",
        obj: Account | None = None,
    ) -> HttpResponse:
        """With the editor above, for whoever may change weights."""
        if obj is not None and may(user_of(request), Act.CHANGE_LINK, obj):
            # A refused form has put what was typed on the row; weights are of what is stored.
            stored = obj if request.method == "GET" else Account.objects.get(pk=obj.pk)
            formset = self._formset(request, stored, is_sent=False)
            if formset.forms:
                context["weights"] = self._editor(request, stored, formset)
        return super().render_change_form(request, context, add, change, form_url, obj)  # type: ignore[misc,no-any-return]

    def weights_view(self, request: HttpRequest, object_id: str) -> HttpResponse:
        """The editor by itself; on POST the weights are saved, and what was refused is shown."""
        account = self._weighed(request, object_id)
        is_sent = request.method == "POST"
        formset, problems = self._formset(request, account, is_sent=is_sent), []
        if is_sent and formset.is_valid():
            try:
                self._save(request, account, formset)
            except SomeChangedMeanwhile as error:
                # Made again from the same POST: each weight says what it became meanwhile.
                stale = {refused.row.pk: refused for refused in error.rows}
                formset = self._formset(request, account, is_sent=True, stale=stale)
                formset.is_valid()
            except ValidationError as error:
                problems = error.messages
            except CapitalError as error:
                problems = [sentence(error.reason)]
            else:
                return self._saved(request, account, is_changed=formset.has_changed())
        title = gettext("Weights: %(account)s") % {"account": account.name}
        context = {
            "object": account,
            "weights": self._editor(request, account, formset, problems),
            "back": reverse("admin:capital_account_change", args=[account.pk]),
        }
        return render_page(self, request, "accounts/weights_page", title, context)

    def weights_preview_view(self, request: HttpRequest, object_id: str) -> HttpResponse:
        """What the typed weights would come to, as JSON; nothing is saved."""
        account = self._weighed(request, object_id)
        if request.method != "POST":
            return HttpResponseRedirect(reverse("admin:capital_account_weights", args=[account.pk]))
        formset = self._formset(request, account, is_sent=True)
        if not formset.is_valid():
            errors = {
                form.add_prefix(name): " ".join(messages)
                for form in formset
                for name, messages in form.errors.items()
            }
            return JsonResponse({"errors": errors})
        weights = {form.instance.pk: form.cleaned_data["weight"] for form in formset}
        try:
            foreseen = foresee_saved_weights(account.pk, weights, actor=user_of(request))
        except CapitalError as error:
            return JsonResponse({"notice": sentence(error.reason)})
        return JsonResponse(told_foreseen(foreseen, now=timezone.now()))

    def _weighed(self, request: HttpRequest, object_id: str) -> Account:
        account: Account = seen_or_404(self, request, object_id)
        if not may(user_of(request), Act.CHANGE_LINK, account):
            raise PermissionDenied
        return account

    def _formset(
        self, request: HttpRequest, account: Account, *, is_sent: bool, stale: Any = None
    ) -> Any:
        """A weight for each strategy that may trade again; of a POST for all that were shown."""
        links = StrategyAccount.objects.filter(account=account).order_by("pk")
        links = links.select_related("strategy", "account", "capital")
        if not is_sent:
            links = links.exclude(strategy__status=StrategyStatus.ARCHIVED)
        form = type("WeightForm", (EditableForm,), {"stale": stale or {}})
        made: Any = modelformset_factory(
            StrategyAccount,
            form=form,
            fields=["weight"],
            extra=0,
            formfield_callback=lambda field: self.formfield_for_dbfield(field, request=request),  # type: ignore[attr-defined]
        )
        formset = made(request.POST if is_sent else None, queryset=links, prefix=PREFIX)
        for each in formset.forms:
            weight = each.fields["weight"]
            weight.help_text = ""
            weight.error_messages |= dict.fromkeys(
                ("max_value", "max_digits", "max_whole_digits"),
                gettext("The weight must be above 0 and at most 100."),
            )
            weight.widget.attrs |= {
                "aria-label": gettext("Weight of %(strategy)s")
                % {"strategy": each.instance.strategy.name if each.instance.pk else ""},
                "aria-describedby": f"{each['weight'].id_for_label}-error",
            }
        return formset

    def _save(self, request: HttpRequest, account: Account, formset: Any) -> None:
        changed = [form for form in formset if form.has_changed()]
        save_weights(
            account.pk,
            {form.instance.pk: form.cleaned_data["weight"] for form in changed},
            seen={form.instance.pk: form.seen() for form in changed},
            **asker_of(request),
        )

    def _saved(self, request: HttpRequest, account: Account, *, is_changed: bool) -> HttpResponse:
        """To the preview of what follows, or back to the account."""
        page = reverse("admin:capital_account_change", args=[account.pk])
        if is_changed:
            messages.success(
                request,
                gettext(
                    "The weights are saved. Capital stays as it is until somebody allocates, or "
                    "until the next scheduled check."
                ),
            )
        if "_preview" not in request.POST or not may(user_of(request), Act.ALLOCATE, account):
            return HttpResponseRedirect(page)
        return ask_for_plan(request, [account.pk], back=page)

    def _editor(
        self, request: HttpRequest, account: Account, formset: Any, problems: Any = ()
    ) -> Editor:
        weighed = weigh_links(account)
        mode = WalletMode(account.wallet_mode)
        rows: dict[Pool, list[Row]] = {}
        for form in formset:
            link = form.instance
            if link.pk is None:
                continue
            share, capital = weighed[link.pk].share, getattr(link, "capital", None)
            pool = pool_of(MarketType(link.strategy.market_type), mode)
            rows.setdefault(pool, []).append(
                Row(
                    form=form,
                    link=link,
                    share=percent(share),
                    width=width(share),
                    capital=digits(capital and capital.allocated_capital, account.currency),
                    why_url=why_url(link=link.pk),
                    notes=[*_state(weighed[link.pk]), *told_bounds(link)],
                )
            )
        urls = {
            name: reverse(f"admin:capital_account_{name}", args=[account.pk])
            for name in ("weights", "weights_preview", "split_again")
        }
        return Editor(
            account=account,
            formset=formset,
            pools=[(pool, POOL_NAMES[pool.value], rows[pool]) for pool in Pool if pool in rows],
            problems=[*problems, *formset.non_form_errors()],
            note=_note(account),
            may_allocate=may(user_of(request), Act.ALLOCATE, account),
            save_url=urls["weights"],
            preview_url=urls["weights_preview"],
            split_url=urls["split_again"] if account.policy == PolicyName.OWN_PROFIT else "",
            once=uuid4(),
        )


def _state(weighed: Weighed) -> list[str]:
    """Why its weight does not count now."""
    if weighed.idle is not None:
        return [sentence_of(weighed.idle, {})]
    if weighed.is_stopped:
        return [gettext("stopped by a limit: its share stays unallocated")]
    return []


def _note(account: Account) -> str:
    """What weights do, where they do not simply divide the pool."""
    match account.policy:
        case PolicyName.OWN_PROFIT:
            return gettext(
                "With own profit, weights divide only deposits, withdrawals and changes of the "
                "reserve. What each strategy earned stays its own."
            )
        case PolicyName.INVERSE_VOLATILITY:
            return gettext(
                "With inverse volatility, each weight is divided by how much its strategy "
                "fluctuates, so capital differs from these shares."
            )
    return ""
