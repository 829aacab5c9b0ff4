"""Files that people upload: imported as they were shown, once, and by nobody else."""

import gzip
import zlib
from typing import Any

import pytest

from capital.domain.errors import ImportChanged, NotFound, TradeFileRefused
from capital.domain.reasons import Code
from capital.models import Account, Fill, TradeUpload
from capital.services.trading import counts_of, import_upload, keep_upload, preview_upload
from capital.services.trading.imports import uploads
from tests.admin.tenants import join
from tests.factories import make_account, make_link, make_market, make_strategy, make_user

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("seoul")]

SHEET = b"""executed_at,strategy,symbol,side,quantity,price,order_id
2026-03-10T09:00:00+09:00,trend,BTC/USDT,buy,1,100,a
2026-03-10T10:00:00+09:00,trend,BTC/USDT,sell,1,110,b
"""


@pytest.fixture
def account() -> Account:
    make_market("BTC/USDT")
    account = make_account(owner=join(make_user(), "operator"))
    make_link(account=account, strategy=make_strategy(owner=account.owner, key="trend"))
    return account


def keep(account: Account, content: bytes = SHEET) -> TradeUpload:
    return keep_upload(account.pk, content, file_name="trades.csv", actor=account.owner)


def shown(upload: TradeUpload) -> dict[str, Any]:
    _, report = preview_upload(upload, actor=upload.actor)
    return counts_of(report)


def test_a_file_is_imported_as_it_was_shown_once_and_by_who_uploaded_it(account) -> None:
    upload = keep(account, gzip.compress(SHEET))
    seen = shown(upload)
    assert seen["strategies"]["trend"]["recorded"] == 2

    with pytest.raises(NotFound):
        import_upload(upload.public_id, shown=seen, actor=join(make_user(), "operator"))
    with pytest.raises(ImportChanged):
        import_upload(upload.public_id, shown={**seen, "rest": ""}, actor=account.owner)
    assert not Fill.objects.exists()

    done = import_upload(upload.public_id, shown=seen, actor=account.owner)
    again = import_upload(upload.public_id, shown={}, actor=account.owner)

    assert (done.counts, bytes(done.content)) == (seen, b"")
    assert (again.imported_at, again.counts) == (done.imported_at, seen)
    assert Fill.objects.count() == 2


@pytest.mark.parametrize("is_imported", [True, False])
def test_what_became_of_it_while_the_lock_was_waited_for_counts(
    account: Account, monkeypatch: pytest.MonkeyPatch, is_imported: bool
) -> None:
    """Another page imported it, or it was removed to make room for a later one."""
    upload = keep(account)
    seen = shown(upload)
    rows = TradeUpload.objects.filter(pk=upload.pk)

    def meanwhile(_: list[int]) -> None:
        if is_imported:
            rows.update(imported_at=upload.created_at, counts={"rest": "by the other page"})
        else:
            rows.delete()

    monkeypatch.setattr(uploads, "lock_accounts", meanwhile)
    if is_imported:
        found = import_upload(upload.public_id, shown=seen, actor=account.owner)
        assert found.counts == {"rest": "by the other page"}
    else:
        with pytest.raises(NotFound):
            import_upload(upload.public_id, shown=seen, actor=account.owner)

    assert not Fill.objects.exists()


def test_a_file_that_is_damaged_or_too_large_is_refused_packed_or_not(
    account: Account, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(uploads, "LARGEST_UPLOAD_MB", 1)
    packed, large = gzip.compress(SHEET), SHEET + b"\n" * (1 << 20)

    found = []
    for content in (packed[:-9], b"\x1f\x8b\x08 no gzip at all", large, gzip.compress(large)):
        with pytest.raises(TradeFileRefused) as refused:
            keep(account, content)
        found.append(refused.value.code)

    assert found == [Code.FILE_UNREADABLE] * 2 + [Code.FILE_TOO_LARGE] * 2
    assert refused.value.reason.figures == {"file": "trades.csv", "most": "1"}
    assert not TradeUpload.objects.exists()
    assert zlib.decompress(keep(account).content) == SHEET
