"""Tables of trades: exact cells, and clear words on the wrong ones."""

from datetime import datetime, timedelta, timezone
from decimal import Decimal
from pathlib import Path
from zipfile import ZIP_DEFLATED, ZipFile

import pytest
from openpyxl import Workbook

from capital.domain.errors import TradeFileRefused
from capital.domain.performance.fills import Fee
from capital.domain.reasons import Code, Reason
from capital.domain.sizing.orders import PositionSide, Side
from capital.services.trading import LineProblem, alike_problems, read_trade_file
from capital.services.trading.files import read_trade_content

D = Decimal
HEADER = ("executed_at", "symbol", "side", "quantity", "price", "order_id")
LINE = ("2026-03-10T09:00:00+09:00", "BTC/USDT", "buy", "0.5", "61234.5", "a1")


def csv_of(path: Path, *lines: tuple, delimiter: str = ",", encoding: str = "utf-8") -> Path:
    file = path / "trades.csv"
    file.write_text("\n".join(delimiter.join(line) for line in lines), encoding=encoding)
    return file


def xlsx_of(path: Path, *lines: tuple) -> Path:
    workbook = Workbook()
    for line in lines:
        workbook.worksheets[0].append(line)
    file = path / "trades.csv"  # told by what is in it, not by its name
    workbook.save(file)
    return file


def problem_of(path: Path) -> LineProblem:
    file = read_trade_file(path)
    assert not file.lines
    (problem,) = file.problems
    return problem


def test_a_line_is_a_fill(tmp_path: Path) -> None:
    header = (*HEADER, "position_side", "fee_amount", "fee_currency", "funding", "strategy")
    line = (*LINE, "long", "-0.25", "bnb", "-1.5", "trend")

    (read,) = read_trade_file(csv_of(tmp_path, header, line)).lines

    assert (read.number, read.strategy, read.account) == (2, "trend", "")
    assert read.funding == D("-1.5")
    fill = read.fill
    seoul = timezone(timedelta(hours=9))
    assert fill.executed_at == datetime(2026, 3, 10, 9, tzinfo=seoul)
    assert (fill.symbol, fill.side, fill.order_id) == ("BTC/USDT", Side.BUY, "a1")
    assert (fill.quantity, fill.price) == (D("0.5"), D("61234.5"))
    assert fill.position_side is PositionSide.LONG
    assert fill.fees == (Fee(D("-0.25"), "BNB"),)


@pytest.mark.parametrize("delimiter", [",", ";", "\t"])
@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig"])
def test_spreadsheets_write_csv_in_several_ways(
    tmp_path: Path, delimiter: str, encoding: str
) -> None:
    header = ("Executed_At ", *HEADER[1:])
    path = csv_of(tmp_path, header, LINE, delimiter=delimiter, encoding=encoding)

    (read,) = read_trade_file(path).lines

    assert (read.fill.position_side, read.fill.fees, read.funding) == (PositionSide.BOTH, (), None)


def test_empty_lines_are_passed_over_and_numbers_are_those_of_the_table(tmp_path: Path) -> None:
    path = csv_of(tmp_path, HEADER, LINE, ("",), (" ", ""), LINE)

    assert [line.number for line in read_trade_file(path).lines] == [2, 5]


def test_what_an_export_has_besides_is_read_over(tmp_path: Path) -> None:
    path = csv_of(tmp_path, (*HEADER, "cost", "settle", "source"), (*LINE, "1", "USDT", "bot"))

    assert len(read_trade_file(path).lines) == 1


def test_a_workbook_is_read_by_its_digits(tmp_path: Path) -> None:
    """Excel keeps numbers as floats: 15 digits of one are what was typed."""
    line = ("2026-03-10T09:00:00+09:00", "BTC/USDT", "SELL", 0.1 + 0.2, 61234, 123456789012345)

    (read,) = read_trade_file(xlsx_of(tmp_path, HEADER, line)).lines

    assert (read.fill.side, read.fill.quantity, read.fill.price) == (
        Side.SELL,
        D("0.3"),
        D(61234),
    )
    assert read.fill.order_id == "123456789012345"


