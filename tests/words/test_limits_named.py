"""Whatever is refused by choices, a pattern or a limit is told with them: of every field there is.

The fields are found, not listed: one that is added is asked as well. What is asked is what stands
at the field; rules over several fields have tests of their own.
"""

import importlib
import pkgutil
import re
from argparse import ArgumentParser
from collections.abc import Iterator
from decimal import Decimal
from math import ceil
from typing import Any

import pytest
from django import forms
from django.apps import apps
from django.core import validators
from django.core.exceptions import ValidationError
from django.core.management import get_commands, load_command_class
from django.db import models
from rest_framework import serializers

import capital.admin
import capital.api
import capital_project

_UNKNOWN = "~ no such thing ~"
_MOST_NAMED = 30
Found = tuple[str, Any]


def _modules(package: Any) -> None:
    for module in pkgutil.walk_packages(package.__path__, f"{package.__name__}."):
        if ".migrations" not in module.name and ".commands." not in module.name:
            importlib.import_module(module.name)


def _subclasses(kind: Any) -> Iterator[Any]:
    for each in kind.__subclasses__():
        if each.__module__.startswith(("capital", "strategies")):
            yield each
        yield from _subclasses(each)


def model_fields() -> list[Found]:
    return [
        (f"{model.__name__}.{field.name}", field)
        for app in ("capital", "strategies")
        for model in apps.get_app_config(app).get_models()
        for field in model._meta.concrete_fields
        if not field.is_relation
    ]


def form_fields() -> list[Found]:
    _modules(capital.admin)
    _modules(capital_project)
    return [
        (f"{form.__module__}.{form.__name__}.{name}", field)
        for form in sorted(set(_subclasses(forms.BaseForm)), key=lambda form: form.__qualname__)
        for name, field in getattr(form, "base_fields", {}).items()
        if not isinstance(field, forms.ModelChoiceField)
    ]


def serializer_fields() -> list[Found]:
    _modules(capital.api)
    return [
        (f"{serializer.__name__}.{name}", field)
        for serializer in sorted(
            set(_subclasses(serializers.Serializer)), key=lambda each: each.__qualname__
        )
        for name, field in _fields_of(serializer).items()
        if not field.read_only
    ]


def _fields_of(serializer: Any) -> dict[str, Any]:
    meta = getattr(serializer, "Meta", None)
    if issubclass(serializer, serializers.ModelSerializer) and not hasattr(meta, "model"):
        return {}
    return dict(serializer().fields)


def _said(check: Any, value: Any) -> str | None:
    """What the refusal says; None where the value is taken."""
    try:
        check(value)
    except ValidationError as error:
        return " ".join(error.messages)
    except serializers.ValidationError as error:
        return " ".join(map(str, _flat(error.detail)))
    return None


def _flat(detail: Any) -> Iterator[Any]:
    if isinstance(detail, dict | list):
        for each in detail.values() if isinstance(detail, dict) else detail:
            yield from _flat(each)
    else:
        yield detail


def _names(choices: Any) -> list[str]:
    found: list[str] = []
    for value, label in choices or ():
        found += _names(label) if isinstance(label, list | tuple) else [str(value)]
    return [name for name in found if name]


def _number(limit: Any) -> str:
    """As a sentence has it: what is above 0 by the last digit is “above 0”."""
    number = Decimal(str(limit))
    if 0 < number < Decimal("0.0001"):
        return "above 0"
    if number % 1 > Decimal("0.9999"):
        return f"less than {ceil(number)}"
    return f"{number.normalize():f}"


def _plain(text: str) -> str:
    return text.replace(",", "")


def _of_limits(checks: Any) -> Iterator[tuple[Any, Any, str]]:
    """Each validator with a limit, a value beyond it, and what its sentence must hold."""
    for check in checks:
        limit = getattr(check, "limit_value", None)
        limit = limit() if callable(limit) else limit
        match check:
            case validators.MinValueValidator() | validators.MaxValueValidator() if isinstance(
                limit, int | float | Decimal
            ):
                step = -1 if isinstance(check, validators.MinValueValidator) else 1
                yield check, limit + step, _number(limit)
            case validators.MaxLengthValidator():
                yield check, "x" * (limit + 1), str(limit)
            case validators.MinLengthValidator() if limit > 1:
                yield check, "x" * (limit - 1), str(limit)
            case validators.DecimalValidator():
                for most, value in (
                    (check.max_digits, Decimal("1" * ((check.max_digits or 0) + 1))),
                    (check.decimal_places, Decimal(1).scaleb(-(check.decimal_places or 0) - 1)),
                ):
                    if most is not None:
                        yield check, value, str(most)


