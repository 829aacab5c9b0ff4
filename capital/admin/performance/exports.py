"""Tables of performance as files: CSV and XLSX, the same as the API's."""

from collections.abc import Callable, Iterable, Sequence

from django.http import Http404, HttpResponseBase

from capital.admin.frame.exports import lines_response, workbook_response


def exported(
    form: str,
    name: str,
    lines: Callable[[], Iterable[Sequence[str]]],
    workbook: Callable[[], bytes],
) -> HttpResponseBase:
    """All rows and all figures of a table; empty cells are not known.

    Args:
        form: ``csv`` or ``xlsx``.
        name: Of the file.
        lines: Makes its lines of cells, the heads first.
        workbook: Makes it as XLSX.

    Raises:
        Http404: Another form.
    """
    if form == "csv":
        return lines_response(name, lines())
    if form != "xlsx":
        raise Http404
    return workbook_response(name, workbook())
