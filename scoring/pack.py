"""A rule pack: the dated, versioned data that says what facts are worth.

A pack is a folder: ``pack.yaml`` (base, dimensions, tiers, perks, groups) and ``rules/*.yaml``. It either loads
completely or not at all; an error names file, line, rule, what is wrong and what to do.
"""

import hashlib
import re
from collections.abc import Iterator, Mapping, Sequence
from datetime import date
from enum import IntEnum, StrEnum
from functools import cached_property
from itertools import pairwise
from pathlib import Path
from typing import Annotated, Any, Literal, NamedTuple, Self

from pydantic import (
    BaseModel,
    ConfigDict,
    Field,
    SerializerFunctionWrapHandler,
    Strict,
    StringConstraints,
    ValidationError,
    ValidatorFunctionWrapHandler,
    WrapValidator,
    model_serializer,
    model_validator,
)

from schemas.catalogue import GRADES_BY_LABEL, TYPES_BY_NAME, EventType
from schemas.days import NEVER, day_of_date
from schemas.events import QUANTITY_MAX
from schemas.subjects import Kind
from scoring.lines import Document, FileError, Where, read, said_of

SCORE_MAX = 1000
# Regulation on credit reporting, art. 16: bad information is kept five years from the end of the act.
VALIDITY_MONTHS_MAX = 60
PERKS_MAX = 32
STEPS_MAX = 16
# A drop of one tier is what most records are for; a person cannot look at them all.
REVIEW_TIERS_MIN = 2
DEFAULT_PACK = Path(__file__).parent / "packs" / "fuzhou-2026"

# What a perk may be: something beside a service. Its id says which, so that one cannot be the service itself.
GRANTED = frozenset({"discount", "free", "waived", "later", "quota", "fast", "priority"})
# Services nobody may lose for a low score. Names say some words of other things as well, such as the admission to a
# museum or a work of art, so that these are looked for in ids alone.
_ESSENTIAL = (
    r"schools?|schooling|kindergartens?|(education|university|college) (admission|places?)|hospitals?|clinics?"
    r"|treatments?|emergency|(medical|health|child) care|jobs?|employment|recruitment|housing|pensions?"
    r"|social benefits|food aid|water|electricity|heating"
)
ESSENTIAL_IN_ID = re.compile(rf"\b({_ESSENTIAL}|access|admission|benefits|care|work)\b")
ESSENTIAL_IN_NAME = re.compile(
    rf"\b({_ESSENTIAL})\b|入学|就学|上学|学位|学校|幼儿园|治疗|住院|就医|看病|急诊|医院|就业|录用|住房|公租房|低保|救助|养老金"
    "|供水|用水|水费|供电|用电|电费|供暖"
)
# What names such a service and is another.
HARMLESS = re.compile(r"\b(housing fund|water (parks?|bus|buses))\b|住房公积金")
# How such a service is paid for, and what stands before its door, may depend on a score. Whether somebody has it, when
# and at what price may not.
BESIDE = re.compile(
    r"\b(deposits?|later|afterwards|(pay|paid) after|instal?lments?|loans?|parking)\b"
    "|押金|后付|后缴|缓缴|分期|贷款|停车"
)
# Kinds of information that may not be scored at all (credit reporting regulation art. 14, and speech and belief).
FORBIDDEN = frozenset(
    {
        "assembly",
        "belief",
        "contacts",
        "disease",
        "ethnicity",
        "family",
        "genes",
        "location",
        "marriage",
        "party",
        "petition",
        "religion",
        "speech",
    }
)

# Health information, of which what somebody chose to do may count if they wish it (regulation art. 14; PIPL art. 29).
ONLY_BY_CONSENT = frozenset({"blood", "marrow"})


class Dimension(IntEnum):
    """The part of the score that a rule moves; the value is its place in a card."""

    CAPABILITY = 0
    OCCUPATION = 1
    PUBLIC = 2
    FINANCIAL = 3
    ADMINISTRATIVE = 4
    JUDICIAL = 5
    ORGANISATION = 6

    @cached_property
    def label(self) -> str:
        """The dimension as it stands in a pack."""
        return self.name.lower()


class Anchor(StrEnum):
    """When a record's validity begins to run."""

    OCCURRED = "occurred"
    DETERMINED = "determined"
    TERMINATED = "terminated"


class RepairPath(StrEnum):
    """How a record can be repaired."""

    NONE = "none"
    EXPIRY = "expiry"
    ON_FULFILMENT = "on_fulfilment"
    BY_AUTHORITY = "by_authority"


