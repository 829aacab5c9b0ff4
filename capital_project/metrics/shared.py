"""Where the processes of one server count together: a folder, of which each writes its own files.

Without it, each of a server's processes would tell its own requests, whichever one is asked.
"""

import os
import shutil
import stat
import tempfile
from contextlib import suppress
from pathlib import Path

from django.conf import settings
from django.core.exceptions import ImproperlyConfigured

_NAME = "PROMETHEUS_MULTIPROC_DIR"


def share_counts() -> Path:
    """Make the folder, and tell prometheus-client of it. Returns where it is.

    Raises:
        ImproperlyConfigured: It belongs to somebody else, or others may write there.
    """
    given = settings.CAPITAL_METRICS_DIR or os.environ.get(_NAME, "")
    folder = Path(given) if given else _own_folder()
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    found = folder.lstat()
    is_ours = stat.S_ISDIR(found.st_mode) and found.st_uid == os.geteuid()
    if not is_ours or found.st_mode & (stat.S_IWGRP | stat.S_IWOTH):
        raise ImproperlyConfigured(
            f"{folder} must be a folder of this user's, in which nobody else may write. Set "
            "CAPITAL_METRICS_DIR to such a folder."
        )
    os.environ[_NAME] = str(folder)
    return folder


def _own_folder() -> Path:
    """One for all processes that the same process started, and none that an earlier one used."""
    above = Path(tempfile.gettempdir()) / f"capital-metrics-{os.geteuid()}"
    server = os.getppid()
    if above.is_dir() and not above.is_symlink():
        for left in above.iterdir():
            pid, _, began = left.name.partition("-")
            if pid.isdecimal() and _began(int(pid)) != began:
                with suppress(OSError):
                    shutil.rmtree(left)
    above.mkdir(mode=0o700, exist_ok=True)
    found = above.lstat()
    if not stat.S_ISDIR(found.st_mode) or found.st_uid != os.geteuid():
        raise ImproperlyConfigured(f"{above} belongs to somebody else. Set CAPITAL_METRICS_DIR.")
    return above / f"{server}-{_began(server)}"


def _began(pid: int) -> str:
    """When a process began, as the system counts; ``gone`` where there is none, or nobody tells."""
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(") ")[2].split()[19]
    except OSError:
        return "unknown" if not Path("/proc").is_dir() and _is_alive(pid) else "gone"


def _is_alive(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    except PermissionError:
        return True
    return True
