"""Clients that are generated from the description, used against the running server.

`make test-clients` installs the generators, in environments of their own.
"""

import os
import shutil
import subprocess
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

from capital.services.access import create_token
from tests.api.client import permit
from tests.factories import make_account, make_link, make_market
from tests.paths import ROOT

pytestmark = [
    pytest.mark.clients,
    pytest.mark.once,
    pytest.mark.django_db(transaction=True),
]

HERE = Path(__file__).parent
DESCRIPTION = ROOT / "docs" / "openapi.yaml"
PYTHON = ROOT / ".venv" / "clients" / "bin"
NODE = ROOT / ".venv" / "clients-node" / "node_modules"


@pytest.fixture
def asked(live_server: Any) -> list[str]:
    """Address, token and link, for whoever uses a generated client."""
    account = make_account()
    permit(account.owner, "capital.report_position")
    make_market("BTC/USDT:USDT", amount_precision=Decimal("0.001"))
    link = make_link(account=account, market_type="futures", capital="3000")
    _, token = create_token(user=account.owner, name="bot", scope="size", days=30)
    return [live_server.url, token, str(link.pk)]


def run(*command: Any, cwd: Path) -> str:
    environment = {**os.environ, "PATH": f"{PYTHON}:{os.environ['PATH']}", "PYTHONPATH": str(cwd)}
    done = subprocess.run(
        [str(each) for each in command],
        cwd=cwd,
        env=environment,
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


def test_a_python_client_is_generated_without_a_warning_and_works(
    tmp_path: Path, asked: list[str]
) -> None:
    out = tmp_path / "capital_api"
    run(
        PYTHON / "openapi-python-client", "generate", "--path", DESCRIPTION, "--meta", "none",
        "--output-path", out, "--fail-on-warning", cwd=tmp_path,
    )  # fmt: skip
    generated = [path.read_text(encoding="utf-8") for path in (out / "models").glob("*.py")]

    assert not any("float" in text for text in generated)
    told = run(PYTHON / "python", HERE / "use_python.py", *asked, cwd=tmp_path)
    assert told == "The generated client works.\n"


def test_a_typescript_client_is_generated_compiles_and_works(
    tmp_path: Path, asked: list[str]
) -> None:
    (tmp_path / "node_modules").symlink_to(NODE)
    shutil.copy(HERE / "use.ts", tmp_path)
    (tmp_path / "package.json").write_text('{"type": "module"}', encoding="utf-8")
    bins = NODE / ".bin"
    run("node", bins / "openapi-typescript", DESCRIPTION, "-o", "api.d.ts", cwd=tmp_path)
    run(
        "node", bins / "tsc", "--strict", "--module", "nodenext", "--target", "es2022",
        "--skipLibCheck", "--lib", "es2022,dom", "--outDir", "out", "use.ts",
        "node.d.ts", cwd=_with_process(tmp_path),
    )  # fmt: skip
    (tmp_path / "out" / "node_modules").symlink_to(NODE)
    told = run("node", tmp_path / "out" / "use.js", *asked, cwd=tmp_path)

    assert told == "The generated client works.\n"


def _with_process(folder: Path) -> Path:
    """All that is used of node, so that its own types need not be installed."""
    (folder / "node.d.ts").write_text("declare const process: { argv: string[] };\n")
    return folder