class PackError(Exception):
    """A rule pack that cannot be used, with all that is wrong with it, a line each."""


Text = Annotated[str, StringConstraints(strip_whitespace=True, min_length=1)]
# Otherwise `points: true` would be one point.
Whole = Annotated[int, Strict()]


class _Strict(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True, strict=False)


class Names(_Strict):
    """A name in both languages."""

    zh: str
    en: str


class BothTexts(Names):
    """A text in both languages; what is given only once stands in both, and is written only once."""

    zh: Text
    en: Text

    @model_serializer(mode="wrap")
    def _shortest(self, dump: SerializerFunctionWrapHandler) -> str | dict[str, str]:
        both: dict[str, str] = dump(self)
        return self.en if self.zh == self.en else both


def _once_or_twice(value: object, check: ValidatorFunctionWrapHandler) -> object:
    """Take a text, or one in each language."""
    if isinstance(value, str):
        if not (text := value.strip()):
            message = f"must have at least 1 character, was {value!r}"
            raise ValueError(message)
        return check({"zh": text, "en": text})
    if not isinstance(value, Mapping | BothTexts):
        message = f"must be a text, or {{zh: ..., en: ...}}; was {value!r}"
        raise ValueError(message)  # noqa: TRY004 - pydantic tells no other
    return check(value)


Basis = Annotated[BothTexts, WrapValidator(_once_or_twice)]


class DimensionRange(_Strict):
    """How far one dimension can move the score, in points."""

    name: Names
    lowest: Whole = Field(ge=-SCORE_MAX, le=0)
    highest: Whole = Field(ge=0, le=SCORE_MAX)


class Tier(_Strict):
    """One of the bands of scores; `from` is its lowest score."""

    id: Text
    name: Names
    lowest: Whole = Field(alias="from", ge=0, le=SCORE_MAX)


class Threshold(_Strict):
    """The score a perk asks for, from a date on."""

    effective_from: date
    points: Whole = Field(ge=0, le=SCORE_MAX)


class Perk(_Strict):
    """What a score earns; never a service that somebody needs."""

    id: str = Field(pattern=r"^[a-z][a-z0-9_]*$")
    name: Names
    scenario: Literal["admin", "transit", "medical", "education", "tourism", "culture", "finance", "utility", "parking"]
    kinds: tuple[Literal["resident", "legal_person", "organisation"], ...] = Field(("resident",), min_length=1)
    thresholds: tuple[Threshold, ...] = Field(min_length=1)
    basis: Basis

    @model_validator(mode="after")
    def _check(self) -> Self:
        if (essential := _essential(self)) is not None:
            message = f"'{essential}' is an essential service; offer a perk beside it, never the service"
            raise ValueError(message)
        if not GRANTED & set(self.id.split("_")):
            message = f"the id does not say what is granted beside a service; name it by {', '.join(sorted(GRANTED))}"
            raise ValueError(message)
        if len(set(self.kinds)) < len(self.kinds):
            message = f"kinds names one twice, was {', '.join(self.kinds)}; name each once"
            raise ValueError(message)
        days = [one.effective_from for one in self.thresholds]
        if any(later <= earlier for earlier, later in pairwise(days)):
            message = "thresholds must stand in the order of their dates, one a date"
            raise ValueError(message)
        return self


def _essential(perk: Perk) -> str | None:
    """Return the word by which an id or a name says that the perk is an essential service itself, or None."""
    said = [(ESSENTIAL_IN_ID, perk.id.replace("_", " "))]
    said += [(ESSENTIAL_IN_NAME, name.lower()) for name in (perk.name.en, perk.name.zh)]
    found = (words.search(HARMLESS.sub("", text)) for words, text in said if not BESIDE.search(text))
    return next((word.group() for word in found if word), None)


class Group(_Strict):
    """Rules whose positive points together are capped."""

    id: Text
    cap: Whole = Field(ge=1, le=SCORE_MAX)


class Review(_Strict):
    """That a person looks at a record before it lowers anybody by so many tiers."""

    tiers: int

    @model_validator(mode="before")
    @classmethod
    def _check(cls, stated: object) -> object:
        if isinstance(stated, cls):
            return stated
        tiers = stated.get("tiers") if isinstance(stated, dict) else stated
        if isinstance(stated, dict) and isinstance(tiers, int) and not isinstance(tiers, bool):
            return stated
        message = f"must say a whole number of tiers, was {tiers!r}; write {{tiers: {REVIEW_TIERS_MIN}}}, or remove it"
        raise ValueError(message)


