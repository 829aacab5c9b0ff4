import re
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import date
from decimal import Decimal
from fractions import Fraction

import pytest
from django.apps.registry import Apps
from django.core.exceptions import ValidationError
from django.db import connection, models, transaction
from django.utils import translation
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from capital.domain.errors import AmountNotStorable
from capital.models import AllocationEntry, DailyAccountSummary, StrategyAccount, StrategyCapital
from capital.models.columns.exact import AmountField, QuantityField, RatioField
from capital.services.sentences import sentence
from tests.factories import make_account, make_link, make_summary

pytestmark = pytest.mark.django_db

ON_SQLITE = "connection.vendor == 'sqlite'"
FIFTEEN_DIGITS = Decimal("1234567.12345678")


class ExactRow(models.Model):
    """One column of each kind, in a registry of its own so that no migration sees it."""

    amount = AmountField(null=True, blank=True)
    quantity = QuantityField(null=True, blank=True)
    ratio = RatioField(null=True, blank=True)

    class Meta:
        app_label = "tests"
        apps = Apps()

    def __str__(self) -> str:
        return f"{self.amount} {self.quantity} {self.ratio}"


@pytest.fixture(scope="module", autouse=True)
def exact_row_table(django_db_setup, django_db_blocker):
    with django_db_blocker.unblock():
        with connection.schema_editor() as editor:
            editor.create_model(ExactRow)
        yield
        with connection.schema_editor() as editor:
            editor.delete_model(ExactRow)


@pytest.fixture
def row(db):
    return ExactRow.objects.create()


@contextmanager
def refused(message: str) -> Iterator[None]:
    """Expect a refusal that says ``message``, and nothing written."""
    with pytest.raises(AmountNotStorable, match=re.escape(message)), transaction.atomic():
        yield
    assert not ExactRow.objects.exclude(amount=None, quantity=None, ratio=None).exists()


def saved(row, field, value):
    setattr(row, field, value)
    row.save()


def bulk_created(row, field, value):
    row.delete()
    ExactRow.objects.bulk_create([ExactRow(**{field: value})])


def bulk_updated(row, field, value):
    setattr(row, field, value)
    ExactRow.objects.bulk_update([row], [field])


def updated(row, field, value):
    ExactRow.objects.filter(pk=row.pk).update(**{field: value})


def updated_by_expression(row, field, value):
    ExactRow.objects.filter(pk=row.pk).update(**{field: models.Value(value)})


def created_by_expression(row, field, value):
    row.delete()
    ExactRow.objects.create(**{field: models.Value(value)})


def updated_or_created(row, field, value):
    ExactRow.objects.update_or_create(pk=row.pk, defaults={field: value})


def upserted(row, field, value):
    ExactRow.objects.bulk_create(
        [ExactRow(pk=row.pk, **{field: value})],
        update_conflicts=True,
        unique_fields=["id"],
        update_fields=[field],
    )


def created(row, field, value):
    row.delete()
    ExactRow.objects.create(**{field: value})


WRITES = (saved, created, bulk_created, bulk_updated, updated, updated_or_created, upserted)
WRITES += (updated_by_expression, created_by_expression)
EACH_WRITE = pytest.mark.parametrize("write", WRITES, ids=lambda write: write.__name__)

KEPT = [
    ("amount", "0"),
    ("amount", "-0.01"),
    ("amount", "1234567.12345678"),
    ("amount", "0.00000001"),
    ("amount", "99999999999999900000"),
    ("amount", "-99999999999999900000"),
    ("amount", "1.50000000000000000000"),
    ("amount", "1E+19"),
    ("quantity", "0.000000000000000001"),
    ("quantity", "-123.456789012345"),
    ("quantity", "999999999999999000"),
    ("quantity", "1E+17"),
    ("ratio", "0.00000001"),
    ("ratio", "999.99999999"),
    ("ratio", "-0.1"),
]

REFUSED = [
    ("amount", "0.000000001", "it has 9 decimals and the column keeps 8"),
    ("amount", "1.123456789", "it has 9 decimals and the column keeps 8"),
    ("amount", "100000000000000000000", "it has more than 20 digits before the point"),
    ("amount", "-1E+20", "it has more than 20 digits before the point"),
    ("quantity", "1E-19", "it has 19 decimals and the column keeps 18"),
    ("quantity", "1E+18", "it has more than 18 digits before the point"),
    ("ratio", "0.123456789", "it has 9 decimals and the column keeps 8"),
    ("ratio", "1000", "it has more than 3 digits before the point"),
]

BEYOND_SQLITE = [
    ("amount", "12345678.12345678"),
    ("amount", "123456789.12345678"),
    ("amount", "99999999999999999999.99999999"),
    ("amount", "-9007199254740993"),
    ("quantity", "0.1234567890123456"),
    ("quantity", "999999999999999999.999999999999999999"),
]