def test_empty_cells_of_a_workbook_say_nothing(tmp_path: Path) -> None:
    header = (*HEADER, "strategy", "fee_amount")

    (read,) = read_trade_file(xlsx_of(tmp_path, header, (*LINE, None, None))).lines

    assert (read.strategy, read.fill.fees) == ("", ())


def test_an_id_whose_digits_excel_cut_is_refused(tmp_path: Path) -> None:
    line = (*LINE[:5], 1234567890123456789)

    problem = problem_of(xlsx_of(tmp_path, HEADER, line))

    assert (problem.number, problem.column) == (2, "order_id")
    assert problem.reason.code is Code.CELL_CUT


def test_a_time_of_excel_has_no_zone(tmp_path: Path) -> None:
    line = (
        datetime(2026, 3, 10, 9),  # noqa: DTZ001  # as Excel gives it
        *LINE[1:],
    )

    problem = problem_of(xlsx_of(tmp_path, HEADER, line))

    assert (problem.column, problem.reason.code) == ("executed_at", Code.CELL_NO_MOMENT)


@pytest.mark.parametrize(
    ("column", "text", "code"),
    [
        ("executed_at", "2026-03-10 09:00", Code.CELL_NO_MOMENT),
        ("executed_at", "yesterday", Code.CELL_NO_MOMENT),
        ("executed_at", "", Code.CELL_EMPTY),
        ("symbol", "", Code.CELL_EMPTY),
        ("side", "long", Code.CELL_NO_WORD),
        ("side", "", Code.CELL_EMPTY),
        ("quantity", "1,5", Code.CELL_NO_AMOUNT),
        ("quantity", "NaN", Code.CELL_NO_AMOUNT),
        ("price", "1 USDT", Code.CELL_NO_AMOUNT),
    ],
)
def test_a_wrong_cell_is_named(tmp_path: Path, column: str, text: str, code: Code) -> None:
    line = list(LINE)
    line[HEADER.index(column)] = text

    problem = problem_of(csv_of(tmp_path, HEADER, tuple(line), delimiter=";"))

    assert (problem.number, problem.column, problem.reason.code) == (2, column, code)


@pytest.mark.parametrize(
    ("column", "text", "blamed", "code"),
    [
        ("position_side", "left", "position_side", Code.CELL_NO_WORD),
        ("fee_amount", "free", "fee_amount", Code.CELL_NO_AMOUNT),
        ("fee_amount", "0.1", "fee_currency", Code.CELL_EMPTY),
        ("funding", "1e", "funding", Code.CELL_NO_AMOUNT),
    ],
)
def test_a_wrong_cell_of_an_optional_column_is_named(
    tmp_path: Path, column: str, text: str, blamed: str, code: Code
) -> None:
    problem = problem_of(csv_of(tmp_path, (*HEADER, column), (*LINE, text)))

    assert (problem.column, problem.reason.code) == (blamed, code)


@pytest.mark.parametrize("text", ["K,RW", "BTC/USDT", "USDT BNB", "USDT;BNB", "BTC:BTC"])
def test_what_no_exchange_writes_is_no_currency(tmp_path: Path, text: str) -> None:
    header, line = (*HEADER, "fee_amount", "fee_currency"), (*LINE, "0.1", text)
    problem = problem_of(csv_of(tmp_path, header, line, delimiter="\t"))

    assert (problem.number, problem.column) == (2, "fee_currency")
    assert problem.reason == Reason(Code.CELL_NO_CURRENCY, {"text": text})


@pytest.mark.parametrize("text", ["usdt", "币安人生", "$PAC", "ETH2.S", "1000SATS", "BEAM-BIS"])
def test_whatever_exchanges_write_is_a_currency(tmp_path: Path, text: str) -> None:
    header, line = (*HEADER, "fee_amount", "fee_currency"), (*LINE, "0.1", text)
    [read] = read_trade_file(csv_of(tmp_path, header, line)).lines

    assert [fee.currency for fee in read.fill.fees] == [text.upper()]


