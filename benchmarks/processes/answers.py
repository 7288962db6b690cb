"""How long `explain` and `suggest` take for one person: many subjects of the city, one after the other, in process."""

import argparse
from collections.abc import Iterator
from time import perf_counter

import numpy as np

from benchmarks.child import say
from benchmarks.filling import AS_OF, ledgers_of
from benchmarks.results import Values, percentiles
from schemas.days import day_of
from schemas.facts import Facts
from schemas.subjects import kind_of
from scoring.explain import explain
from scoring.pack import KIND_NAMES, SCORE_MAX, load_pack
from scoring.rules import compile_rules
from scoring.suggest import suggest

# What is compiled, and what is read from the disk, is so after these.
_WARM_SUBJECTS = 20
_TOLD = {"p50": 50.0, "p95": 95.0, "p99": 99.0}


def subjects_of(count: int) -> Iterator[tuple[Facts, str]]:
    """Yield the ledger and the kind of so many subjects of a city, with as many records as they have there."""
    facts, starts, numbers = ledgers_of(count)
    labels = {kind: label for label, kind in KIND_NAMES.items()}
    for place, number in enumerate(numbers.tolist()):
        yield facts[starts[place] : starts[place + 1]], labels[kind_of(number)]


def told(times_ms: list[float]) -> Values:
    """Return the percentiles of some times, as the targets name them."""
    values = np.array(times_ms)
    stated = zip(_TOLD, np.percentile(values, list(_TOLD.values())), strict=True)
    return {**percentiles(values), **{name: float(value) for name, value in stated}}


def main() -> None:
    """Ask both questions about everybody, as the page does: why, and how to reach what comes next."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--subjects", type=int, required=True, help="of the city")
    count = parser.parse_args().subjects
    pack = load_pack()
    rules, day = compile_rules(pack), day_of(int(AS_OF.timestamp()))
    times_ms: dict[str, list[float]] = {"explain": [], "suggest": []}
    records = []
    for facts, kind in subjects_of(count):
        began_s = perf_counter()
        answer = explain(facts, day, pack, kind, rules=rules)
        explained_s = perf_counter()
        suggest(facts, day, pack, kind, answer.next.points if answer.next else SCORE_MAX, rules=rules)
        ended_s = perf_counter()
        times_ms["explain"].append(1e3 * (explained_s - began_s))
        times_ms["suggest"].append(1e3 * (ended_s - explained_s))
        records.append(len(facts))
    said = {name: told(values[_WARM_SUBJECTS:]) for name, values in times_ms.items()}
    say("done", subjects=count, records_a_subject=float(np.mean(records)), milliseconds=said)


if __name__ == "__main__":
    main()
