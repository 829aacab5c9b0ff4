"""Strategies and weights of an account on one page: the last of the first steps, and a button."""

from collections.abc import Sequence
from typing import Any
from uuid import uuid4

from django.contrib import messages
from django.core.exceptions import PermissionDenied, ValidationError
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.urls import path, reverse
from django.utils.translation import gettext, gettext_lazy
from unfold.decorators import action

from capital.admin.accounts.beginning.forms import NewStrategyForm, WeightForm
from capital.admin.accounts.links import tell_of
from capital.admin.allocation.asking import ask_for_plan, asked_already
from capital.admin.allocation.first_steps import READ, Step, steps_at
from capital.admin.frame.views import asker_of, may_here, render_page, seen_or_404, user_of
from capital.domain.errors import CapitalError
from capital.domain.money import parse_whole
from capital.models import Account, StrategyAccount
from capital.services.access import Act, may, visible_to
from capital.services.allocation import NewLink, NewWeight, begin_strategies
from capital.services.sentences import sentence
from strategies.edits import ChangedMeanwhile
from strategies.models import Strategy, StrategyStatus

_MOST_ROWS = 20


class StrategiesPages:
    """For the accounts' ``ModelAdmin``: new strategies where they are to trade."""

    def get_urls(self) -> list[Any]:
        """The step."""
        view = self.admin_site.admin_view(self.strategies_of)  # type: ignore[attr-defined]
        address, name = "<path:object_id>/first-steps/strategies/", "first_strategies_of"
        return [path(address, view, name=f"capital_account_{name}"), *super().get_urls()]  # type: ignore[misc]

    def has_new_strategy_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        """Whether the user may let strategies trade on the account."""
        return may_here(self, request, obj, Act.ADD_LINK)

    @action(  # type: ignore[untyped-decorator]
        permissions=["new_strategy"],
        description=gettext_lazy("New strategy"),
        url_path="new-strategy",
        icon="add",
    )
    def new_strategy(self, request: HttpRequest, object_id: str) -> HttpResponse:
        """A strategy from within the account."""
        return self._strategies(request, object_id, in_steps=False)

    def strategies_of(self, request: HttpRequest, object_id: str) -> HttpResponse:
        """The step before the preview."""
        if not request.user.has_perm("capital.add_account"):
            raise PermissionDenied
        return self._strategies(request, object_id, in_steps=True)

    def _strategies(self, request: HttpRequest, object_id: str, *, in_steps: bool) -> HttpResponse:
        account: Account = seen_or_404(self, request, object_id)
        user = user_of(request)
        if not may(user, Act.ADD_LINK, account):
            raise PermissionDenied
        back = reverse("admin:capital_account_change", args=[account.pk])
        page = _Page(request, account, in_steps=in_steps)
        if request.method == "POST" and "_more" not in request.POST:
            answer = page.saved()
            if answer is not None:
                return answer
        context = {
            "object": account,
            "account": account,
            "page": page,
            "may_allocate": may(user, Act.ALLOCATE, account),
            "back": back,
            "once": uuid4(),
            "steps": steps_at(Step.STRATEGIES, account, user, was_read=READ in request.GET)
            if in_steps
            else [],
        }
        title = (
            gettext("First steps: strategies")
            if in_steps
            else gettext("New strategy: %(account)s") % {"account": account.name}
        )
        return render_page(self, request, "accounts/first_strategies", title, context)


