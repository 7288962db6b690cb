"""The kernel's peer must evaluate what it claims to, or its time says nothing."""

import numpy as np

from benchmarks.filling import ledgers_of
from benchmarks.vectorised import NO_SCORE, evaluate, has_only_what_is_known
from schemas.days import NEVER, day_of_date
from scoring.card import CARD, HAS_SCORE
from scoring.kernel import evaluate as evaluate_compiled
from scoring.rules import compile_rules
from tests.support.records import shipped

SUBJECTS = 600


def test_the_vectorised_evaluator_gives_the_scores_of_the_kernel() -> None:
    rules, day = compile_rules(shipped()), day_of_date(shipped().effective_from) + 100
    facts, starts, subjects = ledgers_of(SUBJECTS)
    cards = np.zeros(len(subjects), CARD)
    evaluate_compiled(facts, starts, subjects, day, rules, cards)

    found = evaluate(facts, starts, day, rules)

    known = has_only_what_is_known(facts, starts, rules)
    scores = np.where(cards["flags"] & HAS_SCORE > 0, cards["score"].astype(np.int64), NO_SCORE)
    spans = [NEVER, *(span for span in rules.spans.tolist() if span > day)]
    assert known.sum() > SUBJECTS // 10
    assert len(set(scores[known].tolist())) > 20
    assert found.scores[known].tolist() == scores[known].tolist()
    assert np.minimum(found.until, min(spans))[known].tolist() == cards["valid_until"][known].tolist()
