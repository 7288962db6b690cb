"""`jasmine types`: the catalogue of events."""

from typing import Any

from schemas.catalogue import EVENT_TYPES
from stream.cli.output import AsJson, table, write_json


def types(as_json: AsJson = False) -> None:
    """List the event types: what may be published, about whom, with which grades.

    [bold]Example[/]: jasmine types --json | jq -r '.[].type'
    """
    rows: list[dict[str, Any]] = [
        {
            "type": one.name,
            "chinese": one.chinese,
            "english": one.english,
            "kinds": sorted(kind.letter for kind in one.kinds),
            "publisher": one.publisher,
            "grades": ["of the record"] if one.name == "record.corrected" else [grade.label for grade in one.grades],
            "quantity": one.quantity or None,
            "control": one.control,
            # Of what an organisation does: the record that `linked_subjects` have of it.
            "reaches": one.reaches or None,
        }
        for one in EVENT_TYPES
    ]
    if as_json:
        write_json(rows)
        return
    table(
        "Event types",
        ("type", "名称", "name", "publisher", "kinds", "grades", "quantity"),
        (
            (
                *(r[name] for name in ("type", "chinese", "english", "publisher")),
                " ".join(r["kinds"]),
                ", ".join(r["grades"]),
                r["quantity"],
            )
            for r in rows
        ),
    )
