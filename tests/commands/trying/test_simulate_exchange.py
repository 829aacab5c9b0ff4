import json
import os
import shlex
import signal
import socket
import subprocess
import sys
import urllib.request
from urllib.parse import urlsplit

import pytest
from django.core.management import load_command_class

from capital.exchange.venues import VENUES
from capital.simulator.faults import Fault
from capital.simulator.state import ExchangeState
from tests.interpreter import NO_DATABASE
from tests.paths import ROOT

pytestmark = pytest.mark.waits

MANAGE = ROOT / "manage.py"
TIMEOUT_SECONDS = 60
ENVIRONMENT = {
    **os.environ,
    **NO_DATABASE,
    "DEBUG": "1",
    "DJANGO_SETTINGS_MODULE": "capital_project.settings_test",
}


def start(*arguments, **options):
    return subprocess.Popen(
        [sys.executable, str(MANAGE), "simulate_exchange", *arguments],
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        env=ENVIRONMENT,
        **options,
    )


def run(*arguments):
    with start(*arguments) as process:
        stdout, stderr = process.communicate(timeout=TIMEOUT_SECONDS)
    return process.returncode, stdout, stderr


PRINT_ENVIRONMENT = (
    "import os; print(os.environ['CAPITAL_VENUE_URLS']);"
    "print(os.environ['CAPITAL_ALLOW_VENUE_URLS'])"
)
SHOW_DESK = (
    "import json, os, urllib.request;"
    "url = json.loads(os.environ['CAPITAL_VENUE_URLS'])['okx'];"
    "print(urllib.request.urlopen(url + '/simulator/').read().decode())"
)


def test_the_trailing_command_is_told_where_the_venues_are():
    code, stdout, stderr = run("--", "python", "-c", PRINT_ENVIRONMENT)

    urls, allowed = stdout.splitlines()
    assert code == 0, stderr
    assert set(json.loads(urls)) == set(VENUES)
    # One server, where MEXC, which asks for its markets at a path of Binance's, has its own root.
    assert {urlsplit(url).netloc for url in json.loads(urls).values()} == {
        urlsplit(json.loads(urls)["okx"]).netloc
    }
    assert {venue for venue, url in json.loads(urls).items() if urlsplit(url).path} == {"mexc"}
    assert allowed == "1"


def test_the_trailing_command_reaches_the_demo_desk():
    code, stdout, stderr = run("--", "python", "-c", SHOW_DESK)

    assert code == 0, stderr
    assert json.loads(stdout)["accounts"][0]["name"] == "Binance main"


def test_another_desk_is_served(tmp_path):
    account = {"name": "Mine", "venue": "upbit", "currency": "KRW"}
    account |= {"api_key": "k", "api_secret": "s"}
    desk = tmp_path / "desk.json"
    desk.write_text(json.dumps([account]), encoding="utf-8")

    code, stdout, stderr = run("--desk", str(desk), "--", "python", "-c", SHOW_DESK)

    assert code == 0, stderr
    assert [shown["name"] for shown in json.loads(stdout)["accounts"]] == ["Mine"]


def test_the_exit_code_is_the_one_of_the_trailing_command():
    assert run("--", "python", "-c", "raise SystemExit(7)")[0] == 7


def test_a_command_that_dies_of_a_signal_exits_as_in_a_shell():
    kill = "import os, signal; os.kill(os.getpid(), signal.SIGKILL)"

    assert run("--", "python", "-c", kill)[0] == 128 + signal.SIGKILL


def test_the_options_of_the_trailing_command_are_its_own():
    code, stdout, _ = run(
        "--latency-ms", "5", "--", "python", "-c", "import sys; print(sys.argv[1:])",
        "--port", "x", "--", "--help",
    )  # fmt: skip

    assert (code, stdout.strip()) == (0, "['--port', 'x', '--', '--help']")


@pytest.mark.parametrize("signum", [signal.SIGINT, signal.SIGTERM])
def test_an_interrupt_is_forwarded_to_the_trailing_command(signum):
    wait = (
        "import signal, sys\n"
        "for each in (signal.SIGINT, signal.SIGTERM):\n"
        "    signal.signal(each, lambda signum, frame: sys.exit(40 + signum))\n"
        "print('ready', flush=True)\n"
        "while True: signal.pause()\n"
    )
    with start("--", "python", "-c", wait) as process:
        assert process.stdout.readline() == "ready\n"
        process.send_signal(signum)
        process.communicate(timeout=TIMEOUT_SECONDS)

    assert process.returncode == 40 + signum


@pytest.mark.parametrize("signum", [signal.SIGINT, signal.SIGTERM])
def test_without_a_command_it_serves_until_it_is_interrupted(signum):
    with start() as process:
        process.stdout.readline()
        export = process.stdout.readline()
        word, assignment = shlex.split(export)
        name, _, urls = assignment.partition("=")
        with urllib.request.urlopen(json.loads(urls)["bybit"] + "/simulator/") as response:
            status = response.status
        process.send_signal(signum)
        _, stderr = process.communicate(timeout=TIMEOUT_SECONDS)

    assert (word, name, status) == ("export", "CAPITAL_VENUE_URLS", 200)
    assert (process.returncode, stderr) == (0, "")


@pytest.mark.parametrize(
    ("arguments", "reason"),
    [
        (["--desk", "/nonexistent/desk.json"], "/nonexistent/desk.json: cannot be read"),
        (["--desk", str(MANAGE)], "is not JSON"),
        (["--port", "65536"], "0 to 65535"),
        (["--port", "http"], "0 to 65535"),
        (["--latency-ms", "-1"], "--latency-ms"),
        (["--", "no-such-program-anywhere"], "cannot run 'no-such-program-anywhere'"),
    ],
)
def test_bad_arguments_exit_with_2_and_say_why(arguments, reason, capsys):
    # Not by execute_from_command_line: it would have Django log to what is captured here.
    command = load_command_class("capital_project", "simulate_exchange")

    with pytest.raises(SystemExit) as ended:
        command.run_from_argv([str(MANAGE), "simulate_exchange", *arguments])

    said = capsys.readouterr()
    assert (ended.value.code, said.out) == (2, "")
    assert reason in said.err.splitlines()[-1]
    assert "Traceback" not in said.err


def test_the_help_lists_every_fault_and_an_account_that_is_served(tmp_path):
    code, stdout, _ = run("--help")

    assert code == 0
    listed = stdout.partition("\nfaults:\n")[2]
    assert [name.strip() for name in listed.split(",")] == list(Fault)
    shown = stdout.partition("then works:\n")[2].partition("\n\n")[0]
    desk = tmp_path / "desk.json"
    desk.write_text(f'{{"accounts": [{shown}]}}', encoding="utf-8")
    (account,) = ExchangeState.from_json(desk).accounts
    assert account.faults["futures"].times == 2


def test_a_port_in_use_exits_with_2_and_says_so():
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        code, _, stderr = run("--port", str(port))

    assert code == 2
    (line,) = stderr.splitlines()
    assert f"cannot listen on 127.0.0.1 port {port}" in line


def test_the_command_and_the_desk_do_not_import_aiohttp():
    script = (
        "import sys, django; django.setup()\n"
        "import capital_project.management.commands.simulate_exchange, capital.simulator.state\n"
        "print('aiohttp' in sys.modules)"
    )

    done = subprocess.run(
        [sys.executable, "-c", script],
        capture_output=True,
        text=True,
        cwd=MANAGE.parent,
        env=ENVIRONMENT,
        timeout=TIMEOUT_SECONDS,
    )

    assert (done.stdout.strip(), done.stderr) == ("False", "")
