"""Several processes at once: the same is told once, and sent once."""

from concurrent.futures import ThreadPoolExecutor
from threading import Barrier

import pytest
from django.db import connection, transaction

from capital.domain.reasons import Code, Reason
from capital.models import Alert, AlertDelivery, AlertKind
from capital.services.alerts.outbox import send_delivery, spread_alerts
from capital.services.alerts.troubles import About, Seen, note
from tests.factories import make_account
from tests.services.alerts.helpers import NOON, make_target, use

pytestmark = [pytest.mark.postgresql, pytest.mark.django_db(transaction=True)]
MANY = 6


def at_once(work: object) -> list[object]:
    barrier = Barrier(MANY)

    def run(_number: int) -> object:
        try:
            barrier.wait(30)
            return work()  # type: ignore[operator]
        finally:
            connection.close()

    with ThreadPoolExecutor(MANY) as pool:
        return list(pool.map(run, range(MANY)))


def test_whoever_finds_it_at_once_tells_it_once_and_sends_it_once(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    channel = use(monkeypatch)
    accounts = [make_account(), make_account()]
    target = make_target(accounts[0].owner)
    seen = [
        Seen(
            kind=AlertKind.RUN_FAILED,
            about=About(account_id=account.pk),
            reason=Reason(Code.DATABASE_ERROR, {"kind": "Full"}),
        )
        for account in accounts
    ]

    def find() -> int:
        with transaction.atomic():
            return len(note(seen, now=NOON))

    assert sorted(at_once(find)) == [0] * (MANY - 1) + [2]  # type: ignore[type-var]
    assert Alert.objects.count() == 2
    assert sorted(at_once(lambda: spread_alerts(clock=lambda: NOON)))[-1] == 1  # type: ignore[type-var]
    delivery = AlertDelivery.objects.get()
    assert delivery.target == target
    at_once(lambda: send_delivery(delivery.pk, clock=lambda: NOON))

    assert len(channel.sent) == 1
