"""Write the JSON Schemas and the AsyncAPI document that follow from the catalogue: ``python -m schemas.generate``.

They say to publishers and readers in any language what `schemas.codec` says in Python. With ``--check`` nothing is
written, and a file that is not what it would be ends the command with 1.
"""

import argparse
import json
import sys
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from typing import Any, TypeAlias

import yaml

from schemas import access, catalogue
from schemas.announcements import (
    ANNOUNCEMENT_SOURCE,
    ANNOUNCEMENT_TYPE,
    FILE_PATTERN,
    HASH_PATTERN,
    Role,
)
from schemas.catalogue import EVENT_TYPES, EventType, Grade
from schemas.codec import data_fields
from schemas.errors import Reason
from schemas.events import (
    ATTRIBUTE_PATTERN,
    CONTENT_TYPE_DATA,
    CONTENT_TYPE_STRUCTURED,
    EXTENSION_NAME_PATTERN,
    ID_CHARACTERS_MAX,
    LINKED_ID_CHARACTERS_MAX,
    LINKED_SUBJECTS_MAX,
    QUANTITY_MAX,
    SOURCE_CHARACTERS_MAX,
    SPEC_VERSION,
    TEXT_CHARACTERS_MAX,
    TIMESTAMP_PATTERN,
)
from schemas.subjects import KIND_SHIFT, Kind

Json: TypeAlias = dict[str, Any]

FOLDER = Path(__file__).parent / "generated"
# The version of the contract, not of the program: additions raise its second number.
CONTRACT_VERSION = "1.1.0"
DIALECT = "https://json-schema.org/draft/2020-12/schema"
_SCHEMA_FORMAT = "application/schema+json;version=draft-2020-12"
_BINDING = {"bindingVersion": "0.5.0"}
_PARTITIONS = 4  # what the worker's settings create by default
_DEAD_BYTES_MAX = 2_097_152  # a whole record in base64 beside its reason
_RECORD_TYPES = tuple(one for one in EVENT_TYPES if not one.control)
_CHANGE = "standing.changed"
_DEAD = "dead.letter"
_READ = access.READ
_RECEIVED = access.RECEIVED
# Who read what is kept for five years at least.
_ACCESS_RETENTION_MS = 5 * 366 * 86_400_000
_NO_CONTROLS = {"pattern": f"^{ATTRIBUTE_PATTERN}$"}
_ID_IN_TEXT = {Kind.RESIDENT: "09c3f0a1b2d4e5f6", Kind.LEGAL_PERSON: "49c3f0a1b2d4e5f6"}


def main(arguments: Iterable[str] | None = None, folder: Path = FOLDER) -> None:
    """Write the files, or check them."""
    parser = argparse.ArgumentParser(prog="python -m schemas.generate", description="Write schemas/generated anew.")
    parser.add_argument("--check", action="store_true", help="write nothing; end with 1 if a file is stale")
    check = parser.parse_args(None if arguments is None else list(arguments)).check
    wanted = files()
    stale = list(_stale(folder, wanted))
    if not check:
        _write(folder, stale, wanted)
    elif stale:
        names = "\n".join(f"  {folder / name}" for name in stale)
        sys.exit(f"not what the catalogue says:\n{names}\nrun: python -m schemas.generate")


def files() -> dict[str, str]:
    """Return the text of each file by its name."""
    schemas = {one.name: event_schema(one) for one in EVENT_TYPES}
    schemas |= {_CHANGE: change_schema(), _DEAD: dead_schema(), _READ: read_schema(), _RECEIVED: received_schema()}
    schemas |= {ANNOUNCEMENT_TYPE: announcement_schema()}
    texts = {
        f"{name}.json": json.dumps(schema, ensure_ascii=False, indent=2) + "\n" for name, schema in schemas.items()
    }
    texts["asyncapi.yaml"] = yaml.safe_dump(asyncapi(), allow_unicode=True, sort_keys=False, width=120)
    return texts


def _json(schema: Json) -> str:
    return json.dumps(schema, ensure_ascii=False, indent=2) + "\n"


def _stale(folder: Path, wanted: Mapping[str, str]) -> Iterator[str]:
    found = {path.name: path for path in folder.iterdir()} if folder.is_dir() else {}
    for name in sorted(wanted.keys() | found.keys()):
        if name not in found or name not in wanted or found[name].read_text("utf-8") != wanted[name]:
            yield name


