"""Months leave the database whole or not at all, and what is needed afterwards stays."""

import gzip
import hashlib
import os
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest
from django.db import models, transaction

from capital.domain.errors import (
    ArchiveFileDiffers,
    ArchiveNotReadBack,
    ArchiveTooRecent,
    DeliveryArchived,
    DeliveryConflict,
    RunKeyConflict,
)
from capital.domain.sizing.orders import OrderRequest, Side
from capital.models import (
    Account,
    AllocationEntry,
    AllocationPool,
    AllocationRun,
    ArchivedDelivery,
    ArchivedRun,
    LinkDay,
    StrategyAccount,
    WebhookAnswer,
    WebhookDelivery,
    WebhookSecret,
)
from capital.services.accounts.lookup import lock_accounts
from capital.services.allocation.allocate import allocate_capital
from capital.services.allocation.reverts import revert_run
from capital.services.allocation.runs import report_runs
from capital.services.archives import deliveries as archived_deliveries
from capital.services.archives import files as archived_files
from capital.services.archives import runs as archived_runs
from capital.services.archives.files import columns_of, read_file, read_rows
from capital.services.archives.months import archive
from capital.services.audit import audit_capital
from capital.services.trading import NewFill, report_fills
from capital.services.trading.days.closing import restate_days
from capital.services.webhooks.deliveries import Delivery
from capital.services.webhooks.receive import receive_signal
from capital.services.webhooks.secrets import rotate_secret
from tests.factories import capital_of, forge, make_link, make_market, make_strategy
from tests.simulated import Exchange

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("seoul")]

TABLES = (AllocationRun, AllocationPool, AllocationEntry)
# Shortly before and after midnight in Seoul: December there, though it is November in UTC.
NOVEMBER = datetime(2026, 11, 30, 14, 59, tzinfo=UTC)
DECEMBER = datetime(2026, 11, 30, 15, 1, tzinfo=UTC)
NOW = datetime(2027, 3, 1, 12, 0, tzinfo=UTC)


@dataclass
class Desk:
    """An account whose two links get a tenth more with each run."""

    exchange: Exchange
    account: Account
    links: list[StrategyAccount]

    def decide(self, at: datetime, balance: str, **arguments: Any) -> AllocationRun:
        self.exchange.set_balance(self.account, "spot", balance)
        (run,) = allocate_capital(
            [self.account.pk], clock=lambda: at, accept_jump=False, **arguments
        )
        return run


@pytest.fixture
def make_desk(exchange: Exchange) -> Callable[[], Desk]:
    def make() -> Desk:
        account = exchange.open_account(wallets={"spot": {"USDT": "100"}}, max_jump_percent=None)
        return Desk(exchange, account, [make_link(account=account), make_link(account=account)])

    return make


@pytest.fixture
def desk(make_desk: Callable[[], Desk]) -> Desk:
    """Runs of October, November, December (the last: unchanged) and March."""
    desk = make_desk()
    for at, balance in [
        (datetime(2026, 10, 5, tzinfo=UTC), "100"),
        (datetime(2026, 10, 6, tzinfo=UTC), "110"),
        (datetime(2026, 10, 7, tzinfo=UTC), "110"),
        (NOVEMBER, "120"),
        (DECEMBER, "130"),
        (NOW, "140"),
    ]:
        desk.decide(at, balance, run_key=f"{at:%m-%dT%H:%M}-{balance}")
    return desk


def old(folder: Path, before: date = date(2026, 12, 31), **arguments: Any) -> Any:
    return archive(before, folder, clock=lambda: NOW, **arguments)


def rows() -> dict[type[models.Model], list[tuple[Any, ...]]]:
    return {model: read_rows(model.objects.all()) for model in TABLES}


def in_files(folder: Path) -> dict[type[models.Model], list[tuple[Any, ...]]]:
    return {
        model: sorted(
            row for path in folder.glob(f"*/{name}-*.gz") for row in read_file(path, model)
        )
        for model, name in archived_runs.NAMES.items()
    }


# Runs


def buy(link: StrategyAccount, at: datetime, number: str) -> None:
    """Told when all runs are over; it earns nothing."""
    fill = NewFill(
        symbol="BTC/USDT",
        side=Side("buy"),
        quantity=Decimal(1),
        price=Decimal(10),
        executed_at=at,
        venue_fill_id=number,
    )
    report_fills(link.pk, [fill], actor=None, clock=lambda: NOW)


