"""The generated JSON Schemas and AsyncAPI document."""

import json
from pathlib import Path
from typing import Any

import numpy as np
import orjson
import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st
from jsonschema import Draft202012Validator  # type: ignore[import-untyped]  # it has no stubs

from schemas.catalogue import EVENT_TYPES, TYPES_BY_NAME
from schemas.codec import decode, encode
from schemas.errors import Reason, Refusal
from schemas.events import CreditEvent
from schemas.generate import FOLDER, files, main
from sinks.dead import DeadLetter
from sinks.outbox import CHANGE, CHANGE_SOURCE, CHANGE_TYPE, Names, NamesByPack, entry, messages
from tests.support.events import COMPANY, LEFT_OUT, RESIDENT, attributes_of, events
from tests.support.packs_in_time import announcement, shipped_files
from tests.support.records import shipped

TEXTS = files()
SCHEMAS = {name.removesuffix(".json"): json.loads(text) for name, text in TEXTS.items() if name.endswith(".json")}
VALIDATORS = {name: Draft202012Validator(schema) for name, schema in SCHEMAS.items()}
ASYNCAPI = yaml.safe_load(TEXTS["asyncapi.yaml"])


def test_the_checked_in_files_are_what_the_catalogue_says() -> None:
    assert {path.name: path.read_text("utf-8") for path in FOLDER.iterdir()} == TEXTS


def test_every_event_type_has_a_schema() -> None:
    others = {"standing.changed", "dead.letter", "standing.read", "change.received", "rulepack.activated"}
    assert set(SCHEMAS) == {*TYPES_BY_NAME, *others}


@pytest.mark.parametrize("name", SCHEMAS)
def test_every_schema_is_a_valid_one(name: str) -> None:
    Draft202012Validator.check_schema(SCHEMAS[name])


@pytest.mark.parametrize("event_type", EVENT_TYPES, ids=lambda one: one.name)
def test_every_example_is_an_event_of_its_type(event_type: Any) -> None:
    (example,) = SCHEMAS[event_type.name]["examples"]

    VALIDATORS[event_type.name].validate(example)
    assert decode(orjson.dumps(example)).type is event_type


@given(events())
def test_an_encoded_event_is_the_same_event_again(event: CreditEvent) -> None:
    assert decode(encode(event).value) == event


@given(events())
def test_an_encoded_event_fits_its_schema(event: CreditEvent) -> None:
    VALIDATORS[event.type.name].validate(orjson.loads(encode(event).value))


CORRECTION = {"record_source": "/dept/library", "record_id": "1", "record_type": "admin.penalty.imposed"}


def a_fine(*linked: str) -> dict[str, Any]:
    """Return what makes of an event a company's fine with these linked subjects."""
    data = {"grade": "fine_minor", "linked_subjects": linked}
    return {"type": "org.penalty.imposed", "subject": COMPANY, "data": data}