def _write(folder: Path, stale: Iterable[str], wanted: Mapping[str, str]) -> None:
    folder.mkdir(exist_ok=True)
    for name in stale:
        if name in wanted:
            (folder / name).write_text(wanted[name], "utf-8")
        else:
            (folder / name).unlink()


def event_schema(event_type: EventType) -> Json:
    """Return the JSON Schema of a whole event of a type, in structured mode."""
    allowed, required = data_fields(event_type)
    conditions = {"allOf": [_of_linked_subjects()]} if "linked_subjects" in allowed else {}
    return {
        "$schema": DIALECT,
        "$id": f"urn:jasmine:schema:{event_type.name}",
        "title": f"{event_type.english} / {event_type.chinese}",
        "description": _description(event_type),
        "type": "object",
        "properties": {
            "specversion": {"const": SPEC_VERSION},
            "id": {**_text(ID_CHARACTERS_MAX, "Unique within the source / 来源内唯一"), **_NO_CONTROLS},
            "source": {
                **_NO_CONTROLS,
                **_text(SOURCE_CHARACTERS_MAX, "The publishing department, such as /dept/library / 发布部门"),
                "format": "uri-reference",
            },
            "type": {"const": event_type.name},
            "subject": _subject(event_type.kinds),
            "time": _timestamp("When the act occurred / 行为发生时间"),
            "datacontenttype": {"enum": [CONTENT_TYPE_DATA, None]},
            "dataschema": {
                **_NO_CONTROLS,
                **_text(TEXT_CHARACTERS_MAX, "Carried, not read / 仅携带，不读取"),
                "type": ["string", "null"],
            },
            "data": _data(event_type),
        },
        "required": ["specversion", "id", "source", "type", "subject", "time", *(["data"] if required else [])],
        # CloudEvents' extension attributes; null is the same as leaving an attribute out.
        "propertyNames": {"pattern": f"^{EXTENSION_NAME_PATTERN}$"},
        "additionalProperties": {"type": ["string", "integer", "boolean", "null"], **_NO_CONTROLS},
        **conditions,
        "examples": [example(event_type)],
    }


def example(event_type: EventType) -> Json:
    """Return an event of a type, as its publisher would send it."""
    kind = min(event_type.kinds)
    _, required = data_fields(event_type)
    stated: Json = {
        "grade": event_type.grades[0].label,
        "quantity": 36,
        "record_source": "/dept/library",
        "record_id": "2026-000122",
        "record_type": "library.loan.overdue",
    }
    data = {name: value for name, value in stated.items() if name in required}
    if event_type is catalogue.CORRECTED:
        data |= {"record_type": "admin.penalty.imposed", "grade": Grade.WARNING.label}
    return {
        "specversion": SPEC_VERSION,
        "id": "2026-000123",
        "source": f"/dept/{event_type.publisher}",
        "type": event_type.name,
        "subject": f"{kind.letter}-{_ID_IN_TEXT[kind]}",
        "time": "2026-11-24T08:30:00+08:00",
        "data": data,
    }


def _description(event_type: EventType) -> str:
    about = ", ".join(kind.name.lower().replace("_", " ") for kind in sorted(event_type.kinds))
    what = "says something about another record" if event_type.control else "is a record"
    return f"{event_type.english} ({event_type.chinese}). It {what}; subject: {about}."


def _text(characters_max: int, description: str) -> Json:
    return {"type": "string", "minLength": 1, "maxLength": characters_max, "description": description}


def _timestamp(description: str) -> Json:
    return {
        "type": "string",
        "format": "date-time",
        "pattern": f"^{TIMESTAMP_PATTERN}$",
        "description": description,
    }


def _subject(kinds: Iterable[Kind]) -> Json:
    return {
        "type": "string",
        "pattern": f"^{_subject_pattern(kinds)}$",
        "description": "Pseudonym: kind letter and keyed hash, whose two highest bits repeat the kind / 主体假名",
    }


