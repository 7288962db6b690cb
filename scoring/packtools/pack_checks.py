"""What can be odd or contradictory between the parts of a pack."""

from collections.abc import Iterator
from itertools import pairwise

from schemas.catalogue import GRADES_BY_LABEL
from schemas.days import day_of_date
from scoring.lines import Where
from scoring.pack import KIND_NAMES, SCORE_MAX, Anchor, BothTexts, Names, Pack, Perk
from scoring.packtools.findings import Level, Problem
from scoring.packtools.reach import Reach, reach
from scoring.packtools.rule_checks import BASIS_REMEDY, says_nothing


def check_pack(pack: Pack) -> Iterator[Problem]:
    """Yield what is odd between the parts."""
    reached = {kind: reach(pack, kind) for kind in KIND_NAMES}
    yield from _tiers(pack, reached)
    yield from _dimensions(pack, reached)
    yield from _perks(pack, reached)
    yield from _groups(pack)
    yield from _validity(pack)
    yield from _names(pack)
    yield from _alike(pack)
    yield from _bases(pack)


def _tiers(pack: Pack, reached: dict[str, Reach]) -> Iterator[Problem]:
    for number, tier in enumerate(pack.tiers):
        highest = pack.tiers[number + 1].lowest - 1 if number + 1 < len(pack.tiers) else SCORE_MAX
        kinds = [kind for kind, one in reached.items() if any(tier.lowest <= score <= highest for score in one.scores)]
        if not kinds:
            most = max(one.highest for one in reached.values())
            what = f"no set of records leads to {tier.lowest} to {highest}; the highest possible score is {most}"
            remedy = "move the tier, or change base, dimensions or caps"
            yield Problem("tier-unreachable", ("tiers", number, "from"), tier.id, what, remedy, Level.ERROR)


def _dimensions(pack: Pack, reached: dict[str, Reach]) -> Iterator[Problem]:
    for label, limits in pack.dimensions.items():
        lowest = min(one.dimensions[label][0] for one in reached.values())
        highest = max(one.dimensions[label][1] for one in reached.values())
        for name, stated, possible in (("lowest", limits.lowest, lowest), ("highest", limits.highest, highest)):
            if stated != possible:
                what = f"{name} is {stated}, and its rules lead to {possible} at most"
                remedy = f"set it to {possible}, add rules, or say in lint.yaml why it stays unused"
                yield Problem("range-unused", ("dimensions", label, name), label, what, remedy)


def _perks(pack: Pack, reached: dict[str, Reach]) -> Iterator[Problem]:
    for number, perk in enumerate(pack.perks):
        yield from _dates(pack, perk, number)
        for place, one in enumerate(perk.thresholds):
            where = ("perks", number, "thresholds", place, "points")
            highest = max(reached[kind].highest for kind in perk.kinds)
            if one.points > highest:
                what = f"nobody can reach {one.points}; the highest score of {', '.join(perk.kinds)} is {highest}"
                yield Problem(
                    "perk-unreachable",
                    where,
                    perk.id,
                    what,
                    f"ask for at most {highest}, or let rules earn more",
                    Level.ERROR,
                )
            if one.points == 0:
                what = "everybody with a score has it"
                yield Problem("perk-without-threshold", where, perk.id, what, "ask for more than 0, or drop the perk")


def _dates(pack: Pack, perk: Perk, number: int) -> Iterator[Problem]:
    first = day_of_date(pack.effective_from)
    for place, (one, later) in enumerate(pairwise(perk.thresholds)):
        if day_of_date(later.effective_from) <= first:
            what = (
                f"{one.points} points from {one.effective_from} on never apply: {later.points} replace them on "
                f"{later.effective_from}, and the pack begins on {pack.effective_from}"
            )
            where = ("perks", number, "thresholds", place)
            yield Problem("threshold-overridden", where, perk.id, what, "remove the earlier threshold")
        if one.points == later.points:
            where = ("perks", number, "thresholds", place + 1)
            what = f"the threshold of {later.effective_from} changes nothing"
            yield Problem("threshold-unchanged", where, perk.id, what, "remove it, or give it other points")


