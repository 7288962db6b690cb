"""Who has read her score: on the page, in the export, and that her own visits are written too."""

from collections.abc import Iterator
from contextlib import nullcontext
from http import HTTPStatus
from typing import Any

import pytest
from starlette.testclient import TestClient

from gateway.accesses import SHOWN_MAX
from gateway.citizen.serve import Log, build
from gateway.citizen.visits import Visits
from gateway.errors import AccessLogError
from schemas.access import StandingRead
from schemas.catalogue import Grade
from tests.gateway.citizen.world import (
    ADDRESS,
    CHEN,
    LIN,
    PAGE,
    READ_AT,
    World,
    a_read,
    a_receipt,
    copied,
    deployment,
    enter,
)
from tests.gateway.city import TODAY, an_event

EN = {**PAGE, "accept-language": "en"}


def section(page: str, name: str = "access") -> str:
    return page.partition(f'id="section-{name}"')[2].partition("</section>")[0]


def page_in(world: World, headers: Any = EN) -> str:
    enter(world)
    return str(world.client.get("/", headers=headers).text)


def test_she_sees_when_who_read_what_and_what_for(world: World, valkey: str) -> None:
    copied(valkey, a_read(0), a_read(1, reader="citizen", purpose="page", what="page"))
    page = section(page_in(world))

    assert "24 Nov 2026 10:02" in page
    assert "<strong>transit-operator</strong> <span>public transport · tier and perks</span>" in page
    assert page.index("<strong>You</strong>") < page.index("transit-operator")


def test_the_section_speaks_chinese_too(world: World, valkey: str) -> None:
    copied(valkey, a_read(0), a_read(1, reader="desk", purpose="desk", what="standing"))
    page = section(page_in(world, {**PAGE, "accept-language": "zh"}))

    assert "谁查看过我的分数" in page
    assert "2026年11月24日 10:02" in page
    assert "公共交通 · 等级和权益" in page
    assert "市信用中心窗口" in page


def test_whom_nobody_has_read_is_told_so(world: World) -> None:
    assert "Nobody has read it yet." in section(page_in(world))


def test_nobody_sees_what_was_read_about_somebody_else(world: World, valkey: str) -> None:
    other = StandingRead(id="x", subject=CHEN, time=READ_AT, reader="bank", purpose="finance", what="tier")
    copied(valkey, other)

    assert "bank" not in section(page_in(world))


def test_earlier_ones_are_folded_and_the_page_stays_of_a_size(world: World, valkey: str) -> None:
    copied(valkey, *(a_read(number) for number in range(SHOWN_MAX + 50)))
    page = section(page_in(world))

    assert page.count("<li>") == SHOWN_MAX
    assert f"Earlier ones ({SHOWN_MAX - 10})" in page


def test_she_sees_who_was_told_of_which_change(world: World, valkey: str) -> None:
    copied(valkey, a_receipt(3))

    page = section(page_in(world))
    assert "Who was told of a change" in page
    assert "The change of 24 Nov 2026" in page


def test_a_repair_names_who_was_told_since_and_who_was_not(world: World, valkey: str) -> None:
    fine = an_event(LIN, "traffic.penalty.imposed", TODAY - 1, grade=Grade.FINE_MINOR)
    world.happen(an_event(LIN, "repair.granted", TODAY, record_source=fine.source, record_id=fine.id))
    # Behind her four events, in a partition that others may share.
    repaired = 100
    copied(valkey, a_read(0, as_of=0), a_read(1, reader="bank", as_of=0), a_receipt(repaired))
    page = section(page_in(world), "records")

    assert "Told since: transit-operator, 24 Nov 2026 10:02" in page
    assert "Read before the repair, not told yet: bank" in page


def test_somebody_without_a_score_sees_it_too(world: World, valkey: str) -> None:
    world.city.begin()
    copied(valkey, a_read(0))

    assert "transit-operator" in section(page_in(world))


def test_the_export_has_it(world: World, valkey: str) -> None:
    copied(valkey, a_read(0), a_receipt(3))
    enter(world)
    body: Any = world.client.get("/export").json()

    assert [one["type"] for one in body["access"]] == ["change.received", "standing.read"]
    assert body["access"][1]["reader"] == "transit-operator"


def test_an_open_page_hears_of_a_reading(world: World, valkey: str) -> None:
    mark = enter(world).text.partition('data-live="')[2].partition('"')[0]
    copied(valkey, a_read(0))
    world.tick_s = 100
    stream = world.client.get("/live", params={"mark": mark}, headers={"accept-language": "en"})

    assert "transit-operator" in stream.text


class FakeAccessLog:
    """Notes what is written, or is full."""

    def __init__(self) -> None:
        self.written: list[tuple[str, str, str, str, str]] = []
        self.is_full = False
        self.lost = 0

    def read(self, subject: str, reader: str, purpose: str, what: str, *, as_of: int | None, read_id: str = "") -> None:
        if self.is_full:
            raise AccessLogError(3)
        self.written.append((subject, reader, purpose, what, read_id))

    def close(self) -> int:
        return self.lost


@pytest.fixture
def access(world: World, valkey: str, issuer: str) -> Iterator[FakeAccessLog]:
    """The access log of a page like the world's."""
    access = FakeAccessLog()
    some_log: Any = access
    log = Log(publish=world.publish, origins=world, running=nullcontext(), access=some_log)
    app = build(deployment(valkey, issuer), log, clock=world.clock)
    with TestClient(app, base_url=ADDRESS) as client:
        world.client = client
        yield access


def test_her_visit_is_written_once_a_session_and_an_export_each_time(world: World, access: FakeAccessLog) -> None:
    enter(world)
    for path in ("/", "/?target=700", "/export", "/export"):
        world.client.get(path, headers=PAGE)

    assert [one[1:4] for one in access.written] == [
        ("citizen", "page", "page"),
        ("citizen", "export", "export"),
        ("citizen", "export", "export"),
    ]
    assert {one[0] for one in access.written} == {LIN}


def test_another_session_is_another_visit_and_no_visit_tells_its_token(world: World, access: FakeAccessLog) -> None:
    tokens = [enter(world).text.partition('name="csrf" value="')[2].partition('"')[0] for _ in range(2)]

    ids = [one[4] for one in access.written]
    assert len({*ids}) == 2
    assert not any(token in visit for token in tokens for visit in ids)


def test_her_own_page_does_not_wait_for_the_access_log(
    world: World, access: FakeAccessLog, log: list[dict[str, object]]
) -> None:
    access.is_full = True
    page, export = enter(world), world.client.get("/export")
    access.is_full = False
    world.client.get("/", headers=PAGE)

    assert page.status_code == export.status_code == HTTPStatus.OK
    warnings = [line for line in log if line["log_level"] == "warning"]
    assert len(warnings) == 2
    assert LIN not in str(warnings)
    assert len(access.written) == 1, "a visit that was not written is written by the next look"


def test_what_was_not_written_when_the_page_ends_is_told_to_the_log(log: list[dict[str, object]]) -> None:
    access: Any = FakeAccessLog()
    access.lost = 2
    Visits(access).close()

    assert [(line["log_level"], line["lost"]) for line in log] == [("error", 2)]
