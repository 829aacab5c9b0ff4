"""``/metrics``: who may read it, and what it tells."""

import re
from datetime import timedelta
from ipaddress import ip_network
from pathlib import Path
from typing import Any

import pytest
from django.core.exceptions import ImproperlyConfigured
from django.test import Client
from django.utils import timezone
from prometheus_client.parser import text_string_to_metric_families

from capital_project.metrics import shared
from capital_project.metrics.shared import share_counts
from tests.factories import make_account, make_link, make_strategy, make_summary, make_user
from tests.hooks import hook_path
from tests.house.documents import codes_in, table, text_of

pytestmark = pytest.mark.django_db

TOKEN = "c4n4ry-token-of-twenty-letters"
Samples = dict[tuple[str, tuple[tuple[str, str], ...]], float]


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """One for the module: where counts are kept is found once in a process."""
    return tmp_path_factory.mktemp("metrics") / "counts"


@pytest.fixture(autouse=True)
def _folder(settings: Any, folder: Path) -> None:
    settings.CAPITAL_METRICS_DIR = str(folder)


@pytest.fixture
def token(settings: Any) -> str:
    settings.CAPITAL_METRICS_TOKEN = TOKEN
    return TOKEN


def read(client: Client | None = None) -> Samples:
    answer = (client or Client()).get("/metrics", headers={"Authorization": f"Bearer {TOKEN}"})
    assert answer.status_code == 200, answer.content
    assert answer["Content-Type"].startswith("text/plain; version=")
    assert "no-store" in answer["Cache-Control"]
    return {
        (sample.name, tuple(sorted(sample.labels.items()))): sample.value
        for family in text_string_to_metric_families(answer.content.decode())
        for sample in family.samples
    }


def value(samples: Samples, series: str, **labels: str) -> float | None:
    return samples.get((series, tuple(sorted(labels.items()))))


def test_where_the_settings_allow_nobody_there_is_nothing(client: Client) -> None:
    assert client.get("/metrics").status_code == 404
    assert client.get("/metrics", headers={"Authorization": "Bearer "}).status_code == 404


@pytest.mark.parametrize(
    "header",
    ["", "Bearer ", "Bearer wrong-token-of-twenty", TOKEN, f"Token {TOKEN}", "Bearer 비밀"],
)
def test_without_the_token_nothing_is_told(token: str, header: str) -> None:
    make_account(name="CANARY")
    answer = Client().get("/metrics", headers={"Authorization": header} if header else {})

    assert answer.status_code == 401
    assert answer["WWW-Authenticate"] == "Bearer"
    assert "CANARY" not in answer.content.decode()


def test_session_of_a_superuser_is_no_token(token: str, client: Client) -> None:
    client.force_login(make_user(is_superuser=True, is_staff=True))

    assert client.get("/metrics").status_code == 401


@pytest.mark.parametrize(
    ("address", "forwarded", "proxies", "status"),
    [
        ("10.1.2.3", "", 0, 200),
        ("192.0.2.1", "", 0, 401),
        # What a client writes itself is not believed.
        ("192.0.2.1", "10.1.2.3", 0, 401),
        ("192.0.2.1", "10.1.2.3", 1, 200),
        ("10.1.2.3", "192.0.2.1", 1, 401),
        ("", "", 0, 401),
        ("::1", "", 0, 401),
    ],
)
def test_networks_that_may_need_no_token(
    settings: Any, address: str, forwarded: str, proxies: int, status: int
) -> None:
    settings.CAPITAL_METRICS_NETWORKS = [ip_network("10.0.0.0/8")]
    settings.CAPITAL_PROXY_COUNT = proxies
    headers = {"X-Forwarded-For": forwarded} if forwarded else {}

    answer = Client(REMOTE_ADDR=address).get("/metrics", headers=headers)

    assert answer.status_code == status


def test_it_is_only_read(token: str) -> None:
    assert Client().post("/metrics").status_code == 405


