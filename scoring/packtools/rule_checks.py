"""What can be odd or contradictory within one rule."""

from collections.abc import Iterator
from functools import partial

from schemas.days import day_of_date
from schemas.subjects import Kind
from scoring.lines import Where
from scoring.pack import SCORE_MAX, Anchor, Dimension, GradeRule, Pack, RepairPath, Rule
from scoring.packtools.findings import Level, Problem
from scoring.packtools.grades import steps_up
from scoring.reasons import repair_law

BASIS_REMEDY = "name the law, the measure or the source, or write 'illustrative'"
_SEVERITIES = ("none", "minor", "general", "serious")
_PLACEHOLDERS = frozenset({"-", "?", "...", "n/a", "na", "none", "tbd", "tba", "unknown", "无", "待定", "暂无"})


def check_rule(pack: Pack, number: int) -> Iterator[Problem]:
    """Yield what is odd in one rule."""
    rule = pack.rules[number]
    where: Where = ("rules", number)
    for check in (_texts, _subject, _grades, _repair, _substitute, _caps, _ranges, _unused):
        yield from check(pack, rule, where)


def of_rule(rule: Rule, where: Where, code: str, what: str, remedy: str, level: Level = Level.WARNING) -> Problem:
    """Return a problem of a rule."""
    return Problem(code, where, rule.type, what, remedy, level)


def says_nothing(text: str) -> bool:
    """Return whether a text only stands in the place of one."""
    return text.lower().strip(". ") in _PLACEHOLDERS


def highest_act(rule: Rule) -> int:
    """Return the most points that one act can earn, of a quantity: once the unit that earns them."""
    return max([grade.points for grade in rule.grades.values()] + [step.points for step in rule.steps])


def lowest_act(rule: Rule) -> int:
    """Return the most points, negative, that one act can cost before it repeats."""
    return min(grade.points for grade in rule.grades.values())


def _texts(_: Pack, rule: Rule, where: Where) -> Iterator[Problem]:
    bases = dict.fromkeys((rule.basis.zh, rule.basis.en))
    for name, text in (*(("basis", basis) for basis in bases), ("appeal", rule.appeal)):
        if says_nothing(text):
            remedy = BASIS_REMEDY if name == "basis" else "name who can be asked to look at it again"
            yield of_rule(rule, (*where, name), f"no-{name}", f"{name} '{text}' says nothing", remedy, Level.ERROR)


def _subject(_: Pack, rule: Rule, where: Where) -> Iterator[Problem]:
    """Yield what a rule must not make of who somebody is and what they allow."""
    about = rule.event_type.about_the_subject
    for label, grade in rule.grades.items():
        tell = partial(of_rule, rule, (*where, "grades", label))
        if about and (grade.points or grade.ceiling or rule.steps):
            what = f"grade {label} has points or a ceiling, and who somebody is or what they allow is worth neither"
            yield tell("subject-scored", what, "give it 0 points and no ceiling", Level.ERROR)
        if about and grade.months is not None:
            what = f"months of grade {label}: what it says holds until something else is said"
            yield tell("unused", what, "remove months")
        if rule.opt_in and (grade.points < 0 or grade.ceiling):
            what = f"grade {label} lowers the score of who consents, and of nobody else"
            yield tell("opt-in-lowers", what, "remove opt_in, or what lowers the score", Level.ERROR)


def _grades(pack: Pack, rule: Rule, where: Where) -> Iterator[Problem]:
    for lower, upper in steps_up(rule):
        yield from _between(pack, rule, (lower, upper), (*where, "grades", upper))


def _between(pack: Pack, rule: Rule, labels: tuple[str, str], where: Where) -> Iterator[Problem]:
    lower, upper = labels
    milder, graver = rule.grades[lower], rule.grades[upper]
    tell = partial(of_rule, rule, where, level=Level.ERROR)
    if _ceiling(pack, graver) > _ceiling(pack, milder):
        yield tell(
            "ceiling-order",
            f"grade {upper} may reach {graver.ceiling or 'any tier'}, the milder {lower} only {milder.ceiling}",
            "give the graver grade the same ceiling or a lower one",
        )
    # A grade whose ceiling is lower need not deduct more.
    deducts = milder.points < 0 or graver.points < 0
    if deducts and graver.points > milder.points and _ceiling(pack, graver) >= _ceiling(pack, milder):
        yield tell(
            "points-order",
            f"grade {upper} deducts less ({graver.points}) than the milder {lower} ({milder.points})",
            f"let {upper} deduct at least {-milder.points}",
        )
    if not deducts and graver.points < milder.points:
        yield tell(
            "points-order",
            f"grade {upper} earns less ({graver.points}) than {lower} ({milder.points})",
            f"let {upper} earn at least {milder.points}",
        )
    if _lowers(milder) and _lowers(graver):
        yield from _severity(rule, labels, where)
    yield from _lasting(pack, rule, labels, where)


def _severity(rule: Rule, labels: tuple[str, str], where: Where) -> Iterator[Problem]:
    lower, upper = (rule.severity_of(label) for label in labels)
    if _SEVERITIES.index(upper) < _SEVERITIES.index(lower):
        yield of_rule(
            rule,
            where,
            "severity-order",
            f"grade {labels[1]} is {upper}, the milder {labels[0]} is {lower}",
            f"let {labels[1]} be {lower} at least",
            Level.ERROR,
        )


def _lasting(pack: Pack, rule: Rule, labels: tuple[str, str], where: Where) -> Iterator[Problem]:
    lower, upper = (pack.months(rule, label) for label in labels)
    if upper is not None and (lower is None or upper < lower):
        yield of_rule(
            rule,
            where,
            "months-order",
            f"grade {labels[1]} counts {upper} months, {labels[0]} {'for good' if lower is None else lower}",
            "let the higher grade count as long, or say in lint.yaml why not",
        )