@pytest.mark.parametrize(("text", "amount"), [("1e3", "1000"), ("2.5E-7", "0.00000025")])
def test_numbers_may_have_an_exponent(tmp_path: Path, text: str, amount: str) -> None:
    """As programs write what is very small."""
    line = list(LINE)
    line[HEADER.index("quantity")] = text
    [read] = read_trade_file(csv_of(tmp_path, HEADER, tuple(line))).lines

    assert read.fill.quantity == Decimal(amount)


def test_every_wrong_cell_of_a_line_is_told_at_once(tmp_path: Path) -> None:
    line = ("now", "BTC/USDT", "hold", "", "x", "a1")

    file = read_trade_file(csv_of(tmp_path, HEADER, line, LINE))

    assert [problem.column for problem in file.problems] == [
        "executed_at",
        "side",
        "quantity",
        "price",
    ]
    assert [line.number for line in file.lines] == [3]


@pytest.mark.parametrize(
    ("header", "code", "columns"),
    [
        (("symbol", "side"), Code.FILE_COLUMNS_MISSING, "executed_at, quantity, price"),
        (("",), Code.FILE_COLUMNS_MISSING, "executed_at, symbol, side, quantity, price"),
        ((*HEADER, "leverage"), Code.FILE_COLUMNS_UNKNOWN, "leverage"),
        ((*HEADER, "price"), Code.FILE_COLUMNS_TWICE, "price"),
    ],
)
def test_other_columns_are_refused(tmp_path: Path, header: tuple, code: Code, columns: str) -> None:
    with pytest.raises(TradeFileRefused) as refused:
        read_trade_file(csv_of(tmp_path, header, LINE))

    assert refused.value.code is code
    assert refused.value.reason.figures["columns"] == columns


@pytest.mark.parametrize(
    "content",
    [
        b"\xff\xfe\x00binary",
        b"PK\x03\x04 no workbook",
        b'executed_at,"symbol\n',
        "가격".encode("utf-16"),
        b"executed_at,symbol\x00",
    ],
)
def test_what_is_no_table_is_refused(tmp_path: Path, content: bytes) -> None:
    path = tmp_path / "picture.png"
    path.write_bytes(content)

    with pytest.raises(TradeFileRefused) as refused:
        read_trade_file(path)

    assert refused.value.code is Code.FILE_UNREADABLE
    assert refused.value.reason.figures == {"file": "picture.png"}


def test_a_file_that_is_not_there_is_refused(tmp_path: Path) -> None:
    with pytest.raises(TradeFileRefused) as refused:
        read_trade_file(tmp_path / "nowhere.csv")

    assert refused.value.code is Code.FILE_UNREADABLE


def test_a_file_with_more_lines_than_may_be_is_refused() -> None:
    content = "\n".join(",".join(line) for line in (HEADER, LINE, LINE)).encode()
    assert len(read_trade_content(content, name="t.csv", most_lines=2).lines) == 2

    with pytest.raises(TradeFileRefused) as refused:
        read_trade_content(content, name="t.csv", most_lines=1)

    assert refused.value.code is Code.FILE_TOO_LONG


def test_a_korean_excel_writes_another_encoding(tmp_path: Path) -> None:
    path = csv_of(tmp_path, (*HEADER, "strategy"), (*LINE, "추세"), encoding="cp949")

    (read,) = read_trade_file(path).lines

    assert read.strategy == "추세"


@pytest.mark.parametrize("encoding", ["utf-16", "utf-8", "cp949"])
def test_what_excel_saves_as_unicode_text_is_read(tmp_path: Path, encoding: str) -> None:
    header, line = (*HEADER, "strategy"), (*LINE, "추세")

    (read,) = read_trade_file(
        csv_of(tmp_path, header, line, delimiter="\t", encoding=encoding)
    ).lines

    assert read.strategy == "추세"
    assert read.fill.price == D("61234.5")


def test_empty_lines_before_the_names_of_columns_are_passed_over(tmp_path: Path) -> None:
    (read,) = read_trade_file(csv_of(tmp_path, (), (), HEADER, LINE, delimiter=";")).lines

    assert (read.number, read.fill.quantity) == (4, D("0.5"))


