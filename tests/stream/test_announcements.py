"""The log of announcements, on the embedded broker: read to its end, then on; commands write what workers read."""

import json
import shutil
from collections.abc import Callable, Iterator
from datetime import timedelta
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from confluent_kafka import KafkaError, Producer
from pydantic import SecretStr

from schemas.announcements import Announcement
from schemas.days import date_of
from scoring.announced import pack_of
from scoring.pack import DEFAULT_PACK
from sinks.packs import documents_of
from sinks.store import Store
from stream.announcements import AnnouncementLog, Said, fold
from stream.cli.output import Exit
from stream.embedded import Embedded, free_port
from stream.settings import Settings
from tests.stream.test_cli_pack import Pack, pack
from tests.support.embedded_worker import environment_of
from tests.support.fake_kafka import FakeRecord
from tests.support.packs_in_time import announcement, files_with, own
from tests.support.records import shipped
from tests.support.scorers import NOON_S, TODAY

__all__ = ["pack"]

FILES = files_with(("base_points: 500", "base_points: 510"))
SAID = announcement(FILES, TODAY + 30)


@pytest.fixture
def topic(embedded: Embedded, request: pytest.FixtureRequest) -> str:
    """A topic of the test's own."""
    name = f"packs.{abs(hash(request.node.name))}"
    producer = Producer({"bootstrap.servers": embedded.bootstrap_servers, "log_level": 2})
    producer.list_topics(name, timeout=10)
    return name


@pytest.fixture
def append(embedded: Embedded, topic: str) -> Callable[..., None]:
    producer = Producer({"bootstrap.servers": embedded.bootstrap_servers, "log_level": 2})

    def append(*values: bytes) -> None:
        for value in values:
            producer.produce(topic, value, partition=0)
        assert producer.flush(10) == 0

    return append


@pytest.fixture
def log(embedded: Embedded, topic: str, monkeypatch: pytest.MonkeyPatch) -> Iterator[AnnouncementLog]:
    monkeypatch.setenv("JASMINE_KAFKA_BOOTSTRAP_SERVERS", embedded.bootstrap_servers)
    log = AnnouncementLog(Settings(pseudonym_key=SecretStr("x" * 16), topic_packs=topic))
    yield log
    log.close()


def test_an_empty_log_has_an_end(log: AnnouncementLog) -> None:
    assert log.read() == []


def test_what_is_there_is_read_and_what_comes_later_once(log: AnnouncementLog, append: Callable[..., None]) -> None:
    append(SAID.to_bytes(), b"{broken")
    assert [one.offset for one in log.read()] == [0, 1]

    append(SAID.to_bytes())
    assert [Announcement.from_bytes(one.value) for one in log.more(5.0)] == [SAID]
    assert log.more(0.01) == []


def test_a_wrong_announcement_is_passed_over_with_its_place_and_reason(
    log: AnnouncementLog, append: Callable[..., None]
) -> None:
    wrong = announcement(files_with(("base_points: 500", "base_points: 5000")), TODAY + 3, hash=1)
    append(wrong.to_bytes(), SAID.to_bytes())

    holds, refused = fold(own(), log.read())

    assert [one.first for one in holds.timeline.spans] == [0, TODAY + 30]
    ((offset, reason),) = refused
    assert offset == 0
    assert reason.startswith("fuzhou-2026/pack.yaml:5: base_points: ")


class GrouplessConsumer:
    """A consumer of two records that is told first that it has no right to its group."""

    def __init__(self) -> None:
        refusal = KafkaError(KafkaError.GROUP_AUTHORIZATION_FAILED, "refused by the test")
        self._coming: list[Any] = [SimpleNamespace(error=lambda: refusal)]
        for place in range(2):
            self._coming.append(FakeRecord(raw=b"{}", raw_key=None, at_partition=0, at_offset=place, at_ms=0))

    def get_watermark_offsets(self, *_: Any, **__: Any) -> tuple[int, int]:
        return 0, 2

    def poll(self, _: float) -> Any:
        return self._coming.pop(0)


def test_a_right_to_the_group_is_not_needed(log: AnnouncementLog) -> None:
    log._consumer = GrouplessConsumer()  # type: ignore[assignment]  # a fake
    found = log.read()
    log._consumer = None

    assert [one.offset for one in found] == [0, 1]


def said(one: Announcement) -> Said:
    return Said(0, one.to_bytes())


