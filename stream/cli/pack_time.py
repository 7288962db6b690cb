"""`jasmine pack activate`, `shadow`, `rollback` and `timeline`: which pack holds when, announced to all workers."""

import time
import uuid
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Annotated, Any

import typer
from confluent_kafka import KafkaException, Producer

from schemas.announcements import Announcement, AnnouncementError, Role
from schemas.days import CITY_TIMEZONE, NEVER, date_of, day_of, day_of_date
from schemas.events import CONTENT_TYPE_STRUCTURED
from scoring.announced import Announced, Files, check_first_day, files_of
from scoring.pack import Pack, load_pack
from scoring.packtools.diff import diff
from scoring.packtools.lint import load_sound_pack
from scoring.timeline import Span
from sinks.errors import StoreUnavailableError
from sinks.packs import first_in
from sinks.store import Store
from stream.announcements import PARTITION, AnnouncementLog, RefusedAnnouncement, Said, fold
from stream.cli.output import AsJson, Exit, err, fail, out, table, write_json
from stream.clients import redis_client
from stream.settings import Settings, load_settings

_DELIVERY_S_MAX = 10.0

Folder = Annotated[Path, typer.Argument(help="A pack: a folder with pack.yaml and rules/*.yaml.")]


def activate(
    folder: Folder,
    first: Annotated[
        datetime | None,
        typer.Option(
            "--from",
            help="The first day it holds, tomorrow or later; without it, the pack's effective_from.",
            formats=["%Y-%m-%d"],
        ),
    ] = None,
    at_once: Annotated[
        bool, typer.Option("--at-once", help="From today: readers are exact only when all standings are rescored.")
    ] = False,
    as_json: AsJson = False,
) -> None:
    """Let a pack hold from a day on. It is linted first, and what has errors is not announced.

    Every worker takes it up without a stop, and cards stay exact across the day. What was announced for that day or
    later is replaced.

    [bold]Example[/]: jasmine pack activate my-city-2027 --from 2027-01-01
    """
    pack = load_sound_pack(folder)
    today = _today()
    day = _first_day(pack, first, today, at_once=at_once)
    check_first_day(pack, day)
    board = _Board.read()
    timeline = board.announced.timeline
    before = timeline.at(day - 1 if day > today else day)
    dropped = [one for one in timeline.spans if one.first >= day and one.first > today]
    if timeline.at(day).pack.hash == pack.hash and not [one for one in dropped if one.first > day]:
        fail(Exit.USAGE, f"{_named(pack)} holds on {date_of(day)} already; there is nothing to announce")
    said = _announcement(pack, files_of(folder), Role.LIVE, day)
    after = board.announce(said).timeline
    answer = {
        **_said(said),
        "in_place_of": _facts(before),
        "called_off": [_facts(one) for one in dropped],
        "differences": len(diff(before.pack, pack)),
    }
    if as_json:
        write_json(answer)
        return
    out.print(
        f"[green]announced[/]: {_named(pack)} holds from {date_of(day)}, in place of {_named(before.pack)}",
        soft_wrap=True,
    )
    # Back to the pack before on the day it was left is no change that is left to undo.
    undoing = "" if after.before_last(today) is None else "; `jasmine pack rollback` undoes it"
    out.print(f"{answer['differences']} differences, which `jasmine pack diff` shows{undoing}", soft_wrap=True)
    for one in dropped:
        out.print(f"called off: {_named(one.pack)} from {date_of(one.first)}", soft_wrap=True)


