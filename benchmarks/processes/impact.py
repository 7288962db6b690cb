"""How long it takes to say whom a proposal moves: drawing a city, and scoring it under both packs."""

import argparse
from collections.abc import Iterator
from time import perf_counter

from benchmarks.child import say
from benchmarks.filling import AS_OF
from city.columns import Ledgers, ledgers
from city.impact import Impact
from schemas.days import day_of
from scoring.pack import Pack, load_pack

_SEED = 1
_RESIDENTS_PER_BODY = 20
_WARM_SUBJECTS = 210
# The proposal that docs/packs.md goes through: a closed year, a late book, an umbrella.
_POINTS = {"year.closed": 8, "library.loan.overdue": -5}
_UMBRELLA_POINTS = 640


def proposed(pack: Pack) -> Pack:
    """Return a pack with two rules and one perk changed."""
    stated = pack.model_dump(mode="json", by_alias=True)
    for rule in stated["rules"]:
        if rule["type"] in _POINTS:
            rule["grades"]["standard"]["points"] = _POINTS[rule["type"]]
    (umbrella,) = (perk for perk in stated["perks"] if perk["id"] == "umbrella_free")
    umbrella["thresholds"][0]["points"] = _UMBRELLA_POINTS
    return Pack.model_validate({**stated, "id": "proposal"})


def drawn(subjects: int) -> Iterator[Ledgers]:
    """Yield the ledgers of a city of so many subjects, a part at a time."""
    bodies = subjects // (_RESIDENTS_PER_BODY + 1)
    return ledgers(_SEED, subjects - bodies, bodies, int(AS_OF.timestamp()))


def main() -> None:
    """Draw and score a part at a time, as `jasmine pack impact` does; tell both times apart."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--subjects", type=int, required=True, help="of the city")
    subjects = parser.parse_args().subjects
    pack, day = load_pack(), day_of(int(AS_OF.timestamp()))
    impact, warm = (Impact(pack, proposed(pack), day) for _ in range(2))
    # Loading the compiled kernel takes as long for a village as for the city.
    for part in drawn(_WARM_SUBJECTS):
        warm.add(part)
    scoring_s, begun_s = 0.0, perf_counter()
    for part in drawn(subjects):
        before_s = perf_counter()
        impact.add(part)
        scoring_s += perf_counter() - before_s
    drawing_s = perf_counter() - begun_s - scoring_s
    tally = impact.tally
    say(
        "done",
        subjects=tally.subjects,
        facts=tally.facts,
        changed=tally.changed,
        packs=2 + len(impact.suspects),
        scoring_s=scoring_s,
        drawing_s=drawing_s,
    )


if __name__ == "__main__":
    main()