def had(link: StrategyAccount) -> dict[date, tuple[Decimal | None, ...]]:
    days = LinkDay.objects.filter(strategy_account=link).order_by("date")
    columns = "date", "settled_start", "capital_added", "equity_start"
    return {day: tuple(figures) for day, *figures in days.values_list(*columns)}


@pytest.mark.parametrize("is_of_earlier_version", [False, True])
@pytest.mark.parametrize("first", [1, 5])
def test_days_that_are_restated_have_what_archived_runs_added(
    desk: Desk, tmp_path: Path, first: int, is_of_earlier_version: bool
) -> None:
    """Runs gave 50, 5, 5 (and 5, 5 that stay) to a link whose days begin before them, or on one."""
    make_market("BTC/USDT")
    link = desk.links[0]
    buy(link, datetime(2026, 10, first, 1, tzinfo=UTC), "1")
    before = had(link)
    old(tmp_path)
    if is_of_earlier_version:
        for run in ArchivedRun.objects.all():
            forge(run, pnl=None)

    buy(link, datetime(2026, 10, first, 2, tzinfo=UTC), "2")

    after = had(link)
    added = [figures[1] for figures in after.values() if figures[1]]
    assert added[-4:] == [Decimal(5)] * 4
    assert after[NOW.date()][0] == Decimal(65)
    assert {day: figures[:2] for day, figures in after.items()} == {
        day: figures[:2] for day, figures in before.items()
    }
    decided = date(2026, 10, 5)
    assert [after[day][2] for day in after if day < decided] == [None] * (5 - first)


def test_who_was_not_decided_yet_got_nothing_of_archived_runs(desk: Desk, tmp_path: Path) -> None:
    make_market("BTC/USDT")
    late = make_link(account=desk.account)
    buy(late, datetime(2026, 10, 5, 1, tzinfo=UTC), "1")
    before = had(late)
    old(tmp_path)
    for run in ArchivedRun.objects.all():
        forge(run, pnl=None)

    buy(late, datetime(2026, 10, 5, 2, tzinfo=UTC), "2")

    assert had(late) == before
    assert set(before.values()) == {(Decimal(0), Decimal(0), None)}


def test_each_account_has_what_its_own_archived_runs_added(
    make_desk: Callable[[], Desk], tmp_path: Path
) -> None:
    """Restated together: of each, the days on which it was decided are others."""
    make_market("BTC/USDT")
    desks = [make_desk(), make_desk()]
    for number, desk in enumerate(desks):
        desk.decide(datetime(2026, 10, 5 + number, tzinfo=UTC), "100", run_key=f"first-{number}")
        desk.decide(NOW, "140", run_key=f"last-{number}")
        buy(desk.links[0], datetime(2026, 10, 5 + number, 1, tzinfo=UTC), str(number))
    before = [had(desk.links[0]) for desk in desks]
    old(tmp_path)
    for run in ArchivedRun.objects.all():
        forge(run, pnl=None)

    with transaction.atomic():
        accounts = sorted(lock_accounts([desk.account.pk for desk in desks]))
        restate_days(accounts, since=date(2026, 10, 5), now=NOW)

    assert [had(desk.links[0]) for desk in desks] == before


def test_what_archived_runs_of_an_earlier_version_added_is_not_known_where_no_day_says_so(
    desk: Desk, tmp_path: Path
) -> None:
    make_market("BTC/USDT")
    link = desk.links[0]
    buy(link, datetime(2026, 12, 5, 1, tzinfo=UTC), "1")
    old(tmp_path)
    for run in ArchivedRun.objects.all():
        forge(run, pnl=None)

    buy(link, datetime(2026, 10, 5, 2, tzinfo=UTC), "2")

    days = had(link)
    assert days[date(2026, 10, 6)] == (None, None, None)
    assert days[date(2026, 10, 8)][1] == 0


def test_what_is_in_files_and_what_stays_are_all_rows_that_were_there(
    desk: Desk, tmp_path: Path
) -> None:
    before = rows()

    report = old(tmp_path)

    files, kept = in_files(tmp_path), rows()
    for model in TABLES:
        assert files[model] + kept[model] == before[model]
        assert files[model]
    # October and November, as Seoul has them; whole months before the 31st.
    assert {path.name for path in tmp_path.iterdir()} == {"2026-10", "2026-11"}
    assert report.until == date(2026, 12, 1)
    assert report.rows == {"runs": 4, "pools": 3, "entries": 6, "deliveries": 0}
    assert [run.created_at for run in AllocationRun.objects.order_by("pk")] == [DECEMBER, NOW]


