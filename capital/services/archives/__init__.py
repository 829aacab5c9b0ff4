"""Old history in files: what left the database, and what stays of it."""

from capital.models.allocations.archived import KEPT_DAYS
from capital.services.archives.files import WrittenFile, read_file
from capital.services.archives.months import ArchiveReport, archive

__all__ = ["KEPT_DAYS", "ArchiveReport", "WrittenFile", "archive", "read_file"]
