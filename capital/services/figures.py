"""The figures of a reason as its sentence shows them: in the reader's words.

What is stored and sent stays: ``spot``, ``separate``, ``exchange_timeout``. A sentence says "spot",
"separate wallets", "no answer in time", each in the active language. A figure that is not listed
here, or whose text is not known, is shown as it is.
"""

import re
from collections.abc import Callable, Mapping
from datetime import datetime
from decimal import Decimal

from django.apps import apps
from django.core.exceptions import FieldDoesNotExist
from django.db.models import Model
from django.utils import timezone
from django.utils.translation import gettext, gettext_lazy, pgettext_lazy
from django.utils.translation import gettext_noop as _

from capital.domain.allocation.rules import PolicyName
from capital.domain.money import grouped
from capital.domain.reasons import Code, Reason
from capital.models import (
    RESERVATION_STATES,
    Account,
    AllocationRun,
    DailyAccountSummary,
    LinkDay,
    Market,
    Position,
    Scope,
    StrategyCapital,
    SymbolDay,
)
from capital.models.accounts import BASIS_NAMES, MODE_NAMES
from capital.services.labels import (
    OUTCOME_NAMES,
    POOL_NAMES,
    ROLE_NAMES,
    SIDE_NAMES,
    SOURCE_NAMES,
    label,
)

# One figure's text → the reader's words.
Form = Callable[[str], str]


def shown(reason: Reason) -> dict[str, str]:
    """The figures of ``reason`` as its sentence shows them, in the active language.

    An amount has no currency here: the sentence names it.
    """
    forms = {**_FORMS, **_FORMS_OF.get(reason.code, {})}
    currency = reason.figures.get("currency", "")
    return {
        name: forms[name](figure) if name in forms else _number(name, figure, currency)
        for name, figure in reason.figures.items()
    }


def _number(name: str, figure: str, currency: str) -> str:
    """``10000`` as ``10,000`` where it is an amount and not a name."""
    if name not in _AMOUNTS or not _DIGITS.fullmatch(figure):
        return figure
    return grouped(Decimal(figure), "" if name == "percent" else currency)


def _word(names: Mapping[str, object]) -> Form:
    """One stored word."""
    return lambda figure: str(names.get(figure, figure))


def _words(names: Mapping[str, object]) -> Form:
    """Stored words between commas; others among them stay."""
    return lambda figure: ", ".join(str(names.get(word, word)) for word in figure.split(", "))


def _choices(model: type[Model], field: str) -> dict[str, object]:
    return dict(model._meta.get_field(field).flatchoices)  # type: ignore[union-attr]


def _labels(*models: type[Model]) -> dict[str, object]:
    """What the fields of these models are called, by their names."""
    return {field.name: field.verbose_name for model in models for field in model._meta.fields}


def _model(figure: str) -> str:
    """``AllocationRun``: what the model is called."""
    try:
        return str(apps.get_model("capital", figure)._meta.verbose_name)
    except LookupError:
        return figure


def _column(figure: str) -> str:
    """``capital.Account.reserve_amount``: what the model and its field are called."""
    try:
        model, _, name = figure.rpartition(".")
        options = apps.get_model(model)._meta
        return f"{options.verbose_name}, {options.get_field(name).verbose_name}"
    except (LookupError, ValueError, FieldDoesNotExist):
        return figure


def _moment(figure: str) -> str:
    """``2026-11-26 23:08:06``, in the project's time zone."""
    return _time(figure, "%Y-%m-%d %H:%M:%S")


def _minute(figure: str) -> str:
    """``2026-11-26 23:08``, in the project's time zone."""
    return _time(figure, "%Y-%m-%d %H:%M")


def _time(figure: str, form: str) -> str:
    try:
        return f"{timezone.localtime(datetime.fromisoformat(figure)):{form}}"
    except (ValueError, OverflowError):
        # No time, or one at the ends of the calendar, which our zone does not have.
        return figure


# Parts of sentences that the code makes in English, and what is shown for each.
_CLAUSES = {
    clause: clause
    for clause in (
        # An exchange's answer
        _("a part of the list"),
        _("an entry without a currency"),
        _("as many requests as it allows are on their way"),
        _("listed twice"),
        _("no list of holdings"),
        _("no {kind} market"),
        _("not a number"),
        _("Retry-After, {seconds} s left"),
        # An amount, or what is to be divided
        _("it has more than {digits} digits"),
        _("it has more than {digits} digits before the point"),
        _("it has more than {digits} integer digits"),
        _("it has {decimals} decimals and the column keeps {kept}"),
        _("it has {digits} significant digits and SQLite keeps {kept} (PostgreSQL keeps them all)"),
        _("it is a {type}"),
        _("it is not a plain decimal number such as 1500.25"),
        _("a weight is not a number of zero or more"),
        _("no weight is above zero"),
        _("the quantum {quantum} is not above zero"),
        _("the total {total} is not a whole number of {quantum}"),
        _("the total {total} is not an amount of zero or more"),
        # A token
        _("its name must have 1 to {longest} printable characters"),
        _("its scope must be one of {scopes}"),
        _("it must end after 1 to {days} days"),
        _("its user has no account {account}"),
        _("its user is switched off"),
    )
} | {
    # Rows
    "account {account}": _("account {account}"),
    "capital of link {link}": _("capital of strategy link {link}"),
    "run {run}": _("allocation #{run}"),
    "summary {summary}": _("daily summary {summary}"),
    "snapshot": _("snapshot"),
    # Accounts that nobody named
    "any account": _("any account"),
}
# The longest first: a short one may fit a part of it.
_PATTERNS = [
    (re.compile(re.sub(r"\\{(\w+)\\}", r"(?P<\1>.+)", re.escape(clause))), message)
    for clause, message in sorted(_CLAUSES.items(), key=lambda item: -len(item[0]))
]