def test_each_file_is_listed_with_its_digest(desk: Desk, tmp_path: Path) -> None:
    report = old(tmp_path)

    assert len(report.files) == 6
    for file in report.files:
        assert hashlib.sha256(file.path.read_bytes()).hexdigest() == file.sha256
        sums = (file.path.parent / "SHA256SUMS").read_text(encoding="utf-8")
        assert f"{file.sha256}  {file.path.name}\n" in sums
    with gzip.open(report.files[0].path, "rt", encoding="utf-8") as text:
        assert text.readline().strip() == ",".join(columns_of(AllocationRun))


def test_the_audit_goes_on_behind_the_archive_and_notices_what_does_not_follow(
    desk: Desk, tmp_path: Path
) -> None:
    old(tmp_path)

    assert audit_capital(clock=lambda: NOW).violations == []

    entry = AllocationEntry.objects.order_by("pk")[0]
    forge(entry, before=Decimal(61))
    codes = {each.reason.code.value for each in audit_capital(clock=lambda: NOW).violations}
    assert "chain_broken" in codes


def test_a_used_key_is_answered_and_decides_nothing(desk: Desk, tmp_path: Path) -> None:
    run = AllocationRun.objects.order_by("pk")[1]
    old(tmp_path)

    (again,) = allocate_capital([desk.account.pk], run_key=run.run_key, clock=lambda: NOW)

    assert (again.pk, again.outcome, again.code) == (run.pk, run.outcome, run.code)
    assert report_runs([again])[0].outcome == run.outcome
    assert not AllocationRun.objects.filter(run_key=run.run_key).exists()
    with pytest.raises(RunKeyConflict):
        allocate_capital([desk.account.pk], run_key=run.run_key, force=True, clock=lambda: NOW)


def test_the_key_of_another_account_is_not_used_up(
    desk: Desk, make_desk: Callable[[], Desk], tmp_path: Path
) -> None:
    key = AllocationRun.objects.order_by("pk")[0].run_key
    other = make_desk()
    old(tmp_path)

    run = other.decide(NOW, "100", run_key=key)

    assert run.account_id == other.account.pk
    assert AllocationRun.objects.filter(pk=run.pk).exists()


def test_a_key_of_which_one_run_is_archived_and_one_is_not_is_answered_with_both(
    desk: Desk, make_desk: Callable[[], Desk], tmp_path: Path
) -> None:
    first = AllocationRun.objects.order_by("pk")[0]
    other = make_desk()
    old(tmp_path)
    kept = other.decide(NOW, "100", run_key=first.run_key)
    ids = [desk.account.pk, other.account.pk]
    asked = len(desk.exchange.asked)

    again = allocate_capital(ids, run_key=first.run_key, clock=lambda: NOW)

    assert [run.pk for run in again] == [first.pk, kept.pk]
    assert AllocationRun.objects.filter(run_key=first.run_key).count() == 1
    assert len(desk.exchange.asked) == asked


def test_the_last_change_stays_however_old_and_can_be_reverted(
    make_desk: Callable[[], Desk], tmp_path: Path
) -> None:
    desk = make_desk()
    first = desk.decide(datetime(2026, 10, 5, tzinfo=UTC), "100", run_key="a")
    last = desk.decide(datetime(2026, 10, 6, tzinfo=UTC), "110", run_key="b")
    for day in (7, 8):
        desk.decide(datetime(2026, 10, day, tzinfo=UTC), "110", run_key=f"unchanged {day}")

    report = old(tmp_path)

    assert report.rows["runs"] == 1
    assert list(ArchivedRun.objects.values_list("run_id", flat=True)) == [first.pk]
    revert_run(last.pk, clock=lambda: NOW)
    assert [capital_of(link) for link in desk.links] == [50, 50]
    assert audit_capital(clock=lambda: NOW).violations == []


def test_what_a_kept_run_reverts_stays_with_it(
    make_desk: Callable[[], Desk], tmp_path: Path
) -> None:
    desk = make_desk()
    desk.decide(datetime(2026, 10, 5, tzinfo=UTC), "100", run_key="a")
    reverted = desk.decide(datetime(2026, 10, 6, tzinfo=UTC), "110", run_key="b")
    revert_run(reverted.pk, clock=lambda: datetime(2026, 10, 7, tzinfo=UTC))

    report = old(tmp_path)

    assert report.rows["runs"] == 1
    assert AllocationRun.objects.filter(pk=reverted.pk).exists()