class Retention(_Strict):
    """How many months after the end of an act what has ended is deleted, and by which law."""

    months: Annotated[Whole, Field(ge=1, le=VALIDITY_MONTHS_MAX)]
    basis: Basis


Months = Annotated[Whole, Field(ge=0, le=VALIDITY_MONTHS_MAX)]


class SizeValidity(_Strict):
    """How long deductions of up to so many points last; without `up_to`, all larger ones."""

    up_to: Annotated[Whole, Field(ge=1, le=SCORE_MAX)] | None = None
    months: Months


class Validity(_Strict):
    """How long things last that do not say it themselves.

    Attributes:
        by_size: of a deduction, by its points.
        by_issuer: of an award, by the grade that names who gave it.
        other_issuers: of an award by anybody else.

    """

    by_size: tuple[SizeValidity, ...] = Field(min_length=1)
    by_issuer: dict[str, Months]
    other_issuers: Months

    @model_validator(mode="after")
    def _check(self) -> Self:
        limits = [one.up_to for one in self.by_size]
        stated = [limit for limit in limits[:-1] if limit is not None]
        if limits[-1] is not None or len(stated) < len(limits) - 1 or any(b <= a for a, b in pairwise(stated)):
            message = "by_size must rise by up_to and end with an entry without it, so that every deduction has one"
            raise ValueError(message)
        return self


def _told_once(value: object, check: ValidatorFunctionWrapHandler) -> object:
    """Say of what fits none of the alternatives what they are, in place of a complaint for each."""
    try:
        return check(value)
    except ValidationError:
        message = f"must be months from 0 to {VALIDITY_MONTHS_MAX}, by_size or by_issuer; was {value!r}"
        raise ValueError(message) from None


GradeMonths = Annotated[Months | Literal["by_size", "by_issuer"] | None, WrapValidator(_told_once)]


class GradeRule(_Strict):
    """What one grade of an event type is worth.

    Attributes:
        points: signed; of a type with a quantity, for each `per` of it.
        months: how long it counts after its anchor; `by_size` or `by_issuer` as the pack's validity says; or None
            while it stands (only for what lowers nothing).
        ceiling: the id of the highest tier possible while it counts.
        severity: how severe it is, where that is not the rule's.

    """

    points: Whole = Field(ge=-SCORE_MAX, le=SCORE_MAX)
    months: GradeMonths = None
    ceiling: str | None = None
    severity: Literal["minor", "general", "serious"] | None = None


class Substitute(_Strict):
    """What counts in a record's place from the day of its repair."""

    points: Whole = Field(ge=-SCORE_MAX, le=0)
    months: Months
    ceiling: str | None = None


class Step(_Strict):
    """What so much of a quantity, added up over all records of the type that count, is worth."""

    lowest: Whole = Field(alias="from", ge=1, le=1_000_000)
    points: Whole = Field(ge=1, le=SCORE_MAX)


