"""Which records a person has to look at before they may lower somebody by whole tiers.

Here is what can be said of a rule alone. Whether such a record waits on a day depends on everything else that is
known of its subject, and is the evaluator's to say.
"""

from scoring.pack import SCORE_MAX, Pack, Rule


def is_weighty(rule: Rule, label: str, pack: Pack) -> bool:
    """Return whether one record of a grade could by itself lower somebody by as many tiers as are reviewed.

    What says who somebody is and what they allow is never weighty: it is not held against anybody.
    """
    if pack.review is None or rule.event_type.about_the_subject:
        return False
    substitute = rule.substitute
    if rule.grades[label].ceiling is not None or (substitute is not None and substitute.ceiling is not None):
        return True
    points_max = _points_max(rule, label, pack)
    return points_max is None or points_max >= _points_of_drop(pack, pack.review.tiers)


def _points_of_drop(pack: Pack, tiers: int) -> int:
    """Return the fewest points whose loss can lower a score by so many tiers."""
    lowest = [tier.lowest for tier in pack.tiers]
    drops = (lowest[upper] - (lowest[upper - tiers + 1] - 1) for upper in range(tiers, len(lowest)))
    return min(drops, default=SCORE_MAX + 1)


def _points_max(rule: Rule, label: str, pack: Pack) -> int | None:
    """Return the most points that one record of a grade can cost, or None if the rule sets no bound.

    A record that takes nothing itself costs nothing, although another may be a repeat because of it.
    """
    own = _once(rule, label, pack)
    if rule.substitute is not None:
        own = max(own, -rule.substitute.points)
    if own == 0:
        return 0
    if rule.event_type.quantity:
        return None
    points = own
    if rule.doubles:
        # It may be a repeat itself, and of the others that count on a day it can make one a repeat: the first.
        points += own + max(_once(rule, other, pack) for other in rule.grades)
    if rule.counts == "latest":
        # It stands in the place of an earlier one, which may have been an award.
        points += max(0, *(one.points for one in rule.grades.values()))
    return points


def _once(rule: Rule, label: str, pack: Pack) -> int:
    """Return the most points that a record of a grade can cost where no other record matters."""
    points = max(-rule.grades[label].points, 0)
    months = pack.months(rule, label)
    if rule.every is None or months is None:
        return points
    # An act that goes on has as many deductions at a time as begin within the validity of one.
    return points * -(-months // rule.every)
