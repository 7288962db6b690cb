"""How long it takes to say whom a proposal moves: drawing a city, and scoring it under both packs."""

import argparse
from time import perf_counter

from benchmarks.child import say
from benchmarks.filling import AS_OF
from city.columns import ledgers
from city.impact import Impact
from schemas.days import day_of
from scoring.pack import Pack, load_pack

_SEED = 1
_RESIDENTS_PER_BODY = 20
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


def main() -> None:
    """Draw and score a part at a time, as `jasmine pack impact` does; tell both times apart."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--subjects", type=int, required=True, help="of the city")
    subjects = parser.parse_args().subjects
    until_s, pack = int(AS_OF.timestamp()), load_pack()
    impact = Impact(pack, proposed(pack), day_of(until_s))
    bodies = subjects // (_RESIDENTS_PER_BODY + 1)
    scoring_s, begun_s = 0.0, perf_counter()
    for part in ledgers(_SEED, subjects - bodies, bodies, until_s):
        before_s = perf_counter()
        impact.add(part)
        scoring_s += perf_counter() - before_s
    drawing_s = perf_counter() - begun_s - scoring_s
    tally = impact.tally
    packs = 2 + len(impact.suspects)
    say("done", subjects=tally.subjects, facts=tally.facts, changed=tally.changed, packs=packs,
        scoring_s=scoring_s, drawing_s=drawing_s)  # fmt: skip


if __name__ == "__main__":
    main()