class Rule(_Strict):
    """What one event type is worth, and by which law.

    Attributes:
        per: the quantity that earns the points once.
        steps: in place of points: what the sum of the quantities of all records of the type is worth.
        every: months after which an act that goes on is deducted once more; each deduction has its own validity.
        record_only: whether, while its ceiling lasts, awards that begin meanwhile are recorded and count nothing.
        opt_in: whether it counts only while the subject consents to the use of health information.
        counts: whether every record counts, or only the latest.
        cap: most positive points of this type at a time.
        cap_year: most positive points of acts of one calendar year.
        group: the group whose cap it shares.
        doubles: whether a repeat within validity is deducted twice.
        substitute: what counts after a repair; without it nothing does.

    """

    type: str
    dimension: Literal["capability", "occupation", "public", "financial", "administrative", "judicial", "organisation"]
    severity: Literal["none", "minor", "general", "serious"]
    anchor: Anchor = Anchor.OCCURRED
    grades: dict[str, GradeRule] = Field(min_length=1)
    per: Annotated[Whole, Field(ge=1, le=QUANTITY_MAX)] = 1
    steps: Annotated[tuple[Step, ...], Field(max_length=STEPS_MAX)] = ()
    every: Annotated[Whole, Field(ge=1, le=VALIDITY_MONTHS_MAX)] | None = None
    record_only: bool = False
    opt_in: bool = False
    counts: Literal["all", "latest"] = "all"
    cap: Annotated[Whole, Field(ge=1, le=SCORE_MAX)] | None = None
    cap_year: Annotated[Whole, Field(ge=1, le=SCORE_MAX)] | None = None
    group: str | None = None
    doubles: bool = False
    repair: RepairPath = RepairPath.NONE
    substitute: Substitute | None = None
    appeal: Text
    basis: Basis

    @property
    def event_type(self) -> EventType:
        """The catalogue's entry."""
        return TYPES_BY_NAME[self.type]

    def severity_of(self, label: str) -> str:
        """Return how severe a grade is: by that the law says when it can be repaired."""
        return self.grades[label].severity or self.severity

    @model_validator(mode="after")
    def _check(self) -> Self:
        if problems := list(self._problems()):
            raise ValueError("; also ".join(problems))
        return self

    def _problems(self) -> Iterator[str]:  # noqa: C901 - a list of sentences
        event_type = TYPES_BY_NAME.get(self.type)
        words = set(self.type.split("."))
        if forbidden := FORBIDDEN & words:
            yield f"'{min(forbidden)}' may not be scored; remove the rule"
        if (private := ONLY_BY_CONSENT & words) and not self.opt_in:
            yield f"'{min(private)}' is health information; add opt_in: true, or remove the rule"
        if event_type is None or event_type.control:
            yield f"no record type of the catalogue is called '{self.type}'; `jasmine types` lists them"
            return
        if self.opt_in and event_type.about_the_subject:
            yield "what says whether somebody is scored cannot itself need a consent; remove opt_in"
        stated, known = set(self.grades), {grade.label for grade in event_type.grades}
        if missing := known - stated:
            yield f"no points for grade {', '.join(sorted(missing))}; a grade may have 0 points"
        if unknown := stated - known:
            yield f"the type has no grade {', '.join(sorted(unknown))}; it has {', '.join(sorted(known))}"
        lowers = [label for label, one in self.grades.items() if one.points < 0 or one.ceiling]
        if endless := [label for label in lowers if self.grades[label].months is None]:
            yield f"grade {endless[0]} lowers the score without an end; give months, at most {VALIDITY_MONTHS_MAX}"
        if lowers and self.severity == "none":
            yield "it can lower the score; say how severe it is: minor, general or serious"
        if lowers and self.repair is RepairPath.NONE:
            yield "it can lower the score; say how it is repaired: on_fulfilment, by_authority or expiry"
        if self.substitute and self.repair not in {RepairPath.ON_FULFILMENT, RepairPath.BY_AUTHORITY}:
            yield "a substitute counts after a repair; say how it is repaired"
        yield from self._problems_of_quantity(event_type)
        yield from self._problems_of_time(lowers)
        if self.group and self.cap:
            yield "give either a group or a cap of its own"

    def _problems_of_time(self, lowers: Sequence[str]) -> Iterator[str]:
        if self.record_only and not any(one.ceiling for one in self.grades.values()):
            yield "record_only lasts as long as a ceiling; give a grade a ceiling, or remove it"
        if self.every and self.anchor is Anchor.TERMINATED:
            yield "what is deducted every so many months counts from its beginning; remove every, or the anchor"
        if self.every and (len(lowers) < len(self.grades) or any(one.ceiling for one in self.grades.values())):
            yield "only deductions come again; remove every, or what is no deduction"
        for label, one in self.grades.items():
            if one.months == "by_size" and one.points >= 0:
                yield f"grade {label} is no deduction whose size could say how long it lasts; give months"
            if one.months == "by_issuer" and one.points < 0:
                yield f"grade {label} is no award whose issuer could say how long it lasts; give months"
        if self.anchor is not Anchor.TERMINATED and any(one.months == 0 for one in self.grades.values()):
            yield "0 months after the act itself is never; give months, or anchor: terminated"

    def _problems_of_quantity(self, event_type: EventType) -> Iterator[str]:
        if (self.per > 1 or self.steps) and not event_type.quantity:
            yield "the type has no quantity; remove per and steps"
        if any(later.lowest <= one.lowest or later.points <= one.points for one, later in pairwise(self.steps)):
            yield "steps must rise, in from and in points"
        if self.steps and any(one.points for one in self.grades.values()):
            yield "the steps say what it is worth; give its grades 0 points"
        if self.steps and (self.per > 1 or self.counts == "latest" or self.substitute is not None):
            yield "steps add up all records of the type; remove per, counts and substitute"


