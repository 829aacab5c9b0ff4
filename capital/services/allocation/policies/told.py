"""What the steps of a decision did to a link, as one sentence with its arithmetic."""

from collections.abc import Iterable, Mapping
from decimal import Decimal

from django.utils.translation import gettext
from django.utils.translation import gettext_noop as _

from capital.domain.allocation.policies.contract import Did, Step
from capital.domain.money import ROUNDED, grouped, quantum_of
from capital.domain.particles import resolve

_SENTENCES: Mapping[Did, str] = {
    Did.SHARE: _("({balance} − {reserve} reserve) × {claim} of {claims} = {amount}"),
    Did.SHARE_BESIDE: _(
        "({balance} − {reserve} reserve − {beside} for others) × {claim} of {claims} = {amount}"
    ),
    Did.FIXED: _("fixed amount {amount}"),
    Did.CUT_SHORT: _("only {amount} left"),
    Did.AT_LEAST: _("at least {amount}"),
    Did.AT_MOST: _("at most {amount}"),
    Did.TO_OTHERS: _("{amount} to the others"),
    Did.FROM_OTHERS: _("{amount} from the others"),
    Did.LEFT: _("{amount} unallocated"),
    Did.SCALED: _("× (1 − drawdown of {drawdown}% ÷ {limit}%) = {amount}"),
    Did.HALF_COMPOUNDED: _("base capital {base} + half of what is above it = {amount}"),
    Did.NOT_COMPOUNDED: _("at most the base capital of {base}"),
    Did.IN_USE: _("{amount} in use"),
    Did.STOPPED: _("stopped: {amount} unallocated"),
    Did.OVER_COMMITTED: _("{amount} in use"),
    Did.WITHIN_BAND: _("within the drift band of {percent}%"),
    Did.BY_VOLATILITY: _("weight {weight} ÷ volatility {volatility}% ({days} days) = {claim}"),
    Did.BY_MEDIAN: _(
        "weight {weight} ÷ {volatility}%, the median volatility of the others = {claim}"
    ),
    Did.BY_WEIGHT: _("no strategy has {days} days with a return: by weight"),
    Did.OWN: _("{had} + {earned} earned = {amount}"),
    Did.BY_FLOWS: _("{rest} from outside × {weight} of {weights} = {amount}"),
    Did.UNEXPLAINED: _("{amount} of it unexplained"),
    Did.LOSS_EXCEEDS: _("its loss exceeds its capital by {amount}, which the others carry"),
    Did.CARRIES: _("carries {amount} of a loss"),
    Did.NEW: _("new: {others} of the others × {weight} of {weights} = {amount}"),
    Did.GIVES_NEW: _("{amount} to a new strategy"),
    Did.SET_ASIDE: _("{amount} stays its own, unallocated"),
}
_AMOUNTS = frozenset(
    {"balance", "reserve", "beside", "amount", "base", "had", "earned", "rest", "others"}
)
_PLACES = Decimal("0.0001")


def tell_steps(steps: Iterable[Step], currency: str) -> list[str]:
    """The steps of one link in their order, each as a sentence of its own."""
    return [_told(step, currency) for step in steps]


def told_steps(steps: Iterable[Step], currency: str) -> str:
    """The steps of one link in their order, with semicolons between them; empty for none."""
    return "; ".join(tell_steps(steps, currency))


def _told(step: Step, currency: str) -> str:
    figures = {name: _figure(name, text, currency) for name, text in step.figures.items()}
    return resolve(gettext(_SENTENCES[step.did]).format(**figures))


def _figure(name: str, text: str, currency: str) -> str:
    """An amount to the currency's quantum, any other number to four places."""
    amount = Decimal(text)
    if name in _AMOUNTS:
        return grouped(ROUNDED.quantize(amount, quantum_of(currency)), currency)
    return grouped(ROUNDED.normalize(ROUNDED.quantize(amount, _PLACES)))
