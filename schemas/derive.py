"""What follows from an organisation's event for the residents it names, such as its legal representative.

Each of them has an event of their own, about the same act and at the personal rate. It depends on the organisation's
event alone, its id too, so that deriving it again gives the same event, which counts once.
"""

from collections.abc import Iterator
from dataclasses import replace

from schemas.catalogue import TYPES_BY_NAME
from schemas.events import CreditEvent, Data

# CloudEvents' usual extension for the id of the event that caused this one, within the same source.
CAUSE = "causationid"


def derived(event: CreditEvent) -> Iterator[CreditEvent]:
    """Yield the event about each linked subject, in the order in which the event names them."""
    for subject in event.data.linked_subjects:
        yield CreditEvent(
            id=derived_id(event.id, subject),
            source=event.source,
            type=TYPES_BY_NAME[event.type.reaches],
            subject=subject,
            time=event.time,
            data=_data(event, subject),
            # Any other extension, such as a key or a sequence, is about the organisation's record.
            extensions={CAUSE: event.id},
        )


def derived_id(event_id: str, subject: str) -> str:
    """Return the id of what follows from an event for a subject."""
    return f"{event_id}/{subject}"


def _data(event: CreditEvent, subject: str) -> Data:
    """Return the data: a record's with the grade that it has for a person, a control's about the derived record."""
    data = replace(event.data, linked_subjects=())
    if not event.type.control:
        return replace(data, grade=event.type.reached_grade(data.grade)) if data.grade else data
    data = replace(data, record_id=derived_id(data.record_id, subject))
    if data.record_type is None:
        return data
    grade = data.record_type.reached_grade(data.grade) if data.grade else None
    return replace(data, record_type=TYPES_BY_NAME[data.record_type.reaches], grade=grade)