class Pack(_Strict):
    """A complete rule pack.

    Attributes:
        effective_from: the first day it applies.
        base_points: the score of somebody about whom nothing else is known.
        review: from how many tiers on a drop waits for a person; None if none does.
        retention: when what has ended is deleted; None if it is kept.

    """

    id: Text
    version: Text
    effective_from: date
    base_points: Whole = Field(ge=0, le=SCORE_MAX)
    dimensions: dict[str, DimensionRange]
    tiers: tuple[Tier, ...] = Field(min_length=2)
    validity: Validity
    groups: tuple[Group, ...] = ()
    perks: tuple[Perk, ...] = Field(default=(), max_length=PERKS_MAX)
    review: Review | None = None
    retention: Retention | None = None
    rules: tuple[Rule, ...]

    @property
    def hash(self) -> int:
        """64 bits of SHA-256 over the whole content: the pack's name in a card."""
        return int.from_bytes(hashlib.sha256(self.model_dump_json().encode()).digest()[:8], "big")

    def rule(self, type_name: str) -> Rule | None:
        """Return the rule of an event type."""
        return next((rule for rule in self.rules if rule.type == type_name), None)

    def tier_index(self, score: int) -> int:
        """Return the place of the tier of a score, 0 for the lowest."""
        return max(index for index, tier in enumerate(self.tiers) if tier.lowest <= score)

    def ceiling_points(self, tier_id: str) -> int:
        """Return the highest score within a tier."""
        index = [tier.id for tier in self.tiers].index(tier_id)
        return self.tiers[index + 1].lowest - 1 if index + 1 < len(self.tiers) else SCORE_MAX

    def months(self, rule: Rule, label: str) -> int | None:
        """Return how long a grade of a rule counts after its anchor, or None while it stands."""
        grade = rule.grades[label]
        if grade.months == "by_size":
            return next(one.months for one in self.validity.by_size if one.up_to is None or -grade.points <= one.up_to)
        if grade.months == "by_issuer":
            return self.validity.by_issuer.get(label, self.validity.other_issuers)
        return grade.months

    def threshold(self, perk: Perk, day: int) -> int | None:
        """Return the score a perk asks for on a day, or None before its first date."""
        stated = [one.points for one in perk.thresholds if day_of_date(one.effective_from) <= day]
        return stated[-1] if stated else None

    def next_dated_change(self, day: int) -> int:
        """Return the first day after `day` on which a perk's threshold changes, or NEVER."""
        dates = (day_of_date(one.effective_from) for perk in self.perks for one in perk.thresholds)
        return min((change for change in dates if day < change < NEVER), default=NEVER)


KIND_NAMES = {"resident": Kind.RESIDENT, "legal_person": Kind.LEGAL_PERSON, "organisation": Kind.ORGANISATION}


class PackFiles(NamedTuple):
    """The files of a pack: its head, `pack.yaml`, and those with its rules."""

    head: Document
    rules: tuple[Document, ...]


def load_pack(folder: Path = DEFAULT_PACK) -> Pack:
    """Load and check a pack.

    Raises:
        PackError: with every problem found: file, line, rule, what is wrong, what to do.

    """
    return pack_in(read_files(folder))


def read_files(folder: Path) -> PackFiles:
    """Read the files of a pack.

    Raises:
        PackError: one cannot be read.

    """
    head = _document(folder / "pack.yaml")
    return PackFiles(head, tuple(_document(path) for path in sorted((folder / "rules").glob("*.yaml"))))


def pack_in(files: PackFiles) -> Pack:
    """Return the pack that files say; raises what `load_pack` does."""
    for document in files.rules:
        if not isinstance(document.value, list):
            message = f"{document.path}:1: is not a list of rules; begin each rule with '- type: ...'"
            raise PackError(message)
    head, rules = files.head.value, [rule for document in files.rules for rule in document.value]
    if not isinstance(head, dict) or "rules" in head:
        path = files.head.path
        message = f"{path}:1: must be a mapping without rules, which stand in {path.parent.name}/rules/*.yaml"
        raise PackError(message)
    place = _Places(files)
    try:
        pack = Pack.model_validate({**head, "rules": rules})
    except ValidationError as error:
        problems = [place.tell(problem["loc"], said_of(problem), rules) for problem in error.errors()]
        raise PackError("\n".join(dict.fromkeys(problems))) from None
    if problems := [place.tell(where, what, rules) for where, what in _contradictions(pack)]:
        raise PackError("\n".join(problems))
    return pack