# What the codec refuses and a schema can say, too.
REFUSED: dict[str, dict[str, Any]] = {
    "another version of CloudEvents": {"specversion": "0.3"},
    "no version": {"specversion": LEFT_OUT},
    "no id": {"id": LEFT_OUT},
    "an id that is null": {"id": None},
    "an empty id": {"id": ""},
    "a number as id": {"id": 7},
    "an id that is too long": {"id": "x" * 129},
    "no source": {"source": LEFT_OUT},
    "a source that is too long": {"source": "/" * 201},
    "an unknown type": {"type": "library.loan.forgotten"},
    "no subject": {"subject": LEFT_OUT},
    "an identity number as subject": {"subject": "11010519491231002X"},
    "upper-case hex digits": {"subject": "r-09C3F0A1B2D4E5F6"},
    "an unknown kind": {"subject": "x-09c3f0a1b2d4e5f6"},
    "a first digit of another kind": {"subject": "r-49c3f0a1b2d4e5f6"},
    "a kind the type is not about": {"subject": "l-49c3f0a1b2d4e5f6"},
    "a subject with a digit too many": {"subject": "r-09c3f0a1b2d4e5f60"},
    "no time": {"time": LEFT_OUT},
    "a time without an offset": {"time": "2026-11-24T08:30:00"},
    "a time with a space": {"time": "2026-11-24 08:30:00Z"},
    "a month that is none": {"time": "2026-13-24T08:30:00Z"},
    "an hour that is none": {"time": "2026-11-24T24:00:00Z"},
    "an offset that is none": {"time": "2026-11-24T08:30:00+08:60"},
    "a time before 1970": {"time": "1949-10-01T00:00:00Z"},
    "a time after 2099": {"time": "2101-01-01T00:00:00Z"},
    "a number as time": {"time": 1_795_509_000},
    "data of another type": {"datacontenttype": "text/xml"},
    "an empty dataschema": {"dataschema": ""},
    "an extension with an upper-case name": {"traceParent": "00"},
    "an extension with a list": {"tags": ["a"]},
    "an extension with a fraction": {"weight": 0.5},
    "data in base64": {"data_base64": "e30="},
    "data that is no object": {"data": []},
    "data that is null": {"data": None},
    "an unknown field": {"data": {"name": "Wang"}},
    "a quantity that the type does not have": {"data": {"quantity": 3}},
    "a grade that the type does not have": {"data": {"grade": "severe"}},
    "a field of a control": {"data": {"record_id": "1"}},
    "an empty incident": {"data": {"incident_key": ""}},
    "an incident that is too long": {"data": {"incident_key": "x" * 129}},
    "a determination without a time": {"data": {"determined_at": "2026-11-24"}},
    "no grade where there are several": {"type": "traffic.penalty.imposed"},
    "a null grade": {"type": "traffic.penalty.imposed", "data": {"grade": None}},
    "no quantity where it counts": {"type": "capability.tenure.accrued"},
    "a quantity of zero": {"type": "capability.tenure.accrued", "data": {"quantity": 0}},
    "a quantity that is too large": {"type": "capability.tenure.accrued", "data": {"quantity": 65_536}},
    "a quantity in a text": {"type": "capability.tenure.accrued", "data": {"quantity": "3"}},
    "a quantity that is a truth value": {"type": "capability.tenure.accrued", "data": {"quantity": True}},
    "a fraction as quantity": {"type": "capability.tenure.accrued", "data": {"quantity": 1.5}},
    "a control about nothing": {"type": "record.revoked"},
    "a control without the source": {"type": "record.revoked", "data": {"record_id": "1"}},
    "a correction of nothing": {"type": "record.corrected", "data": CORRECTION},
    "a correction of a control": {
        "type": "record.corrected",
        "data": {**CORRECTION, "record_type": "record.revoked", "grade": "standard"},
    },
    "a correction to a grade of another type": {
        "type": "record.corrected",
        "data": {**CORRECTION, "grade": "imprisonment"},
    },
    "no linked subject": a_fine(),
    "too many linked subjects": a_fine(*(f"r-000000000000000{n}" for n in range(9))),
    "a linked organisation": a_fine(COMPANY),
    "a linked subject twice": a_fine(RESIDENT, RESIDENT),
    "a resident's act with linked subjects": {"type": "tax.arrears.recorded", "data": {"linked_subjects": [RESIDENT]}},
    "linked subjects of an act that reaches nobody": {
        "type": "org.abnormal.listed",
        "subject": COMPANY,
        "data": {"linked_subjects": [RESIDENT]},
    },
    "linked subjects of the correction of what reaches nobody": {
        "type": "record.corrected",
        "subject": COMPANY,
        "data": {**CORRECTION, "record_type": "org.trace.gap", "grade": "standard", "linked_subjects": [RESIDENT]},
    },
    "an id without room for that of a linked subject": {**a_fine(RESIDENT), "id": "x" * 110},
    "a record's id without room for that of a linked subject": {
        "type": "record.revoked",
        "subject": COMPANY,
        "data": {"record_source": "/dept/tax", "record_id": "x" * 110, "linked_subjects": [RESIDENT]},
    },
    "a dispute resolved without saying how": {
        "type": "record.dispute.resolved",
        "data": {"record_source": "/dept/library", "record_id": "1"},
    },
}


@pytest.mark.parametrize("case", REFUSED)
def test_what_the_codec_refuses_its_schema_refuses_too(case: str) -> None:
    attributes = attributes_of(**REFUSED[case])
    schema = VALIDATORS.get(attributes["type"], VALIDATORS["library.loan.overdue"])

    with pytest.raises(Refusal):
        decode(orjson.dumps(attributes))
    assert not schema.is_valid(attributes)


@given(events(), st.data())
def test_an_event_that_misses_a_required_part_is_refused_by_both(event: CreditEvent, data: st.DataObject) -> None:
    attributes = orjson.loads(encode(event).value)
    schema = SCHEMAS[event.type.name]
    required = [(attributes, name) for name in schema["required"]]
    required += [(attributes["data"], name) for name in schema["properties"]["data"]["required"]]
    within, name = data.draw(st.sampled_from(required))
    del within[name]

    with pytest.raises(Refusal):
        decode(orjson.dumps(attributes))
    assert not VALIDATORS[event.type.name].is_valid(attributes)