def test_a_record_that_is_not_correct_stays_whole_and_is_reported(
    desk: Desk, make_desk: Callable[[], Desk], tmp_path: Path
) -> None:
    sound = make_desk()
    sound.decide(datetime(2026, 10, 5, tzinfo=UTC), "100", run_key="a")
    sound.decide(NOW, "110", run_key="b")
    entry = AllocationEntry.objects.filter(pool__run__account=desk.account).order_by("pk")[0]
    forge(entry, after=Decimal(999))
    before = AllocationRun.objects.filter(account=desk.account).count()

    report = old(tmp_path)

    assert {each.account_id for each in report.violations} == {desk.account.pk}
    assert AllocationRun.objects.filter(account=desk.account).count() == before
    assert report.rows["runs"] == 1
    assert ArchivedRun.objects.get().account_id == sound.account.pk


def test_parts_are_archived_one_by_one(
    desk: Desk, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(archived_runs, "RUNS_AT_ONCE", 2)
    before = rows()

    old(tmp_path)

    assert len(list((tmp_path / "2026-10").glob("runs-*"))) == 2
    files, kept = in_files(tmp_path), rows()
    assert all(files[model] + kept[model] == before[model] for model in TABLES)
    assert audit_capital(clock=lambda: NOW).violations == []


def test_an_interrupted_archive_goes_on_where_it_was(
    desk: Desk, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    before = rows()

    def die(*_arguments: Any) -> None:
        raise KeyboardInterrupt

    with monkeypatch.context() as patch:
        # Its files are written, its rows are not removed.
        patch.setattr(archived_runs, "remember_archived", die)
        with pytest.raises(KeyboardInterrupt):
            old(tmp_path)
    assert rows() == before
    assert not ArchivedRun.objects.exists()

    old(tmp_path)

    files, kept = in_files(tmp_path), rows()
    assert all(files[model] + kept[model] == before[model] for model in TABLES)


def test_again_later_the_next_months_go(desk: Desk, tmp_path: Path) -> None:
    before = rows()
    old(tmp_path, date(2026, 11, 1))
    old(tmp_path, date(2026, 12, 1))

    assert old(tmp_path).rows["runs"] == 0
    files, kept = in_files(tmp_path), rows()
    assert all(files[model] + kept[model] == before[model] for model in TABLES)


def test_what_does_not_read_back_is_not_removed(
    desk: Desk, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    before = rows()
    read = archived_runs.write_file.__globals__["read_file"]

    def lose_one(path: Path, model: type[models.Model]) -> Any:
        return iter(list(read(path, model))[:-1])

    monkeypatch.setitem(archived_runs.write_file.__globals__, "read_file", lose_one)

    with pytest.raises(ArchiveNotReadBack):
        old(tmp_path)

    assert rows() == before


def test_a_file_of_other_rows_is_not_overwritten(desk: Desk, tmp_path: Path) -> None:
    before = rows()
    report = old(tmp_path, date(2026, 11, 1))
    path = report.files[0].path
    name = path.name
    for file in report.files:
        file.path.unlink()
    path.parent.joinpath(name).write_bytes(b"another desk's")
    # As if nothing had been archived yet, of a desk with other rows.
    assert rows() != before
    first = AllocationRun.objects.order_by("pk")[0]
    taken = tmp_path / "2026-11" / f"runs-account-{desk.account.pk}-from-{first.pk}.csv.gz"
    taken.parent.mkdir()
    taken.write_bytes(b"another desk's")

    with pytest.raises(ArchiveFileDiffers):
        old(tmp_path)

    assert taken.read_bytes() == b"another desk's"
    assert AllocationRun.objects.filter(pk=first.pk).exists()


def test_only_months_that_are_over_for_long_can_be_archived(desk: Desk, tmp_path: Path) -> None:
    with pytest.raises(ArchiveTooRecent) as error:
        old(tmp_path, date(2027, 3, 1))

    assert error.value.reason.figures["latest"] == "2027-01-29"
    assert not list(tmp_path.iterdir())


def test_a_revert_among_what_goes_keeps_nothing_back(
    make_desk: Callable[[], Desk], tmp_path: Path
) -> None:
    desk = make_desk()
    desk.decide(datetime(2026, 10, 5, tzinfo=UTC), "100")
    reverted = desk.decide(datetime(2026, 10, 6, tzinfo=UTC), "110")
    revert_run(reverted.pk, clock=lambda: datetime(2026, 10, 7, tzinfo=UTC))
    desk.decide(NOVEMBER, "120")
    last = desk.decide(NOW, "130")

    assert old(tmp_path).rows["runs"] == 4
    assert list(AllocationRun.objects.all()) == [last]


def test_each_account_goes_by_its_own_runs(make_desk: Callable[[], Desk], tmp_path: Path) -> None:
    """The newest of each stays, also where no balance was ever read."""
    unread, *others = make_desk(), make_desk(), make_desk()
    unread.exchange.fail(unread.account, "server_error")
    newest = [
        [desk.decide(at, balance) for at, balance in runs][-1]
        for desk, runs in (
            (unread, [(datetime(2026, 10, day, tzinfo=UTC), "100") for day in (5, 6)]),
            *((desk, [(NOVEMBER, "110"), (NOW, "120")]) for desk in others),
        )
    ]

    assert old(tmp_path).rows["runs"] == 3
    assert list(AllocationRun.objects.order_by("pk")) == newest


def test_only_the_accounts_that_were_named(
    desk: Desk, make_desk: Callable[[], Desk], tmp_path: Path
) -> None:
    other = make_desk()
    other.decide(datetime(2026, 10, 5, tzinfo=UTC), "100", run_key="a")
    other.decide(NOW, "110", run_key="b")

    report = old(tmp_path, account_ids=[other.account.pk])

    assert report.rows["runs"] == 1
    assert AllocationRun.objects.filter(account=desk.account).count() == 6


def test_a_dry_run_counts_and_changes_nothing(desk: Desk, tmp_path: Path) -> None:
    before = rows()

    report = old(tmp_path, dry_run=True)

    assert report.rows["runs"] == 4
    assert rows() == before
    assert not list(tmp_path.iterdir())


def test_a_dry_run_counts_what_would_go_of_each_account_in_one_query_more_for_each(
    make_desk: Callable[[], Desk], tmp_path: Path, django_assert_num_queries: Any
) -> None:
    """Also where a run that stays reverts one that reverts an older one."""
    plain, chained, empty = make_desk(), make_desk(), make_desk()
    for day, balance in ((5, "100"), (6, "110")):
        plain.decide(datetime(2026, 10, day, tzinfo=UTC), balance)
    plain.decide(NOW, "120")
    chained.decide(datetime(2026, 10, 4, tzinfo=UTC), "90")
    reverted = chained.decide(datetime(2026, 10, 5, tzinfo=UTC), "100")
    back = revert_run(reverted.pk, clock=lambda: datetime(2026, 10, 6, tzinfo=UTC))
    revert_run(back.pk, clock=lambda: datetime(2026, 10, 7, tzinfo=UTC))

    # The accounts, four of what stays, and one for each account that has runs.
    with django_assert_num_queries(5 + 2):
        report = archive(
            date(2026, 12, 31),
            tmp_path,
            account_ids=[each.account.pk for each in (plain, chained, empty)],
            dry_run=True,
            clock=lambda: NOW,
        )

    assert report.rows["runs"] == 2 + 1
    done = old(tmp_path)
    assert done.rows["runs"] == 3
    assert AllocationRun.objects.filter(pk=reverted.pk).exists()


# Deliveries


@pytest.fixture
def secret(exchange: Exchange) -> WebhookSecret:
    strategy = make_strategy()
    rotate_secret(strategy)
    return WebhookSecret.objects.get(strategy=strategy)


def signal(at: datetime, secret: WebhookSecret, delivery_id: str = "") -> dict[str, Any]:
    order = OrderRequest(symbol="BTC/USDT", side="buy", qty_per=Decimal(50), price=Decimal(50000))
    body = {"symbol": "BTC/USDT", "id": delivery_id, "at": at.isoformat()}
    delivery = Delivery(body=body, orders=[order], delivery_id=delivery_id)
    return receive_signal(secret, delivery, clock=lambda: at)


def test_deliveries_and_their_answers_go_and_are_not_processed_again(
    secret: WebhookSecret, tmp_path: Path
) -> None:
    signal(NOVEMBER, secret, "tv-1")
    signal(NOVEMBER + timedelta(seconds=1), secret)
    young = signal(DECEMBER, secret, "tv-2")
    before = read_rows(WebhookDelivery.objects.all())

    report = old(tmp_path)

    assert report.rows["deliveries"] == 2
    assert [row.pk for row in WebhookDelivery.objects.all()] == [young["delivery"]]
    assert [row.delivery_id for row in WebhookAnswer.objects.all()] == [young["delivery"]]
    (path,) = (tmp_path / "2026-11").glob("deliveries-*")
    assert list(read_file(path, WebhookDelivery)) == before[:2]
    with pytest.raises(DeliveryArchived) as error:
        signal(NOVEMBER, secret, "tv-1")
    assert error.value.reason.figures["received_at"] == "2026-11-30T23:59:00+09:00"
    with pytest.raises(DeliveryConflict):
        signal(NOW, secret, "tv-1")


def test_each_strategy_has_files_of_its_own(secret: WebhookSecret, tmp_path: Path) -> None:
    strategy = make_strategy()
    rotate_secret(strategy)
    other = WebhookSecret.objects.get(strategy=strategy)
    told = [signal(NOVEMBER, each, "tv-1")["delivery"] for each in (secret, other)]

    assert old(tmp_path).rows["deliveries"] == 2

    for each, delivery in zip((secret, other), told, strict=True):
        name = f"deliveries-strategy-{each.strategy_id}-from-{delivery}.csv.gz"
        assert [row[0] for row in read_file(tmp_path / "2026-11" / name, WebhookDelivery)] == [
            delivery
        ]


def test_the_id_of_another_strategy_is_not_used_up(secret: WebhookSecret, tmp_path: Path) -> None:
    signal(NOVEMBER, secret, "tv-1")
    old(tmp_path)
    strategy = make_strategy()
    rotate_secret(strategy)

    answer = signal(NOVEMBER, WebhookSecret.objects.get(strategy=strategy), "tv-1")

    assert answer["strategy"] == strategy.key
    assert ArchivedDelivery.objects.get().strategy_id == secret.strategy_id


def test_one_without_an_answer_stays_unless_it_was_refused(
    secret: WebhookSecret, tmp_path: Path
) -> None:
    fields = {"strategy": secret.strategy, "fingerprint": "f", "body": {}, "received_at": NOVEMBER}
    waiting = WebhookDelivery.objects.create(**fields)
    WebhookDelivery.objects.create(**fields, refusal={"code": "invalid"})

    assert old(tmp_path).rows["deliveries"] == 1
    assert WebhookDelivery.objects.get() == waiting


# Two at a time


@pytest.mark.parametrize("module", [archived_runs, archived_deliveries])
def test_what_another_process_archives_meanwhile_is_archived_once(
    desk: Desk,
    secret: WebhookSecret,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    module: ModuleType,
) -> None:
    signal(NOVEMBER, secret, "tv-1")
    signal(DECEMBER, secret, "tv-2")
    write = module.write_file
    others: list[Any] = []

    def be_overtaken(*args: Any) -> Any:
        monkeypatch.setattr(module, "write_file", write)
        others.append(old(tmp_path))
        return write(*args)

    monkeypatch.setattr(module, "write_file", be_overtaken)

    report = old(tmp_path)

    (other,) = others
    of_module = "runs" if module is archived_runs else "deliveries"
    assert other.rows[of_module] > 0
    assert report.rows.get(of_module, 0) == 0
    assert ArchivedRun.objects.count() == len(in_files(tmp_path)[AllocationRun])
    assert [row.delivery_id for row in ArchivedDelivery.objects.all()] == ["tv-1"]


def test_file_that_the_disk_changes_is_not_read_back(
    desk: Desk, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    before = rows()
    monkeypatch.setattr(
        archived_files.os, "fsync", lambda file: os.ftruncate(file, os.fstat(file).st_size - 1)
    )

    with pytest.raises(ArchiveNotReadBack):
        old(tmp_path)

    assert rows() == before


def test_file_of_another_table_is_not_read(tmp_path: Path) -> None:
    path = tmp_path / "runs.csv.gz"
    path.write_bytes(gzip.compress(b"id,name\n1,Main\n"))

    with pytest.raises(ArchiveNotReadBack):
        list(read_file(path, AllocationRun))
