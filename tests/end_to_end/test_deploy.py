"""The files to deploy with say what there is: commands, settings, paths, and no secret."""

import configparser
import re
import runpy
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
import yaml
from django.core.management import get_commands

from capital.traces import HEADER
from capital_project.environment import log_formatter
from tests.factories import make_account
from tests.paths import ROOT

DEPLOY = ROOT / "deploy"
README = (ROOT / "README.md").read_text(encoding="utf-8")


def unit(name: str) -> configparser.ConfigParser:
    parsed = configparser.ConfigParser(interpolation=None, strict=True)
    parsed.optionxform = str  # type: ignore[assignment, method-assign]
    parsed.read_string((DEPLOY / name).read_text())
    return parsed


def variables(text: str) -> set[str]:
    return set(re.findall(r"^\s*([A-Z][A-Z0-9_]{3,})[=:]", text, re.MULTILINE))


# Not what gunicorn leaves there when it reads its settings.
FILES = sorted(path for path in DEPLOY.iterdir() if path.is_file())


@pytest.mark.parametrize("path", FILES, ids=lambda path: path.name)
def test_each_command_of_ours_exists(path: Path) -> None:
    text = path.read_text()
    asked = re.findall(r"manage\.py[\"']?,?\s+[\"']?([a-z_]+)", text)
    assert set(asked) <= {*get_commands(), "init"}
    if path.suffix == ".service" or path.name in ("Dockerfile", "compose.yaml"):
        assert asked or "gunicorn" in text


@pytest.mark.parametrize(
    "name", ["capital-worker.service", "capital-web.service", "capital-backup.service"]
)
def test_units_run_as_a_user_of_their_own_with_the_settings_of_the_site(name: str) -> None:
    service = unit(name)["Service"]
    assert service["User"] == "capital"
    assert service["EnvironmentFile"] == f"{service['WorkingDirectory']}/.env"
    assert f"{service['WorkingDirectory']}/.venv/bin/" in service["ExecStart"]


def test_a_worker_is_given_the_time_that_its_tasks_take_to_end() -> None:
    service = unit("capital-worker.service")["Service"]
    assert (service["KillMode"], service["Restart"]) == ("mixed", "always")
    assert int(service["TimeoutStopSec"]) > 90
    assert unit("capital-backup.timer")["Timer"]["OnCalendar"].endswith(" UTC")


def test_every_setting_is_one_of_the_readmes_and_none_has_a_secret() -> None:
    example = (DEPLOY / ".env.example").read_text()
    assert {"SECRET_KEY", "FIELD_ENCRYPTION_KEYS", "DATABASE_URL"} <= variables(example)
    known = set(re.findall(r"^\| `([A-Z_]+)`", README, re.MULTILINE))
    assert variables(example) <= known
    assert re.findall(r"^(?:SECRET_KEY|FIELD_ENCRYPTION_KEYS)=(.+)$", example, re.MULTILINE) == []


def test_the_image_has_what_runs_and_nothing_of_this_machine() -> None:
    dockerfile = (DEPLOY / "Dockerfile").read_text()
    copied = re.findall(r"^COPY (\S+)", dockerfile, re.MULTILINE)
    kept = re.findall(r"^!(\S+)", (DEPLOY / "Dockerfile.dockerignore").read_text(), re.MULTILINE)
    assert sorted(copied) == sorted(kept)
    assert all((ROOT / name).exists() for name in copied)
    assert "--require-hashes" in dockerfile
    order = [dockerfile.index(word) for word in ("pip install", "\nUSER capital", "\nCMD ")]
    assert order == sorted(order)
    assert "HEALTHCHECK" in dockerfile


def test_the_composed_services_wait_for_each_other_and_listen_on_this_machine_only() -> None:
    composed: dict[str, Any] = yaml.safe_load((DEPLOY / "compose.yaml").read_text())
    services = composed["services"]
    assert services.keys() == {"database", "migrate", "web", "worker"}
    assert all(port.startswith("127.0.0.1:") for port in services["web"]["ports"])
    for name in ("web", "worker"):
        waits = services[name]["depends_on"]["migrate"]["condition"]
        assert waits == "service_completed_successfully"
        built = services[name]["build"]
        assert (DEPLOY / built["context"] / built["dockerfile"]).resolve() == DEPLOY / "Dockerfile"
    assert "ports" not in services["database"]


def test_the_proxy_passes_on_what_the_settings_trust() -> None:
    text = (DEPLOY / "nginx.conf").read_text()
    assert text.count("{") == text.count("}")
    example = (DEPLOY / ".env.example").read_text()
    header = re.search(r"^CAPITAL_PROXY_SSL_HEADER=(.+)$", example, re.MULTILINE)
    assert header is not None
    assert f"proxy_set_header {header[1]} $scheme;" in text
    assert "proxy_set_header Host $host;" in text
    assert f"proxy_set_header {HEADER} $request_id;" in text


def configuration() -> dict[str, Any]:
    return runpy.run_path(str(DEPLOY / "gunicorn.conf.py"))


def test_gunicorn_writes_its_lines_as_the_site_does_and_has_no_access_log_of_its_own() -> None:
    log = configuration()["logconfig_dict"]

    assert log["formatters"]["line"] == log_formatter()
    assert log["loggers"]["gunicorn.error"]["handlers"] == ["stderr"]
    assert log["loggers"]["gunicorn.access"]["handlers"] == []


@pytest.mark.django_db(transaction=True)
def test_the_first_process_of_a_server_says_which_secrets_no_key_opens_and_no_other_does(
    caplog: pytest.LogCaptureFixture, settings: Any
) -> None:
    make_account(name="Main", api_key="k")
    settings.FIELD_ENCRYPTION_KEYS = ["eEt0VlJjQmZ4ZGpIc2lZbkRhUXdLcFhyTHVNZ09xVHM="]
    hook = configuration()["post_worker_init"]

    hook(SimpleNamespace(age=2))
    assert caplog.messages == []
    hook(SimpleNamespace(age=1))
    [said] = caplog.messages
    assert said.startswith("1 stored secrets cannot be read with FIELD_ENCRYPTION_KEYS: account ")


def test_prometheus_asks_where_metrics_are() -> None:
    [job] = yaml.safe_load((DEPLOY / "prometheus.yml").read_text())["scrape_configs"]
    assert job["metrics_path"] == "/metrics"
    assert "credentials_file" in job["authorization"]
