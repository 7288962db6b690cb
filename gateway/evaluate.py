"""From a rule pack: its names, and an evaluator for cards whose time has passed. The only module here that scores."""

import json

import numpy as np

from gateway.card import CARD_BYTES, State, decode
from gateway.errors import CardFormatError, StaleCardError
from gateway.names import PackNames, Perk
from schemas.facts import FACT
from scoring.announced import pack_of
from scoring.card import CARD
from scoring.kernel import evaluate
from scoring.pack import Pack, PackError
from scoring.rules import compile_rules


def names_of(pack: Pack) -> PackNames:
    """Return the names of a pack."""
    tiers = tuple(tier.id for tier in pack.tiers)
    return PackNames(pack.hash, tiers, tuple(Perk(perk.id, perk.scenario) for perk in pack.perks))


def evaluator_of(document: bytes) -> "PackEvaluator":
    """Return an evaluator of a pack that a worker keeps in the store.

    Raises:
        StaleCardError: this release cannot read the pack.

    """
    return PackEvaluator(pack_in(document))


def pack_in(document: bytes) -> Pack:
    """Return the pack that a worker keeps in the store; raises what `evaluator_of` does."""
    stated = json.loads(document)
    try:
        return pack_of(stated["files"], stated["id"])
    except PackError as error:
        message = f"this release cannot read the pack that the workers have announced: install theirs: {error}"
        raise StaleCardError(message) from error


class PackEvaluator:
    """Evaluates ledgers under one pack. Making one compiles the kernel, so that the first lookup need not wait."""

    def __init__(self, pack: Pack) -> None:
        self._rules = compile_rules(pack)
        self(0, b"", 0)

    def __call__(self, subject: int, ledger: bytes, day: int) -> State:
        """Return the state of a subject's score on a day.

        Raises:
            CardFormatError: the ledger is no whole number of facts.

        """
        if len(ledger) % FACT.itemsize:
            message = f"a ledger is a multiple of {FACT.itemsize} bytes, was {len(ledger)}: another program wrote it"
            raise CardFormatError(message)
        facts = np.frombuffer(ledger, FACT)
        starts = np.array([0, len(facts)], np.int64)
        cards = np.zeros(1, CARD)
        evaluate(facts, starts, np.array([subject], np.uint64), day, self._rules, cards)
        return decode(cards.tobytes()[:CARD_BYTES]).now
