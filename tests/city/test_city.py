import re
from collections import Counter
from datetime import UTC, datetime, timedelta
from itertools import islice

import numpy as np
import orjson
import pytest

from city.calibrate import PARTITIONS
from city.city import City
from city.disturb import NOTHING
from city.rates import RATES, STEADY_RATES
from city.records import records_of
from city.render import Published
from city.rows import BROKEN, Expect
from schemas.catalogue import (
    CONFIRMED,
    CORRECTED,
    DISPUTED,
    EVENT_TYPES,
    REPAIR_APPLIED,
    REPAIR_REFUSED,
    RESOLVED,
    REVOKED,
    TYPES_BY_NAME,
)
from schemas.codec import decode, encode
from schemas.decoder import Decoder
from schemas.derive import derived
from schemas.errors import Reason
from schemas.events import CreditEvent
from schemas.facts import FACT
from schemas.records import RecordKey
from scoring.ledger import ADDED, EXISTS, merge

KEY = b"a key for nobody in particular.."
UNTIL = datetime(2026, 11, 1, tzinfo=UTC)

# What is valid in a stream, and what it says.
Said = list[tuple[Published, CreditEvent]]


def city(seed: int = 1, residents: int = 3_000) -> City:
    return City(seed, key=KEY, residents=residents, organisations=200)


def answers(stream: list[Published], at: datetime) -> list[Expect]:
    """Return what decoder and ledger really say, event by event."""
    decoded = Decoder(RecordKey.derived(KEY), PARTITIONS).decode(list(records_of(stream, at, PARTITIONS)))
    order = np.argsort(decoded.subjects, kind="stable")
    unique, first = np.unique(decoded.subjects[order], return_index=True)
    starts = np.append(first, len(order))
    merged = merge(np.zeros(0, FACT), np.zeros(len(unique) + 1, np.int64), decoded.facts, order, starts)
    said: list[Expect] = ["scored"] * len(stream)
    for refused in decoded.refused:
        said[refused.index] = refused.refusal.reason
    for index, outcome in zip(decoded.indices.tolist(), merged.outcomes.tolist(), strict=True):
        if outcome != ADDED:
            said[index] = "duplicate" if outcome == EXISTS else Reason.CONFLICT
    return said


@pytest.fixture(scope="module")
def history() -> list[Published]:
    return list(city().history(UNTIL))


@pytest.fixture(scope="module")
def live() -> list[Published]:
    return list(islice(city().live(UNTIL, 1_000.0), 60_000))


def read(stream: list[Published]) -> Said:
    return [(one, decode(one.value)) for one in stream if one.expect == "scored"]


@pytest.fixture(scope="module")
def said_in_history(history: list[Published]) -> Said:
    return read(history)


@pytest.fixture(scope="module")
def said_live(live: list[Published]) -> Said:
    return read(live)


def test_the_same_seed_gives_the_same_bytes(history: list[Published], live: list[Published]) -> None:
    assert list(city().history(UNTIL)) == history
    assert list(islice(city().live(UNTIL, 1_000.0), 60_000)) == live


def test_another_seed_gives_another_city() -> None:
    one, other = (City(seed, key=KEY, residents=50, organisations=0).subjects() for seed in (1, 2))

    assert not set(one) & set(other)


def test_another_key_gives_other_pseudonyms() -> None:
    one = City(1, key=KEY, residents=50, organisations=5).subjects()
    other = City(1, key=KEY[::-1], residents=50, organisations=5).subjects()

    assert not set(one) & set(other)


@pytest.mark.parametrize("name", ["history", "live"])
def test_decoder_and_ledger_do_with_every_record_what_it_expects(name: str, request: pytest.FixtureRequest) -> None:
    stream: list[Published] = request.getfixturevalue(name)
    said = answers(stream, UNTIL + timedelta(hours=1))

    assert [one.expect for one in stream] == said
    assert {fate.expect for fate in BROKEN} | {"scored", "duplicate"} == set(said)


def test_one_event_in_a_hundred_is_broken(history: list[Published]) -> None:
    counts = Counter(one.expect for one in history)
    broken = sum(counts[fate.expect] for fate in BROKEN)

    assert broken / len(history) == pytest.approx(0.01, rel=0.15)


def test_every_reason_but_a_full_ledger_has_its_broken_event() -> None:
    assert {fate.expect for fate in BROKEN} == set(Reason) - {Reason.LEDGER_FULL}


def test_an_undisturbed_city_has_nothing_to_refuse() -> None:
    calm = City(1, key=KEY, residents=500, organisations=50, disturbances=NOTHING)

    assert {one.expect for one in calm.history(UNTIL)} == {"scored"}


@pytest.mark.parametrize("name", [pytest.param("said_in_history", marks=pytest.mark.slow), "said_live"])
def test_the_templates_write_what_the_codec_would_write(name: str, request: pytest.FixtureRequest) -> None:
    stream: Said = request.getfixturevalue(name)
    seen = set()
    for one, event in stream:
        seen.add(event.type)

        encoded = encode(event)
        assert (encoded.key, encoded.value, tuple(encoded.headers)) == (one.key, one.value, one.headers)
        assert event.source == f"/dept/{event.type.publisher}"
    assert len(seen) > 40