@pytest.mark.parametrize("odd", ['"a1', '"a"1'])
def test_a_line_whose_quotation_marks_do_not_fit_is_named(tmp_path: Path, odd: str) -> None:
    path = csv_of(tmp_path, HEADER, LINE, (*LINE[:-1], odd), LINE)

    with pytest.raises(TradeFileRefused) as refused:
        read_trade_file(path)

    assert refused.value.reason == Reason(Code.FILE_LINE_UNREADABLE, {"line": "3"})


def test_the_apostrophe_of_our_export_is_no_part_of_an_id(tmp_path: Path) -> None:
    """Otherwise an export that is imported would be other fills; a real one stays."""
    first, second = (*LINE[:5], "'-7"), (*LINE[:5], "'7")

    lines = read_trade_file(csv_of(tmp_path, HEADER, first, second)).lines

    assert [line.fill.order_id for line in lines] == ["-7", "'7"]


def test_what_a_spreadsheet_computes_is_refused(tmp_path: Path) -> None:
    """An empty fee would be none, and nobody would know."""
    header = (*HEADER, "fee_amount", "fee_currency", "cost")
    line = (*LINE[:4], "=2*3", *LINE[5:], "=E2*0.001", "USDT", "=D2*E2")

    file = read_trade_file(xlsx_of(tmp_path, header, line))

    assert not file.lines
    assert [(each.column, each.reason.code) for each in file.problems] == [
        ("price", Code.CELL_COMPUTED),
        ("fee_amount", Code.CELL_COMPUTED),
    ]
    assert file.problems[1].reason.figures == {"text": "=E2*0.001"}


@pytest.mark.parametrize(
    ("column", "most"),
    [
        ("symbol", 64),
        ("fee_currency", 32),
        ("venue_fill_id", 100),
        ("order_id", 100),
        ("client_order_id", 100),
    ],
)
def test_what_no_column_of_ours_keeps_is_named(tmp_path: Path, column: str, most: int) -> None:
    header = [*HEADER, "fee_currency", "venue_fill_id", "client_order_id"]
    line = [*LINE, "USDT", "v", "c"]
    line[header.index(column)] = "x" * most
    assert len(read_trade_file(csv_of(tmp_path, tuple(header), tuple(line))).lines) == 1
    line[header.index(column)] += "x"

    problem = problem_of(csv_of(tmp_path, tuple(header), tuple(line)))

    assert (problem.column, problem.reason.code) == (column, Code.CELL_TOO_LONG)
    assert problem.reason.figures["text"] == "x" * min(most + 1, 60) + "…" * (most >= 60)


def test_liquidity_is_one_of_two_words(tmp_path: Path) -> None:
    header = (*HEADER, "liquidity")
    (read,) = read_trade_file(csv_of(tmp_path, header, (*LINE, "Maker"))).lines
    assert read.fill.liquidity == "maker"

    problem = problem_of(csv_of(tmp_path, header, (*LINE, "market")))

    assert (problem.column, problem.reason.code) == ("liquidity", Code.CELL_NO_WORD)


def test_of_somebody_elses_columns_the_first_are_named(tmp_path: Path) -> None:
    columns = [f"column {number}" for number in range(11)]
    columns[0] = "x" * 61

    with pytest.raises(TradeFileRefused) as refused:
        read_trade_file(csv_of(tmp_path, (*HEADER, *columns)))

    named = refused.value.reason.figures["columns"].split(", ")
    assert named == ["x" * 60 + "…", *columns[1:10], "…"]


def packed(path: Path, **parts: bytes) -> Path:
    """A workbook in which these parts are others."""
    with ZipFile(xlsx_of(path, HEADER, LINE)) as workbook:
        contents = {each.filename: workbook.read(each) for each in workbook.infolist()}
    for name, content in parts.items():
        contents[next(each for each in contents if each.endswith(f"{name}.xml"))] = content
    file = path / "packed.xlsx"
    with ZipFile(file, "w", ZIP_DEFLATED) as workbook:
        for name, content in contents.items():
            workbook.writestr(name, content)
    return file


