"""``ETag`` and ``If-Match``: a change that is made only to what its caller has read."""

import re
from typing import Any

from rest_framework.request import Request
from rest_framework.response import Response

from strategies.edits import Seen, version_of

IF_MATCH = "If-Match"
# A proxy that compresses answers makes an ETag weak; it still names the version.
_TAG = re.compile(r'(?:W/)?"([!#-~]*)"')


def with_etag(response: Response, row: Any) -> Response:
    """The response, with the version of the row that it shows."""
    response["ETag"] = f'"{version_of(row)}"'
    return response


def seen_by(request: Request) -> Seen | None:
    """The versions in ``If-Match``; None where there is no such header, or it takes any version."""
    header = request.headers.get(IF_MATCH, "").strip()
    if header in ("", "*"):
        return None
    return Seen(versions=frozenset(_TAG.findall(header)))