def _lowers(grade: GradeRule) -> bool:
    return grade.points < 0 or grade.ceiling is not None


def _repair(pack: Pack, rule: Rule, where: Where) -> Iterator[Problem]:
    # Who has done what is owed need not wait, and what ends by itself cannot be asked for.
    if rule.repair is not RepairPath.BY_AUTHORITY or rule.anchor is Anchor.TERMINATED:
        return
    wait = repair_law(day_of_date(pack.effective_from)).months
    for label, grade in rule.grades.items():
        severity, months = rule.severity_of(label), pack.months(rule, label)
        if _lowers(grade) and months is not None and months <= wait[severity]:
            yield of_rule(
                rule,
                (*where, "grades", label),
                "repair-too-late",
                f"grade {label} ends after {months} months, and as a {severity} one it can be repaired after "
                f"{wait[severity]}: repair can never be asked for before it ends",
                "say another severity, let it last longer, or say in lint.yaml why it may end first",
            )


def _ceiling(pack: Pack, grade: GradeRule) -> int:
    return SCORE_MAX if grade.ceiling is None else pack.ceiling_points(grade.ceiling)


def _substitute(pack: Pack, rule: Rule, where: Where) -> Iterator[Problem]:
    if rule.substitute is None:
        return
    stated = rule.substitute
    limit = SCORE_MAX if stated.ceiling is None else pack.ceiling_points(stated.ceiling)
    tell = partial(of_rule, rule, (*where, "substitute"), level=Level.ERROR)
    for label, grade in rule.grades.items():
        if stated.points < min(grade.points, 0):
            yield tell(
                "substitute-worse",
                f"after a repair {stated.points} points count, in the place of {grade.points} of grade {label}",
                f"let the substitute deduct at most {max(-grade.points, 0)}: a repair must not make things worse",
            )
        if limit < _ceiling(pack, grade):
            yield tell(
                "substitute-worse",
                f"after a repair the ceiling is {stated.ceiling}, before it {grade.ceiling or 'none'} (grade {label})",
                "give the substitute the same ceiling, a higher one, or none",
            )
        if _lowers(grade) and (stated.points, limit) == (min(grade.points, 0), _ceiling(pack, grade)):
            yield of_rule(
                rule,
                (*where, "substitute"),
                "substitute-unchanged",
                f"after a repair as much counts as before it, {stated.points} points (grade {label})",
                "let the substitute deduct less, or remove it",
            )
    if stated.months == 0:
        what, remedy = "the substitute lasts 0 months and never counts", "give it months, or remove it"
        yield of_rule(rule, (*where, "substitute", "months"), "unused", what, remedy)


def _caps(pack: Pack, rule: Rule, where: Where) -> Iterator[Problem]:
    most = highest_act(rule)
    group = next((one for one in pack.groups if one.id == rule.group), None)
    caps = {"cap": rule.cap, "cap_year": rule.cap_year, "group": group.cap if group else None}
    for name, cap in caps.items():
        if cap is None:
            continue
        if most <= 0:
            what, remedy = f"{name} limits awards, and the rule has none", f"remove {name}, or give a grade points"
            yield of_rule(rule, (*where, name), "cap-without-award", what, remedy)
        elif cap < most:
            yield of_rule(
                rule,
                (*where, name),
                "cap-below-act",
                f"{name} {cap} is smaller than the {most} points of a single act",
                f"raise it to {most}, or lower the points",
                Level.ERROR,
            )
    if rule.cap is not None and rule.cap_year is not None and rule.cap_year >= rule.cap:
        what = f"cap_year {rule.cap_year} limits nothing that cap {rule.cap} does not"
        yield of_rule(rule, (*where, "cap_year"), "unused", what, "remove it, or lower it")


def _ranges(pack: Pack, rule: Rule, where: Where) -> Iterator[Problem]:
    if rule.dimension == Dimension.ORGANISATION.label and Kind.RESIDENT in rule.event_type.kinds:
        what, remedy = "residents have such records, and organisation is no dimension of theirs", "choose another"
        yield of_rule(rule, (*where, "dimension"), "resident-in-organisation", what, remedy)
    limits = pack.dimensions[rule.dimension]
    for label, grade in rule.grades.items():
        if not limits.lowest <= grade.points <= limits.highest:
            yield of_rule(
                rule,
                (*where, "grades", label),
                "act-beyond-dimension",
                f"grade {label} has {grade.points} points, and {rule.dimension} moves a score by "
                f"{limits.lowest} to {limits.highest}",
                "widen the dimension, lower the points, or say in lint.yaml why both may stand",
            )


def _unused(pack: Pack, rule: Rule, where: Where) -> Iterator[Problem]:
    tell = partial(of_rule, rule)
    if rule.doubles and lowest_act(rule) >= 0:
        yield tell((*where, "doubles"), "unused", "doubles, and nothing is deducted", "remove doubles")
    if lowest_act(rule) >= 0 and not any(grade.ceiling for grade in rule.grades.values()):
        for name, stated in (("severity", rule.severity), ("repair", rule.repair)):
            if stated != "none":
                what = f"{name} {stated}, and nothing lowers the score"
                yield tell((*where, name), "unused", what, f"say {name}: none, or what it deducts")
    if rule.per > 1 and not highest_act(rule) and not lowest_act(rule):
        yield tell((*where, "per"), "unused", "per divides a quantity that earns nothing", "remove per")
    for label, grade in rule.grades.items():
        if grade.ceiling == pack.tiers[-1].id:
            what, remedy = "a ceiling at the highest tier limits nothing", "name a lower tier, or remove it"
            yield tell((*where, "grades", label, "ceiling"), "unused", what, remedy)
