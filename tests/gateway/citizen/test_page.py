"""What the page says, in which language, and what a browser may do with it."""

import re
from http import HTTPStatus
from typing import Any

import redis

from schemas.catalogue import Grade
from schemas.days import date_of
from sinks.packs import documents_of
from sinks.store import Store
from tests.gateway.citizen.world import JSON, LIN, NUMBER, PAGE, World, enter
from tests.gateway.city import TODAY, an_event
from tests.support.packs_in_time import announcement, files_with, own


def numbers_in(html: str) -> list[int]:
    """Return the sum as it stands on the page: base, each line, and the score."""
    table = html.partition('<table class="sum">')[2].partition("</table>")[0]
    return [int(one.replace("−", "-")) for one in re.findall(r"<td[^>]*>([+−]?\d+)</td>", table)]


def test_the_sum_on_the_page_adds_up_to_the_score(world: World) -> None:
    *parts, score = numbers_in(enter(world).text)

    assert parts[0] == 500
    assert sum(parts) == score == 487


def test_each_record_says_until_when_it_counts_how_it_is_repaired_and_who_hears_an_appeal(world: World) -> None:
    enter(world)
    page = world.client.get("/", headers={**PAGE, "accept-language": "en"}).text

    assert page.count('<article class="record') == 2
    assert page.count("<dt>Ends</dt><dd><time") == 2
    assert page.count("<dt>How it is repaired</dt>") == 2
    assert page.count("<dt>Who hears an appeal</dt>") == 2


def test_each_record_names_its_law_in_the_language_of_the_page(world: World) -> None:
    enter(world)
    chinese, english = (world.client.get("/", headers={**PAGE, "accept-language": one}).text for one in ("zh", "en"))

    assert "<dd>示例；《公共图书馆法》第四十四条</dd>" in chinese
    assert "<dd>illustrative; Public Library Act art. 44</dd>" in english
    assert "illustrative" not in chinese


LIKED_BEST = {
    "": "zh-CN",
    "en": "en",
    "fr,en;q=0.5": "en",
    "en;q=0.3,zh-TW;q=0.9": "zh-CN",
    "de": "zh-CN",
    "en;q=often": "zh-CN",
}


def test_the_language_is_the_one_the_browser_likes_best(world: World) -> None:
    pages = {one: world.client.get("/", headers={**PAGE, "accept-language": one}).text for one in LIKED_BEST}

    assert {one: page.partition('<html lang="')[2].partition('"')[0] for one, page in pages.items()} == LIKED_BEST


def test_a_language_that_was_chosen_stays(world: World) -> None:
    world.client.get("/?lang=en", headers=PAGE)

    assert '<html lang="en"' in world.client.get("/", headers={**PAGE, "accept-language": "zh"}).text


def test_a_target_is_answered_with_ways_to_reach_it(world: World) -> None:
    enter(world)
    page = world.client.get("/?target=490", headers={**PAGE, "accept-language": "en"}).text
    section = page.partition('id="section-whatif"')[2].partition("</section>")[0]

    assert 'value="490"' in section
    assert "Library loan overdue" in section
    assert "490 on 24 Nov 2026" in section


def test_days_in_sentences_are_written_as_people_write_them_and_to_programs_as_programs_do(world: World) -> None:
    said = [enter(world).text, world.client.get("/", headers={**PAGE, "accept-language": "en"}).text]
    told = world.client.get("/export").json()["explanation"]["principal"][0]["words"]

    assert "2026年11月23日的“交通处罚”使您的分数减少10分。" in said[0]
    assert "Traffic penalty of 23 Nov 2026 costs you 10 points." in said[1]
    assert told["zh"] == "2026-11-23的“交通处罚”使您的分数减少10分。"
    assert [re.findall(r">[^<]*\d{4}-\d\d-\d\d", page) for page in said] == [[], []]


def test_perks_that_are_ahead_are_not_called_the_next_one(world: World) -> None:
    page = enter(world).text

    assert page.partition("<h3>尚未享有</h3>")[2].partition("</ul>")[0].count("<li>") > 1


