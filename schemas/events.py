"""A credit event as a typed value."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime

from schemas.catalogue import EventType, Grade

SPEC_VERSION = "1.0"
CONTENT_TYPE_STRUCTURED = "application/cloudevents+json"
CONTENT_TYPE_DATA = "application/json"

ID_CHARACTERS_MAX = 128
SOURCE_CHARACTERS_MAX = 200
TEXT_CHARACTERS_MAX = 256
QUANTITY_MAX = 65_535
LINKED_SUBJECTS_MAX = 8
# An event about a linked subject is called after the one it follows from, then a slash and the subject id.
LINKED_ID_CHARACTERS_MAX = ID_CHARACTERS_MAX - 19
# RFC 3339, which is narrower than what Python parses, and the years around those that a ledger's calendar has.
TIMESTAMP_PATTERN = (
    r"(1969|19[7-9][0-9]|20[0-9]{2}|2100)-(0[1-9]|1[0-2])-(0[1-9]|[12][0-9]|3[01])"
    r"T([01][0-9]|2[0-3]):[0-5][0-9]:[0-5][0-9](\.[0-9]{1,9})?(Z|[+-]([01][0-9]|2[0-3]):[0-5][0-9])"
)
# CloudEvents 1.0, type system: a text of an attribute has no control characters.
ATTRIBUTE_PATTERN = r"[^\u0000-\u001f\u007f-\u009f]*"
EXTENSION_NAME_PATTERN = r"[a-z0-9]{1,20}"


@dataclass(frozen=True, slots=True, kw_only=True)
class Data:
    """What an event says beside its envelope.

    Attributes:
        grade: the severity step; of a correction the right one, or None to keep the recorded one.
        quantity: in the type's unit, or None.
        determined_at: when an authority determined the act.
        terminated_at: when the act, or the listing, ended.
        incident_key: the same for all events of one act, so that it counts once.
        record_source: of a control, the source of the event it is about.
        record_id: of a control, the id of the event it is about.
        record_type: of a correction, the type of the event it is about.
        basis: the legal basis as the publisher gives it; evidence only.
        document_no: the number of the document; evidence only.
        linked_subjects: of an organisation's event, the residents whom it reaches, too: who represents it.

    """

    grade: Grade | None = Grade.STANDARD
    quantity: int | None = None
    determined_at: datetime | None = None
    terminated_at: datetime | None = None
    incident_key: str = ""
    record_source: str = ""
    record_id: str = ""
    record_type: EventType | None = None
    basis: str = ""
    document_no: str = ""
    linked_subjects: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class CreditEvent:
    """One CloudEvents 1.0 event about one subject.

    Attributes:
        id: unique within the source; the same source and id again is the same event.
        source: the publishing department, a URI reference such as ``/dept/library``.
        type: the catalogue's entry.
        subject: the pseudonymous subject id.
        time: when the act occurred.
        data: the payload.
        extensions: CloudEvents extension attributes, carried but not used.

    """

    id: str
    source: str
    type: EventType
    subject: str
    time: datetime
    data: Data
    extensions: Mapping[str, str | int | bool] = field(default_factory=dict)
