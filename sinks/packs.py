"""What readers find of the packs in the store: names and files of each, and which of them holds when."""

from collections.abc import Container, Mapping
from contextlib import suppress

import orjson

from schemas.days import NEVER
from scoring.announced import Announced, Files, pack_of
from scoring.pack import Pack, PackError
from sinks.keys import TIMELINE


def documents_of(announced: Announced) -> Mapping[str, bytes]:
    """Return documents by their names: each pack's under its hash, and the timeline."""
    documents = {
        f"{number:016x}": _document(number, pack, announced.files[number]) for number, pack in announced.packs.items()
    }
    spans = announced.timeline.spans
    ends = [*(one.first for one in spans[1:]), NEVER]
    stated = [
        {"pack": f"{int(one.rules.pack):016x}", "first": one.first, "until": until}
        for one, until in zip(spans, ends, strict=True)
    ]
    return {**documents, TIMELINE: orjson.dumps(stated)}


def _document(number: int, pack: Pack, files: Files) -> bytes:
    """Return names for whoever only names, and files for whoever evaluates."""
    return orjson.dumps(
        {
            "pack": f"{number:016x}",
            "id": pack.id,
            "version": pack.version,
            "tiers": [tier.id for tier in pack.tiers],
            "perks": [{"id": perk.id, "scenario": perk.scenario} for perk in pack.perks],
            "files": dict(files),
        }
    )


def packs_in(documents: Mapping[str, bytes], known: Container[int] = ()) -> dict[int, tuple[Pack, Files]]:
    """Return the packs that documents carry, by their hashes, but for known ones and what this release cannot read."""
    found: dict[int, tuple[Pack, Files]] = {}
    for name, raw in documents.items():
        if name == TIMELINE or int(name, 16) in known:
            continue
        stated = orjson.loads(raw)
        with suppress(PackError):
            pack = pack_of(stated["files"], stated["id"])
            if f"{pack.hash:016x}" == name:
                found[pack.hash] = pack, stated["files"]
    return found


def first_in(documents: Mapping[str, bytes]) -> tuple[Pack, Files] | None:
    """Return the pack that holds from the beginning, or None where none is kept.

    Raises:
        PackError: one is kept that this release cannot read.

    """
    if TIMELINE not in documents:
        return None
    name = orjson.loads(documents[TIMELINE])[0]["pack"]
    stated = orjson.loads(documents[name])
    pack = pack_of(stated["files"], stated["id"])
    if f"{pack.hash:016x}" != name:
        message = (
            f"{stated['id']}/pack.yaml:1: the store has it as {name}, this release reads it as {pack.hash:016x}; use "
            "the workers' release"
        )
        raise PackError(message)
    return pack, stated["files"]
