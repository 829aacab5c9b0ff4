"""Several server processes count together, and none forgets what a dead one counted."""

import os
import re
import signal
import time
import urllib.request
from pathlib import Path

import pytest

from tests.security.servers import Server, serving

TOKEN = "a-token-of-twenty-letters"


def get(server: Server, path: str) -> str:
    request = urllib.request.Request(
        f"http://127.0.0.1:{server.port}{path}", headers={"Authorization": f"Bearer {TOKEN}"}
    )
    with urllib.request.urlopen(request, timeout=20) as answer:
        return str(answer.read().decode())


def counted(server: Server) -> float:
    """How many requests for the API's description were counted."""
    found = re.findall(
        r'^capital_http_requests_total{.*route="/api/schema/".*} (\S+)$',
        get(server, "/metrics"),
        re.M,
    )
    return sum(map(float, found))


@pytest.mark.parametrize("preload", [[], ["--preload"]])
def test_each_process_tells_what_all_of_them_counted(
    migrated: Path, tmp_path: Path, preload: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    # This process may count, too, and its folder is not theirs.
    monkeypatch.delenv("PROMETHEUS_MULTIPROC_DIR", raising=False)
    arguments = ["--workers", "3", *preload]
    temporary = tmp_path / "tmp"
    temporary.mkdir()
    with serving(
        "gunicorn sync",
        migrated,
        tmp_path,
        arguments,
        CAPITAL_METRICS_TOKEN=TOKEN,
        TMPDIR=str(temporary),
    ) as server:
        for _ in range(12):
            get(server, "/api/schema/")

        assert {counted(server) for _ in range(8)} == {12}
        files = list(temporary.glob("capital-metrics-*/*/counter_*.db"))
        pids = {int(file.stem.partition("_")[2]) for file in files}
        assert len(pids) >= 2
        os.kill(min(pids), signal.SIGKILL)
        time.sleep(1)
        get(server, "/api/schema/")

        assert {counted(server) for _ in range(8)} == {13}
