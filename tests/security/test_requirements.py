"""What is installed is what the locks name, by hash, and the locks name what is required."""

import re

import pytest

from tests.paths import ROOT

KINDS = ("requirements", "requirements-dev", "requirements-mutants")
_PINNED = re.compile(r"^([A-Za-z0-9._-]+)(?:\[[^]]*\])?==([^\s;\\]+)", re.MULTILINE)
_HASH = re.compile(r"--hash=sha256:[0-9a-f]{64}(?: \\)?")


def plain(name: str) -> str:
    return re.sub(r"[-_.]+", "-", name).lower()


def pins(text: str) -> dict[str, str]:
    return {plain(name): version for name, version in _PINNED.findall(text)}


def required(kind: str) -> dict[str, str]:
    text = (ROOT / f"{kind}.txt").read_text(encoding="utf-8")
    found = pins(text)
    for included in re.findall(r"^-r (\S+)\.txt", text, re.MULTILINE):
        found |= required(included)
    return found


def locked(kind: str) -> str:
    return (ROOT / f"{kind}.lock").read_text(encoding="utf-8")


@pytest.mark.parametrize("kind", KINDS)
def test_the_lock_has_every_requirement_at_its_version(kind: str) -> None:
    missing = required(kind).items() - pins(locked(kind)).items()

    assert not missing, "Run: make lock"


@pytest.mark.parametrize("kind", KINDS)
def test_every_line_of_the_lock_is_a_pin_or_one_of_its_hashes(kind: str) -> None:
    lines = [line for line in locked(kind).splitlines() if not line.startswith("#")]

    assert len(lines) > 20
    for line, following in zip(lines, [*lines[1:], ""], strict=True):
        if line.startswith("    "):
            assert _HASH.fullmatch(line.strip()), line
        else:
            assert _PINNED.match(line), line
            assert line.endswith("\\"), line
            assert _HASH.match(following.strip()), line


@pytest.mark.parametrize("kind", KINDS)
def test_no_lock_names_a_registry(kind: str) -> None:
    assert "://" not in locked(kind)
    assert "index-url" not in locked(kind)
    assert "find-links" not in locked(kind)


def test_the_locks_agree_with_one_another() -> None:
    runtime, development, mutants = (pins(locked(kind)) for kind in KINDS)

    assert runtime.items() <= development.items() <= mutants.items()


def test_nothing_is_installed_without_hashes() -> None:
    makefile = (ROOT / "Makefile").read_text(encoding="utf-8")
    documents = (ROOT / "docs" / "operations.md").read_text(encoding="utf-8")
    installs = [
        line
        for line in (makefile + documents).splitlines()
        if "pip install" in line and "uv==" not in line
    ]

    assert len(installs) >= 3
    assert all("--require-hashes" in line for line in installs), installs
    assert "-r requirements.txt" not in makefile + documents
