"""Why an event is refused.

* Refusal            one event, permanently; it becomes a dead letter
"""

from enum import StrEnum


class Reason(StrEnum):
    """Stable codes of a refusal: the label of the metric and the filter of `jasmine dead list`."""

    NOT_JSON = "not_json"
    BAD_ENVELOPE = "bad_envelope"
    MISSING_FIELD = "missing_field"
    UNKNOWN_FIELD = "unknown_field"
    BAD_VALUE = "bad_value"
    UNKNOWN_TYPE = "unknown_type"
    UNKNOWN_GRADE = "unknown_grade"
    UNKNOWN_SUBJECT_KIND = "unknown_subject_kind"
    WRONG_SUBJECT_KIND = "wrong_subject_kind"
    WRONG_PARTITION = "wrong_partition"
    OVERSIZED = "oversized"
    TIME_IN_FUTURE = "time_in_future"
    CONFLICT = "conflict"
    LEDGER_FULL = "ledger_full"


# A refusal quotes the offending value; a whole hostile payload would flood a log line.
_QUOTED_CHARACTERS_MAX = 80


def quoted(value: object) -> str:
    """Return the beginning of a value that came from outside, as text."""
    try:
        text = str(value)
    except RecursionError:  # JSON may be nested more deeply than Python writes out
        text = f"a deeply nested {type(value).__name__}"
    return text[:_QUOTED_CHARACTERS_MAX]


class Refusal(Exception):  # noqa: N818 - the domain's word; an event is refused, the program has no error
    """An event that can never be scored as it stands.

    Attributes:
        reason: the stable code.
        field: the path of the field at fault, such as ``data.grade``; empty when the whole record is.
        value: the offending value, shortened.
        remedy: what the producer can do.

    """

    def __init__(self, reason: Reason, field: str = "", value: object = "", remedy: str = "") -> None:
        self.reason = reason
        self.field = field
        self.value = quoted(value)
        self.remedy = remedy
        super().__init__(str(self))

    def __str__(self) -> str:
        where = f" in {self.field}" if self.field else ""
        was = f": was {self.value!r}" if self.value else ""
        then = f"; {self.remedy}" if self.remedy else ""
        return f"{self.reason}{where}{was}{then}"