def test_a_workbook_that_unpacks_to_very_much_is_refused(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("capital.services.tables._LARGEST_WORKBOOK_MB", 1)
    path = packed(tmp_path, sheet1=b"<worksheet>" + b" " * (1 << 20))

    with pytest.raises(TradeFileRefused) as refused:
        read_trade_file(path)

    assert (refused.value.code, refused.value.reason.figures["most"]) == (Code.FILE_TOO_LARGE, "1")


SHEET = (
    b'<worksheet xmlns="http://schemas.openxmlformats.org/spreadsheetml/2006/main"><sheetData>'
    b'<row r="%d"><c r="A%d" t="inlineStr"><is><t>x</t></is></c></row></sheetData></worksheet>'
)


def test_a_cell_far_below_all_that_a_spreadsheet_has_is_not_waited_for(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("capital.services.tables._MOST_ROWS", 1000)
    path = packed(tmp_path, sheet1=SHEET % (999_999_999, 999_999_999))

    with pytest.raises(TradeFileRefused) as refused:
        read_trade_file(path)

    assert refused.value.code is Code.FILE_TOO_LONG


def test_rows_that_hold_nothing_are_passed_over_at_once(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A sheet that is formatted to its end has a million, and each has two hundred cells."""
    looked_at: list[object] = []
    monkeypatch.setattr("capital.services.tables._value", looked_at.append)
    path = packed(tmp_path, sheet1=(SHEET % (4, 4)).replace(b"<row ", b'<row r="2"/><row ', 1))

    with pytest.raises(TradeFileRefused):
        read_trade_file(path)

    assert len(looked_at) == 200


def test_a_workbook_with_more_styles_than_there_can_be_is_refused(tmp_path: Path) -> None:
    """Of each an object is made: a file of 80 KiB took a minute, and gigabytes."""
    styles = (
        b'<styleSheet xmlns="http://schemas.openxmlformats.org/spreadsheetml/2006/main"><cellXfs>'
        b"%s</cellXfs></styleSheet>"
    )

    with pytest.raises(TradeFileRefused) as refused:
        read_trade_file(packed(tmp_path, styles=styles % (b"<xf/>" * 600_000)))

    assert refused.value.code is Code.FILE_UNREADABLE


def test_a_workbook_with_many_styles_is_read(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("capital.services.tables._MOST_TAGS", 1000)
    lines = [LINE] * 100

    assert len(read_trade_file(xlsx_of(tmp_path, HEADER, *lines)).lines) == 100


@pytest.mark.parametrize("number", ["1e999", "-1e999", "-1234567890123456"])
def test_an_id_that_is_more_than_a_number_keeps_is_refused(tmp_path: Path, number: str) -> None:
    with ZipFile(xlsx_of(tmp_path, HEADER, (*LINE[:-1], 4711))) as workbook:
        sheet = workbook.read("xl/worksheets/sheet1.xml")
    path = packed(tmp_path, sheet1=sheet.replace(b"<v>4711</v>", f"<v>{number}</v>".encode()))

    (problem,) = read_trade_file(path).problems

    assert (problem.column, problem.reason.code) == (HEADER[-1], Code.CELL_CUT)


def test_a_workbook_whose_text_would_grow_without_end_is_refused(tmp_path: Path) -> None:
    entities = b'<!ENTITY a "aaaaaaaaaa">' + b"".join(
        b'<!ENTITY %c "%s">' % (97 + at, b"&%c;" % (96 + at) * 10) for at in range(1, 12)
    )
    text = SHEET.replace(b"<t>x</t>", b"<t>&l;</t>") % (1, 1)
    path = packed(tmp_path, sheet1=b"<!DOCTYPE worksheet [" + entities + b"]>" + text)

    with pytest.raises(TradeFileRefused) as refused:
        read_trade_file(path)

    assert refused.value.code is Code.FILE_UNREADABLE


def test_equal_problems_of_several_lines_are_one() -> None:
    empty, cut = Reason(Code.CELL_EMPTY), Reason(Code.CELL_CUT, {"text": "1e18"})
    problems = [LineProblem(number, "side", empty) for number in (3, 7, 8, 9, 12)]
    problems += [LineProblem(7, "price", empty), LineProblem(9, "side", cut)]

    found = alike_problems(sorted(problems, key=lambda each: each.number))

    assert [(each.ranges, each.column, each.reason) for each in found] == [
        ("3, 7–9, 12", "side", empty),
        ("7", "price", empty),
        ("9", "side", cut),
    ]