def test_a_pack_on_which_the_checks_fail_is_refused_and_ends_no_worker(monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(_: object) -> None:
        raise ZeroDivisionError("division by zero")

    monkeypatch.setattr("scoring.announced.compile_rules", fail)

    holds, ((_, reason),) = fold(own(), [said(SAID)])

    assert len(holds.timeline.spans) == 1
    assert reason.startswith("fuzhou-2026/pack.yaml:1: the checks failed on it (ZeroDivisionError: division by zero); ")


def test_a_machine_without_room_refuses_no_pack(monkeypatch: pytest.MonkeyPatch) -> None:
    def full(_: object) -> None:
        raise OSError("No space left on device")

    monkeypatch.setattr("scoring.announced.compile_rules", full)

    with pytest.raises(OSError, match="No space left"):
        fold(own(), [said(SAID)])


def test_a_file_with_a_name_that_no_folder_takes_is_refused() -> None:
    wrong = announcement({**FILES, f"rules/{'a' * 251}.yaml": "[]"}, TODAY + 3, hash=1)

    _, ((_, reason),) = fold(own(), [said(wrong)])

    assert reason.startswith("data.files: 'rules/aaa")
    assert "is no file of a pack" in reason


def test_a_perk_for_nobody_is_refused_like_any_error() -> None:
    wrong = files_with(("kinds: [legal_person, organisation]", "kinds: []"))

    holds, ((_, reason),) = fold(own(), [said(announcement(wrong, TODAY + 3, hash=1))])

    assert len(holds.timeline.spans) == 1
    assert "perks.10.kinds" in reason


@pytest.fixture
def _broker(
    embedded: Embedded,
    topic: str,
    client: Any,
    valkey_server: str,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr("stream.cli.pack_time.time.time", lambda: NOON_S)
    for name, value in environment_of(embedded.bootstrap_servers, valkey_server, topic_packs=topic).items():
        monkeypatch.setenv(name, value)


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A pack with another base."""
    folder = Path(shutil.copytree(DEFAULT_PACK, tmp_path / "second"))
    (folder / "pack.yaml").write_text(FILES["pack.yaml"], "utf-8")
    return folder


def on(days: int) -> str:
    return (date_of(TODAY) + timedelta(days=days)).isoformat()


def in_time(pack: Pack) -> list[tuple[str, str]]:
    _, answer = pack.json("timeline")
    return [(one["from"], one["hash"]) for one in answer["packs"]]


FIRST, SECOND = (f"{one.hash:016x}" for one in (announcement(own().files[next(iter(own().files))], 1), SAID))


@pytest.mark.slow
@pytest.mark.usefixtures("_broker")
def test_a_pack_is_activated_listed_and_called_off(pack: Pack, folder: Path) -> None:
    code, answer = pack.json("activate", folder, "--from", on(30))
    assert (code, answer["from"], answer["hash"], answer["differences"]) == (Exit.DONE, on(30), SECOND, 1)
    assert answer["in_place_of"]["hash"] == FIRST
    assert in_time(pack) == [("the beginning", FIRST), (on(30), SECOND)]

    code, answer = pack.json("rollback")
    assert (code, answer["called_off"], answer["undone"]["hash"], answer["hash"]) == (0, True, SECOND, FIRST)
    assert in_time(pack) == [("the beginning", FIRST)]
    assert pack("rollback")[0] == Exit.NOT_FOUND


@pytest.mark.slow
@pytest.mark.usefixtures("_broker")
def test_a_pack_that_holds_is_undone_from_today(pack: Pack, folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    pack("activate", folder, "--from", on(1))
    monkeypatch.setattr("stream.cli.pack_time.time.time", lambda: NOON_S + 5 * 86_400)

    code, said = pack("rollback")

    assert code == Exit.DONE
    assert f"undone: fuzhou-2026 version 1 ({SECOND}); from today, {on(5)}" in " ".join(said.split())
    assert in_time(pack) == [("the beginning", FIRST), (on(1), SECOND), (on(5), FIRST)]


@pytest.mark.slow
@pytest.mark.usefixtures("_broker")
def test_only_a_day_to_come_is_taken_unless_it_is_meant(pack: Pack, folder: Path) -> None:
    for arguments in (["--from", on(0)], [], ["--at-once", "--from", on(3)]):
        code, said = pack("activate", folder, *arguments)
        assert code == Exit.USAGE
        assert "--at-once" in said
    assert pack("activate", folder, "--at-once")[0] == Exit.DONE
    assert in_time(pack) == [("the beginning", FIRST), (on(0), SECOND)]
    assert pack("activate", folder, "--from", on(3))[0] == Exit.USAGE


@pytest.mark.slow
@pytest.mark.usefixtures("_broker")
def test_a_rollback_is_promised_only_where_there_is_something_to_undo(pack: Pack, folder: Path) -> None:
    promised = [
        pack("activate", one, "--at-once")[1].count("`jasmine pack rollback`") for one in (folder, DEFAULT_PACK)
    ]

    assert promised == [1, 0]
    assert pack("rollback")[0] == Exit.NOT_FOUND


@pytest.mark.usefixtures("_broker")
def test_a_day_beyond_what_a_ledger_can_hold_is_told_the_last_one(pack: Pack, folder: Path) -> None:
    code, said = pack("activate", folder, "--from", "2200-01-01")

    assert code == Exit.USAGE
    assert "to 2149-06-05" in said


@pytest.mark.usefixtures("_broker")
def test_a_pack_with_an_error_is_not_announced(pack: Pack, folder: Path) -> None:
    text = (folder / "pack.yaml").read_text("utf-8")
    (folder / "pack.yaml").write_text(text.replace("base_points: 510", "base_points: 5100"), "utf-8")

    for arguments in (["activate", folder, "--from", on(30)], ["shadow", folder]):
        code, said = pack(*arguments)
        assert code == Exit.SETTINGS
        assert f"{folder}/pack.yaml:5: base_points" in "".join(said.split("\n"))
    assert in_time(pack) == [("the beginning", FIRST)]


@pytest.mark.slow
@pytest.mark.usefixtures("_broker")
def test_a_shadow_pack_runs_until_it_is_ended(pack: Pack, folder: Path) -> None:
    assert pack("shadow")[0] == Exit.USAGE
    assert pack("shadow", "--end")[0] == Exit.NOT_FOUND
    assert pack("shadow", folder)[0] == Exit.DONE
    assert pack.json("timeline")[1]["shadow"]["hash"] == SECOND
    assert pack("shadow", "--end")[0] == Exit.DONE

    _, answer = pack.json("timeline")
    assert answer["shadow"] is None
    assert [one["role"] for one in answer["announcements"]] == ["shadow", "shadow_ended"]


@pytest.mark.usefixtures("_broker")
def test_the_timeline_tells_what_is_wrong_with_an_announcement(pack: Pack, append: Callable[..., Any]) -> None:
    append(announcement(FILES, TODAY + 30, hash=1).to_bytes())

    code, said = pack("timeline")
    _, answer = pack.json("timeline")

    assert code == Exit.DONE
    assert "Packs in time" in said
    assert "announced was 0000000000000001" in answer["announcements"][0]["wrong"]
    assert json.dumps(answer["in_force"]["hash"]) == f'"{FIRST}"'


def test_without_kafka_a_command_says_so(pack: Pack, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("stream.announcements._ANSWER_S_MAX", 0.5)
    for name, value in environment_of(f"127.0.0.1:{free_port()}", "redis://").items():
        monkeypatch.setenv(name, value)

    code, said = pack("timeline")

    assert code == Exit.AWAY
    assert "credit.packs" in said
    assert "JASMINE_KAFKA_BOOTSTRAP_SERVERS says where it is" in " ".join(said.split())


@pytest.mark.usefixtures("_broker")
def test_the_first_pack_is_the_one_that_the_workers_have_left_in_the_store(
    pack: Pack, folder: Path, client: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("JASMINE_PACK", str(folder))
    assert in_time(pack) == [("the beginning", f"{pack_of(FILES, 'second').hash:016x}")]

    Store(client).keep_packs(documents_of(own()))

    assert in_time(pack) == [("the beginning", f"{shipped().hash:016x}")]
    code, said = pack("activate", folder, "--from", on(9))
    assert (code, "Redis is away" in said) == (Exit.DONE, False)


@pytest.mark.usefixtures("_broker")
def test_a_first_pack_that_cannot_be_read_is_not_taken_for_another(pack: Pack, client: Any) -> None:
    name = f"{shipped().hash:016x}"
    changed = documents_of(own())[name].replace(b"base_points: 500", b"base_points: 510")
    Store(client).keep_packs({**documents_of(own()), name: changed})

    code, said = pack("rollback")

    assert code == Exit.SETTINGS
    assert f"the store has it as {name}" in said.replace("\n", " ")


@pytest.mark.usefixtures("_broker")
def test_without_a_store_the_first_pack_is_ones_own_and_that_is_said(
    pack: Pack, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("JASMINE_REDIS_URL", f"redis://127.0.0.1:{free_port()}/0")

    code, said = pack("timeline")

    assert pack("rollback")[0] == Exit.AWAY
    assert code == Exit.DONE
    assert "Redis is away, so the first pack is taken to be this command's JASMINE_PACK" in said.replace("\n", " ")
