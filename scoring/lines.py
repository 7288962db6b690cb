"""YAML that remembers on which line each of its parts stands."""

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import date
from itertools import islice
from pathlib import Path
from typing import Any

import yaml
from pydantic_core import ErrorDetails

Where = tuple[int | str, ...]


_QUOTED_CHARACTERS_MAX = 80
_TRUTH = "tag:yaml.org,2002:bool"


class _UnreadableError(yaml.MarkedYAMLError):
    """Something that looks like a date or a number, or is said to be one, and is none."""


class _Loader(yaml.CSafeLoader):
    """YAML in which only true and false are truth values: `on`, `no` and `yes` are words that people write.

    libyaml's parser, which all of PyYAML's wheels have: a pack is read at each start, and in Python that takes longer
    than all else of it.
    """

    def construct_object(self, node: yaml.Node, deep: bool = False) -> Any:  # noqa: FBT001, FBT002 - as PyYAML has it
        try:
            return super().construct_object(node, deep)
        except (ValueError, TypeError, AttributeError, LookupError, ArithmeticError) as error:
            # Only of a value that looks like what it is none of can be told why; others were tagged by hand.
            why = error if isinstance(error, ValueError) else f"is no {node.tag.rpartition(':')[2]}"
            what = f"{repr(node.value)[:_QUOTED_CHARACTERS_MAX]}: {why}"
            raise _UnreadableError(problem=what, problem_mark=node.start_mark) from None


_Loader.yaml_implicit_resolvers = {
    first: [one for one in resolvers if one[0] != _TRUTH]
    for first, resolvers in yaml.SafeLoader.yaml_implicit_resolvers.items()
}
_Loader.add_implicit_resolver(_TRUTH, re.compile(r"true|false"), list("tf"))


# A pack of the size of ours has some 2,000. Without an end, a few aliases of aliases would make billions.
_PARTS_MAX = 200_000
# By pydantic's name of what is wrong.
_REMEDIES = {"extra_forbidden": "correct its name, or remove it", "missing": "add it"}


class FileError(Exception):
    """A file that cannot be read as YAML: where, what is wrong, what to do."""


@dataclass(frozen=True, slots=True)
class Document:
    """A YAML file.

    Attributes:
        path: where it is.
        value: what it says.
        lines: the line of each part, by the keys and places that lead to it.

    """

    path: Path
    value: Any
    lines: Mapping[Where, int]

    def line(self, where: Where) -> int:
        """Return the line of a part, or of the nearest part around it that has one."""
        while where and where not in self.lines:
            where = where[:-1]
        return self.lines.get(where, 1)


def read(path: Path) -> Document:
    """Read a YAML file.

    Raises:
        FileError: it is missing, or is no YAML, or says something twice, or is nested or repeated without end.

    """
    try:
        text = path.read_text("utf-8")
        loader = _Loader(text)
        node = loader.get_single_node()
        places = list(islice(_places(node, ()), _PARTS_MAX + 1))
        if len(places) > _PARTS_MAX:
            message = f"{path}: has more than {_PARTS_MAX:,} parts; write out what its aliases (*) repeat, or split it"
            raise FileError(message)
        value = None if node is None else loader.construct_document(node)
    except RecursionError:
        message = f"{path}: is nested too deeply; look for brackets that are not closed, and for an alias (*) of itself"
        raise FileError(message) from None
    except OSError as error:
        message = f"{path}: cannot be read ({error.strerror}); check the path"
        raise FileError(message) from None
    except _UnreadableError as error:
        message = (
            f"{path}:{_line_of(error)}: holds something unreadable: {error.problem}; correct it, or put it in quotes"
        )
        raise FileError(message) from None
    except yaml.MarkedYAMLError as error:
        what = ", ".join(one for one in (error.context, error.problem) if one)
        line = _line_of(error)
        message = f"{path}:{line}: is not YAML: {what}; look there, and before, for a colon, bracket or indent too few"
        raise FileError(message) from None
    except yaml.YAMLError as error:
        message = f"{path}: is not YAML: {' '.join(str(error).split())}; write it in UTF-8, without control characters"
        raise FileError(message) from None
    except ValueError as error:
        message = f"{path}: holds something unreadable: {error}"
        raise FileError(message) from None
    lines: dict[Where, int] = {}
    for where, line in places:
        if where in lines:
            message = f"{path}:{line}: {'.'.join(map(str, where))}: stands there twice; keep one"
            raise FileError(message)
        lines[where] = line
    return Document(path, value, lines)


def _line_of(error: yaml.MarkedYAMLError) -> int:
    return error.problem_mark.line + 1 if error.problem_mark else 1


def said_of(problem: ErrorDetails) -> str:
    """Return what pydantic found wrong in a file, with what it was and what to do."""
    kind, said = problem["type"], problem["msg"]
    if kind == "value_error":
        return said.removeprefix("Value error, ")
    if kind in _REMEDIES:
        return f"{said}; {_REMEDIES[kind]}"
    was = problem["input"]
    quoted = str(was) if isinstance(was, date) else repr(was)
    return f"{said}: was {quoted[:_QUOTED_CHARACTERS_MAX]}; correct it"


def _places(node: yaml.Node | None, where: Where) -> Iterator[tuple[Where, int]]:
    if node is None:
        return
    yield where, node.start_mark.line + 1
    if isinstance(node, yaml.MappingNode):
        for key, value in node.value:
            # The key of a pair (!!pairs) can be a list, by which nothing could be looked up.
            part = (*where, str(key.value))
            # A part begins with its name, which may stand on the line before its value.
            yield part, key.start_mark.line + 1
            yield from (place for place in _places(value, part) if place[0] != part)
    elif isinstance(node, yaml.SequenceNode):
        for index, value in enumerate(node.value):
            yield from _places(value, (*where, index))
