"""Scores of many variants of one subject's facts: what would be, if.

With compiled rules the kernel finds them in one call; without, the plain evaluator one by one. Both say the same.
"""

from collections.abc import Collection, Iterator, Sequence
from itertools import accumulate
from typing import Any, cast

import numpy as np

from schemas.catalogue import TYPES_BY_CODE
from schemas.facts import FACT, Facts, offsets_of
from schemas.subjects import KIND_SHIFT
from scoring.card import CARD, HAS_SCORE
from scoring.evaluator import evaluate
from scoring.kernel import evaluate as evaluate_cards
from scoring.pack import KIND_NAMES, Pack
from scoring.rules import Rules

# Copies of a ledger grow with the square of its length: so many facts are held at once.
_FACTS_AT_ONCE = 1 << 16
_CONTROLS = [code for code, one in TYPES_BY_CODE.items() if one.control]


def in_order(facts: Facts) -> Facts:
    """Return facts as a ledger has them: of each id the first in the log, in the order of occurrence."""
    _, first = np.unique(facts["record"][order := np.argsort(offsets_of(facts), kind="stable")], return_index=True)
    return sorted_facts(facts[order[first]])


def sorted_facts(facts: Facts) -> Facts:
    """Return facts in the order of occurrence, as a ledger has them."""
    return facts.take(np.lexsort((facts["record"], facts["occurred"])))


def without_records(ledger: Facts, records: Collection[int]) -> Facts:
    """Return a ledger without some records, and without what is said of them."""
    ids = np.array(sorted(records), np.uint64)
    said_of = np.isin(ledger["type"], _CONTROLS) & np.isin(ledger["link"], ids)
    kept: Facts = ledger[~np.isin(ledger["record"], ids) & ~said_of]
    return kept


def scores(
    variants: Sequence[Facts], days: Sequence[int], pack: Pack, kind: str, rules: Rules | None
) -> list[int | None]:
    """Return the score of each set of facts, each in order, each on its day."""
    if rules is None:
        return [evaluate(one, day, pack, kind).score for one, day in zip(variants, days, strict=True)]
    found: list[int | None] = []
    for begin, end in _chunks(variants):
        chunk, cards = variants[begin:end], np.zeros(end - begin, CARD)
        starts = np.fromiter(accumulate(map(len, chunk), initial=0), np.int64, len(chunk) + 1)
        subjects = np.full(len(chunk), KIND_NAMES[kind] << KIND_SHIFT | 1, np.uint64)
        evaluate_cards(concatenated(chunk), starts, subjects, np.array(days[begin:end]), rules, cards)
        found += map(_score_of, cards["score"].tolist(), cards["flags"].tolist())
    return found


def concatenated(parts: Sequence[Facts]) -> Facts:
    """Do as `np.concatenate`, which goes through fields one by one, and takes thirty times as long."""
    return np.frombuffer(bytearray().join(cast("Any", parts)), FACT)  # an array is a buffer, as its types do not say


def walk(ledger: Facts, days: tuple[int, int], kind: str, rules: Rules) -> Iterator[tuple[int, int | None]]:
    """Yield the days between two, the first of them first, on which the score may change, and the score from then."""
    day, last = days
    starts = np.array([0, len(ledger)], np.int64)
    subjects = np.array([KIND_NAMES[kind] << KIND_SHIFT | 1], np.uint64)
    cards = np.zeros(1, CARD)
    while day <= last:
        evaluate_cards(ledger, starts, subjects, day, rules, cards)
        card = cards[0]
        yield day, _score_of(card["score"], card["flags"])
        if (change := int(card["valid_until"])) <= last:
            yield change, _score_of(card["next_score"], card["next_flags"])
        day = int(card["next_until"])


def walk_plainly(ledger: Facts, days: tuple[int, int], pack: Pack, kind: str) -> Iterator[tuple[int, int | None]]:
    """Do as `walk`, by the plain evaluator."""
    day, last = days
    while day <= last:
        state = evaluate(ledger, day, pack, kind)
        yield day, state.score
        day = state.until


def _score_of(score: int, flags: int) -> int | None:
    return int(score) if flags & HAS_SCORE else None


def _chunks(variants: Sequence[Facts]) -> Iterator[tuple[int, int]]:
    """Yield where each part begins and ends that is evaluated at once."""
    begin = held = 0
    for end, one in enumerate(variants):
        if held and held + len(one) > _FACTS_AT_ONCE:
            yield begin, end
            begin, held = end, 0
        held += len(one)
    if begin < len(variants):
        yield begin, len(variants)
