"""A table between its preview and its import: sealed, and carried by the page. Stored nowhere.

It may have API credentials in it, so it is neither written to a disk nor into a database. What a
page carries opens for who uploaded it, for the same kind of table, and for a day.
"""

import base64
import json
import zlib
from datetime import datetime, timedelta

from django.contrib.auth.models import AbstractUser
from django.utils import timezone

from capital.domain.clock import Clock
from capital.domain.errors import CredentialsUnreadable, SheetRefused
from capital.domain.reasons import Code
from capital.models.columns.sealing import seal, unseal

# A form holds one megabyte; encoded twice, this is not much less.
LARGEST_SHEET_KB = 512
_LONGEST = timedelta(days=1)


def seal_sheet(
    content: bytes, *, kind: str, actor: AbstractUser, clock: Clock = timezone.now
) -> str:
    """The file as a text that only this site opens.

    Raises:
        SheetRefused: It is too large.
    """
    if len(content) > LARGEST_SHEET_KB << 10:
        raise SheetRefused(Code.SHEET_TOO_LARGE, most=str(LARGEST_SHEET_KB))
    packed = zlib.compress(content)
    told = [clock().isoformat(), base64.b64encode(packed).decode()]
    return seal(json.dumps(told), _place(kind, actor))


def open_sheet(
    sealed: str, *, kind: str, actor: AbstractUser, clock: Clock = timezone.now
) -> bytes:
    """The file again.

    Raises:
        SheetRefused: It is too old, was sealed for somebody else, or is none.
    """
    try:
        moment, packed = json.loads(unseal(sealed, _place(kind, actor)))
    except (CredentialsUnreadable, ValueError):
        raise SheetRefused(Code.SHEET_EXPIRED) from None
    if clock() - datetime.fromisoformat(moment) > _LONGEST:
        raise SheetRefused(Code.SHEET_EXPIRED)
    return zlib.decompress(base64.b64decode(packed))


def _place(kind: str, actor: AbstractUser) -> str:
    return f"table of {kind} from user {actor.pk}"
