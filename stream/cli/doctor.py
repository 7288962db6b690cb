"""`jasmine doctor`: what is reachable, which versions, what is missing and how to get it."""

import platform
import shutil
import sys
import time
from collections.abc import Callable, Iterator, Mapping
from dataclasses import asdict, dataclass
from importlib.metadata import version
from typing import Any, Literal

import confluent_kafka
import redis
import typer
from confluent_kafka.admin import AdminClient
from rich.text import Text

from schemas.records import RecordKey
from scoring.pack import PackError
from scoring.packtools.lint import load_sound_pack
from sinks.errors import StoreMismatchError, StoreUnavailableError
from sinks.keys import META
from sinks.store import Store
from stream.cli.output import AsJson, Exit, table, write_json
from stream.clients import redis_client
from stream.settings import PREFIX, Settings, SettingsError, load_settings, misspelt
from stream.topics import DEAD_BYTES_MAX, TopicsError, admin_client, bytes_max_of, log_ends, log_starts

_ANSWER_S_MAX = 3.0
_CLOCKS_APART_S_MAX = 60
_PACKAGES = ("faust-streaming", "confluent-kafka", "redis", "numpy", "numba", "orjson", "hypothesis")
_COLOURS = {"ok": "green", "missing": "yellow", "wrong": "red"}
_PROGRAMS = {
    "java": "for a Kafka of your own: apt install default-jre-headless",
    "mvn": "fetches Kafka's jars: apt install maven",
    "redis-server": "for a Redis of your own: apt install redis-server",
}


@dataclass(frozen=True, slots=True)
class Finding:
    """One thing looked at: `missing` only matters for what it is needed for, `wrong` must be mended."""

    what: str
    state: Literal["ok", "missing", "wrong"]
    detail: str
    remedy: str = ""


def doctor(as_json: AsJson = False) -> None:
    """Look at everything a worker needs, and say what is missing and how to get it.

    Exits with 4 if Kafka or Redis is not reachable or takes no writes, with 3 if a setting or the pack is wrong, or the
    two are not of one deployment.

    [bold]Example[/]: jasmine doctor --json | jq '.[] | select(.state != "ok")'
    """
    settings, first = _settings()
    findings = [*_machine(), first, *_misspelt(), *(_deployment(settings) if settings else ())]
    if as_json:
        write_json([asdict(one) for one in findings])
    else:
        rows = [(one.what, Text(one.state, _COLOURS[one.state]), one.detail, one.remedy) for one in findings]
        table("Jasmine's doctor", ("what", "state", "detail", "what to do"), rows)
    wrong = {one.what for one in findings if one.state == "wrong"}
    if wrong & {"kafka", "redis", "writing"}:
        raise typer.Exit(Exit.AWAY)
    if wrong:
        raise typer.Exit(Exit.SETTINGS)


def _machine() -> Iterator[Finding]:
    yield Finding("jasmine", "ok", version("jasmine-scorer"))
    yield Finding("python", "ok", platform.python_version())
    yield Finding("librdkafka", "ok", str(confluent_kafka.libversion()[0]))
    for package in _PACKAGES:
        yield Finding(package, "ok", version(package))
    for program, remedy in _PROGRAMS.items():
        path = shutil.which(program)
        yield Finding(program, "ok", path) if path else Finding(program, "missing", "not installed", remedy)


def _settings() -> tuple[Settings | None, Finding]:
    try:
        settings = load_settings()
        settings.key  # noqa: B018 - reading it checks it
    except SettingsError as error:
        return _without_key(), Finding("settings", "wrong", str(error), "docs/operations.md lists the settings")
    return settings, Finding("settings", "ok", f"Python at {sys.prefix}")


def _misspelt() -> Iterator[Finding]:
    for variable, meant in misspelt().items():
        yield Finding(variable, "wrong", "is no setting, and nobody reads it", f"write {meant}, or unset it")


def _without_key() -> Settings | None:
    try:
        return load_settings()
    except SettingsError:
        return None


def _deployment(settings: Settings) -> Iterator[Finding]:
    yield _checked("pack", lambda: _pack(settings), PackError, "mend the pack; it never loads by halves")
    kafka = _checked(
        "kafka",
        lambda: _kafka(settings),
        confluent_kafka.KafkaException,
        "start Kafka (`make kafka`) or set JASMINE_KAFKA_BOOTSTRAP_SERVERS",
    )
    yield kafka
    if kafka.state == "ok":
        yield from _dead_letters(admin_client(settings.kafka), settings.topic_dead)
    store = _checked(
        "redis", lambda: _redis(settings), redis.RedisError, "start Redis (`make redis`) or set JASMINE_REDIS_URL"
    )
    yield store
    if store.state == "ok":
        yield from _writing(settings)
        yield from _clock(settings)
    if kafka.state == store.state == "ok":
        yield from _together(settings)


def _writing(settings: Settings) -> Iterator[Finding]:
    """Look whether Redis takes what a worker writes: one that answers may be full, a replica, or forbid a command."""
    try:
        Store(redis_client(settings)).try_writing()
    except StoreUnavailableError as error:
        remedy = "give Redis memory and disk, write to the primary, and let its user run the command; a worker waits"
        yield Finding("writing", "wrong", f"Redis refuses: {error}", remedy)


