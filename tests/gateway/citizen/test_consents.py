"""What a citizen allows, and how they give and withdraw it."""

from datetime import date
from http import HTTPStatus
from typing import Any

import pytest

from gateway.citizen.acts import SOURCE
from gateway.citizen.consents import UNSAID, Consent, consents_of
from schemas.catalogue import Grade
from schemas.days import day_of_date
from tests.gateway.citizen.test_live import events_of
from tests.gateway.citizen.world import CHEN, JSON, LIN, PAGE, SESSION_S, World, enter, token_in
from tests.gateway.city import PACK, TODAY, an_event
from tests.support.records import a_control, a_record, facts_of, registered

WITHDRAW = "/consents/scoring/withdraw"
GIVE = "/consents/scoring/give"


@pytest.fixture
def token(world: World) -> str:
    """Lin is signed in; this is what her forms carry."""
    return token_in(enter(world).text)


def consent_on(day: str, purpose: str, *records: Any) -> Consent:
    return consents_of(facts_of([registered(), *records]), day_of_date(date.fromisoformat(day)), PACK)[purpose]


def section(html: str) -> str:
    return html.partition('id="section-consent"')[2].partition("</section>")[0]


def test_who_has_said_nothing_is_scored_and_has_no_health_information_used() -> None:
    assert consents_of(facts_of([registered()]), TODAY, PACK) == UNSAID
    assert {name: one.is_given for name, one in UNSAID.items()} == {"scoring": True, "health": False}


def test_the_last_word_until_a_day_holds_since_it_changed_anything() -> None:
    words = [
        a_record("consent.withdrawn", "2026-05-01", grade="scoring"),
        a_record("consent.granted", "2026-06-01", grade="scoring"),
        a_record("consent.granted", "2026-07-01", grade="scoring"),
    ]
    found = [consent_on(day, "scoring", *words) for day in ("2026-04-30", "2026-05-31", "2026-08-01")]

    assert [(one.is_given, one.since) for one in found] == [
        (True, None),
        (False, date(2026, 5, 1)),
        (True, date(2026, 6, 1)),
    ]


def test_a_word_on_one_purpose_says_nothing_of_the_other() -> None:
    withdrawn = a_record("consent.withdrawn", "2026-05-01", grade="scoring")

    assert consent_on("2026-06-01", "health", withdrawn) == UNSAID["health"]


def test_a_word_that_was_revoked_holds_no_longer_but_its_number_stays_used() -> None:
    withdrawn = a_record("consent.withdrawn", "2026-05-01", grade="scoring")
    consent = consent_on("2026-06-01", "scoring", withdrawn, a_control("record.revoked", withdrawn, "2026-05-02"))

    assert (consent.is_given, consent.since, consent.words) == (True, None, 1)


def test_the_page_says_what_is_allowed_and_offers_to_change_it(world: World) -> None:
    enter(world)
    shown = section(world.client.get("/", headers={**PAGE, "accept-language": "en"}).text)

    assert "In force from registration on, never withdrawn" in shown
    assert "you can give it again at any time" in shown
    assert f'href="{WITHDRAW}"' in shown
    assert 'href="/consents/health/give"' in shown


def test_before_a_consent_is_withdrawn_a_page_says_what_follows(world: World, token: str) -> None:
    page = world.client.get(WITHDRAW, headers=PAGE)

    assert token_in(page.text) == token
    assert "您不再有分数和权益" in page.text
    assert world.published == []


def test_who_withdraws_the_consent_to_be_scored_has_no_score_and_can_give_it_again(world: World, token: str) -> None:
    page = world.client.post(WITHDRAW, data={"csrf": token}, headers=PAGE)

    (event,) = world.published
    assert (event.type.name, event.subject, event.source) == ("consent.withdrawn", LIN, SOURCE)
    assert event.data.grade is Grade.SCORING
    assert "撤回已提交" in page.text
    assert 'id="number"' not in page.text
    assert "您已撤回评分授权" in page.text
    assert "已撤回 <time" in section(page.text)
    assert f'href="{GIVE}"' in section(page.text)


def test_a_consent_that_is_given_again_brings_the_score_back(world: World, token: str) -> None:
    world.client.post(WITHDRAW, data={"csrf": token}, headers=PAGE)
    page = world.client.post(GIVE, data={"csrf": token}, headers=PAGE)

    assert [one.type.name for one in world.published] == ["consent.withdrawn", "consent.granted"]
    assert "授权已提交" in page.text
    assert '<p class="number" id="number">487</p>' in page.text


def test_of_several_words_in_one_second_the_last_holds(world: World, token: str) -> None:
    pages = [world.client.post(path, data={"csrf": token}, headers=PAGE).text for path in (WITHDRAW, GIVE) * 4]

    assert len({one.id for one in world.published}) == 8
    assert ['id="number"' in page for page in pages] == [False, True] * 4


def test_gifts_of_blood_count_once_the_use_of_health_information_is_allowed(world: World, token: str) -> None:
    world.happen(an_event(LIN, "blood.donation.made", TODAY - 1))
    page = world.client.post("/consents/health/give", data={"csrf": token}, headers=PAGE)

    (event,) = world.published
    assert (event.type.name, event.data.grade) == ("consent.granted", Grade.HEALTH)
    assert '<p class="number" id="number">497</p>' in page.text
    assert 'href="/consents/health/withdraw"' in section(page.text)


