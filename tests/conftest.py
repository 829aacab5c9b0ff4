"""What all tests share: the simulated exchange over real HTTP, and no way to a real one."""

import gc
import os
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from django.db import DatabaseError, connection
from django.test.utils import setup_databases, teardown_databases
from django.utils import timezone, translation
from hypothesis import HealthCheck
from hypothesis import settings as hypothesis_settings

from capital.exchange.clocks import VENUE_TIMES
from capital.exchange.politeness import SHARED, Politeness
from capital.exchange.venues import VENUES
from capital.models import Account
from capital.services.access import forget_tokens
from capital.services.allocation import records
from capital.services.balances.trails import FIRSTS
from capital.services.markets.prices import forget_prices
from capital.simulator.server import SimulatedExchange
from capital.simulator.state import ExchangeState
from tests import clock, databases, page_costs
from tests.makers import MAKERS
from tests.migrated import SCHEMA, set_up_databases
from tests.processes import migrate
from tests.simulated import Exchange

if TYPE_CHECKING:
    from tests.end_to_end.cluster.databases import OwnDatabase

# None of them is imported yet: their assertions show both sides, as those of test modules do.
pytest.register_assert_rewrite("tests.api", "tests.end_to_end", "tests.interpreter")

# A busy machine is no defect: only what is answered counts, not how fast. One commit has one
# answer: the same examples each time. `make test-explored` draws others.
hypothesis_settings.register_profile(
    "tests", deadline=None, suppress_health_check=[HealthCheck.too_slow], derandomize=True
)
hypothesis_settings.register_profile(
    "explored", deadline=None, suppress_health_check=[HealthCheck.too_slow], print_blob=True
)
hypothesis_settings.load_profile("tests")

# Nothing listens on port 9 of this machine: a request that escapes the simulator fails at once.
NOWHERE = "http://127.0.0.1:9"


@pytest.fixture(autouse=True)
def _no_real_exchange(settings: Any) -> None:
    settings.CAPITAL_VENUE_URLS = dict.fromkeys(VENUES, NOWHERE)


@pytest.fixture(autouse=True)
def _no_grudge() -> None:
    """What one test's exchange did or said is forgotten before the next one's."""
    SHARED.forget()
    FIRSTS.forget()
    VENUE_TIMES.forget()
    forget_prices()
    forget_tokens()


@pytest.fixture(autouse=True)
def _clock_of_the_database(monkeypatch: pytest.MonkeyPatch) -> None:
    """Where a test sets the clock, the database's is as right as this machine's."""
    monkeypatch.setattr("capital.models.queries.clock.database_now", timezone.now)


