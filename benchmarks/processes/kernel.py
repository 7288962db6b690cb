"""The compiled evaluator on one core, on a city's records and on random ones, beside what bounds it."""

import argparse
import gc
import time
from collections.abc import Callable
from time import perf_counter

import numpy as np

from benchmarks import vectorised
from benchmarks.child import say
from benchmarks.filling import even, ledgers_of
from schemas.catalogue import EVENT_TYPES
from schemas.days import DAY_S, day_of
from schemas.facts import FACT, Facts
from schemas.subjects import kind_of
from scoring.card import CARD, HAS_SCORE
from scoring.evaluator import evaluate as evaluate_plainly
from scoring.kernel import evaluate
from scoring.pack import KIND_NAMES, Pack, load_pack
from scoring.rules import Rules, compile_rules
from sinks.store import Ints, Subjects

RECORDS = 30
_PASSES = 15
_PASSES_VECTORISED = 5
_CALLS = 2_000
_YEARS = 6


def random_facts(rng: np.random.Generator, count: int, today: int, *, controls: bool) -> Facts:
    """Return facts whose every field is drawn evenly; with or without controls, which link to one of the last ten."""
    types = [one for one in EVENT_TYPES if controls or not one.control]
    facts = np.zeros(count, FACT)
    facts["record"] = rng.integers(1, 1 << 63, count)
    drawn = rng.integers(0, len(types), count)
    facts["type"] = np.array([one.code for one in types])[drawn]
    facts["grade"] = [rng.choice(types[number].grades) for number in drawn.tolist()]
    facts["occurred"] = rng.integers((today - 365 * _YEARS) * DAY_S, today * DAY_S, count)
    facts["quantity"] = rng.integers(1, 60, count)
    for name in ("determined", "terminated"):
        stated = rng.random(count) < 0.5
        facts[name] = np.where(stated, facts["occurred"] // DAY_S + rng.integers(0, 365, count), 0)
    if controls:
        is_control = np.array([one.control for one in types])[drawn]
        about = np.maximum(np.arange(count) - rng.integers(1, 10, count), 0)
        facts["link"] = np.where(is_control, facts["record"][about], 0)
    return facts


def ordered(facts: Facts) -> Facts:
    """Return facts as ledgers of the same length have them: by time, and then by record."""
    owners = np.arange(len(facts)) // RECORDS
    in_order: Facts = facts[np.lexsort((facts["record"], facts["occurred"], owners))]
    return in_order


def median_s(work: Callable[[], object], passes: int = _PASSES) -> float:
    """Return the median of several passes, in seconds."""
    gc.collect()
    times = []
    for _ in range(passes):
        began_s = perf_counter()
        work()
        times.append(perf_counter() - began_s)
    return float(np.median(times))


def read_by_field(facts: Facts) -> int:
    """Read every field of every record once, as a vectorised evaluator would at least have to."""
    return sum(int(facts[name].sum()) for name in FACT.names or ())


def _records_per_s(facts: Facts, starts: Ints, subjects: Subjects, today: int, rules: Rules) -> tuple[float, float]:
    """Return records a second for all subjects in one call, and the share of those with a score."""
    cards = np.zeros(len(subjects), CARD)
    seconds = median_s(lambda: evaluate(facts, starts, subjects, today, rules, cards))
    return len(facts) / seconds, float((cards["flags"] & HAS_SCORE > 0).mean())


def _one_subject_us(facts: Facts, subjects: Subjects, today: int, rules: Rules) -> float:
    """Return the time of one call for one subject, the median over many subjects."""
    one, cards = np.array([0, RECORDS], np.int64), np.zeros(1, CARD)
    times = []
    for number in range(min(_CALLS, len(subjects))):
        part = facts[number * RECORDS : (number + 1) * RECORDS]
        began_s = perf_counter()
        evaluate(part, one, subjects[number : number + 1], today, rules, cards)
        times.append(perf_counter() - began_s)
    return float(np.median(times)) * 1e6


def _plain_s(facts: Facts, subjects: Subjects, today: int, pack: Pack, count: int) -> float:
    """Evaluate a sample plainly; return records a second."""
    labels = {kind: label for label, kind in KIND_NAMES.items()}
    kinds = [labels[kind_of(subject)] for subject in subjects[:count].tolist()]
    began_s = perf_counter()
    for number, kind in enumerate(kinds):
        evaluate_plainly(facts[number * RECORDS : (number + 1) * RECORDS], today, pack, kind)
    return count * RECORDS / (perf_counter() - began_s)


def main() -> None:
    """Measure all."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--subjects", type=int, required=True)
    parser.add_argument("--plain", type=int, required=True, help="subjects for the plain evaluator")
    options = parser.parse_args()
    pack = load_pack()
    rules, today, rng = compile_rules(pack), day_of(int(time.time())), np.random.default_rng(1)
    facts, starts, subjects = ledgers_of(options.subjects)
    facts, starts = even(facts, starts, RECORDS)
    count = len(facts)
    said: dict[str, float] = {}
    for name, records in (
        ("city", facts),
        ("random", ordered(random_facts(rng, count, today, controls=False))),
        ("random with controls", ordered(random_facts(rng, count, today, controls=True))),
    ):
        rate, share = _records_per_s(records, starts, subjects, today, rules)
        said[f"{name}, records/s"] = rate
        said[f"{name}, share with a score"] = share
        said[f"{name}, us for one subject"] = _one_subject_us(records, subjects, today, rules)
    said["reading by field, records/s"] = count / median_s(lambda: read_by_field(facts))
    words = facts.view(np.uint32)
    said["reading in one sweep, records/s"] = count / median_s(words.sum)
    seconds = median_s(lambda: vectorised.evaluate(facts, starts, today, rules), _PASSES_VECTORISED)
    said["vectorised evaluator, records/s"] = count / seconds
    said["plain evaluator, records/s"] = _plain_s(facts, subjects, today, pack, options.plain)
    say("done", records=count, subjects=len(subjects), **said)


if __name__ == "__main__":
    main()