def test_a_program_is_told_which_consent_was_filed(world: World, token: str) -> None:
    answer = world.client.post(WITHDRAW, data={"csrf": token}, headers=JSON)

    assert answer.status_code == HTTPStatus.ACCEPTED
    assert answer.json() == {"status": "filed", "event_id": world.published[0].id}


def test_two_people_who_withdraw_do_so_in_two_events(world: World, token: str) -> None:
    world.client.post(WITHDRAW, data={"csrf": token}, headers=JSON)
    chen = world.sessions().begin(CHEN)
    world.client.cookies.set("jasmine_session", chen)
    world.client.post(WITHDRAW, data={"csrf": world.sessions().read(chen).token}, headers=JSON)

    assert [one.subject for one in world.published] == [LIN, CHEN]
    assert len({one.id for one in world.published}) == 2


@pytest.mark.parametrize("fields", [{}, {"csrf": ""}, {"csrf": "another"}])
@pytest.mark.parametrize("path", [WITHDRAW, "/consents/health/give"])
def test_a_consent_is_not_changed_by_a_form_that_this_sessions_page_did_not_make(
    world: World, token: str, fields: dict[str, str], path: str
) -> None:
    answer = world.client.post(path, data=fields, headers=JSON)

    assert token
    assert answer.status_code == HTTPStatus.FORBIDDEN
    assert answer.json()["type"] == "urn:jasmine:problem:form-not-ours"
    assert world.published == []


@pytest.mark.parametrize("path", ["/consents/advertising/give", "/consents/scoring/sell", "/consents/scoring%0A/give"])
def test_a_purpose_or_an_act_that_there_is_not_is_refused(world: World, token: str, path: str) -> None:
    answers = [world.client.post(path, data={"csrf": token}, headers=JSON), world.client.get(path, headers=JSON)]

    assert [one.status_code for one in answers] == [HTTPStatus.BAD_REQUEST] * 2
    assert world.published == []


@pytest.mark.parametrize("path", [GIVE, "/consents/health/withdraw"])
def test_a_consent_that_is_so_already_is_not_changed(world: World, token: str, path: str) -> None:
    answers = [world.client.post(path, data={"csrf": token}, headers=JSON), world.client.get(path, headers=JSON)]

    assert [one.status_code for one in answers] == [HTTPStatus.CONFLICT] * 2
    assert {one.json()["type"] for one in answers} == {"urn:jasmine:problem:consent-unchanged"}
    assert world.published == []


def test_a_second_click_before_the_first_has_landed_changes_nothing(world: World, token: str) -> None:
    world.is_worker_away = True
    answers = [world.client.post(WITHDRAW, data={"csrf": token}, headers=JSON) for _ in range(2)]

    assert [one.status_code for one in answers] == [HTTPStatus.ACCEPTED, HTTPStatus.CONFLICT]
    assert answers[1].json()["type"] == "urn:jasmine:problem:already-done"
    assert len(world.published) == 1


def test_while_the_log_is_away_no_consent_is_changed_and_it_can_be_tried_again(world: World, token: str) -> None:
    world.is_log_away = True
    refused = world.client.post(WITHDRAW, data={"csrf": token}, headers=JSON)
    world.is_log_away = False
    filed = world.client.post(WITHDRAW, data={"csrf": token}, headers=JSON)

    assert refused.json()["type"] == "urn:jasmine:problem:not-taken"
    assert filed.status_code == HTTPStatus.ACCEPTED


def test_who_is_not_signed_in_changes_no_consent(world: World) -> None:
    answers = [world.client.get(WITHDRAW, headers=JSON), world.client.post(WITHDRAW, headers=JSON)]

    assert [one.status_code for one in answers] == [HTTPStatus.UNAUTHORIZED] * 2
    assert world.published == []


def test_who_is_not_known_yet_can_refuse_to_be_scored_before_they_are_registered(world: World) -> None:
    world.city.begin()
    page = enter(world)
    world.client.post(WITHDRAW, data={"csrf": token_in(page.text)}, headers=PAGE)
    world.happen(an_event(LIN, "subject.registered", TODAY))

    assert f'href="{WITHDRAW}"' in section(page.text)
    assert "您已撤回评分授权" in world.client.get("/", headers=PAGE).text


def test_an_open_page_hears_that_a_consent_was_changed(world: World) -> None:
    mark = enter(world).text.partition('data-live="')[2].partition('"')[0]
    world.happen(an_event(LIN, "consent.granted", TODAY, grade=Grade.HEALTH))
    world.tick_s = SESSION_S / 6
    (change, data), *_ = events_of(world.client.get("/live", params={"mark": mark}).text)

    assert change == "change"
    assert "已授权 <time" in data["sections"]["consent"]


def test_an_open_page_hears_that_there_is_no_score_any_more(world: World) -> None:
    mark = enter(world).text.partition('data-live="')[2].partition('"')[0]
    world.happen(an_event(LIN, "consent.withdrawn", TODAY, grade=Grade.SCORING))
    world.tick_s = SESSION_S / 6
    (name, data), *_ = events_of(world.client.get("/live", params={"mark": mark}).text)

    assert (name, data) == ("another", {"status": "no-score"})


def test_what_was_said_of_a_consent_stands_among_no_records(world: World) -> None:
    before = enter(world).text.count('<article class="record')
    world.happen(an_event(LIN, "consent.granted", TODAY, grade=Grade.HEALTH))

    assert before == 2
    assert world.client.get("/", headers=PAGE).text.count('<article class="record') == before