def _subject_pattern(kinds: Iterable[Kind]) -> str:
    """Return the pattern of subject ids; a kind is the two highest bits, so it has four first digits."""
    per_kind = 1 << (4 - (64 - KIND_SHIFT))
    starts = (f"{k.letter}-[{''.join(f'{k * per_kind + n:x}' for n in range(per_kind))}]" for k in sorted(kinds))
    return f"({'|'.join(starts)})[0-9a-f]{{15}}"


def _data(event_type: EventType) -> Json:
    allowed, required = data_fields(event_type)
    fields = _fields(event_type)
    schema: Json = {
        "type": "object",
        "properties": {name: field for name, field in fields.items() if name in allowed},
        "required": [name for name in fields if name in required],
        "additionalProperties": False,
    }
    if event_type is catalogue.CORRECTED:
        schema["anyOf"] = [{"required": ["grade"]}, {"required": ["quantity"]}]
        schema["allOf"] = [*_grades_of_record_types(), _reaching_record_types()]
    return schema


def _fields(event_type: EventType) -> Json:
    unit = event_type.quantity or "the record's unit"
    return {
        "grade": _grade(event_type.grades),
        "quantity": {
            "type": "integer",
            "minimum": 1,
            "maximum": QUANTITY_MAX,
            "description": f"In {unit} / 数量，单位：{_UNITS.get(unit, '与原记录相同')}",
        },
        "determined_at": _timestamp("When an authority determined the act / 认定时间"),
        "terminated_at": _timestamp("When the act, or the listing, ended / 行为或列入终止时间"),
        "incident_key": _text(
            ID_CHARACTERS_MAX, "The same for all events of one act, which counts once / 同一行为标识"
        ),
        "record_source": _text(SOURCE_CHARACTERS_MAX, "Source of the event that this one is about / 原记录来源"),
        "record_id": _text(ID_CHARACTERS_MAX, "Id of the event that this one is about / 原记录编号"),
        "record_type": {
            "enum": [one.name for one in _RECORD_TYPES],
            "description": "Type of the event that this one is about / 原记录类型",
        },
        "basis": _text(TEXT_CHARACTERS_MAX, "Legal basis; evidence only / 法律依据，仅作留痕"),
        "document_no": _text(TEXT_CHARACTERS_MAX, "Number of the document; evidence only / 文书号，仅作留痕"),
        "linked_subjects": {
            "type": "array",
            "items": {"type": "string", "pattern": f"^{_subject_pattern([Kind.RESIDENT])}$"},
            "minItems": 1,
            "maxItems": LINKED_SUBJECTS_MAX,
            "uniqueItems": True,
            "description": _reached(event_type),
        },
    }


def _reached(event_type: EventType) -> str:
    what = "the same about the record" if event_type.control else event_type.reaches
    return f"Residents who represent the organisation; each has {what} / 法定代表人等关联主体"


def _of_linked_subjects() -> Json:
    """Return what else holds of an event with linked subjects: it is an organisation's, and room is left in its ids."""
    room = {"maxLength": LINKED_ID_CHARACTERS_MAX}
    return {
        "if": {"properties": {"data": {"required": ["linked_subjects"]}}, "required": ["data"]},
        "then": {
            "properties": {
                "id": room,
                "subject": {"pattern": "^[lo]-"},
                "data": {"properties": {"record_id": room}},
            }
        },
    }


_UNITS = {"months": "月"}


def _grade(grades: Iterable[Grade]) -> Json:
    return {"enum": [grade.label for grade in grades], "description": "Severity step / 档次"}


def _grades_of_record_types() -> Iterator[Json]:
    """Yield, for each set of grades, that a correction of a type with them gives one of them."""
    by_grades: dict[tuple[Grade, ...], list[str]] = {}
    for one in _RECORD_TYPES:
        by_grades.setdefault(one.grades, []).append(one.name)
    for grades, names in by_grades.items():
        yield {
            "if": {"properties": {"record_type": {"enum": names}}, "required": ["record_type"]},
            "then": {"properties": {"grade": {"enum": [grade.label for grade in grades]}}},
        }


def _reaching_record_types() -> Json:
    """Return that linked subjects belong to the correction of what reaches them."""
    names = [one.name for one in _RECORD_TYPES if not one.reaches]
    return {
        "if": {"properties": {"record_type": {"enum": names}}, "required": ["record_type"]},
        "then": {"properties": {"linked_subjects": False}},
    }