def _clause(figure: str) -> str:
    for pattern, message in _PATTERNS:
        if match := pattern.fullmatch(figure):
            parts = match.groupdict()
            if "kind" in parts:
                parts["kind"] = _kind(parts["kind"])
            return gettext(message).format(**parts)
    return figure


def shown_change(figure: str) -> str:
    """``contract_size 10 → 1, amount_unit base → quote``, in the reader's words."""
    names = _labels(Market)
    parts = (part.partition(" ") for part in figure.split(", "))
    return ", ".join(
        f"{names.get(name, name)} {_values(name, rest)}".strip() for name, _, rest in parts
    )


def _values(name: str, figure: str) -> str:
    """``base → quote`` in the reader's words, ``None → 1`` as ``— → 1``."""
    if " → " not in figure:
        return figure
    words = {"None": "—", "": "—", **_RULE_WORDS.get(name, {})}
    return " → ".join(str(words.get(value, value)) for value in figure.split(" → "))


_pools = _words(POOL_NAMES)
_kind = _word(_choices(Market, "kind"))
# What the values of an instrument's rules are called where only what changed is told.
_RULE_WORDS: Mapping[str, Mapping[str, object]] = {
    "kind": _choices(Market, "kind"),
    "precision_mode": _choices(Market, "precision_mode"),
    "amount_unit": {
        "contracts": pgettext_lazy("unit of a quantity", "contracts"),
        "base": pgettext_lazy("unit of a quantity", "base"),
        "quote": pgettext_lazy("unit of a quantity", "quote"),
    },
}
_mode = _word(MODE_NAMES)
_side = _word(SIDE_NAMES)
_yes_or_no = _word({"True": gettext_lazy("yes"), "False": gettext_lazy("no")})
_argument = _words(
    {
        **_labels(AllocationRun),
        "live": gettext_lazy("live balances"),
        "if_due": gettext_lazy("only if due"),
        "force": gettext_lazy("forced"),
        "accept_jump": gettext_lazy("accept jump"),
    }
)
_DIGITS = re.compile(r"-?[0-9]+(\.[0-9]+)?")
_AMOUNTS = frozenset(
    {
        "accepted",
        "after",
        "allocated",
        "amount",
        "available",
        "balance",
        "before",
        "capital",
        "change",
        "cost",
        "ending",
        "expected",
        "held",
        "limit",
        "loss",
        "observed",
        "percent",
        "position",
        "price",
        "quantity",
        "recorded",
        "reserve",
        "rest",
        "restored",
        "shortfall",
        "starting",
        "stop",
        "threshold",
        "unallocated",
        "unexplained",
    }
)
# By the figure's name.
_POLICIES: dict[str, object] = {
    PolicyName.WEIGHTS.value: gettext_lazy("by weight"),
    PolicyName.OWN_PROFIT.value: gettext_lazy("own profit"),
    PolicyName.INVERSE_VOLATILITY.value: gettext_lazy("inverse volatility"),
}
_FORMS: dict[str, Form] = {
    "accounts": _clause,
    "argument": _argument,
    "basis": _word(BASIS_NAMES),
    "cause": label,
    "differences": _argument,
    "entry": _clause,
    "kind": _clause,
    "live": label,
    "market": _pools,
    "missing": _words(_labels(Account)),
    "mode": _mode,
    "model": _model,
    "modes": _words(MODE_NAMES),
    "moment": _moment,
    "needed": _word(dict(Scope.choices)),
    "observed_at": _minute,
    "outcome": _word(OUTCOME_NAMES),
    "parts": _pools,
    "pool": _pools,
    "pools": _pools,
    "position_side": _word(_choices(Position, "position_side")),
    "problem": _clause,
    "row": _clause,
    "said": _mode,
    "scope": _word(dict(Scope.choices)),
    "side": _side,
    "since": _minute,
    "source": _word(SOURCE_NAMES),
    "until": _moment,
    "user": lambda figure: figure or gettext("The command line"),
    "why": label,
}
# Where one code means something else by that name.
_FORMS_OF: dict[Code, dict[str, Form]] = {
    Code.AMOUNT_NOT_STORABLE: {"field": _column},
    Code.MARKET_RULES_SUSPECT: {"change": shown_change},
    Code.POLICY_SET: {"before": _word(_POLICIES), "after": _word(_POLICIES)},
    Code.FORCED_MARK_WRONG: {"marked": _yes_or_no, "asked": _yes_or_no},
    Code.ROLE_TOO_SMALL: {"role": _word(ROLE_NAMES), "needed": _word(ROLE_NAMES)},
    Code.SYMBOL_OF_OTHER_MARKET: {"kind": _kind},
    Code.RESERVATION_ENDED: {"state": _word(dict(RESERVATION_STATES))},
    Code.TIME_IN_FUTURE: {
        "what": _word(_labels(DailyAccountSummary, StrategyCapital, AllocationRun, Account))
    },
    Code.POSITION_NOT_OF_FILLS: {"what": _word(_labels(Position, SymbolDay))},
    Code.DAY_NOT_OF_FILLS: {"what": _word(_labels(SymbolDay))},
    Code.DAY_NOT_OF_POSITIONS: {"what": _word(_labels(LinkDay))},
    Code.DAY_START_WRONG: {"what": _word(_labels(LinkDay))},
    Code.SUMMARY_NOT_OF_LINKS: {"what": _word(_labels(DailyAccountSummary))},
}