def shadow(
    folder: Annotated[Path | None, typer.Argument(help="A pack to run beside the live one.")] = None,
    end: Annotated[bool, typer.Option("--end", help="Run none any more.")] = False,
    as_json: AsJson = False,
) -> None:
    """Run a pack beside the live one: every batch is evaluated under both, and what differs is counted.

    Nothing of it is kept or published. Of the worker's metrics, credit_shadow_standings_total counts standings by the
    greatest difference (none, score, perks, tier), credit_shadow_tier_moves_total by tier now and under the shadow.

    [bold]Example[/]: jasmine pack shadow my-city-2027
    """
    if (folder is None) is not end:
        fail(Exit.USAGE, "name a pack's folder, or --end the one that runs")
    board = _Board.read()
    running = board.announced.shadow
    if folder is not None:
        pack = load_sound_pack(folder)
        said = _announcement(pack, files_of(folder), Role.SHADOW, max(_today(), day_of_date(pack.effective_from)))
    elif running is not None:
        said = _announcement(running.pack, {}, Role.SHADOW_ENDED, _today())
    else:
        fail(Exit.NOT_FOUND, "no shadow pack runs")
    board.announce(said)
    if as_json:
        write_json(_said(said))
    else:
        what = "runs beside the live pack" if folder else "runs beside the live pack no more"
        out.print(f"[green]announced[/]: {said.pack} version {said.version} {what}", soft_wrap=True)


def rollback(as_json: AsJson = False) -> None:
    """Undo the last activation: call it off if its day is still to come, else let the pack before it hold from today.

    Exits with 5 if there is none to undo.

    [bold]Example[/]: jasmine pack rollback
    """
    board = _Board.read()
    today = _today()
    last = board.announced.timeline.spans[-1]
    undone = board.announced.timeline.before_last(today)
    if undone is None:
        fail(Exit.NOT_FOUND, f"there is nothing to undo: {_named(last.pack)} is the first pack")
    number = int(undone.rules.pack)
    said = _announcement(undone.pack, board.announced.files[number], Role.LIVE, undone.first)
    board.announce(said)
    if as_json:
        write_json({**_said(said), "undone": _facts(last), "called_off": last.first > today})
    elif last.first > today:
        out.print(
            f"[green]called off[/]: {_named(last.pack)} from {date_of(last.first)}; {_named(undone.pack)} stays",
            soft_wrap=True,
        )
    else:
        out.print(
            f"[green]undone[/]: {_named(last.pack)}; from today, {date_of(today)}, {_named(undone.pack)} holds",
            soft_wrap=True,
        )


def timeline(as_json: AsJson = False) -> None:
    """List which pack holds when, the shadow pack, and every announcement; a wrong one says what is wrong with it.

    [bold]Example[/]: jasmine pack timeline --json | jq .in_force
    """
    board = _Board.read(to_announce=False)
    today = _today()
    times = board.announced.timeline
    shadow_ = board.announced.shadow
    answer = {
        "in_force": _facts(times.at(today)),
        "packs": [_facts(one) for one in times.spans],
        "shadow": _facts(shadow_) if shadow_ else None,
        "announcements": [*board.rows()],
    }
    if as_json:
        write_json(answer)
        return
    table(
        "Packs in time",
        ("from", "pack", "version", "hash", ""),
        [(*_facts(one).values(), _state(one, times.at(today))) for one in times.spans],
    )
    if shadow_:
        out.print(f"shadow: {_named(shadow_.pack)}")
    if answer["announcements"]:
        columns = ("offset", "time", "role", "from", "pack", "version", "hash", "wrong")
        table("Announcements", columns, [[row[name] for name in columns] for row in board.rows()])


