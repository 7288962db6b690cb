"""The check of a rule pack: what the loader refuses, and what it lets pass but nobody would want."""

from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Any

from pydantic import BaseModel, ConfigDict, StringConstraints, TypeAdapter, ValidationError

from scoring.lines import FileError, read, said_of
from scoring.pack import Pack, PackError, PackFiles, load_pack, pack_in, read_files
from scoring.packtools.findings import Finding, Level, Source, refusals
from scoring.packtools.pack_checks import check_pack
from scoring.packtools.rule_checks import check_rule

ACCEPTED_FILE = "lint.yaml"


class Accepted(BaseModel):
    """A warning that is meant: its kind, the rule or part it is about, and why it may stay."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    code: str
    about: str
    because: Annotated[str, StringConstraints(strip_whitespace=True, min_length=8)]


_ACCEPTED = TypeAdapter(tuple[Accepted, ...])


@dataclass(frozen=True, slots=True)
class Report:
    """What a check found.

    Attributes:
        findings: in the order of their files and lines.
        accepted: warnings that the pack's lint.yaml justifies, each with its reason.

    """

    findings: tuple[Finding, ...]
    accepted: tuple[tuple[Finding, str], ...] = ()

    def count(self, level: Level) -> int:
        """Return how many findings are of a level."""
        return Counter(one.level for one in self.findings)[level]

    def errors(self) -> list[str]:
        """Return what must be mended before the pack may hold, a line each."""
        return [
            f"{one.path}:{one.line}: {one.about}: {one.what}; {one.remedy}"
            for one in self.findings
            if one.level is Level.ERROR
        ]


def lint(folder: Path) -> Report:
    """Check a pack; one that does not load is checked no further."""
    try:
        files = read_files(folder)
        pack = pack_in(files)
        reasons = _accepted(folder)
    except (PackError, FileError) as error:
        return Report(tuple(refusals(str(error))))
    return _report(folder, findings_of(files, pack), reasons)


def load_sound_pack(folder: Path) -> Pack:
    """Load a pack that is to hold.

    Raises:
        PackError: it does not load, or the check finds errors; with all of them, a line each.

    """
    pack = load_pack(folder)
    if errors := lint(folder).errors():
        raise PackError("\n".join(errors))
    return pack


def findings_of(files: PackFiles, pack: Pack) -> list[Finding]:
    """Return what is odd in a pack that loads, whether it is meant or not."""
    source = Source(files)
    problems = [problem for number in range(len(pack.rules)) for problem in check_rule(pack, number)]
    return [source.finding(problem) for problem in [*check_pack(pack), *problems]]


def _report(folder: Path, findings: Sequence[Finding], reasons: Sequence[tuple[Accepted, int]]) -> Report:
    because = {(one.code, one.about): one.because for one, _ in reasons}
    # An error is a contradiction: no reason makes it right.
    accepted = [
        (one, because[one.code, one.about])
        for one in findings
        if one.level is Level.WARNING and (one.code, one.about) in because
    ]
    used = {(one.code, one.about) for one, _ in accepted}
    left = [one for one in findings if one.level is Level.ERROR or (one.code, one.about) not in because]
    left += _needless(folder, [(one, line) for one, line in reasons if (one.code, one.about) not in used])
    left.sort(key=lambda one: (one.path.name != "pack.yaml", str(one.path), one.line))
    return Report(tuple(left), tuple(accepted))


def _needless(folder: Path, reasons: Sequence[tuple[Accepted, int]]) -> Iterator[Finding]:
    for one, line in reasons:
        yield Finding(
            level=Level.WARNING,
            code="accepted-unused",
            path=folder / ACCEPTED_FILE,
            line=line,
            about=one.about,
            what=f"no warning {one.code} is found there",
            remedy="remove the entry",
        )


def _accepted(folder: Path) -> list[tuple[Accepted, int]]:
    """Return the warnings that a pack means, with the lines on which it says so."""
    path = folder / ACCEPTED_FILE
    if not path.exists():
        return []
    document = read(path)
    try:
        entries = _ACCEPTED.validate_python(document.value or [])
    except ValidationError as error:
        message = "\n".join(
            f"{path}:{document.line(one['loc'])}: {'.'.join(map(str, one['loc']))}: {said_of(one)}; "
            "an entry has code, about and because"
            for one in error.errors()
        )
        raise FileError(message) from None
    return [(entry, document.line((number,))) for number, entry in enumerate(entries)]


def as_json(report: Report) -> dict[str, Any]:
    """Return a report for machines."""
    return {
        "errors": report.count(Level.ERROR),
        "warnings": report.count(Level.WARNING),
        "findings": [_row(one) for one in report.findings],
        "accepted": [{**_row(one), "because": because} for one, because in report.accepted],
    }


def _row(one: Finding) -> dict[str, Any]:
    names = ("level", "code", "line", "about", "what", "remedy")
    return {"file": str(one.path), **{name: getattr(one, name) for name in names}}