def test_an_attribute_that_is_null_fits_the_schema() -> None:
    attributes = {**attributes_of(), "dataschema": None, "datacontenttype": None, "traceparent": None}

    assert decode(orjson.dumps(attributes)) == decode(orjson.dumps(attributes_of()))
    VALIDATORS["library.loan.overdue"].validate(attributes)


def test_a_published_change_fits_its_schema() -> None:
    change = np.zeros(2, CHANGE)
    change["entitlements"] = 0b11, 0
    change["tier"] = 0, 255
    pairs = entry(change, [])

    for message in messages(pairs, 3, NamesByPack({0: Names(["poor", "good"], ["umbrella_free", "scooter_free"])})):
        VALIDATORS["standing.changed"].validate(orjson.loads(message.value))


@pytest.mark.parametrize("pack_before", [1, 2])
def test_a_change_across_packs_fits_its_schema_too(pack_before: int) -> None:
    change = np.zeros(1, CHANGE)
    change["pack"], change["pack_before"] = 1, pack_before
    names = NamesByPack.of({1: shipped(), 2: shipped()})

    (message,) = messages(entry(change, []), 3, names)

    VALIDATORS["standing.changed"].validate(orjson.loads(message.value))


def test_an_announced_pack_fits_its_schema() -> None:
    said = announcement(shipped_files(), 20_819)

    VALIDATORS["rulepack.activated"].validate(orjson.loads(said.to_bytes()))


def test_the_change_is_described_under_the_name_it_is_published_by() -> None:
    properties = SCHEMAS["standing.changed"]["properties"]

    assert (properties["type"]["const"], properties["source"]["const"]) == (CHANGE_TYPE, CHANGE_SOURCE)


def test_a_published_dead_letter_fits_its_schema() -> None:
    letter = DeadLetter.of(
        Refusal(Reason.BAD_VALUE, "time", "yesterday", "give a time"),
        topic="credit.events",
        partition=3,
        offset=17,
        key=b"\xff",
        value=b"{",
        headers=[("ce_id", b"1"), ("trace", None)],
    )

    VALIDATORS["dead.letter"].validate(orjson.loads(letter.message().value))


def test_every_reference_of_the_asyncapi_document_leads_somewhere() -> None:
    for reference in _references(ASYNCAPI):
        if reference.startswith("./"):
            assert reference.removeprefix("./") in TEXTS
        else:
            part = ASYNCAPI
            for name in reference.removeprefix("#/").split("/"):
                part = part[name]


def _references(part: Any) -> list[str]:
    if isinstance(part, list):
        return [found for one in part for found in _references(one)]
    if isinstance(part, dict):
        return [found for name, one in part.items() for found in ([one] if name == "$ref" else _references(one))]
    return []


@pytest.mark.parametrize(
    ("channel", "topic"),
    [
        ("events", "credit.events"),
        ("changes", "credit.changes"),
        ("dead", "credit.dead"),
        ("access", "credit.access"),
        ("packs", "credit.packs"),
    ],
)
def test_every_topic_is_a_channel_with_a_kafka_binding(channel: str, topic: str) -> None:
    binding = ASYNCAPI["channels"][channel]["bindings"]["kafka"]

    assert (binding["topic"], binding["bindingVersion"]) == (topic, "0.5.0")


def test_every_event_is_keyed_by_its_subject() -> None:
    for event_type in EVENT_TYPES:
        key = ASYNCAPI["components"]["messages"][event_type.name]["bindings"]["kafka"]["key"]

        assert key == SCHEMAS[event_type.name]["properties"]["subject"]


def test_a_check_of_current_files_says_nothing(capsys: pytest.CaptureFixture[str]) -> None:
    main(["--check"])

    assert capsys.readouterr() == ("", "")


def test_a_check_names_what_is_stale_and_writes_nothing(tmp_path: Path) -> None:
    main([], tmp_path)
    (tmp_path / "library.loan.overdue.json").write_text("{}")
    (tmp_path / "asyncapi.yaml").unlink()
    (tmp_path / "library.loan.forgotten.json").write_text("{}")

    with pytest.raises(SystemExit) as ended:
        main(["--check"], tmp_path)
    stale = {line.rsplit("/", 1)[1] for line in str(ended.value.code).splitlines() if line.startswith("  ")}
    assert stale == {"library.loan.overdue.json", "asyncapi.yaml", "library.loan.forgotten.json"}
    assert (tmp_path / "library.loan.overdue.json").read_text() == "{}"


def test_writing_anew_leaves_exactly_the_wanted_files(tmp_path: Path) -> None:
    (tmp_path / "library.loan.forgotten.json").write_text("{}")

    main([], tmp_path)

    assert {path.name: path.read_text("utf-8") for path in tmp_path.iterdir()} == TEXTS