@EACH_WRITE
@pytest.mark.parametrize(("field", "value"), KEPT)
def test_what_fits_is_read_back_exactly(row, write, field, value):
    write(row, field, Decimal(value))

    kept = ExactRow.objects.values_list(field, flat=True).get()
    assert type(kept) is Decimal
    assert kept == Decimal(value)


@EACH_WRITE
@pytest.mark.parametrize(("field", "value", "problem"), REFUSED)
def test_what_would_be_changed_is_refused(row, write, field, value, problem):
    with refused(f"cannot be stored exactly, because {problem}."):
        write(row, field, Decimal(value))


@EACH_WRITE
@pytest.mark.parametrize("field", ["amount", "quantity", "ratio"])
@pytest.mark.parametrize("value", ["NaN", "sNaN", "Infinity", "-Infinity"])
def test_what_is_not_a_finite_number_is_refused(row, write, field, value):
    with refused("cannot be stored exactly"):
        write(row, field, Decimal(value))


@EACH_WRITE
@pytest.mark.parametrize(("field", "value"), BEYOND_SQLITE)
@pytest.mark.skipif(f"not ({ON_SQLITE})", reason="SQLite alone keeps 15 significant digits")
def test_more_than_15_significant_digits_are_refused_on_sqlite(row, write, field, value):
    with refused("significant digits and SQLite keeps 15"):
        write(row, field, Decimal(value))


@EACH_WRITE
@pytest.mark.parametrize(("field", "value"), BEYOND_SQLITE)
@pytest.mark.postgresql
@pytest.mark.skipif(ON_SQLITE, reason="PostgreSQL alone keeps every digit of its columns")
def test_every_digit_of_the_column_is_kept_on_postgresql(row, write, field, value):
    write(row, field, Decimal(value))

    assert ExactRow.objects.values_list(field, flat=True).get() == Decimal(value)


@EACH_WRITE
@pytest.mark.parametrize("field", ["amount", "quantity"])
@pytest.mark.parametrize("value", [0.1, 5000.0, float("nan"), float("inf")])
def test_a_float_is_refused_as_money(row, write, field, value):
    with refused("cannot be stored exactly, because it is a float."):
        write(row, field, value)


@EACH_WRITE
def test_a_float_is_read_as_a_ratio_by_its_shortest_text(row, write):
    write(row, "ratio", 0.1)

    assert ExactRow.objects.get().ratio == Decimal("0.1")


@EACH_WRITE
@pytest.mark.parametrize("value", ["abc", "", "1,5"])
def test_a_text_that_is_no_number_is_refused(row, write, value):
    with refused("tests.ExactRow.amount"):
        write(row, "amount", value)


@EACH_WRITE
@pytest.mark.parametrize("value", ["5000.25", 5000])
def test_texts_and_integers_are_kept_as_they_are_written(row, write, value):
    write(row, "amount", value)

    assert ExactRow.objects.get().amount == Decimal(str(value))


@EACH_WRITE
def test_null_stays_null(row, write):
    write(row, "amount", None)

    assert ExactRow.objects.get().amount is None


@pytest.mark.parametrize("field", ["amount", "quantity", "ratio"])
@pytest.mark.parametrize("value", ["1.1234567890123456789", "1E+30", "NaN"])
def test_a_form_is_told_readably_what_does_not_fit(row, field, value):
    setattr(row, field, Decimal(value))

    with pytest.raises(ValidationError) as refused:
        row.full_clean()

    assert list(refused.value.message_dict) == [field]


def test_a_form_is_told_readably_that_a_float_is_not_money(row):
    row.amount = 0.1

    with pytest.raises(ValidationError, match=r"0\.1 is not exact, because its type is float"):
        row.full_clean()


@pytest.mark.parametrize("value", [0.1, True, "1_0", "1" * 21, "0." + "1" * 61, "NaN", ["1"]])
def test_each_refusal_is_told_in_the_readers_language(row, value):
    for language, letters in (("en", "[a-z]"), ("ko", "[가-힣]")):
        row.amount = value
        with translation.override(language):
            with pytest.raises(ValidationError) as refused_by_form:
                row.full_clean()
            with pytest.raises(AmountNotStorable) as refused_by_column:
                ExactRow.objects.filter(pk=row.pk).update(amount=value)

            for text in (
                *refused_by_form.value.message_dict["amount"],
                sentence(refused_by_column.value.reason),
            ):
                assert re.search(letters, text), text
                named = re.sub(r"ExactRow|amount|Tests|float|bool|list|NaN|True", "", text)
                assert language == "en" or not re.search("[A-Za-z]{3,}", named), text


def decimals(integer_digits: int, places: int) -> st.SearchStrategy[Decimal]:
    """Numbers of any length up to a little more than the column keeps."""
    return st.builds(
        lambda sign, digits, exponent: Decimal((sign, digits, exponent)),
        st.integers(0, 1),
        st.lists(st.integers(0, 9), min_size=1, max_size=integer_digits + places + 2),
        st.integers(-places - 2, integer_digits + 2),
    ) | st.decimals(min_value=-(10**6), max_value=10**6, places=min(places, 8))