def change_schema() -> Json:
    """Return the JSON Schema of what `sinks.outbox` publishes when a tier, an entitlement or a review changes."""
    tier = {"type": ["string", "null"], "description": "The pack's id of the tier; null is no score / 等级，无评分为空"}
    perks = {"type": "array", "items": {"type": "string"}, "uniqueItems": True, "description": "Perks reached / 权益"}
    return {
        "$schema": DIALECT,
        "$id": f"urn:jasmine:schema:{_CHANGE}",
        "title": "Standing changed / 评分状态变更",
        "description": "Published at least once; the same id again is the same change (至少一次，按编号去重).",
        "type": "object",
        "properties": {
            "specversion": {"const": SPEC_VERSION},
            "id": _change_id(),
            "source": {"const": "/jasmine/scorer"},
            "type": {"const": _CHANGE},
            "subject": _subject(Kind),
            "data": {
                "type": "object",
                "properties": {
                    "day": {"type": "string", "format": "date", "description": "Day in Asia/Shanghai / 生效日"},
                    "tier": tier,
                    "tier_before": tier,
                    "entitlements": perks,
                    "entitlements_before": perks,
                    "under_review": {
                        "type": "boolean",
                        "description": "A record waits for a person to look at it / 有记录等待人工复核",
                    },
                },
                "required": ["day", "tier", "tier_before", "entitlements", "entitlements_before", "under_review"],
                "additionalProperties": False,
            },
        },
        "required": ["specversion", "id", "source", "type", "subject", "data"],
        "additionalProperties": False,
    }


def _change_id() -> Json:
    return {
        "type": "string",
        "pattern": "^[0-9]+/[0-9]+/[0-9]+/" + _subject_pattern(Kind) + f"(/{HASH_PATTERN})?$",
        "description": (
            "Partition, log offset, day, subject, and the pack if the change is also one of packs "
            "/ 分区、位点、日、主体，规则包变更时另附其哈希"
        ),
    }


def read_schema() -> Json:
    """Return the JSON Schema of the event that something about a subject was given to somebody."""
    data = {
        "purpose": {"enum": [*access.PURPOSES], "description": "For what / 用途"},
        "what": {"enum": [*access.WHATS], "description": "What was given / 内容"},
        "as_of": {
            "type": "integer",
            "minimum": 0,
            "description": "Log offset up to which events were in it; absent if nothing was known / 所含事件位点",
        },
    }
    return _access_schema(_READ, "Standing read / 评分被查询", data, ["purpose", "what"])


def received_schema() -> Json:
    """Return the JSON Schema of a reader's receipt for a change."""
    change = {**_change_id(), "description": "Id of the change / 变更编号"}
    return _access_schema(_RECEIVED, "Change received / 变更已送达", {"change": change}, ["change"])


def _access_schema(name: str, title: str, data: Json, required: list[str]) -> Json:
    reader = {"type": "string", "pattern": f"^{access.READER_PATTERN}$", "description": "Who / 查询方"}
    return {
        "$schema": DIALECT,
        "$id": f"urn:jasmine:schema:{name}",
        "title": title,
        "description": "Never part of a score; the same id again is the same event (不计分，按编号去重).",
        "type": "object",
        "properties": {
            "specversion": {"const": SPEC_VERSION},
            "id": _text(ID_CHARACTERS_MAX, "Names the event / 编号"),
            "source": {"const": access.SOURCE},
            "type": {"const": name},
            "subject": _subject(Kind),
            "time": _timestamp("When, to the second / 时间"),
            "data": {
                "type": "object",
                "properties": {"reader": reader, **data},
                "required": ["reader", *required],
                "additionalProperties": False,
            },
        },
        "required": ["specversion", "id", "source", "type", "subject", "time", "data"],
        "additionalProperties": False,
    }


