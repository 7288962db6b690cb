"""What a citizen can do about records, and what not."""

from dataclasses import replace
from datetime import timedelta
from http import HTTPStatus

import pytest

from gateway.citizen.acts import SOURCE
from schemas.catalogue import Grade
from tests.gateway.citizen.world import CHEN, JSON, LIN, PAGE, World, enter, token_in
from tests.gateway.city import TODAY, an_event

FINE = an_event(LIN, "traffic.penalty.imposed", TODAY - 1, grade=Grade.FINE_MINOR)
BOOK = an_event(LIN, "library.loan.overdue", TODAY - 3)
OTHERS_BOOK = an_event(CHEN, "library.loan.overdue", TODAY - 3)


@pytest.fixture
def token(world: World) -> str:
    """Lin is signed in; this is what her forms carry."""
    return token_in(enter(world).text)


def test_a_dispute_is_published_about_the_record_and_shows_on_the_page(world: World, token: str) -> None:
    page = world.client.post(f"/records/{world.record_of(FINE)}/dispute", data={"csrf": token}, headers=PAGE)

    (event,) = world.published
    assert (event.type.name, event.subject, event.source) == ("record.disputed", LIN, SOURCE)
    assert (event.data.record_source, event.data.record_id) == (FINE.source, FINE.id)
    assert "异议已提交" in page.text
    assert '<p class="number" id="number">497</p>' in page.text


def test_who_has_no_score_sees_the_records_and_can_dispute_them_all_the_same(world: World, token: str) -> None:
    record = world.record_of(FINE)
    world.client.post("/consents/scoring/withdraw", data={"csrf": token}, headers=PAGE)
    shown = world.client.get("/", headers=PAGE).text
    disputed = world.client.post(f"/records/{record}/dispute", data={"csrf": token}, headers=PAGE).text

    assert "您已撤回评分授权" in shown
    assert f'href="/records/{record}/dispute"' in shown
    assert "异议处理中" in disputed.partition(f'id="record-{record}"')[2].partition("</article>")[0]


def test_a_program_is_told_the_event_that_was_filed(world: World, token: str) -> None:
    answer = world.client.post(f"/records/{world.record_of(FINE)}/dispute", data={"csrf": token}, headers=JSON)

    assert answer.status_code == HTTPStatus.ACCEPTED
    assert answer.json()["event_id"] == world.published[0].id


def test_before_a_dispute_a_page_says_what_it_does(world: World, token: str) -> None:
    page = world.client.get(f"/records/{world.record_of(FINE)}/dispute", headers=PAGE)

    assert token_in(page.text) == token
    assert "立即暂停计分" in page.text


@pytest.mark.parametrize("address", ["/records/{fine}/dispute", "/consents/health/give"])
def test_a_language_that_was_chosen_before_an_act_stays_after_it(world: World, token: str, address: str) -> None:
    address = address.format(fine=world.record_of(FINE)) + "?lang=en"
    asked = world.client.get(address, headers=PAGE).text
    done = world.client.post(address, data={"csrf": token}, headers=PAGE).text

    assert '<html lang="en"' in asked
    assert '<html lang="en"' in done


@pytest.mark.parametrize("record", [OTHERS_BOOK, an_event(LIN, "library.loan.overdue", TODAY, event_id="never")])
@pytest.mark.parametrize("act", ["dispute", "repair"])
def test_a_record_that_is_not_ones_own_is_refused_without_saying_whose_it_is(
    world: World, token: str, record: object, act: str
) -> None:
    answers = [
        world.client.post(f"/records/{world.record_of(record)}/{act}", data={"csrf": token}, headers=JSON),  # type: ignore[arg-type]
        world.client.get(f"/records/{world.record_of(record)}/{act}", headers=JSON),  # type: ignore[arg-type]
    ]

    assert [one.status_code for one in answers] == [HTTPStatus.NOT_FOUND] * 2
    assert {one.json()["type"] for one in answers} == {"urn:jasmine:problem:not-your-record"}
    assert world.published == []


@pytest.mark.parametrize("fields", [{}, {"csrf": ""}, {"csrf": "another"}, {"csrf": "x" * 5_000}])
def test_a_form_that_this_sessions_page_did_not_make_is_refused(
    world: World, token: str, fields: dict[str, str]
) -> None:
    record = world.record_of(BOOK)
    paths = (f"/records/{record}/dispute", f"/records/{record}/repair", "/sign-out")
    answers = [world.client.post(path, data=fields, headers=JSON).status_code for path in paths]

    assert len(answers) == 3
    assert set(answers) <= {HTTPStatus.FORBIDDEN, HTTPStatus.REQUEST_ENTITY_TOO_LARGE}
    assert world.published == []
    assert world.client.get("/export").status_code == HTTPStatus.OK


