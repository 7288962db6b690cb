from datetime import UTC, datetime

import numpy as np

from city.rates import THRESHOLD_POINTS
from city.story import citizen, story
from schemas.codec import decode
from schemas.days import day_of
from schemas.facts import FACT
from schemas.records import RecordKey, fact_of
from scoring.evaluator import State, evaluate
from scoring.pack import load_pack

KEY = b"a key for nobody in particular.."
START = datetime(2026, 11, 24, 2, 0, tzinfo=UTC)


def states() -> list[State]:
    """Return the state after each step, by the plain evaluator."""
    pack, key = load_pack(), RecordKey.derived(KEY)
    facts = np.zeros(0, FACT)
    after = []
    for offset, step in enumerate(story(START, KEY)):
        fact = fact_of(decode(step.published.value), key, offset)
        facts = np.append(facts, np.array([fact], FACT))
        after.append(evaluate(facts, day_of(int(START.timestamp())), pack))
    return after


def scores() -> list[int]:
    return [state.score for state in states() if state.score is not None]


def test_every_step_moves_the_score_as_it_says() -> None:
    steps, points = story(START, KEY), scores()

    assert len(points) == len(steps)
    for step, before, after in zip(steps[1:], points, points[1:], strict=False):
        assert np.sign(after - before) == step.moves or (step.moves == 0 and after >= before), step.title


def test_the_story_goes_through_these_scores() -> None:
    assert scores()[-9:] == [688, 685, 688, 678, 678, 688, 688, 538, 638]


def test_a_late_library_book_crosses_the_threshold_of_the_transit_discount() -> None:
    before, after = states()[-9:-7]

    assert before.score is not None
    assert after.score is not None
    assert before.score >= THRESHOLD_POINTS > after.score
    assert before.entitlements - after.entitlements == {"transit_discount"}


def test_a_listing_waits_for_a_person() -> None:
    waiting, confirmed = states()[-3:-1]

    assert (waiting.under_review, waiting.tier, waiting.ceiling) == (True, 3, 1000)
    assert (confirmed.under_review, confirmed.tier) == (False, 1)


def test_a_listing_sets_a_ceiling_and_its_repair_lifts_it() -> None:
    listed, repaired = states()[-2:]

    assert (listed.ceiling, listed.tier) == (549, 1)
    assert repaired.ceiling == 1000


def test_all_is_about_one_citizen() -> None:
    steps = story(START, KEY)

    assert {step.published.key.decode() for step in steps} == {citizen(KEY)}
    assert all(step.title and step.chinese for step in steps)
