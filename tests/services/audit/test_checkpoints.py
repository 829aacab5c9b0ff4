"""What was found correct is not read again; what is young, or was not correct, is."""

from datetime import UTC, datetime, timedelta
from decimal import Decimal

import pytest

from capital.domain.audit.chain import Ledger
from capital.models import Account, AllocationEntry, AllocationRun, AuditCheckpoint
from capital.services.allocation.allocate import allocate_capital
from capital.services.audit import AuditReport, audit_capital
from capital.services.audit.checkpoints import Progress, remember_clean
from tests.factories import forge, make_link
from tests.simulated import Exchange

pytestmark = pytest.mark.django_db

BEGUN = datetime(2026, 3, 1, 12, tzinfo=UTC)
DAYS = 12
NOW = BEGUN + timedelta(days=DAYS)
# More than a week before NOW: those of days 0 to 5.
OLD = 6


@pytest.fixture
def accounts(exchange: Exchange) -> list[Account]:
    """Two, with a change of capital a day."""
    made = [
        exchange.open_account(wallets={"spot": {"USDT": "100"}}, max_jump_percent=None)
        for _ in range(2)
    ]
    for account in made:
        make_link(account=account)
    for day in range(DAYS):
        for account in made:
            exchange.set_balance(account, "spot", str(100 + day))
        at = BEGUN + timedelta(days=day)
        allocate_capital([account.pk for account in made], clock=lambda at=at: at)
    return made


def audit(*, full: bool = False, now: datetime = NOW) -> AuditReport:
    return audit_capital(full=full, clock=lambda: now)


def entry(account: Account, day: int) -> AllocationEntry:
    runs = AllocationRun.objects.filter(account=account).order_by("pk")
    return AllocationEntry.objects.get(pool__run=runs[day])


def test_what_is_more_than_a_week_old_and_correct_is_read_once(accounts: list[Account]) -> None:
    first, second = audit(), audit()

    assert first.checked["runs"] == 2 * DAYS
    assert first.resumed == []
    assert second.checked["runs"] == 2 * (DAYS - OLD)
    assert second.resumed == [account.pk for account in accounts]
    assert second.violations == []


def test_of_another_account_that_has_a_checkpoint_nothing_is_read(accounts: list[Account]) -> None:
    audit()
    first, _ = accounts

    report = audit_capital([first.pk], full=False, clock=lambda: NOW)

    assert (report.checked["runs"], report.resumed) == (DAYS - OLD, [first.pk])
    assert report.violations == []


def test_a_full_audit_reads_and_remembers_nothing_less(accounts: list[Account]) -> None:
    audit()
    kept = list(AuditCheckpoint.objects.order_by("pk").values())

    assert audit(full=True).checked["runs"] == 2 * DAYS
    assert list(AuditCheckpoint.objects.order_by("pk").values()) == kept


def test_a_record_that_is_not_correct_is_read_whole_until_it_is(accounts: list[Account]) -> None:
    broken, sound = accounts
    wrong = entry(broken, 2)
    forge(wrong, after=wrong.after + 1)

    for _ in range(2):
        report = audit()
        assert {each.account_id for each in report.violations} == {broken.pk}
    assert report.resumed == [sound.pk]

    forge(wrong, after=wrong.after)
    assert audit().violations == []
    assert audit().resumed == [broken.pk, sound.pk]


@pytest.mark.parametrize("day", [OLD, DAYS - 1])
def test_what_does_not_follow_from_what_was_remembered_is_noticed(
    accounts: list[Account], day: int
) -> None:
    audit()
    wrong = entry(accounts[1], day)
    forge(wrong, before=Decimal("1"))

    found = [(each.account_id, each.reason.code.value) for each in audit().violations]

    assert (accounts[1].pk, "chain_broken") in found


def test_of_a_record_with_nothing_old_in_it_nothing_is_remembered() -> None:
    young, old = make_link().account_id, make_link().account_id

    remember_clean(
        {
            young: Progress(Ledger(), through=9),
            old: Progress(Ledger(), through=9, settled=(7, Ledger().as_json())),
        }
    )

    kept = AuditCheckpoint.objects.values_list("account_id", "clean_through")
    assert list(kept) == [(old, 7)]


def test_time_moves_what_is_remembered(accounts: list[Account]) -> None:
    audit()

    audit(now=NOW + timedelta(days=30))

    assert audit(now=NOW + timedelta(days=30)).checked["runs"] == 0
