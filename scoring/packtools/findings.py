"""Findings of a check of a rule pack, and where in its files they are."""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path

from scoring.lines import Where
from scoring.pack import PackFiles


class Level(StrEnum):
    """How bad a finding is: an error is a contradiction, a warning is odd but can be meant."""

    ERROR = "error"
    WARNING = "warning"


@dataclass(frozen=True, slots=True, kw_only=True)
class Finding:
    """One thing that is wrong with a pack, or odd.

    Attributes:
        level: error or warning.
        code: its kind, as `lint.yaml` names it.
        path: the file.
        line: the line in it.
        about: the rule's type, or the id of a perk, tier, group or dimension.
        what: what is wrong.
        remedy: what to do.

    """

    level: Level
    code: str
    path: Path
    line: int
    about: str
    what: str
    remedy: str

    def __str__(self) -> str:
        return f"{self.path}:{self.line}: {self.level}: {self.about}: {self.what}; {self.remedy} [{self.code}]"


@dataclass(frozen=True, slots=True)
class Problem:
    """A finding whose place in the files is not looked up yet.

    Attributes:
        code: its kind.
        where: the way to it in the pack; rules by their number.
        about: the rule's type, or the id of a part.
        what: what is wrong.
        remedy: what to do.
        level: error or warning.

    """

    code: str
    where: Where
    about: str
    what: str
    remedy: str
    level: Level = Level.WARNING


class Source:
    """The files of a pack that loads, and where in them its parts stand."""

    def __init__(self, files: PackFiles) -> None:
        self._head = files.head
        self._rules = [(file, index) for file in files.rules for index in range(len(file.value))]

    def place(self, where: Where) -> tuple[Path, int]:
        """Return file and line of a part."""
        if len(where) > 1 and where[0] == "rules":
            file, index = self._rules[int(where[1])]
            return file.path, file.line((index, *where[2:]))
        return self._head.path, self._head.line(where)

    def finding(self, problem: Problem) -> Finding:
        """Return a problem with its place."""
        path, line = self.place(problem.where)
        return Finding(
            level=problem.level,
            code=problem.code,
            path=path,
            line=line,
            about=problem.about,
            what=problem.what,
            remedy=problem.remedy,
        )


# As `scoring.pack` words it: file, line, perhaps a rule, what is wrong, and often what to do.
_REFUSAL = re.compile(r"(?P<path>.+?):(?:(?P<line>\d+):)? (?:rule (?P<rule>[^:]+): )?(?P<what>.+)")


def refusals(text: str) -> Iterator[Finding]:
    """Yield what the loader refuses, a line of its message each, as findings."""
    for line in text.splitlines():
        match = _REFUSAL.fullmatch(line)
        path, number, rule, said = match.group("path", "line", "rule", "what") if match else ("", None, None, line)
        what, _, remedy = said.partition("; ")
        yield Finding(
            level=Level.ERROR,
            code="refused",
            path=Path(path),
            line=int(number or 1),
            about=rule or "pack",
            what=what,
            remedy=remedy or "put it right: a pack that says this does not load",
        )
