"""The text of a message, in the language of its target."""

from collections.abc import Iterator, Mapping, Sequence
from decimal import Decimal
from typing import Any

from django.conf import settings
from django.urls import reverse
from django.utils import timezone, translation
from django.utils.http import urlencode
from django.utils.translation import gettext, ngettext, npgettext, pgettext

from capital.channels.contract import Message
from capital.domain.money import grouped
from capital.models import Alert, AlertDelivery, AlertKind, AlertState
from capital.services.sentences import sentence_of

MOST_LINES = 20


def compose(alerts: Sequence[Alert], delivery: AlertDelivery) -> Message:
    """The message of a delivery: all of its alerts that its user may see.

    Args:
        alerts: At least one, all of the delivery's kind.
        delivery: With its target.
    """
    with translation.override(delivery.target.language):
        title = _title(alerts, AlertKind(delivery.kind))
        lines = [line for alert in alerts[:MOST_LINES] for line in _lines(alert)]
        if len(alerts) > MOST_LINES:
            left = len(alerts) - MOST_LINES
            lines.append(_more(left))
        return Message(title, "\n".join(lines), _data(alerts, delivery, title))


def sentence_of_alert(alert: Alert) -> str:
    """What an alert says, in the active language; of one that is over, that it is."""
    said = sentence_of(alert.code, alert.figures)
    if alert.state == AlertState.OVER:
        return gettext("Over: %(sentence)s") % {"sentence": said}
    if alert.state == AlertState.CHANGED:
        return gettext("Changed: %(sentence)s") % {"sentence": said}
    return said


def _more(left: int) -> str:
    told = npgettext("troubles", "and %(count)s more", "and %(count)s more", left)
    return told % {"count": left}


def _title(alerts: Sequence[Alert], kind: AlertKind) -> str:
    of_what = alerts[0].subject
    if len(alerts) > 1:
        count = len(alerts)
        of_what = ngettext("%(count)s case", "%(count)s cases", count) % {"count": count}
    title = f"{kind.label}: {of_what}" if of_what else str(kind.label)
    if all(alert.state == AlertState.OVER for alert in alerts):
        title = pgettext("title of an alert", "Over: %(title)s") % {"title": title}
    return f"[Capital] {title}"


def _lines(alert: Alert) -> Iterator[str]:
    said = sentence_of_alert(alert)
    # A test and a digest say themselves whom they are for.
    is_named = alert.subject and alert.addressee_id is None
    yield f"{alert.subject}: {said}" if is_named else said
    if alert.kind == AlertKind.DIGEST:
        yield from digest_lines(alert.details or {})
    for name, address in links_of(alert):
        yield f"  {name}: {address}"


def digest_lines(details: Mapping[str, Any]) -> Iterator[str]:
    """What a digest tells, in the active language: a line for each currency and each trouble."""
    for part in details.get("currencies", ()):
        currency = part["currency"]
        figures = {
            "currency": currency,
            "balance": _money(part["balance"], currency),
            "pnl": _money(part["pnl"], currency),
            "external": _money(part["external"], currency),
        }
        yield (
            gettext(
                "%(currency)s: balance %(balance)s; PnL %(pnl)s; deposits less withdrawals "
                "%(external)s"
            )
            % figures
        )
        if part["unknown"]:
            text = ngettext(
                "  the balance of %(count)s account is not known",
                "  the balance of %(count)s accounts is not known",
                part["unknown"],
            )
            yield text % {"count": part["unknown"]}
        for name, of in ((gettext("best"), part["best"]), (gettext("worst"), part["worst"])):
            if of is not None:
                yield f"  {name}: {of['strategy']} {_money(of['pnl'], currency)}"
    troubles = details.get("troubles", ())
    if not troubles:
        yield gettext("Nothing needs attention.")
        return
    yield gettext("What needs attention:")
    for each in troubles:
        said = sentence_of(each["code"], each["figures"])
        yield f"  {each['subject']}: {said}" if each["subject"] else f"  {said}"
    if left := details.get("more_troubles"):
        yield f"  {_more(left)}"


def _money(amount: str | None, currency: str) -> str:
    """With its separators; a dash for what is not known."""
    return "—" if amount is None else grouped(Decimal(amount), currency)


def links_of(alert: Alert) -> list[tuple[str, str]]:
    """Where to look, and what to do about it; none where the site's address is not known."""
    site = settings.CAPITAL_SITE_URL
    if not site or alert.account_id is None or alert.state == AlertState.OVER:
        return []
    account = site + reverse("admin:capital_account_change", args=[alert.account_id])
    if alert.kind != AlertKind.SUSPECT_BALANCE:
        return [(gettext("Account"), account)]
    allocate = site + reverse("admin:capital_account_allocate_capital", args=[alert.account_id])
    query = urlencode({"accept_jump": "on"})
    return [
        (gettext("Accept the balance"), f"{allocate}?{query}"),
        (gettext("Keep the capital as it is, and look at the account"), account),
    ]


def _data(alerts: Sequence[Alert], delivery: AlertDelivery, title: str) -> dict[str, Any]:
    return {
        "delivery": delivery.pk,
        "kind": delivery.kind,
        "title": title,
        "alerts": [as_json(alert) for alert in alerts],
    }


def as_json(alert: Alert) -> dict[str, Any]:
    """For programs: codes and figures, and the sentence in the active language."""
    return {
        "id": alert.pk,
        "kind": alert.kind,
        "state": alert.state,
        "account": None if alert.account is None else alert.account.name,
        "subject": alert.subject,
        "code": alert.code,
        "figures": alert.figures,
        "details": alert.details,
        "reason": sentence_of_alert(alert),
        "at": timezone.localtime(alert.at).isoformat(),
    }