def _clock(settings: Settings) -> Iterator[Finding]:
    """Look whether this machine and Redis' agree on the time: by a worker's clock records begin and end to count."""
    try:
        ahead_s = int(time.time()) - Store(redis_client(settings)).now_s()
    except StoreUnavailableError:
        # What Redis refuses is told with what it takes.
        return
    if abs(ahead_s) > _CLOCKS_APART_S_MAX:
        detail = f"this machine's is {abs(ahead_s)} s {'ahead of' if ahead_s > 0 else 'behind'} Redis'"
        yield Finding("clock", "wrong", detail, "let both follow a time server; a worker scores by its own clock")


def _together(settings: Settings) -> Iterator[Finding]:
    """Look whether Kafka and a filled Redis are those of one deployment, as a worker does when it starts."""
    there = admin_client(settings.kafka).list_topics(timeout=_ANSWER_S_MAX).topics
    partitions = len(there[settings.topic_events].partitions) if settings.topic_events in there else None
    try:
        filled = Store(redis_client(settings)).check(RecordKey.derived(settings.key), partitions)
    except SettingsError:
        return
    except StoreMismatchError as error:
        yield Finding("store", "wrong", str(error), "a worker refuses to start like this")
        return
    for variable, topic in _topics(settings).items():
        if filled and topic not in there:
            detail = f"{topic} is not there, although the store is filled: it is misspelt, or deleted, or hidden"
            remedy = f"set {variable}, or let this user describe it; a worker that starts makes what was deleted anew"
            yield Finding(variable, "wrong", detail, remedy)
    if nexts := Store(redis_client(settings)).nexts(range(partitions or 0)):
        yield from _places(settings, nexts)


def _places(settings: Settings, nexts: Mapping[int, int]) -> Iterator[Finding]:
    """Look whether the log holds what the store needs next: it may have been trimmed, or made anew."""
    admin, topic = admin_client(settings.kafka), settings.topic_events
    try:
        starts, ends = log_starts(admin, topic, [*nexts]), log_ends(admin, topic, [*nexts])
    except TopicsError as error:
        yield Finding("log", "wrong", str(error), "let who runs this describe the topic")
        return
    if outside := [one for one, offset in nexts.items() if not starts[one] <= offset <= ends[one]]:
        first = outside[0]
        place = (
            f"{topic}/{first}: the store wants offset {nexts[first]}, the log holds {starts[first]} to {ends[first]}"
        )
        detail = f"{place}; so in {len(outside)} of {len(nexts)} partitions"
        yield Finding("log", "wrong", detail, "a worker stops there, and says what to do")


def _topics(settings: Settings) -> dict[str, str]:
    """Return the topics by the variables that name them."""
    names = [name for name in Settings.model_fields if name.startswith("topic_")]
    return {f"{PREFIX}{name.upper()}": getattr(settings, name) for name in names}


def _checked(what: str, look: Callable[[], str], error: type[Exception], remedy: str) -> Finding:
    try:
        return Finding(what, "ok", look())
    except error as problem:
        return Finding(what, "wrong", str(problem), remedy)


def _pack(settings: Settings) -> str:
    pack = load_sound_pack(settings.pack)
    return f"{pack.id} version {pack.version}, {len(pack.rules)} rules, {pack.hash:016x}"


def _kafka(settings: Settings) -> str:
    cluster = admin_client(settings.kafka).list_topics(timeout=_ANSWER_S_MAX)
    topics = {*_topics(settings).values()}
    there = topics & set(cluster.topics)
    partitions = len(cluster.topics[settings.topic_events].partitions) if settings.topic_events in there else 0
    made = f"{partitions} partitions" if len(there) == len(topics) else "topics are made by the first worker"
    return f"{settings.kafka['bootstrap.servers']}, {len(cluster.brokers)} brokers, {made}"


def _dead_letters(admin: AdminClient, topic: str) -> Iterator[Finding]:
    """Look whether a topic that somebody else has made takes the largest letters."""
    taken = bytes_max_of(admin, topic, _ANSWER_S_MAX)
    if taken is not None and taken < DEAD_BYTES_MAX:
        yield Finding(
            "dead letters",
            "missing",
            f"{topic} takes records of {taken} bytes: of a larger letter it gets the place in the log alone",
            f"kafka-configs.sh --alter --topic {topic} --add-config max.message.bytes={DEAD_BYTES_MAX}",
        )


def _redis(settings: Settings) -> str:
    client: Any = redis_client(settings)
    server = client.info()
    policy = client.config_get("maxmemory-policy").get("maxmemory-policy")
    generation = client.hget(META, "generation")
    parts = [
        f"{server.get('server_name', 'redis')} {server['redis_version']}",
        "append-only file on" if server.get("aof_enabled") else "no append-only file: a crash is healed by replay",
        "filled" if generation else "empty",
    ]
    if policy != "noeviction":
        parts.append(f"maxmemory-policy {policy} may drop standings: set noeviction")
    return ", ".join(parts)
