"""``make fuzz-api``: schemathesis against the running server.

Exit 0 where nothing was found: no 5xx, nothing that the description does not say.
``FUZZ_EXAMPLES`` is how many cases there are at most for each operation (default 400, which
comes to more than 10,000), ``FUZZ_SEED`` repeats a run, ``DATABASE_URL`` may be PostgreSQL.
"""

import os
import re
import subprocess
import sys
import time
from pathlib import Path

from tests.end_to_end.fuzz.server import PYTHON, ROOT, Served, served

PHASES = "examples,coverage,fuzzing,stateful"
CHECKS = ",".join(
    (
        "not_a_server_error",
        "status_code_conformance",
        "content_type_conformance",
        "response_headers_conformance",
        "response_schema_conformance",
        "missing_required_header",
        "unsupported_method",
        "allow_header_conformance",
        "use_after_free",
        "ignored_auth",
    )
)


def fuzz(
    server: Served, *, examples: int, seed: str | None = None, phases: str = PHASES
) -> tuple[int, str]:
    """Run schemathesis; its exit code and what it says."""
    command = [
        str(Path(PYTHON).with_name("schemathesis")),
        "run",
        f"{server.url}/api/schema/",
        "--header", f"Authorization: Bearer {server.token}",
        "--max-examples", str(examples),
        "--phases", phases,
        "--workers", "2",
        "--checks", CHECKS,
        "--continue-on-failure",
        "--suppress-health-check", "all",
        "--request-timeout", "60",
        "--warnings", "off",
        "--no-color",
    ]  # fmt: skip
    if seed:
        command += ["--seed", seed]
    environment = {
        **os.environ,
        "SCHEMATHESIS_HOOKS": "tests.end_to_end.fuzz.hooks",
        "PYTHONPATH": str(ROOT),
    }
    done = subprocess.run(
        command, cwd=ROOT, env=environment, capture_output=True, text=True, check=False
    )
    return done.returncode, done.stdout + done.stderr


def server_errors(server: Served) -> list[str]:
    """What the server's log says of errors of ours."""
    lines = server.log.read_text(errors="replace").splitlines()
    return [line for line in lines if re.search(r"Internal Server Error|Traceback|CRITICAL", line)]


def main() -> int:
    """Serve, fuzz, tell."""
    examples = int(os.environ.get("FUZZ_EXAMPLES", "400"))
    with served(database_url=os.environ.get("DATABASE_URL")) as server:
        began = time.monotonic()
        code, said = fuzz(server, examples=examples, seed=os.environ.get("FUZZ_SEED"))
        errors = server_errors(server)
        sys.stdout.write(said)
        sys.stdout.write(
            f"\n{time.monotonic() - began:.0f} seconds; {len(errors)} errors in the log.\n"
        )
        for line in errors[:20]:
            sys.stdout.write(f"{line}\n")
        if errors:
            Path(os.environ.get("FUZZ_LOG", "fuzz-server.log")).write_text(server.log.read_text())
    return code or bool(errors)


if __name__ == "__main__":
    sys.exit(main())