@pytest.fixture
def seoul(settings: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    """For a test that writes out times of Seoul: that zone, wherever the suite is run."""
    settings.TIME_ZONE = "Asia/Seoul"
    # Read once, when it is imported.
    monkeypatch.setattr("django_q.conf.Conf.TIME_ZONE", "Asia/Seoul")


@pytest.fixture(autouse=True)
def _language_of_the_settings() -> Iterator[None]:
    """A request leaves the reader's language switched on."""
    yield
    translation.deactivate()


@pytest.fixture(autouse=True)
def _whole_sentences() -> Iterator[None]:
    """What the code said in this test is rendered, in both languages."""
    yield
    if faults := list(MAKERS.faults()):
        pytest.fail("\n".join(faults))


def pytest_configure(config: pytest.Config) -> None:
    config.pluginmanager.register(SCHEMA)
    config.pluginmanager.register(databases.GROUPS)
    config.pluginmanager.register(databases.WaitingTestsSpread())
    config.pluginmanager.register(MAKERS)
    clock.travel()
    page_costs.list_static_files_once()
    page_costs.keep_contexts_of_pages()
    databases.empty_row_by_row()
    # Tests make much that is garbage at once, and little that lives long.
    gc.set_threshold(10_000)


def pytest_collection_finish() -> None:
    # What is imported and collected by now lives as long as the run: it is never garbage.
    gc.freeze()


@pytest.hookimpl(optionalhook=True)
def pytest_xdist_auto_num_workers(config: pytest.Config) -> int:
    """Two for each core: many tests wait for processes, and their turn is another one's.

    With ``-n logical`` one for each, for tests that only compute.
    """
    cores = os.cpu_count() or 1
    return cores if config.option.numprocesses == "logical" else 2 * cores


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    for item in items:
        databases.mark(item)
        clock.mark(item)


@pytest.fixture(scope="session")
def template() -> "OwnDatabase":
    """The migrated database of the run: copy it for a process that needs its own."""
    return SCHEMA.template()


@pytest.fixture(scope="session")
def django_db_setup(
    request: pytest.FixtureRequest,
    django_test_environment: None,
    django_db_modify_db_settings: None,
    django_db_keepdb: bool,
    django_db_blocker: Any,
) -> Iterator[None]:
    """The database that tests share: a copy of the run's, or one that is kept and migrated."""
    with django_db_blocker.unblock():
        if django_db_keepdb:
            made = setup_databases(0, interactive=False, keepdb=True, serialized_aliases=())
        else:
            made = set_up_databases(request.getfixturevalue("template"))
        databases.GROUPS.remember(django_db_blocker)
    yield
    if not django_db_keepdb:
        with django_db_blocker.unblock():
            teardown_databases(made, verbosity=0)


@pytest.fixture(scope="session")
def _process_guard() -> databases.ProcessGuard:
    return databases.ProcessGuard()


@pytest.fixture(autouse=True)
def _no_process_on_an_unmarked_database(
    request: pytest.FixtureRequest, _process_guard: databases.ProcessGuard
) -> Iterator[None]:
    _process_guard.item = request.node
    yield
    _process_guard.item = None


@pytest.fixture
def exchange(settings: Any, monkeypatch: pytest.MonkeyPatch) -> Iterator[Exchange]:
    """Every venue, simulated, and the settings that lead there."""
    # A machine that is busy with other tests may take longer than a bot would wait.
    monkeypatch.setattr("capital.exchange.ccxt.markets.PRICE_SECONDS", 15)
    # What fails is asked again; how long after is asserted where the gateway is tested.
    monkeypatch.setattr("capital.exchange.ccxt.balances.RETRY_PAUSE_SECONDS", 0.01)
    desk = ExchangeState()
    forget_prices()
    with SimulatedExchange(desk) as server:
        settings.CAPITAL_VENUE_URLS = server.venue_urls
        yield Exchange(server, desk)


@pytest.fixture
def hurried(monkeypatch: pytest.MonkeyPatch) -> None:
    """For a test of many requests that is not about their pace: each is sent at once."""
    monkeypatch.setattr(Politeness, "wait_seconds", lambda *args, **kwargs: 0.0)


@pytest.fixture(scope="session")
def migrated(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A SQLite file with the schema and nothing else: copy it for a process that needs its own."""
    if connection.vendor == "sqlite":
        return Path(request.getfixturevalue("template").name)
    path = tmp_path_factory.mktemp("migrated") / "db.sqlite3"
    migrate(f"sqlite:///{path}")
    return path


@pytest.fixture
def refuse_to_record(monkeypatch: pytest.MonkeyPatch) -> Callable[[Account], None]:
    """From then on the database takes no run of this account, except one that says so."""

    def refuse(account: Account) -> None:
        write = records.record_runs

        def refuse_one(verdicts: Any, *args: Any, **kwargs: Any) -> Any:
            if any(
                verdict.linked.account.pk == account.pk and verdict.reason.code != "database_error"
                for verdict in verdicts
            ):
                raise DatabaseError("disk is on fire")
            return write(verdicts, *args, **kwargs)

        monkeypatch.setattr(records, "record_runs", refuse_one)

    return refuse