def _patterns(checks: Any) -> Iterator[Any]:
    return (check for check in checks if isinstance(check, validators.RegexValidator))


ALL = [*model_fields(), *form_fields(), *serializer_fields()]


def _choosing() -> list[Found]:
    return [
        (name, field)
        for name, field in ALL
        if isinstance(
            field,
            models.Field | forms.ChoiceField | serializers.ChoiceField,
        )
        and _choices(field)
    ]


def _choices(field: Any) -> list[str]:
    choices = getattr(field, "choices", None) or ()
    return _names(choices.items() if isinstance(choices, dict) else choices)


def _check_of(field: Any) -> tuple[Any, Any]:
    """What judges a value, and a value that is none of its choices."""
    if isinstance(field, models.Field):
        # Not ``clean``: what is no number is told as that.
        return (lambda value: field.validate(value, None)), _UNKNOWN
    if isinstance(field, serializers.Field):
        is_several = isinstance(field, serializers.MultipleChoiceField)
        return field.run_validation, [_UNKNOWN] if is_several else _UNKNOWN
    return field.validate, [_UNKNOWN] if isinstance(field, forms.MultipleChoiceField) else _UNKNOWN


def test_every_refusal_of_a_choice_names_the_choices() -> None:
    wrong = {}
    for name, field in (found := _choosing()):
        check, value = _check_of(field)
        said = _said(check, value)
        missing = [each for each in _choices(field)[:_MOST_NAMED] if each not in (said or "")]
        if missing:
            wrong[name] = (said, missing)

    assert wrong == {}
    assert len(found) > 60


def test_every_refusal_of_a_limit_names_the_limit() -> None:
    wrong = {}
    asked = 0
    for name, field in ALL:
        for check, value, limit in _of_limits(field.validators):
            asked += 1
            said = _said(check, value)
            if said is None or limit not in _plain(said):
                wrong[f"{name} {type(check).__name__}"] = (said, limit)

    assert wrong == {}
    assert asked > 500


def test_every_refusal_of_a_pattern_describes_the_pattern() -> None:
    """In a sentence of its own, with every number that is in the pattern."""
    usual = str(validators.RegexValidator.message)
    wrong = {}
    patterns = [(name, check) for name, field in ALL for check in _patterns(field.validators)]
    for name, check in patterns:
        said = _said(check, _UNKNOWN)
        counts = re.findall(r"\{(\d+)?,(\d+)\}", check.regex.pattern)
        numbers = {number for pair in counts for number in pair if number not in ("", "0")}
        # ``x[…]{0,31}`` allows 32 in all.
        missing = [
            number
            for number in numbers
            if number not in (said or "") and str(int(number) + 1) not in (said or "")
        ]
        if said is None or usual in said or missing or len(said) < 30:
            wrong[name] = (said, check.regex.pattern)

    assert wrong == {}
    assert len(patterns) >= 4


def _arguments() -> Iterator[tuple[str, ArgumentParser, Any]]:
    for name, app in get_commands().items():
        if str(app).startswith(("capital", "strategies")):
            parser = load_command_class(app, name).create_parser("manage.py", name)
            parsers = [parser]
            while parsers:
                parser = parsers.pop()
                for action in parser._actions:
                    if hasattr(action, "choices") and isinstance(action.choices, dict):
                        parsers += action.choices.values()
                    yield f"{name} {action.dest}", parser, action


def test_every_argument_of_our_commands_says_what_it_takes() -> None:
    wrong = {}
    for name, parser, action in _arguments():
        said = None
        if action.choices:
            with pytest.raises(Exception, match="invalid choice") as refused:
                parser._check_value(action, _UNKNOWN)
            said = str(refused.value)
            if missing := [each for each in map(str, action.choices) if each not in said]:
                wrong[name] = (said, missing)
        elif action.type is not None and not isinstance(action.type, type(None)):
            try:
                parser._get_value(action, _UNKNOWN)
            except Exception as error:  # noqa: BLE001  # whatever argparse makes of it
                said = str(error)
                if "invalid" in said and "value:" in said:
                    wrong[name] = (said, "what it takes")

    assert wrong == {}
