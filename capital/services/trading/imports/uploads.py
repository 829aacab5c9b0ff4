"""Files that people upload: kept in the database between the preview and the import.

Every machine finds it there. Nothing is written to a disk: a table is read in memory, and so is a
database. What was imported is kept no longer than the import; what was not, for a day.
"""

import hashlib
import json
import zlib
from collections.abc import Mapping
from typing import Any
from uuid import UUID

from django.contrib.auth.models import AbstractUser
from django.db import transaction
from django.utils import timezone

from capital.domain.clock import Clock
from capital.domain.errors import ImportChanged, NotFound, TradeFileRefused
from capital.domain.money import plain
from capital.domain.reasons import Code
from capital.models import Account, TradeUpload
from capital.services.access.roles import Act, require
from capital.services.accounts.lookup import lock_accounts
from capital.services.trading.files import TradeFile, read_trade_content
from capital.services.trading.imports.importing import (
    import_trades,
    record_trades,
    refuse_other_venue,
    with_fee_values,
)
from capital.services.trading.imports.report import ImportReport

# More than that is no matter of a page, which answers in seconds; `import_trades` takes more.
LARGEST_UPLOAD_MB = 16
MOST_UPLOADED_LINES = 5_000
# Of one person, waiting to be imported. Whoever uploads more has left the first ones.
MOST_WAITING = 5
_GZIP = b"\x1f\x8b"
_LONGEST_NAME = 200


def keep_upload(
    account_id: int,
    content: bytes,
    *,
    file_name: str,
    strategy: str = "",
    actor: AbstractUser,
    clock: Clock = timezone.now,
) -> TradeUpload:
    """Keep a file that can be read, to be looked at and imported by who uploaded it.

    Args:
        account_id: The account on which it was traded.
        content: Of the file; also as our page compresses it, with gzip.
        file_name: What it is called there.
        strategy: Whose trades all of them are, by key; empty: as each line says.
        actor: Who uploads it.
        clock: Says what time it is.

    Raises:
        UnknownAccount, NotPermitted, RoleTooSmall: The actor may not report on this account.
        TradeFileRefused: It is no file of trades, too large, or of another exchange.
    """
    require(actor, Act.REPORT_TRADING, account_ids=[account_id])
    name = file_name[:_LONGEST_NAME]
    content = _unpacked(content, name)
    file = read_trade_content(content, name=name, most_lines=MOST_UPLOADED_LINES)
    refuse_other_venue(file, Account.objects.only("venue").get(pk=account_id))
    with transaction.atomic():
        upload = TradeUpload.objects.create(
            actor_id=actor.pk,
            account_id=account_id,
            strategy=strategy,
            file_name=name,
            content=zlib.compress(content),
            created_at=clock(),
        )
        waiting = TradeUpload.objects.filter(actor=actor.pk, imported_at=None).order_by("-pk")
        left = list(waiting.values_list("pk", flat=True)[MOST_WAITING:])
        TradeUpload.objects.filter(pk__in=left).delete()
    return upload


def get_upload(public_id: UUID, *, actor: AbstractUser) -> TradeUpload:
    """The upload of this actor, with its account.

    Raises:
        NotFound: There is none, it was removed, or somebody else made it.
        UnknownAccount, NotPermitted, RoleTooSmall: The actor may no longer report on the account.
    """
    uploads = TradeUpload.objects.select_related("account")
    upload = uploads.filter(public_id=public_id, actor=actor.pk).first()
    if upload is None:
        raise NotFound
    require(actor, Act.REPORT_TRADING, account_ids=[upload.account_id])
    return upload


def preview_upload(
    upload: TradeUpload, *, actor: AbstractUser, clock: Clock = timezone.now
) -> tuple[TradeFile, ImportReport]:
    """What the file says, and what would be recorded of it now. Nothing is.

    Raises:
        UnknownAccount, NotPermitted, RoleTooSmall: The actor may not report on this account.
        TradeFileRefused: The account is on another exchange by now.
    """
    file = _read(upload)
    report = import_trades(
        upload.account_id,
        file,
        strategy=upload.strategy,
        dry_run=True,
        actor=actor,
        clock=clock,
    )
    return file, report


def import_upload(
    public_id: UUID,
    *,
    shown: Mapping[str, Any],
    actor: AbstractUser,
    clock: Clock = timezone.now,
) -> TradeUpload:
    """Import what was previewed: all of it as shown, or nothing. Once: later calls change nothing.

    Args:
        public_id: Of the upload.
        shown: ``counts_of`` the report that the actor was shown.
        actor: Who imports: who uploaded it.
        clock: Says what time it is.

    Raises:
        NotFound: There is none, it was removed, or somebody else made it.
        UnknownAccount, NotPermitted, RoleTooSmall: The actor may not report on this account.
        TradeFileRefused: The account is on another exchange by now.
        ImportChanged: It would do something else than was shown.
    """
    upload = get_upload(public_id, actor=actor)
    if upload.imported_at is not None:
        return upload
    file = with_fee_values(upload.account_id, _read(upload), actor=actor, clock=clock)
    with transaction.atomic():
        lock_accounts([upload.account_id])
        locked = TradeUpload.objects.select_for_update(no_key=True).filter(pk=upload.pk).first()
        if locked is None:
            raise NotFound
        if locked.imported_at is not None:
            return locked
        report = record_trades(
            locked.account_id, file, strategy=locked.strategy, actor=actor, clock=clock
        )
        counts = counts_of(report)
        if report.problems or counts != shown:
            raise ImportChanged
        locked.imported_at, locked.counts, locked.content = clock(), counts, b""
        locked.save(update_fields=["imported_at", "counts", "content"])
    return locked


def counts_of(report: ImportReport) -> dict[str, Any]:
    """What a report says, short enough to be carried by a form.

    Returns:
        ``strategies``: by key, what became of its lines; ``rest``: a digest of all else.
    """
    rest = [
        [
            (each.line.number, each.strategy, each.code.value, each.result.is_counted)
            for each in report.lines
        ],
        sorted(
            (currency, *map(plain, (sums.realized, sums.fees, sums.funding)))
            for currency, sums in report.sums.items()
        ),
    ]
    return {
        "strategies": {
            link.strategy: {
                "recorded": link.recorded,
                "known": link.known,
                "differs": link.differs,
                "provisional": link.provisional,
                "uncounted": link.uncounted,
                "fundings": link.fundings,
            }
            for link in report.links
        },
        "rest": hashlib.sha256(json.dumps(rest).encode()).hexdigest(),
    }


def _read(upload: TradeUpload) -> TradeFile:
    return read_trade_content(
        zlib.decompress(upload.content), name=upload.file_name, most_lines=MOST_UPLOADED_LINES
    )


def _unpacked(content: bytes, name: str) -> bytes:
    """What was compressed, up to the largest size.

    Raises:
        TradeFileRefused: It is larger, or damaged.
    """
    largest = LARGEST_UPLOAD_MB << 20
    if content.startswith(_GZIP):
        unpacker = zlib.decompressobj(wbits=31)
        try:
            content = unpacker.decompress(content, largest + 1)
        except zlib.error:
            raise TradeFileRefused(Code.FILE_UNREADABLE, file=name) from None
        if len(content) <= largest and not unpacker.eof:
            raise TradeFileRefused(Code.FILE_UNREADABLE, file=name)
    if len(content) > largest:
        raise TradeFileRefused(Code.FILE_TOO_LARGE, file=name, most=str(LARGEST_UPLOAD_MB))
    return content