def test_rates_attributes_and_disturbances_cover_the_whole_catalogue() -> None:
    drawn = {one.type for one in (*RATES, *STEADY_RATES)} | {control for one in RATES for control in one.settled_by}
    attributes = {"year.closed", "capability.education.certified", "capability.qualification.granted"}

    discussed = {CONFIRMED, CORRECTED, REVOKED, DISPUTED, RESOLVED}
    # Nobody's page is open in the generated city.
    applied = {REPAIR_APPLIED, REPAIR_REFUSED}
    # What follows from an event is published by a worker.
    represented = {TYPES_BY_NAME[name] for name in ("admin.represented.violation", "court.represented.listed")}

    covered = drawn | discussed | applied | represented | {TYPES_BY_NAME[name] for name in attributes}
    assert set(EVENT_TYPES) == covered


@pytest.mark.parametrize("name", ["history", "live"])
def test_what_reaches_others_names_the_resident_who_represents_its_subject(
    name: str, request: pytest.FixtureRequest
) -> None:
    stream: list[Published] = request.getfixturevalue(name)
    residents = {one for one in city().subjects() if one.startswith("r-")}
    of_residents = [one for one in stream if one.key.startswith(b"r-")]
    assert not any(one.reaches or b"linked_subjects" in one.value for one in of_residents)
    of_bodies = [one for one in stream if not one.key.startswith(b"r-") and one.expect in {"scored", "duplicate"}]
    whole = [(one, decode(one.value)) for one in of_bodies]
    type_of = {(event.source, event.id): event.type for _, event in whole}
    representatives: dict[str, set[str]] = {}
    for one, event in whole:
        followers = list(derived(event))
        # What a control is about may come only after the stream's end.
        about = type_of.get((event.data.record_source, event.data.record_id)) if event.type.control else event.type
        if about is not None:
            assert len(followers) == bool(about.reaches)
        assert one.reaches == (len(followers) if one.expect == "scored" else 0)
        representatives.setdefault(event.subject, set()).update(follower.subject for follower in followers)

    represented = [one for one in representatives.values() if one]
    assert len(represented) > 20
    assert all(len(one) == 1 and one <= residents for one in represented)


def test_a_city_can_be_without_representatives(history: list[Published]) -> None:
    without = City(1, key=KEY, residents=3_000, organisations=200, represented=False).history(UNTIL)

    for one, other in zip(history, without, strict=True):
        assert other.reaches == 0
        assert one.value == other.value or (b"linked_subjects" in one.value and b"linked_subjects" not in other.value)


def test_no_identity_number_leaves_the_generator(history: list[Published]) -> None:
    number = re.compile(rb"(?<![0-9a-f])(99\d{15}[\dX]|(91|51)99\d{4}[0-9A-Z]{10})(?![0-9a-f])")

    assert not any(number.search(one.key + one.value) for one in history)


def test_history_has_about_thirty_records_a_subject(history: list[Published]) -> None:
    assert 27 < len(history) / 3_200 < 35


def test_history_ends_before_its_end(said_in_history: Said) -> None:
    times = [event.time for _, event in said_in_history]

    assert max(times) < UNTIL
    assert min(times) > UNTIL - timedelta(days=5 * 366)


def test_some_events_come_weeks_late_and_some_out_of_order(said_live: Said) -> None:
    ages = [UNTIL - event.time for _, event in said_live]
    late = sum(age > timedelta(days=13) for age in ages) / len(ages)

    # One in a hundred, and those that an authority determined weeks after the act.
    assert late == pytest.approx(0.013, rel=0.3)


def test_every_control_is_about_a_record_of_the_same_subject(
    said_in_history: Said,
) -> None:
    events = [event for _, event in said_in_history]
    subject_of = {(event.source, event.id): event.subject for event in events}
    controls = [event for event in events if event.type.control]
    known = [one for one in controls if (one.data.record_source, one.data.record_id) in subject_of]

    # A record that comes so late that the history ends before it is missing; almost none do.
    assert len(known) > 0.99 * len(controls)
    assert all(subject_of[one.data.record_source, one.data.record_id] == one.subject for one in known)


def test_a_live_city_without_a_rate_keeps_its_own_pace() -> None:
    small = city(residents=1_000)
    pace = small.events_per_second()
    first = [decode(one.value).time for one in islice(small.live(UNTIL), 2_000) if one.expect == "scored"]

    # 6 events a resident and year, as 212 million records of 7 million people in 5 years.
    assert 4 < pace * 86_400 * 365 / 1_200 < 9
    assert max(first) - UNTIL == pytest.approx(timedelta(seconds=2_000 / pace), rel=0.2)


def test_a_city_without_residents_is_refused() -> None:
    with pytest.raises(ValueError, match="was 0"):
        City(1, key=KEY, residents=0)


def test_a_value_is_one_line_of_json(history: list[Published]) -> None:
    body = orjson.loads(next(one.value for one in history if one.expect == "scored"))

    assert body["type"] in TYPES_BY_NAME