def _never(pack: Pack) -> Iterator[Problem]:
    """Yield of which act the validity is over at once; a listing of 0 months counts while it stands."""
    for name in ("by_size", "by_issuer"):
        over = (
            f"grade {label} of {rule.type}"
            for rule in pack.rules
            for label, grade in rule.grades.items()
            if grade.months == name and rule.anchor is not Anchor.TERMINATED and pack.months(rule, label) == 0
        )
        if (first := next(over, None)) is not None:
            what = f"{first} lasts 0 months and never counts"
            yield Problem("never-counts", ("validity", name), name, what, "give it months", Level.ERROR)


def _named(pack: Pack) -> Iterator[tuple[Where, str, str, Names]]:
    """Yield every part with a name: where it stands, what it is, its id and its name."""
    yield from ((("tiers", number), "tier", one.id, one.name) for number, one in enumerate(pack.tiers))
    yield from ((("perks", number), "perk", one.id, one.name) for number, one in enumerate(pack.perks))
    yield from ((("dimensions", label), "dimension", label, one.name) for label, one in pack.dimensions.items())


def _alike(pack: Pack) -> Iterator[Problem]:
    seen: dict[tuple[str, str], str] = {}
    for where, part, about, names in _named(pack):
        for language, name in (("zh", names.zh), ("en", names.en)):
            other = seen.setdefault((part, name.strip()), about)
            if other != about and name.strip():
                what = f"{part} {other} is called '{name}' too"
                yield Problem("name-twice", (*where, "name", language), about, what, "rename one")


def _bases(pack: Pack) -> Iterator[Problem]:
    stated: list[tuple[Where, str, BothTexts]]
    stated = [(("perks", number), one.id, one.basis) for number, one in enumerate(pack.perks)]
    if pack.retention is not None:
        stated.append((("retention",), "retention", pack.retention.basis))
    for where, about, basis in stated:
        for text in dict.fromkeys((basis.zh, basis.en)):
            if says_nothing(text):
                what = f"basis '{text}' says nothing"
                yield Problem("no-basis", (*where, "basis"), about, what, BASIS_REMEDY, Level.ERROR)


def _groups(pack: Pack) -> Iterator[Problem]:
    used = {rule.group for rule in pack.rules}
    for number, group in enumerate(pack.groups):
        if group.id not in used:
            what = "no rule belongs to it"
            yield Problem("group-unused", ("groups", number), group.id, what, "remove it, or name it in a rule")


def _validity(pack: Pack) -> Iterator[Problem]:
    stated = {grade.months for rule in pack.rules for grade in rule.grades.values()}
    for name in ("by_size", "by_issuer"):
        if name not in stated:
            what = f"no grade lasts {name}"
            yield Problem("validity-unused", ("validity", name), name, what, f"let a grade say months: {name}")
    yield from _never(pack)
    issuers = {label for rule in pack.rules for label, grade in rule.grades.items() if grade.months == "by_issuer"}
    for label in pack.validity.by_issuer:
        where = ("validity", "by_issuer", label)
        if label not in GRADES_BY_LABEL:
            what = f"no grade is called '{label}'"
            yield Problem("issuer-unknown", where, label, what, "name a grade of the catalogue", Level.ERROR)
        elif label not in issuers:
            yield Problem("validity-unused", where, label, "no award by it lasts by_issuer", "remove it")


def _names(pack: Pack) -> Iterator[Problem]:
    for where, _, about, names in _named(pack):
        for language, name in (("zh", names.zh), ("en", names.en)):
            if not name.strip():
                what = f"it has no name in {language}"
                yield Problem("no-name", (*where, "name", language), about, what, "give it one", Level.ERROR)