class _Places:
    """Where in its files each part of a pack stands."""

    def __init__(self, files: PackFiles) -> None:
        self._head = files.head
        self._rules = [(one, index) for one in files.rules for index in range(len(one.value))]

    def tell(self, where: Where, what: str, rules: Sequence[Any]) -> str:
        """Return one problem as a line: file, line, rule, what is wrong, what to do."""
        if len(where) < 2 or where[0] != "rules":
            return f"{self._head.path}:{self._head.line(where)}: {'.'.join(map(str, where))}: {what}"
        number = int(where[1])
        document, index = self._rules[number]
        line = document.line((index, *where[2:]))
        name = rules[number].get("type", "") if isinstance(rules[number], dict) else ""
        field = ".".join(map(str, where[2:]))
        return f"{document.path}:{line}: rule {name or number}: {field + ': ' if field else ''}{what}"


def _document(path: Path) -> Document:
    try:
        return read(path)
    except FileError as error:
        message = f"{error}; a pack is a folder with pack.yaml and rules/*.yaml" if not path.exists() else str(error)
        raise PackError(message) from None


def _contradictions(pack: Pack) -> Iterator[tuple[Where, str]]:
    """Yield what is wrong between the parts of a pack."""
    yield from _missing_parts(pack)
    seen: set[str] = set()
    tiers = {tier.id for tier in pack.tiers}
    groups = {group.id: index for index, group in enumerate(pack.groups)}
    dimension_of: dict[str, str] = {}
    for number, rule in enumerate(pack.rules):
        where = ("rules", number)
        if rule.type in seen:
            yield (*where, "type"), "has a rule already; keep one"
        seen.add(rule.type)
        for label, grade in rule.grades.items():
            if grade.ceiling is not None and grade.ceiling not in tiers:
                yield (*where, "grades", label, "ceiling"), _no_tier(grade.ceiling, pack)
        if rule.substitute and rule.substitute.ceiling and rule.substitute.ceiling not in tiers:
            yield (*where, "substitute", "ceiling"), _no_tier(rule.substitute.ceiling, pack)
        if rule.group is not None and rule.group not in groups:
            yield (*where, "group"), f"no group is called '{rule.group}'; add it to pack.yaml"
        elif rule.group and dimension_of.setdefault(rule.group, rule.dimension) != rule.dimension:
            yield (*where, "group"), f"group '{rule.group}' already has a rule of another dimension; give it another"


def _no_tier(name: str, pack: Pack) -> str:
    return f"no tier is called '{name}'; there are {', '.join(tier.id for tier in pack.tiers)}"


def _what_review_needs(tiers: int, of: int) -> str:
    if of <= REVIEW_TIERS_MIN:
        return f"with {of} tiers nobody can drop by {REVIEW_TIERS_MIN}; remove review"
    return f"was {tiers}; {of} tiers allow a drop of {REVIEW_TIERS_MIN} to {of - 1}: say one of these, or remove review"


def _missing_parts(pack: Pack) -> Iterator[tuple[Where, str]]:
    lowest = [tier.lowest for tier in pack.tiers]
    if lowest[0] != 0 or any(upper <= lower for lower, upper in pairwise(lowest)):
        yield ("tiers",), "must begin at 0 and rise, so that every score has one tier; order them by from"
    if pack.review is not None and not REVIEW_TIERS_MIN <= pack.review.tiers < len(lowest):
        yield ("review", "tiers"), _what_review_needs(pack.review.tiers, len(lowest))
    labels = {dimension.label for dimension in Dimension}
    if labels != set(pack.dimensions):
        yield ("dimensions",), f"must be exactly {', '.join(sorted(labels))}"
    for part, listed in (("tiers", pack.tiers), ("groups", pack.groups), ("perks", pack.perks)):
        if len({one.id for one in listed}) < len(listed):
            yield (part,), "two have the same id; rename one"
    ruled = {rule.type for rule in pack.rules}
    for name, event_type in TYPES_BY_NAME.items():
        if not event_type.control and name not in ruled:
            yield ("rules",), f"no rule for {name}; a rule may give 0 points"
    unknown = {label for rule in pack.rules for label in rule.grades} - set(GRADES_BY_LABEL)
    for label in sorted(unknown):
        yield ("rules",), f"no grade is called '{label}'; `jasmine types --json` names those of each type"