def dead_schema() -> Json:
    """Return the JSON Schema of a dead letter, as `sinks.dead` packs it."""
    raw = {"type": "string", "contentEncoding": "base64"}
    text = {"type": "string"}
    properties = {
        "topic": {**text, "description": "Where it was read / 来源主题"},
        "partition": {"type": "integer", "minimum": 0},
        "offset": {"type": "integer", "minimum": 0},
        "reason": {"enum": [str(reason) for reason in Reason], "description": "Stable code / 原因代码"},
        "field": {**text, "description": "The field at fault, or empty / 出错字段"},
        "rejected": {**text, "description": "The offending value, shortened / 出错值（截短）"},
        "remedy": {**text, "description": "What the producer can do / 处理办法"},
        "key": {**raw, "description": "The record's key as it came / 原键"},
        "value": {**raw, "description": "The record's value, byte by byte / 原值"},
        "headers": {
            "type": "array",
            "items": {"type": "array", "prefixItems": [text, raw], "items": False, "minItems": 2},
            "description": "The record's headers as they came / 原消息头",
        },
        "left_in_log": {
            "type": "boolean",
            "description": "Whether key, value and headers are too large, and in the log alone / 原始内容仅存日志",
        },
    }
    return {
        "$schema": DIALECT,
        "$id": f"urn:jasmine:schema:{_DEAD}",
        "title": "Dead letter / 死信",
        "description": "A refused record, whole, with the reason (被拒绝的原始记录及原因).",
        "type": "object",
        "properties": properties,
        "required": list(properties),
        "additionalProperties": False,
    }


def announcement_schema() -> Json:
    """Return the JSON Schema of an announced rule pack, as `schemas.announcements` reads it."""
    text = {"type": "string", "minLength": 1}
    data = {
        "pack": {**text, "description": "The pack's id / 规则包标识"},
        "version": {**text, "description": "The pack's version / 版本"},
        "hash": {"type": "string", "pattern": f"^{HASH_PATTERN}$", "description": "Of its content / 内容哈希"},
        "effective_from": {
            "type": "string",
            "format": "date",
            "description": "The first day in Asia/Shanghai on which it holds / 生效日",
        },
        "role": {
            "enum": [str(role) for role in Role],
            "description": "To hold, to run beside the live pack, or to run no more / 生效、影子运行、影子结束",
        },
        "files": {
            "type": "object",
            "propertyNames": {"pattern": f"^{FILE_PATTERN}$"},
            "additionalProperties": {"type": "string"},
            "description": "The pack's files, whole / 规则包全部文件",
        },
    }
    return {
        "$schema": DIALECT,
        "$id": f"urn:jasmine:schema:{ANNOUNCEMENT_TYPE}",
        "title": "Rule pack announced / 规则包公告",
        "description": "A rule pack and from which day on it holds; the last word on a day counts (以最后公告为准).",
        "type": "object",
        "properties": {
            "specversion": {"const": SPEC_VERSION},
            "id": _text(ID_CHARACTERS_MAX, "Names the announcement / 公告编号"),
            "source": {"const": ANNOUNCEMENT_SOURCE},
            "type": {"const": ANNOUNCEMENT_TYPE},
            "time": _timestamp("When it was announced / 公告时间"),
            "datacontenttype": {"const": CONTENT_TYPE_DATA},
            "data": {"type": "object", "properties": data, "required": list(data), "additionalProperties": False},
        },
        "required": ["specversion", "id", "source", "type", "time", "data"],
        "additionalProperties": False,
    }


