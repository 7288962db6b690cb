"""What goes wrong between a department and the scorer, and what is said about a record later."""

from dataclasses import dataclass

import numpy as np

from city.rates import REVIEWED, REVIEWED_UNPAID, Rate
from city.rows import BROKEN, Bools, Fate, Floats, Numbers, Rows, new_rows
from schemas.catalogue import CONFIRMED, CORRECTED, DISPUTED, REGISTERED, RESOLVED, REVOKED, TYPES_BY_CODE, Grade
from schemas.days import DAY_S

_HOUR_S = 3_600


@dataclass(frozen=True, slots=True, kw_only=True)
class Disturbances:
    """How often the stream is disturbed; each a probability for one record.

    Attributes:
        late: it is published weeks after the act.
        out_of_order: it is overtaken by events of the next hours.
        duplicate: its producer sends the same bytes again.
        corrected: its grade or quantity is corrected.
        revoked: it is revoked.
        disputed: somebody disputes it.
        resolved: a dispute is resolved.
        upheld: a resolved dispute was right.
        broken: a broken event comes beside it; all classes of `city.rows.BROKEN` alike.

    """

    late: float = 0.01
    out_of_order: float = 0.02
    duplicate: float = 0.005
    corrected: float = 0.002
    revoked: float = 0.001
    disputed: float = 0.002
    resolved: float = 0.9
    upheld: float = 0.3
    broken: float = 0.01


NOTHING = Disturbances(
    late=0, out_of_order=0, duplicate=0, corrected=0, revoked=0, disputed=0, resolved=0, upheld=0, broken=0
)


def settle(rng: np.random.Generator, rate: Rate, rows: Rows, haste: float = 1.0) -> Rows:
    """Return the controls that end matters: paid, removed from a list, repaired.

    Args:
        rng: the source of chance.
        rate: of the rows' type.
        rows: what may be settled.
        haste: what all waiting is multiplied by.

    """
    settled = rows[rng.random(len(rows)) < rate.settled]
    if not len(settled) or not rate.settled_by:
        return settled[:0]
    delays_s = _HOUR_S + rng.exponential(rate.settled_days * DAY_S, len(settled))
    # The steps of one matter follow each other within hours.
    return np.concatenate(
        [
            _controls(control.code, settled, settled["arrives"] + haste * (delays_s + step * _HOUR_S))
            for step, control in enumerate(rate.settled_by)
        ]
    )


def confirm(rng: np.random.Generator, rows: Rows, settled: Rows, haste: float = 1.0) -> Rows:
    """Return the confirmations of what is so severe that a person looks at it, within a week.

    Args:
        rng: the source of chance.
        rows: what may be severe.
        settled: the controls that end matters.
        haste: what all waiting is multiplied by.

    """
    unpaid = np.isin(rows["type"], list(REVIEWED_UNPAID)) & ~np.isin(rows["number"], settled["about"])
    severe = rows[unpaid | np.isin(rows["type"], list(REVIEWED))]
    return _controls(CONFIRMED.code, severe, severe["arrives"] + haste * rng.uniform(1, 7, len(severe)) * DAY_S)


def discuss(rng: np.random.Generator, rows: Rows, disturbances: Disturbances, haste: float = 1.0) -> Rows:
    """Return corrections, revocations, and disputes with their resolutions."""
    # Without its registration a subject has no score; nobody disputes that.
    rows = rows[rows["type"] != REGISTERED.code]
    drawn = rng.random(len(rows))
    bounds = np.cumsum([disturbances.corrected, disturbances.revoked, disturbances.disputed])
    correctable = rows[(drawn < bounds[0]) & _is_correctable(rows)]
    revoked = rows[(drawn >= bounds[0]) & (drawn < bounds[1])]
    disputed = rows[(drawn >= bounds[1]) & (drawn < bounds[2])]
    disputes = _controls(DISPUTED.code, disputed, disputed["arrives"] + haste * _weeks(rng, len(disputed)))
    resolved = rng.random(len(disputed)) < disturbances.resolved
    # Shandong: an answer within 7 working days; Shanghai: 5.
    answer_s = rng.uniform(2, 8, resolved.sum()) * DAY_S
    answers = _controls(RESOLVED.code, disputed[resolved], disputes["arrives"][resolved] + haste * answer_s)
    upheld = rng.random(len(answers)) < disturbances.upheld
    answers["grade"] = np.where(upheld, Grade.UPHELD, Grade.REJECTED)
    return np.concatenate(
        [
            _corrections(rng, correctable, haste),
            _controls(REVOKED.code, revoked, revoked["arrives"] + haste * _weeks(rng, len(revoked))),
            disputes,
            answers,
        ]
    )


def delay(rng: np.random.Generator, rows: Rows, disturbances: Disturbances) -> None:
    """Let events arrive some hours after the act; some weeks later, some overtaken by the next hours' events."""
    count = len(rows)
    rows["arrives"] += rng.exponential(2 * _HOUR_S, count)
    late = rng.random(count) < disturbances.late
    rows["arrives"][late] += _weeks(rng, int(late.sum()))
    overtaken = rng.random(count) < disturbances.out_of_order
    rows["arrives"][overtaken] += rng.uniform(0, 12 * _HOUR_S, int(overtaken.sum()))


def copy_badly(
    rng: np.random.Generator, rows: Rows, numbers: Numbers, disturbances: Disturbances, haste: float = 1.0
) -> Rows:
    """Return what comes beside the rows: repetitions, contradictions and broken events."""
    again = rows[rng.random(len(rows)) < disturbances.duplicate].copy()
    again["fate"] = Fate.DUPLICATE
    again["arrives"] += haste * rng.uniform(1, _HOUR_S, len(again))
    records = rows[rows["about"] == 0]
    broken = records[rng.random(len(records)) < disturbances.broken * len(rows) / max(len(records), 1)].copy()
    broken["fate"] = rng.choice(BROKEN, len(broken))
    conflicts = broken["fate"] == Fate.CONFLICT
    broken["arrives"] += haste * rng.uniform(1, _HOUR_S, len(broken))
    broken["occurred"][conflicts] -= 1
    # A contradiction bears its original's id; every other broken event would be a new one.
    others = numbers.give(broken[~conflicts])
    return np.concatenate([again, broken[conflicts], others])


def _controls(code: int, about: Rows, arrives: Floats) -> Rows:
    rows = new_rows(code, about["subject"], arrives)
    rows["arrives"] = arrives
    rows["about"] = about["number"]
    rows["about_type"] = about["type"]
    return rows


def _corrections(rng: np.random.Generator, about: Rows, haste: float) -> Rows:
    rows = _controls(CORRECTED.code, about, about["arrives"] + haste * _weeks(rng, len(about)))
    rows["grade"] = 0
    for row, original in zip(rows, about, strict=True):
        others = [grade for grade in TYPES_BY_CODE[int(original["type"])].grades if grade != original["grade"]]
        if others:
            row["grade"] = rng.choice(others)
    has_quantity = about["quantity"] > 0
    rows["quantity"][has_quantity] = about["quantity"][has_quantity] + 1
    return rows


def _is_correctable(rows: Rows) -> Bools:
    correctable: Bools = (rows["quantity"] > 0) | _GRADED[rows["type"]]
    return correctable


def _weeks(rng: np.random.Generator, count: int) -> Floats:
    return rng.uniform(14, 60, count) * DAY_S


_GRADED = np.array([len(one.grades) > 1 if (one := TYPES_BY_CODE.get(code)) else False for code in range(256)])