def test_the_token_of_another_session_does_not_do(world: World, token: str) -> None:
    another = token_in(enter(world).text)
    answer = world.client.post(f"/records/{world.record_of(FINE)}/dispute", data={"csrf": token}, headers=JSON)

    assert another != token
    assert answer.json()["type"] == "urn:jasmine:problem:form-not-ours"
    assert world.published == []


def test_a_second_dispute_of_the_same_record_is_refused_while_the_first_is_open(world: World, token: str) -> None:
    path = f"/records/{world.record_of(FINE)}/dispute"
    world.client.post(path, data={"csrf": token}, headers=JSON)
    again = world.client.post(path, data={"csrf": token}, headers=JSON)

    assert again.status_code == HTTPStatus.CONFLICT
    assert again.json()["type"] == "urn:jasmine:problem:already-done"
    assert len(world.published) == 1


def test_a_repair_before_its_minimum_period_is_refused_with_the_first_day(world: World, token: str) -> None:
    answer = world.client.post(f"/records/{world.record_of(FINE)}/repair", data={"csrf": token}, headers=JSON)

    assert answer.status_code == HTTPStatus.CONFLICT
    assert answer.json()["type"] == "urn:jasmine:problem:repair-too-early"
    assert "2027-02-23" in answer.json()["detail"]
    assert world.published == []


def test_a_repair_can_be_applied_for_from_its_day_on(world: World) -> None:
    old = an_event(LIN, "traffic.penalty.imposed", TODAY - 100, grade=Grade.FINE_MINOR, event_id="old")
    world.happen(old)
    page = enter(world)
    path = f"/records/{world.record_of(old)}/repair"
    filed = world.client.post(path, data={"csrf": token_in(page.text)}, headers=PAGE)

    assert f'href="{path}"' in page.text
    assert [event.type.name for event in world.published] == ["repair.applied"]
    assert "修复申请已提交" in filed.text
    assert "修复申请于2026年11月24日提交" in filed.text
    assert f'href="{path}"' not in filed.text


def test_an_application_that_is_waiting_is_not_filed_again(world: World) -> None:
    old = an_event(LIN, "traffic.penalty.imposed", TODAY - 100, grade=Grade.FINE_MINOR, event_id="old")
    world.happen(old)
    token = token_in(enter(world).text)
    answers = [
        world.client.post(f"/records/{world.record_of(old)}/repair", data={"csrf": token}, headers=JSON)
        for _ in range(2)
    ]

    assert [one.status_code for one in answers] == [HTTPStatus.ACCEPTED, HTTPStatus.CONFLICT]


@pytest.mark.parametrize(
    ("said", "is_open"),
    [(("repair.applied", "repair.refused"), True), (("repair.refused", "repair.applied"), False)],
)
def test_of_what_is_said_of_a_repair_on_one_day_the_last_holds(
    world: World, said: tuple[str, ...], *, is_open: bool
) -> None:
    old = an_event(LIN, "traffic.penalty.imposed", TODAY - 100, grade=Grade.FINE_MINOR, event_id="old")
    words = [an_event(LIN, one, TODAY, record_source=old.source, record_id=old.id) for one in said]
    world.happen(old, replace(words[0], time=words[0].time - timedelta(hours=1)), words[1])
    page = enter(world)

    assert (f'href="/records/{world.record_of(old)}/repair"' in page.text) is is_open


def test_there_is_nothing_to_repair_in_what_raises_the_score(world: World) -> None:
    degree = an_event(LIN, "capability.education.certified", TODAY - 100, grade=Grade.BACHELOR)
    world.happen(degree)
    token = token_in(enter(world).text)
    answer = world.client.post(f"/records/{world.record_of(degree)}/repair", data={"csrf": token}, headers=JSON)

    assert answer.json()["type"] == "urn:jasmine:problem:not-repairable"


def test_while_the_log_is_away_nothing_is_filed_and_the_same_can_be_tried_again(world: World, token: str) -> None:
    path = f"/records/{world.record_of(FINE)}/dispute"
    world.is_log_away = True
    refused = world.client.post(path, data={"csrf": token}, headers=JSON)
    world.is_log_away = False
    filed = world.client.post(path, data={"csrf": token}, headers=JSON)

    assert refused.status_code == HTTPStatus.SERVICE_UNAVAILABLE
    assert filed.status_code == HTTPStatus.ACCEPTED


def test_an_event_that_the_log_has_lost_is_said_to_be_gone(world: World, token: str) -> None:
    world.known.clear()
    answer = world.client.post(f"/records/{world.record_of(FINE)}/dispute", data={"csrf": token}, headers=JSON)

    assert answer.status_code == HTTPStatus.GONE
    assert world.published == []


def test_who_is_not_signed_in_can_do_nothing(world: World) -> None:
    answer = world.client.post(f"/records/{world.record_of(FINE)}/dispute", data={"csrf": ""}, headers=JSON)

    assert answer.status_code == HTTPStatus.UNAUTHORIZED
    assert world.published == []