def test_a_target_that_is_no_score_is_refused(world: World) -> None:
    enter(world)
    answers = [world.client.get(f"/?target={target}", headers=JSON) for target in ("1001", "-1", "many")]

    assert [one.status_code for one in answers] == [HTTPStatus.BAD_REQUEST] * 3
    assert {one.json()["type"] for one in answers} == {"urn:jasmine:problem:bad-request"}


def test_a_target_that_was_emptied_asks_for_the_next_benefit_again(world: World) -> None:
    shown = enter(world).text

    assert world.client.get("/?target=", headers=PAGE).text == shown


def test_a_target_of_nothing_is_kept_while_the_page_is_open(world: World) -> None:
    enter(world)

    assert 'data-target="0"' in world.client.get("/?target=0", headers=PAGE).text


def test_the_two_years_show_when_there_was_no_score(world: World) -> None:
    world.happen(
        an_event(LIN, "consent.withdrawn", TODAY - 100, grade=Grade.SCORING),
        an_event(LIN, "consent.granted", TODAY - 50, grade=Grade.SCORING),
    )
    page = enter(world).text
    told = world.client.get("/export").json()["history"]
    section = page.partition('id="section-history"')[2].partition("</section>")[0]
    line = section.partition('class="line" d="')[2].partition('"')[0]
    away = [one["day"] for one in told if one["score"] is None]

    assert away == [date_of(TODAY - 100).isoformat()]
    assert date_of(TODAY - 50).isoformat() in [one["day"] for one in told]
    assert "<td>无分数</td><td></td>" in section
    # A line before it and one after it.
    assert line.count("M") == 2


def test_somebody_without_a_score_is_told_that_this_is_no_low_one(world: World) -> None:
    world.city.begin()
    world.happen(an_event(LIN, "library.loan.overdue", TODAY - 3))
    page = enter(world)

    assert "没有分数不等于低分" in page.text
    assert LIN in page.text


def test_somebody_of_whom_nothing_is_known_has_a_page_that_helps(world: World) -> None:
    world.city.begin()
    page = enter(world)

    assert page.status_code == HTTPStatus.OK
    assert "这里还没有您的信息" in page.text


def test_while_the_store_is_away_the_page_says_that_nothing_is_lost(world: World, valkey: str) -> None:
    enter(world)
    redis.Redis.from_url(valkey).flushall()
    page = world.client.get("/", headers={**PAGE, "accept-language": "en"})
    told = world.client.get("/", headers=JSON)

    assert page.status_code == told.status_code == HTTPStatus.SERVICE_UNAVAILABLE
    assert "is not lost" in page.text
    assert told.headers["retry-after"] == "1"
    assert told.json()["type"] == "urn:jasmine:problem:standing-unavailable"


def test_the_export_has_everything_that_is_known_and_no_identity_number(world: World) -> None:
    enter(world)
    answer = world.client.get("/export")

    body: Any = answer.json()
    assert answer.headers["content-disposition"] == 'attachment; filename="jasmine.json"'
    assert body["subject"] == LIN
    assert body["explanation"]["score"] == 487
    types = [one["type"] for part in ("contributions", "others") for one in body["explanation"][part]]
    assert sorted(types) == ["library.loan.overdue", "subject.registered", "traffic.penalty.imposed"]
    assert NUMBER not in answer.text


def test_every_answer_forbids_what_is_not_ours(world: World) -> None:
    enter(world)
    answers = [world.client.get(path, headers=PAGE) for path in ("/", "/export", "/nowhere", "/static/citizen.css")]

    for answer in answers:
        policy = answer.headers["content-security-policy"]
        assert "default-src 'none'" in policy
        assert "unsafe" not in policy
        assert answer.headers["x-content-type-options"] == "nosniff"
    assert {one.headers["cache-control"] for one in answers} == {"no-store"}


