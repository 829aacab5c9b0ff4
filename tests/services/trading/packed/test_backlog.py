"""Old days that were never packed are packed a few links at a time, which may be stopped."""

from datetime import UTC, datetime, timedelta

import pytest

from capital.models import LinkDay, LinkMonth
from capital.services.trading.packed import backlog
from capital.services.trading.packed.backlog import pack_backlog
from tests.factories import make_account, make_link, make_strategy
from tests.services.performance.builders import make_day

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("seoul")]

NOW = datetime(2026, 6, 1, 3, tzinfo=UTC)


def pack(*accounts: int, **options: object) -> int:
    return pack_backlog(accounts, clock=lambda: NOW, **options)  # type: ignore[arg-type]


def test_every_few_links_are_packed_by_themselves(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(backlog, "_LINKS_AT_ONCE", 2)
    account, other, beside = (make_account() for _ in range(3))
    links = [make_link(account=account, strategy=make_strategy(key=f"s{n}")) for n in range(3)]
    for link in (*links, make_link(account=other), make_link(account=beside)):
        make_day(link, 1, "1000", "5")
        make_day(link, 40, "1005", "5")
    young = make_link(account=account, strategy=make_strategy(key="young"))
    make_day(young, 91, "1000", "5")
    answers = iter((True, False))

    assert pack(account.pk, other.pk, may_go_on=lambda: next(answers)) == 2
    assert pack(account.pk, other.pk, seconds=timedelta(0)) == 0
    assert set(LinkMonth.objects.values_list("strategy_account", flat=True)) == {
        link.pk for link in links[:2]
    }
    assert pack(account.pk, other.pk) == 2
    # Those of April, too: once a month is packed, all behind it are.
    assert LinkMonth.objects.count() == 8
    assert pack(account.pk, other.pk) == 0
    left = LinkDay.objects.filter(is_packed=False).order_by("pk")
    assert [day.strategy_account.account for day in left] == [beside, beside, account]


def test_days_that_are_no_more_when_their_turn_comes_are_not_packed() -> None:
    link = make_link()
    account = link.account
    make_day(link, 1, "1000", "5")

    def removed() -> bool:
        LinkDay.objects.all().delete()
        link.delete()
        account.delete()
        return True

    pack(account.pk, may_go_on=removed)

    assert not LinkMonth.objects.exists()
