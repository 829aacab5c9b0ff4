"""Pages as text."""

import html
import json
import re
from typing import Any

from django.test import Client


def read(client: Client, path: str) -> str:
    answer = client.get(path, headers={"accept-language": "en"})
    assert answer.status_code == 200
    return str(answer.content.decode())


def text_of(page: str) -> str:
    return html.unescape(re.sub(r"\s+", " ", re.sub(r"<[^>]*>", " ", page)))


def drawn(page: str) -> list[dict[str, Any]]:
    """What the charts of a page draw."""
    found = re.findall(r'data-desk-chart="([^"]*)"', page)
    return [json.loads(html.unescape(each)) for each in found]