@pytest.mark.parametrize(
    ("field", "integer_digits", "places"),
    [("amount", 20, 8), ("quantity", 18, 18), ("ratio", 3, 8)],
)
@settings(
    max_examples=150,
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)
@given(data=st.data())
def test_any_number_is_read_back_equal_or_refused(row, field, integer_digits, places, data):
    value = data.draw(decimals(integer_digits, places))
    write = data.draw(st.sampled_from([saved, bulk_updated, updated]))
    units = Fraction(value) * 10**places
    fits_the_column = units.denominator == 1 and abs(value) < 10**integer_digits
    significant = len(str(abs(units.numerator)).rstrip("0"))
    fits = fits_the_column and (connection.vendor != "sqlite" or significant <= 15)

    try:
        with transaction.atomic():
            write(row, field, value)
    except AmountNotStorable:
        assert not fits
    else:
        assert fits
        kept = ExactRow.objects.values_list(field, flat=True).get()
        assert type(kept) is Decimal
        assert kept == value


# The tables of the product


def test_every_decimal_column_of_the_product_is_exact():
    from django.apps import apps

    columns = [
        field
        for app in ("capital", "strategies")
        for model in apps.get_app_config(app).get_models()
        for field in model._meta.concrete_fields
        if isinstance(field, models.DecimalField | models.FloatField)
    ]

    assert columns
    assert {type(field) for field in columns} <= {AmountField, QuantityField, RatioField}


@pytest.mark.parametrize("kind", [AmountField, QuantityField])
def test_money_columns_have_the_width_of_the_design(kind):
    widths = {AmountField: (28, 8), QuantityField: (36, 18)}

    assert (kind().max_digits, kind().decimal_places) == widths[kind]


def test_a_ninth_decimal_is_refused_in_every_table_of_money():
    link, summary = make_link(capital=1), make_summary()
    nine = Decimal("0.123456789")

    for rows, name in [
        (type(link.account).objects, "reserve_amount"),
        (type(link.account).objects, "reserve_percent"),
        (StrategyAccount.objects, "weight"),
        (StrategyAccount.objects, "leverage"),
        (StrategyCapital.objects, "allocated_capital"),
        (StrategyCapital.objects, "current_pnl"),
        (DailyAccountSummary.objects.filter(pk=summary.pk), "spot_balance"),
        (DailyAccountSummary.objects, "total_fees"),
    ]:
        with pytest.raises(AmountNotStorable, match=name), transaction.atomic():
            rows.update(**{name: nine})
    with pytest.raises(AmountNotStorable, match=r"capital\.AllocationEntry\.after"):
        AllocationEntry.objects.bulk_create([AllocationEntry(weight=1, after=nine, code="share")])


def test_summaries_of_15_digits_are_kept_on_both_databases():
    make_summary(account=make_account(), date=date(2025, 1, 15), spot_balance=FIFTEEN_DIGITS)

    assert DailyAccountSummary.objects.get().spot_balance == FIFTEEN_DIGITS


def test_money_is_never_stored_as_a_binary_fraction_that_reads_otherwise():
    link = make_link()
    capital = StrategyCapital.objects.create(
        strategy_account=link, allocated_capital=Decimal("0.1"), current_pnl=Decimal("0.2")
    )

    capital.refresh_from_db()

    assert type(capital.allocated_capital) is Decimal
    assert capital.allocated_capital + capital.current_pnl == Decimal("0.3")


# Many at once


def told_by(write, amounts):
    """What is written of amounts, or that it is refused."""
    try:
        return list(write(amounts))
    except AmountNotStorable as refusal:
        return str(refusal)


amounts_of_all_kinds = st.one_of(
    st.decimals(allow_nan=True, allow_infinity=True),
    st.decimals(min_value=-(10**21), max_value=10**21, places=8),
    st.decimals(min_value=-2000, max_value=2000, places=10),
    st.sampled_from(["0", "-0", "0E-8", "1E+3", "1.50", "-0.00000001", "99999999999999999999"]).map(
        Decimal
    ),
)


@pytest.mark.parametrize("name", ["amount", "quantity", "ratio"])
@given(amounts=st.lists(amounts_of_all_kinds, min_size=1, max_size=6))
def test_amounts_that_are_written_together_are_written_as_each_alone(name, amounts):
    field = ExactRow._meta.get_field(name)

    together = told_by(field.all_written, amounts)

    assert together == told_by(lambda many: map(field.written, many), amounts)


@pytest.mark.parametrize("text", ["NaN", "sNaN", "-snan", "Infinity", "-Infinity"])
def test_a_form_reads_no_number_that_is_none(text: str) -> None:
    field = StrategyAccount._meta.get_field("weight").formfield()

    # Django would compare sNaN with what was shown, which nothing may be.
    assert field.has_changed(Decimal(1), text)
    with pytest.raises(ValidationError, match="Enter a number") as refused:
        field.clean(text)
    assert refused.value.code == "invalid"