def test_no_page_carries_a_script_or_a_style_of_its_own(world: World) -> None:
    pages = [enter(world).text, world.client.get("/nowhere", headers=PAGE).text]

    for page in pages:
        assert re.findall(r"<script(?![^>]* src=)|<style|\sstyle=|\son[a-z]+=", page) == []
        assert re.findall(r"(?:src|href)=\"(?!/|#|\?)", page) == []


def test_a_text_of_a_record_is_escaped(world: World) -> None:
    page = world.client.get("/?lang=<script>&target=<b>", headers=PAGE)

    assert "<b>" not in page.text
    assert "<script>" not in page.text


def test_static_files_are_kept_as_long_as_their_version_is(world: World) -> None:
    page = world.client.get("/", headers=PAGE).text
    address = page.partition('rel="stylesheet" href="')[2].partition('"')[0]

    assert "immutable" in world.client.get(address).headers["cache-control"]


def test_an_unknown_address_is_a_page_to_people_and_a_problem_to_programs(world: World) -> None:
    assert "没有这个页面" in world.client.get("/nowhere", headers=PAGE).text
    assert world.client.get("/nowhere", headers=JSON).headers["content-type"] == "application/problem+json"


def test_health_does_not_ask_the_store_and_ready_does(world: World, valkey: str) -> None:
    before = [world.client.get(path).status_code for path in ("/health", "/ready")]
    redis.Redis.from_url(valkey).flushall()

    assert before == [200, 200]
    # What was read once is not asked again; a reader that has just started asks.
    assert world.client.get("/health").status_code == 200
    assert world.client.get("/ready").status_code == 503


def test_probes_may_ask_by_head_as_they_may_the_gateway(world: World) -> None:
    assert [world.client.head(path).status_code for path in ("/health", "/ready")] == [200, 200]


def test_a_record_that_waits_for_a_review_is_shown_as_such(world: World) -> None:
    world.happen(
        an_event(LIN, "capability.contribution.continuous", TODAY - 3, quantity=60),
        an_event(LIN, "occupation.honour.awarded", TODAY - 3, grade=Grade.NATIONAL),
        an_event(LIN, "capability.education.certified", TODAY - 3, grade=Grade.BACHELOR),
        an_event(LIN, "court.dishonest.listed", TODAY - 2),
    )
    page = enter(world).text

    assert "等待人工复核" in page
    assert "等待人工复核，在此之前不计分。" in page
    assert '<article class="record set-aside"' in page


def test_a_disputed_record_is_shown_as_such(world: World) -> None:
    fine = an_event(LIN, "traffic.penalty.imposed", TODAY - 1, grade=Grade.FINE_MINOR)
    world.happen(
        an_event(LIN, "record.disputed", TODAY, event_id="d", record_source=fine.source, record_id=fine.id),
    )
    page = enter(world).text

    assert "异议处理中" in page
    assert '<p class="number" id="number">497</p>' in page


def test_the_page_is_of_the_pack_that_holds_today_as_the_workers_tell_it(world: World, valkey: str) -> None:
    assert numbers_in(enter(world).text)[0] == 500
    holds = own().followed_by(announcement(files_with(("base_points: 500", "base_points: 510")), TODAY))
    with redis.Redis.from_url(valkey) as client:
        Store(client).keep_packs(documents_of(holds))

    *parts, score = numbers_in(world.client.get("/", headers=PAGE).text)

    assert parts[0] == 510
    assert sum(parts) == score == 497


def history_of(world: World) -> dict[str, int]:
    """Return the scores that the page draws, by the day on which each began."""
    enter(world)
    return {one["day"]: one["score"] for one in world.client.get("/export").json()["history"]}


def test_each_day_of_the_past_is_drawn_under_the_pack_that_held_on_it(world: World) -> None:
    before = history_of(world)
    (registered, score), *later = sorted(before.items())
    changed = TODAY - 30
    world.city.announce(own().followed_by(announcement(files_with(("base_points: 500", "base_points: 510")), changed)))

    assert history_of(world) == {
        registered: score,
        date_of(changed).isoformat(): score + 10,
        **{day: points + 10 for day, points in later},
    }
    assert later
