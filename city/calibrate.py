"""Scores a city and says whether it looks like Fuzhou: ``python -m city.calibrate``."""

import json
from collections.abc import Iterable
from dataclasses import asdict, dataclass
from datetime import datetime, time
from itertools import islice
from pathlib import Path
from typing import Annotated

import numpy as np
import typer
from numpy.typing import NDArray

from city.city import DEFAULT_AS_OF, City
from city.picture import draw
from city.rates import SHARE_AT_THRESHOLD, THRESHOLD_POINTS
from city.records import records_of
from city.render import Published
from schemas.days import CITY_TIMEZONE, day_of
from schemas.decoder import Decoder
from schemas.facts import FACT, Facts
from schemas.records import RecordKey
from scoring.card import CARD, HAS_SCORE, Cards
from scoring.kernel import evaluate
from scoring.ledger import ADDED, merge
from scoring.pack import Pack, load_pack
from scoring.rules import compile_rules

# Nobody's: pseudonyms of people who do not exist need no secret.
DEMO_KEY = b"jasmine synthetic city, no secret"
PARTITIONS = 8
_BATCH_RECORDS = 20_000
_PICTURE = Path("docs/images/city-distribution.png")


@dataclass(frozen=True, slots=True)
class Scored:
    """A city's subjects with their cards on a day.

    Attributes:
        subjects: (n,) their numbers, rising.
        cards: (n,) of dtype CARD.
        records: how many records were read.
        facts: how many are in the ledgers.

    """

    subjects: NDArray[np.uint64]
    cards: Cards
    records: int
    facts: int

    def resident_scores(self) -> NDArray[np.int64]:
        """Return the scores of all residents who have one."""
        chosen = (self.subjects >> np.uint64(62) == 0) & ((self.cards["flags"] & HAS_SCORE) > 0)
        scores: NDArray[np.int64] = self.cards["score"][chosen].astype(np.int64)
        return scores


def score(stream: Iterable[Published], at: datetime, key: bytes, pack: Pack) -> Scored:
    """Read a stream into ledgers, and evaluate them on the day of an instant."""
    facts, subjects, records = _decoded(stream, at, key)
    order = np.argsort(subjects, kind="stable")
    unique, first = np.unique(subjects[order], return_index=True)
    starts = np.append(first, len(order)).astype(np.int64)
    merged = merge(np.zeros(0, FACT), np.zeros(len(starts), np.int64), facts, order, starts)
    cards = np.zeros(len(unique), CARD)
    evaluate(merged.facts, merged.starts, unique, day_of(int(at.timestamp())), compile_rules(pack), cards)
    return Scored(unique, cards, records, int((merged.outcomes == ADDED).sum()))


def _decoded(stream: Iterable[Published], at: datetime, key: bytes) -> tuple[Facts, NDArray[np.uint64], int]:
    decoder = Decoder(RecordKey.derived(key), PARTITIONS)
    records = records_of(stream, at, PARTITIONS)
    facts, subjects, count = [], [], 0
    while batch := list(islice(records, _BATCH_RECORDS)):
        decoded = decoder.decode(batch)
        facts.append(decoded.facts)
        subjects.append(decoded.subjects)
        count += len(batch)
    return np.concatenate(facts), np.concatenate(subjects), count


@dataclass(frozen=True, slots=True, kw_only=True)
class Calibration:
    """How a city's scores are distributed.

    Attributes:
        residents: how many have a score.
        records_per_subject: published records for each subject, bodies among them.
        share_at_threshold: of residents, at `threshold` points or more.
        share_published: what is published of Fuzhou.
        median: the score in the middle.
        tiers: the share of residents in each tier, by its id.

    """

    residents: int
    records_per_subject: float
    threshold: int
    share_at_threshold: float
    share_published: float
    median: float
    mean: float
    tiers: dict[str, float]


def calibration_of(scored: Scored, pack: Pack) -> Calibration:
    """Return the numbers that are compared with what is published."""
    scores = scored.resident_scores()
    lowest = [tier.lowest for tier in pack.tiers]
    counts = np.bincount(np.searchsorted(lowest, scores, side="right") - 1, minlength=len(lowest))
    return Calibration(
        residents=len(scores),
        records_per_subject=round(scored.records / len(scored.subjects), 2),
        threshold=THRESHOLD_POINTS,
        share_at_threshold=round(float((scores >= THRESHOLD_POINTS).mean()), 4),
        share_published=round(SHARE_AT_THRESHOLD, 4),
        median=float(np.median(scores)),
        mean=round(float(scores.mean()), 1),
        tiers={tier.id: round(count / len(scores), 4) for tier, count in zip(pack.tiers, counts, strict=True)},
    )


def main(
    residents: Annotated[int, typer.Option(help="How many people the city has.")] = 50_000,
    seed: Annotated[int, typer.Option(help="What it is drawn from.")] = 2026,
    picture: Annotated[Path, typer.Option(help="Where to draw it; a .json with the numbers is put beside.")] = _PICTURE,
) -> None:
    """Score a city and print how its scores are distributed."""
    pack = load_pack()
    at = datetime.combine(DEFAULT_AS_OF, time(), CITY_TIMEZONE)
    # Nothing is read here from a log, where the representatives' events would follow.
    city = City(seed, key=DEMO_KEY, residents=residents, organisations=residents // 20, represented=False)
    scored = score(city.history(at), at, DEMO_KEY, pack)
    calibration = calibration_of(scored, pack)
    text = json.dumps({"seed": seed, "day": str(DEFAULT_AS_OF), **asdict(calibration)}, indent=2)
    typer.echo(text)
    picture.parent.mkdir(parents=True, exist_ok=True)
    picture.with_suffix(".json").write_text(text + "\n", "utf-8")
    draw(scored.resident_scores(), pack, calibration.share_at_threshold, picture)


if __name__ == "__main__":
    typer.run(main)