class _Page:
    """The rows of one request."""

    def __init__(self, request: HttpRequest, account: Account, *, in_steps: bool) -> None:
        self.request, self.account = request, account
        user = user_of(request)
        self.may_make = user.has_perm("strategies.add_strategy")
        sent = request.POST if request.method == "POST" else None
        # One more row is made from what was typed, and judges nothing.
        is_judged = sent is not None and "_more" not in sent
        links = account.strategy_accounts.select_related("strategy").order_by("pk")
        shown = request.POST.get("there")
        # Of the page that was sent; one sent without it, by a program, has seen whatever is there.
        self.seen_links = None if shown is None else _keys(shown)
        self.weights: list[WeightForm] = []
        if may(user, Act.CHANGE_LINK, account):
            # What was linked meanwhile has nothing in what was sent.
            self.weights = [
                WeightForm(link, sent if self._was_shown(link) else None) for link in links
            ]
        self.links = list(links)
        others = (
            visible_to(user, Strategy.objects.all())
            .exclude(status=StrategyStatus.ARCHIVED)
            .exclude(strategy_accounts__account=account)
            .order_by("name", "pk")
        )
        choices = others if others.exists() else None
        self.rows = [
            NewStrategyForm(
                account,
                choices,
                sent if is_judged else None,
                prefix=f"new-{place}",
                initial=_typed(sent, place) if sent else None,
                may_make=self.may_make,
            )
            for place in range(self._count(sent, usual=2 if in_steps and not self.links else 1))
        ]
        self.errors: list[str] = []

    @staticmethod
    def _count(sent: Any, *, usual: int) -> int:
        told = sent.get("rows", "") if sent else ""
        count = int(told) if told.isdecimal() and len(told) < 3 else usual
        return min(count + (sent is not None and "_more" in sent), _MOST_ROWS)

    def _was_shown(self, link: StrategyAccount) -> bool:
        return self.seen_links is None or link.pk in self.seen_links

    def saved(self) -> HttpResponse | None:
        """Where to go when all was saved; None where the page is shown again, with why."""
        if any(form.errors for form in (*self.rows, *self.weights)):
            return None
        filled = [form for form in self.rows if not form.is_empty]
        if not filled and not self.links:
            self.errors.append(
                gettext("Name a strategy first: without one there is nothing to do.")
            )
            return None
        try:
            made = begin_strategies(
                self.account.pk,
                [_new_link(form) for form in filled],
                [_new_weight(form) for form in self.weights if form.is_changed],
                owner=user_of(self.request),  # type: ignore[arg-type]
                seen_links=self.seen_links,
                **asker_of(self.request),
            )
        except ValidationError as error:
            self._refused(error, filled)
            return None
        except ChangedMeanwhile:
            if asked_already(self.request):
                # By a first click on the same button: what was typed is saved.
                return self._onward()
            self.errors.append(
                gettext(
                    "Weights were changed or strategies added here meanwhile. Look again before "
                    "you save."
                )
            )
            return None
        except CapitalError as error:
            self.errors.append(sentence(error.reason))
            return None
        for link in made:
            tell_of(self.request, link)
        return self._onward()

    def _onward(self) -> HttpResponse:
        page = reverse("admin:capital_account_change", args=[self.account.pk])
        if "_preview" in self.request.POST:
            return ask_for_plan(self.request, [self.account.pk], back=page)
        messages.success(
            self.request,
            gettext(
                "The strategies and weights are saved. Capital stays as it is until somebody "
                "allocates, or until the next scheduled check."
            ),
        )
        return HttpResponseRedirect(page)

    def _refused(self, error: ValidationError, filled: Sequence[NewStrategyForm]) -> None:
        """Say it at the row."""
        weights = {form.prefix: form for form in self.weights}
        for name, texts in error.message_dict.items():
            kind, _, place = name.partition("-")
            form = filled[int(place)] if kind == "new" else weights.get(name)
            if form is None:
                self.errors += texts
            else:
                form.add_error(None, texts)


def _keys(text: str) -> set[int]:
    return {each for each in map(parse_whole, text.split(",")) if each is not None}


def _typed(sent: Any, place: int) -> dict[str, str]:
    names = ("strategy", "name", "market", "weight")
    return {name: text for name in names if (text := sent.get(f"new-{place}-{name}"))}


def _new_link(form: NewStrategyForm) -> NewLink:
    given = form.cleaned_data
    chosen = given.get("strategy")
    return NewLink(
        weight=given["weight"],
        strategy_id=None if chosen is None else chosen.pk,
        name=given.get("name", ""),
        market=given.get("market", ""),
    )


def _new_weight(form: WeightForm) -> NewWeight:
    given = form.cleaned_data
    return NewWeight(link_id=form.link.pk, weight=given["weight"], seen=given["seen"])