def asyncapi() -> Json:
    """Return the AsyncAPI document of the four topics."""
    names = [one.name for one in EVENT_TYPES]
    messages = {one.name: _message(one) for one in EVENT_TYPES}
    return {
        "asyncapi": "3.0.0",
        "info": {
            "title": "Jasmine",
            "version": CONTRACT_VERSION,
            "description": "Credit events in, changes of standings out (信用事件流入，评分状态变更流出).",
            "license": {"name": "Apache-2.0", "url": "https://www.apache.org/licenses/LICENSE-2.0"},
        },
        "defaultContentType": CONTENT_TYPE_STRUCTURED,
        "channels": {
            "events": _channel("credit.events", "Credit events / 信用事件", names, {"retention.ms": -1}),
            "changes": _channel("credit.changes", "Changes of tiers and entitlements / 等级与权益变更", [_CHANGE], {}),
            "dead": _channel(
                "credit.dead",
                "Refused records, and marks of those that were replayed / 被拒绝的记录及其重放标记",
                [_DEAD],
                {"retention.ms": -1, "max.message.bytes": _DEAD_BYTES_MAX},
            ),
            "access": _channel(
                "credit.access",
                "Who read what, and who was told of changes / 查询与送达记录",
                [_READ, _RECEIVED],
                {"retention.ms": _ACCESS_RETENTION_MS},
            ),
            "packs": _channel(
                "credit.packs", "Announced rule packs / 规则包公告", [ANNOUNCEMENT_TYPE], {"retention.ms": -1}, 1
            ),
        },
        "operations": {
            "receiveEvents": _operation("receive", "events", "Score an event / 评分"),
            "sendDerived": _operation("send", "events", "Say what follows for linked subjects / 派生关联主体事件"),
            "sendChanges": _operation("send", "changes", "Say what changed / 通知变更"),
            "sendDead": _operation("send", "dead", "Hand back what was refused / 退回被拒记录"),
            "sendAccess": _operation("send", "access", "Say who read what / 记录查询"),
            "receiveAccess": _operation("receive", "access", "Show it to whom it is about / 供本人查看"),
            "receivePacks": _operation("receive", "packs", "Let a pack hold from a day on / 规则包生效"),
        },
        "components": {
            "messages": {
                **messages,
                _CHANGE: _change_message(),
                _DEAD: _dead_message(),
                _READ: _message_about_a_subject(_READ, "Standing read / 评分被查询"),
                _RECEIVED: _message_about_a_subject(_RECEIVED, "Change received / 变更已送达"),
                ANNOUNCEMENT_TYPE: _announcement_message(),
            }
        },
    }


def _channel(
    topic: str, description: str, messages: Iterable[str], configuration: Json, partitions: int = _PARTITIONS
) -> Json:
    kafka: Json = {"topic": topic, "partitions": partitions, **_BINDING}
    if configuration:
        kafka["topicConfiguration"] = configuration
    return {
        "address": topic,
        "description": description,
        "messages": {name: {"$ref": f"#/components/messages/{name}"} for name in messages},
        "bindings": {"kafka": kafka},
    }


def _operation(action: str, channel: str, summary: str) -> Json:
    return {"action": action, "channel": {"$ref": f"#/channels/{channel}"}, "summary": summary}


def _message(event_type: EventType) -> Json:
    return {
        "name": event_type.name,
        "title": f"{event_type.english} / {event_type.chinese}",
        "summary": _description(event_type),
        "contentType": CONTENT_TYPE_STRUCTURED,
        "payload": _payload(event_type.name),
        "bindings": _keyed_by_subject(event_type.kinds),
    }


def _change_message() -> Json:
    return _message_about_a_subject(_CHANGE, "Standing changed / 评分状态变更")


def _message_about_a_subject(name: str, title: str) -> Json:
    return {
        "name": name,
        "title": title,
        "contentType": CONTENT_TYPE_STRUCTURED,
        "payload": _payload(name),
        "bindings": _keyed_by_subject(Kind),
    }


def _dead_message() -> Json:
    headers = {"reason": {"enum": [str(reason) for reason in Reason]}, "field": {"type": "string"}}
    key = {"type": "string", "pattern": "^[^/]+/[0-9]+/[0-9]+$", "description": "Topic, partition and offset / 位置"}
    return {
        "name": _DEAD,
        "title": "Dead letter / 死信",
        "contentType": CONTENT_TYPE_DATA,
        "headers": {"type": "object", "properties": headers, "required": list(headers)},
        "payload": _payload(_DEAD),
        "bindings": {"kafka": {"key": key, **_BINDING}},
    }


def _announcement_message() -> Json:
    key = {"type": "string", "description": "The pack's id; there is one partition / 规则包标识"}
    return {
        "name": ANNOUNCEMENT_TYPE,
        "title": "Rule pack announced / 规则包公告",
        "contentType": CONTENT_TYPE_STRUCTURED,
        "payload": _payload(ANNOUNCEMENT_TYPE),
        "bindings": {"kafka": {"key": key, **_BINDING}},
    }


def _payload(name: str) -> Json:
    return {"schemaFormat": _SCHEMA_FORMAT, "schema": {"$ref": f"./{name}.json"}}


def _keyed_by_subject(kinds: Iterable[Kind]) -> Json:
    """Return the binding of a message whose key is its subject; murmur2 of it gives the partition."""
    return {"kafka": {"key": _subject(kinds), **_BINDING}}


if __name__ == "__main__":
    main()
