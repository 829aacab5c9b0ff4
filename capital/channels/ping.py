"""A dead man's ping, as healthchecks.io and its like take it: who hears nothing gives the alarm."""

import urllib.error
import urllib.request
from typing import Any
from urllib.parse import urlsplit, urlunsplit

_TIMEOUT_SECONDS = 10


class NotPinged(Exception):
    """The ping was not taken. Its text names nothing of the URL, which is a secret."""


class _Stay(urllib.request.HTTPRedirectHandler):
    """Follows nobody: the URL's secret is for one server."""

    def redirect_request(self, *_args: Any, **_kwargs: Any) -> None:
        return None


def ping(url: str, *, is_well: bool, text: str) -> None:
    """Tell that all is well, or at ``URL/fail`` that something is not. It waits for 10 seconds.

    Args:
        url: Of the check.
        is_well: Whether all is.
        text: What is not, for whoever looks at the check.

    Raises:
        NotPinged: It was not taken, or nobody can tell.
    """
    parts = urlsplit(url)
    if not is_well:
        parts = parts._replace(path=f"{parts.path.rstrip('/')}/fail")
    request = urllib.request.Request(  # noqa: S310  # the setting takes http(s) only
        urlunsplit(parts._replace(fragment="")), data=text.encode(), method="POST"
    )
    request.add_header("Content-Type", "text/plain; charset=utf-8")
    try:
        with urllib.request.build_opener(_Stay).open(request, timeout=_TIMEOUT_SECONDS):
            return
    except urllib.error.HTTPError as error:
        error.close()
        raise NotPinged(f"HTTP {error.code}") from None
    except Exception as error:  # noqa: BLE001  # its text may hold the URL
        raise NotPinged(type(error).__name__) from None
