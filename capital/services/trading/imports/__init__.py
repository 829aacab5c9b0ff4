"""Importing files of trades: from a command at once, and from a page after a preview."""

from capital.services.trading.imports.importing import import_trades
from capital.services.trading.imports.report import (
    ImportedLine,
    ImportedLink,
    ImportedSum,
    ImportReport,
)
from capital.services.trading.imports.uploads import (
    LARGEST_UPLOAD_MB,
    MOST_UPLOADED_LINES,
    counts_of,
    get_upload,
    import_upload,
    keep_upload,
    preview_upload,
)

__all__ = [
    "LARGEST_UPLOAD_MB",
    "MOST_UPLOADED_LINES",
    "ImportReport",
    "ImportedLine",
    "ImportedLink",
    "ImportedSum",
    "counts_of",
    "get_upload",
    "import_trades",
    "import_upload",
    "keep_upload",
    "preview_upload",
]