def test_each_series_is_there_and_what_is_unknown_is_left_out(token: str) -> None:
    owner = make_user(username="minsu")
    strategy = make_strategy(owner=owner, key="trend")
    account = make_account(owner=owner, venue="binance", name='A "quoted"\nname')
    make_link(strategy=strategy, account=account, capital="1234.5")
    make_summary(
        account=account,
        date=timezone.localdate(),
        spot_balance=1,
        spot_observed_at=timezone.now() - timedelta(minutes=2),
    )
    failing = make_account(owner=owner, venue="okx", connection_code="exchange_unreachable")

    samples = read()

    of = {"account": str(account.pk), "name": account.name, "venue": "binance"}
    age = value(samples, "capital_balance_age_seconds", **of, pool="spot")
    assert age is not None
    assert 119 < age < 180
    assert value(samples, "capital_balance_age_seconds", **of, pool="futures") is None
    capital = {"owner": "minsu", "strategy": "trend", "currency": "USDT"}
    assert value(samples, "capital_strategy_capital", **capital) == 1234.5
    code = {"of": "connection", "code": "exchange_unreachable"}
    of_failing = {"account": str(failing.pk), "name": failing.name, "venue": "okx"}
    assert value(samples, "capital_account_code", **of_failing, **code) == 1
    assert value(samples, "capital_accounts_active") == 2
    assert value(samples, "capital_accounts_failing", venue="okx", code="exchange_unreachable") == 1
    assert value(samples, "capital_accounts_failing_many") == 1
    assert value(samples, "capital_job_late_seconds", job="sync_balances") is not None
    assert value(samples, "capital_job_is_late", job="sync_balances") is not None
    assert value(samples, "capital_clusters_alive") == 0
    assert value(samples, "capital_queue_oldest_task_seconds") is not None
    assert value(samples, "capital_webhook_deliveries", outcome="refused") == 0
    assert value(samples, "capital_alerts_waiting", what="alerts") is not None
    assert value(samples, "capital_alerts_waiting", what="messages") == 0


def test_the_documents_list_each_series_with_its_labels(token: str) -> None:
    make_account(connection_code="exchange_unreachable")
    Client().get("/healthz")
    told = {
        series: set(codes_in(labels))
        for names, labels, _ in table(text_of("docs/operations.md"), "series")
        for series in codes_in(names)
    }

    text = Client().get("/metrics", headers={"Authorization": f"Bearer {TOKEN}"}).content.decode()
    types = re.findall(r"^# TYPE (\S+) (?!unknown)", text, re.MULTILINE)
    ours = {name for name in types if name.startswith("capital_")}
    assert ours == told.keys()
    for (name, labels), _ in read().items():
        series = next((each for each in told if name.removesuffix("_count") == each), None)
        if series is not None:
            assert {label for label, _ in labels} == told[series], name


def test_requests_are_counted_by_pattern_and_no_address_comes_to_light(token: str) -> None:
    client = Client()
    before = read(client)
    client.get("/healthz")
    client.get("/no/such/CANARY")
    client.get("/admin/capital/account/99/change/")
    client.post(hook_path("CANARY"), "{}", content_type="text/plain")
    client.generic("CANARY", "/healthz")
    after = read(client)

    def more(series: str, **labels: str) -> float:
        return (value(after, series, **labels) or 0) - (value(before, series, **labels) or 0)

    requests = "capital_http_requests_total"
    assert more(requests, method="GET", route="/healthz", status="200") == 1
    assert more(requests, method="GET", route="none", status="404") == 1
    assert more(requests, method="other", route="/healthz", status="405") == 1
    assert more("capital_http_request_seconds_count", method="GET", route="/healthz") == 1
    assert more(requests, method="GET", route="/metrics", status="200") == 1
    assert not any("CANARY" in text for key in after for pair in key[1] for text in pair)


def test_folder_of_somebody_else_or_for_everybody_is_refused(
    settings: Any, tmp_path: Path, monkeypatch: Any
) -> None:
    open_to_all = tmp_path / "open"
    open_to_all.mkdir()
    open_to_all.chmod(0o777)
    settings.CAPITAL_METRICS_DIR = str(open_to_all)
    with pytest.raises(ImproperlyConfigured, match="nobody else may write"):
        share_counts()

    link = tmp_path / "link"
    link.symlink_to(tmp_path)
    settings.CAPITAL_METRICS_DIR = str(link)
    with pytest.raises(ImproperlyConfigured, match="must be a folder"):
        share_counts()


def test_own_folder_is_of_the_process_above_and_those_of_dead_ones_are_removed(
    settings: Any, tmp_path: Path, monkeypatch: Any
) -> None:
    settings.CAPITAL_METRICS_DIR = ""
    monkeypatch.delenv("PROMETHEUS_MULTIPROC_DIR", raising=False)
    monkeypatch.setattr(shared.tempfile, "gettempdir", lambda: str(tmp_path))
    first = share_counts()
    monkeypatch.delenv("PROMETHEUS_MULTIPROC_DIR")
    (first / "counter_1.db").touch()
    dead = first.parent / "999999999-1"
    earlier = first.parent / f"{first.name.partition('-')[0]}-1"
    for each in (dead, earlier):
        each.mkdir()

    second = share_counts()

    assert second == first
    assert (first / "counter_1.db").exists()
    assert list(first.parent.iterdir()) == [first]
    assert first.parent.stat().st_mode & 0o777 == 0o700