@dataclass(frozen=True, slots=True)
class _Board:
    """The log of announcements, and what it comes to over the deployment's first pack."""

    settings: Settings
    said: list[Said]
    announced: Announced
    refused: list[RefusedAnnouncement]

    @classmethod
    def read(cls, *, to_announce: bool = True) -> "_Board":
        """Read the log, and the first pack from the store; who only looks may do without the store."""
        settings = load_settings()
        log = AnnouncementLog(settings)
        try:
            said = log.read()
        finally:
            log.close()
        return cls(settings, said, *fold(_first(settings, to_announce=to_announce), said))

    def announce(self, said: Announcement) -> Announced:
        """Publish an announcement that every worker will accept; return what holds with it.

        Raises:
            PackError: it would not be accepted.
            KafkaException: Kafka did not take it.

        """
        after = self.announced.followed_by(said)
        failures: list[Any] = []
        producer = Producer({**self.settings.kafka, "enable.idempotence": True, "log_level": 2})
        producer.produce(
            self.settings.topic_packs,
            said.to_bytes(),
            said.pack.encode(),
            PARTITION,
            on_delivery=lambda error, _: failures.append(error) if error else None,
            headers=[("content-type", CONTENT_TYPE_STRUCTURED.encode())],
        )
        if producer.flush(_DELIVERY_S_MAX):
            fail(Exit.AWAY, f"topic {self.settings.topic_packs}: not announced within {_DELIVERY_S_MAX:.0f} s")
        if failures:
            raise KafkaException(failures[0])
        return after

    def rows(self) -> Iterable[dict[str, Any]]:
        wrong = {one.offset: one.reason for one in self.refused}
        for one in self.said:
            shown: dict[str, Any] = dict.fromkeys(("time", "role", "from", "pack", "version", "hash"))
            try:
                said = Announcement.from_bytes(one.value)
                shown = {"time": said.time, **_said(said)}
            except AnnouncementError:
                pass
            yield {"offset": one.offset, **shown, "wrong": wrong.get(one.offset)}


def _first(settings: Settings, *, to_announce: bool) -> Announced:
    """Return what holds before any announcement: as the workers have left it in the store, or JASMINE_PACK if nothing.

    Raises:
        PackError: this release cannot read what they have left.
        StoreUnavailableError: Redis does not answer, and something is to be announced.

    """
    try:
        kept = first_in(Store(redis_client(settings)).packs())
    except StoreUnavailableError as error:
        if to_announce:
            raise
        err.print(
            f"Redis is away, so the first pack is taken to be this command's JASMINE_PACK: {error}",
            markup=False,
            soft_wrap=True,
        )
        kept = None
    return Announced.of(*(kept or (load_pack(settings.pack), files_of(settings.pack))))


def _first_day(pack: Pack, first: datetime | None, today: int, *, at_once: bool) -> int:
    if at_once:
        if first is not None:
            fail(Exit.USAGE, "--at-once is from today: leave out --from")
        return today
    day = day_of_date(first.date() if first else pack.effective_from)
    if not today < day < NEVER:
        whose = "--from" if first else "effective_from in the pack"
        message = (
            f"{whose} was {date_of(day)}: only a day to come is exact for every reader: name a day from "
            f"{date_of(today + 1)} to {date_of(NEVER - 1)} with --from, or accept --at-once"
        )
        fail(Exit.USAGE, message)
    return day


def _announcement(pack: Pack, files: Files, role: Role, first: int) -> Announcement:
    return Announcement(
        event_id=uuid.uuid4().hex,
        time=datetime.fromtimestamp(int(time.time()), CITY_TIMEZONE).isoformat(),
        role=role,
        pack=pack.id,
        version=pack.version,
        hash=pack.hash,
        first=first,
        files=files,
    )


def _said(said: Announcement) -> dict[str, Any]:
    return {
        "role": said.role,
        "from": date_of(said.first).isoformat(),
        "pack": said.pack,
        "version": said.version,
        "hash": f"{said.hash:016x}",
    }


def _facts(span: Span) -> dict[str, Any]:
    return {
        "from": date_of(span.first).isoformat() if span.first else "the beginning",
        "pack": span.pack.id,
        "version": span.pack.version,
        "hash": f"{int(span.rules.pack):016x}",
    }


def _state(span: Span, holding: Span) -> str:
    if span.first == holding.first:
        return "in force"
    return "to come" if span.first > holding.first else "over"


def _named(pack: Pack) -> str:
    return f"{pack.id} version {pack.version} ({pack.hash:016x})"


def _today() -> int:
    return day_of(int(time.time()))
