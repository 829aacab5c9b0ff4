"""YAML, read strictly: what is odd is refused with its line, and nothing is guessed.

Nothing of the file becomes a Python object by itself: nodes are read one by one, as what is
expected there. Names that stand twice, anchors and aliases are refused.
"""

from collections.abc import Collection, Iterator
from typing import Any

import yaml
from django.utils.translation import gettext as _

from capital.domain.errors import DeskFileRefused
from capital.domain.money import parse_whole
from capital.domain.reasons import Code

# In characters: some 60,000 accounts. Reading takes fifty times as much memory.
LONGEST = 64 << 20
_DEEPEST = 12
_LOADER: Any = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
_TAG = "tag:yaml.org,2002:"
_OTHER_BREAKS = frozenset("\x85\u2028\u2029")


class Table:
    """A mapping of the file, from which fields are read by name."""

    def __init__(self, node: yaml.Node, *, name: str = "") -> None:
        self.line: int = node.start_mark.line + 1
        if not isinstance(node, yaml.MappingNode):
            raise refused(self.line, name, _("it must be names with values"))
        self._nodes: dict[str, yaml.Node] = {}
        for key, value in node.value:
            line = key.start_mark.line + 1
            if not isinstance(key, yaml.ScalarNode):
                raise refused(line, name, _("it must be names with values"))
            if key.value in self._nodes:
                raise refused(line, key.value, _("it stands here twice"))
            self._nodes[key.value] = value

    def __contains__(self, name: str) -> bool:
        return name in self._nodes

    def keep_to(self, known: Collection[str], *, needed: Collection[str] = ()) -> "Table":
        """Refuse a name that is not known, and one that is missing."""
        for name, node in self._nodes.items():
            if name not in known:
                raise DeskFileRefused(
                    Code.DESK_FIELD_UNKNOWN,
                    line=str(node.start_mark.line + 1),
                    name=_shown(name),
                    known=", ".join(known),
                )
        for name in needed:
            if name not in self._nodes:
                raise refused(self.line, name, _("it is missing"))
        return self

    def is_null(self, name: str) -> bool:
        """Whether it is said to be empty."""
        return bool(self._nodes[name].tag == f"{_TAG}null")

    def text(self, name: str) -> str:
        """A text."""
        return self._scalar(name, "str", _("it must be text; put it in quotes"))

    def exact(self, name: str) -> str:
        """A number as it is written: a whole one, or a text. A float is none."""
        return self._scalar(name, "str int", _("write an exact number in quotes, such as '0.5'"))

    def number(self, name: str) -> int:
        """A whole number."""
        text = self._scalar(name, "int", _("it must be a whole number"))
        number = parse_whole(text)
        if number is None:
            raise self.refusal(name, _("it must be a whole number"))
        return number

    def flag(self, name: str) -> bool:
        """``true`` or ``false``."""
        problem = _("it must be true or false")
        text = self._scalar(name, "bool", problem)
        if text not in ("true", "false"):
            raise self.refusal(name, problem)
        return text == "true"

    def texts(self, name: str) -> list[str]:
        """A list of texts; none where it is left out."""
        return [
            self._text_of(node, name, "str", _("it must be a list of texts"))
            for node in self._items(name)
        ]

    def tables(self, name: str) -> Iterator["Table"]:
        """A list of mappings; none where it is left out."""
        for node in self._items(name):
            yield Table(node, name=name)

    def table(self, name: str) -> "Table | None":
        """A mapping; None where it is left out or empty."""
        return (
            None if name not in self or self.is_null(name) else Table(self._nodes[name], name=name)
        )

    def line_of(self, name: str) -> int:
        """Where the value stands; the table's line where it is left out."""
        return self._nodes[name].start_mark.line + 1 if name in self._nodes else self.line

    def refusal(self, name: str, problem: str) -> DeskFileRefused:
        """That the value is refused, with its line."""
        return refused(self.line_of(name), name, problem)

    def _items(self, name: str) -> list[yaml.Node]:
        if name not in self or self.is_null(name):
            return []
        node = self._nodes[name]
        if not isinstance(node, yaml.SequenceNode):
            raise self.refusal(name, _("it must be a list"))
        return list(node.value)

    def _scalar(self, name: str, kinds: str, problem: str) -> str:
        return self._text_of(self._nodes[name], name, kinds, problem)

    def _text_of(self, node: yaml.Node, name: str, kinds: str, problem: str) -> str:
        if (
            not isinstance(node, yaml.ScalarNode)
            or node.tag.removeprefix(_TAG) not in kinds.split()
        ):
            raise refused(node.start_mark.line + 1, name, problem)
        if "\0" in node.value:
            # No column of PostgreSQL holds it; one of SQLite does, and could not be moved there.
            problem = _("it has a character in it that cannot be stored")
            raise refused(node.start_mark.line + 1, name, problem)
        return str(node.value)


def read_document(text: str) -> Table:
    """The mapping that the whole file is.

    Raises:
        DeskFileRefused: It is no YAML, too large or too deep, or has anchors.
    """
    if len(text) > LONGEST:
        raise DeskFileRefused(Code.DESK_FILE_TOO_LARGE, most=str(LONGEST >> 20))
    try:
        _check_events(text)
        node = yaml.compose(text, Loader=_LOADER)
    except yaml.MarkedYAMLError as error:
        line = 1 if error.problem_mark is None else error.problem_mark.line + 1
        raise DeskFileRefused(Code.DESK_FILE_UNREADABLE, line=str(line)) from None
    except (yaml.YAMLError, UnicodeError):
        raise DeskFileRefused(Code.DESK_FILE_UNREADABLE, line="1") from None
    if node is None:
        raise DeskFileRefused(Code.DESK_FILE_UNREADABLE, line="1")
    return Table(node, name="")


def _check_events(text: str) -> None:
    """Refuse what a small text could grow to: aliases, and levels within levels."""
    depth = 0
    for event in yaml.parse(text, Loader=_LOADER):
        if isinstance(event, yaml.CollectionStartEvent):
            depth += 1
        elif isinstance(event, yaml.CollectionEndEvent):
            depth -= 1
        if depth > _DEEPEST or getattr(event, "anchor", None) is not None:
            line = 1 if event.start_mark is None else event.start_mark.line + 1
            raise DeskFileRefused(Code.DESK_FILE_UNREADABLE, line=str(line))


def write_document(told: dict[str, Any]) -> str:
    """The file, always in the same form."""
    return yaml.dump(
        told,
        Dumper=_Dumper,
        allow_unicode=True,
        sort_keys=False,
        width=100,
        default_flow_style=False,
    )


class _Dumper(yaml.SafeDumper):
    def ignore_aliases(self, data: Any) -> bool:
        """Write what stands twice twice."""
        return True


def _represent_text(dumper: Any, text: str) -> Any:
    """As usual; but line breaks that only Unicode knows are escaped, or a reader folds them."""
    style = '"' if _OTHER_BREAKS.intersection(text) else None
    return dumper.represent_scalar(f"{_TAG}str", text, style=style)


_Dumper.add_representer(str, _represent_text)


def refused(line: int, name: str, problem: str) -> DeskFileRefused:
    """That a value is refused, with where it stands and why. Without a name it is the file."""
    name = _shown(name) or _("the file")
    return DeskFileRefused(
        Code.DESK_FIELD_REFUSED, line=str(line), name=name, problem=problem.rstrip(".")
    )


def _shown(name: str) -> str:
    name = name if name.isprintable() else repr(name)
    return name if len(name) <= 60 else f"{name[:59]}…"
