"""`jasmine explain` and `suggest`: why a score is what it is, and how to reach another."""

import time
from datetime import datetime
from enum import StrEnum
from pathlib import Path
from typing import Annotated, Any

import typer

from schemas.days import NEVER, date_of, day_of, day_of_date
from scoring.benefits import next_benefit
from scoring.evaluator import evaluate
from scoring.explain import Entry, Explanation, Repair, to_json
from scoring.explain import explain as explained
from scoring.pack import SCORE_MAX
from scoring.rules import compile_rules
from scoring.suggest import suggest as suggested
from scoring.suggestion import Suggestions
from scoring.words import Words
from stream.cli.accesses import record
from stream.cli.evidence import Evidences, read_evidence
from stream.cli.holding import pack_holding
from stream.cli.output import AsJson, Exit, err, fail, out, table, write_json
from stream.cli.standings import standing_of
from stream.settings import load_settings

Subject = Annotated[str, typer.Argument(help="A subject id, such as r-09c3f0a1b2d4e5f6.")]


class Language(StrEnum):
    """In which language people are answered; JSON has both."""

    ZH = "zh"
    EN = "en"


Lang = Annotated[Language, typer.Option(help="The language of the answer for people; JSON has both.")]
PackFolder = Annotated[Path | None, typer.Option("--pack", help="Another rule pack's folder: what would be under it.")]


def explain(
    subject: Subject,
    at: Annotated[
        datetime | None,
        typer.Option("--as-of", "--at", help="As of a date, with what is known now.", formats=["%Y-%m-%d"]),
    ] = None,
    pack_folder: PackFolder = None,
    evidence: Annotated[
        bool, typer.Option("--evidence", help="Read the events behind it back from the log as well.")
    ] = False,
    as_json: AsJson = False,
    lang: Lang = Language.EN,
) -> None:
    """Say why a subject's score is what it is: base, contributions and limits, which sum exactly to it.

    [bold]Example[/]: jasmine explain r-09c3f0a1b2d4e5f6 --as-of 2026-06-30 --evidence
    """
    settings = load_settings()
    day = _day(at)
    known = standing_of(settings, subject)
    pack = pack_holding(settings, day, pack_folder)
    answer = explained(known.facts, day, pack, known.kind, rules=compile_rules(pack), partition=known.partition)
    found = read_evidence(settings, known.partition, _offsets(answer)) if evidence else None
    if as_json:
        write_json({"subject": subject, **to_json(answer), **({} if found is None else {"evidence": found.as_json()})})
    else:
        _show(subject, answer, lang)
        if found is not None:
            _show_evidence(found)
    record(settings, subject, "explain", "explanation", as_of=known.card.as_of)


def suggest(
    subject: Subject,
    target: Annotated[
        int | None, typer.Option(min=0, max=SCORE_MAX, help="The score wanted; else the next that earns anything.")
    ] = None,
    pack_folder: PackFolder = None,
    as_json: AsJson = False,
    lang: Lang = Language.EN,
) -> None:
    """Say how a subject reaches a score: what to do or to wait for, each proved by scoring before it is shown.

    [bold]Example[/]: jasmine suggest r-09c3f0a1b2d4e5f6 --target 686
    """
    settings = load_settings()
    known = standing_of(settings, subject)
    day = day_of(int(time.time()))
    pack = pack_holding(settings, day, pack_folder)
    wanted = target
    if wanted is None:
        score = evaluate(known.facts, day, pack, known.kind).score
        following = next_benefit(score or 0, pack, day, known.kind)
        wanted = following.points if following else SCORE_MAX
    answer = suggested(known.facts, day, pack, known.kind, wanted, rules=compile_rules(pack))
    if as_json:
        write_json({"subject": subject, **to_json(answer)})
    else:
        _show_suggestions(answer, lang)
    record(settings, subject, "suggest", "suggestions", as_of=known.card.as_of)


def _day(at: datetime | None) -> int:
    day = day_of_date(at.date()) if at else day_of(int(time.time()))
    if not 0 <= day < NEVER:
        fail(Exit.USAGE, f"--as-of was {date_of(day)}: give a date from {date_of(0)} to {date_of(NEVER - 1)}")
    return day


def _offsets(answer: Explanation) -> list[int]:
    entries = (*answer.contributions, *answer.others)
    own = {entry.evidence.offset for entry in entries}
    return sorted(own | {remark.evidence.offset for entry in entries for remark in entry.remarks})


_COLUMNS = (
    Words("内容", "what"),
    Words("档次", "grade"),
    Words("日期", "date"),
    Words("分值", "points"),
    Words("到期", "until"),
    Words("说明", "why and how to repair"),
    Words("依据", "basis"),
    Words("申诉", "appeal"),
)
_BASE = Words("基础分", "base")
_OTHERS = Words("目前不计分的记录", "Records that count nothing now")
_REASONS = Words("主要原因", "Principal reasons")
_NO_SCORE = Words("尚无分数：没有分数不等于低分", "no score; no score is not a low score")
_NEXT = Words("下一档：{points}分（{benefit}）", "next: {points} ({benefit})")
_EARLIEST = Words("最早{date}", "from {date} on")


def _show(subject: str, answer: Explanation, lang: Language) -> None:
    columns = [one.of(lang) for one in _COLUMNS]
    rows: list[tuple[Any, ...]] = [(_BASE.of(lang), "", "", answer.base, "", "", "", "")]
    rows += [_row(one, lang) for one in answer.contributions]
    rows += [(one.words.of(lang), "", "", f"{one.points:+d}", "", "", "", "") for one in answer.limits]
    table(f"{subject} {answer.day}", columns, rows)
    if answer.score is None or answer.tier_name is None:
        out.print(_NO_SCORE.of(lang))
    else:
        out.print(f"[bold]{answer.score} {answer.tier_name.of(lang)}[/]")
    if answer.next is not None:
        out.print(_NEXT.filled(points=answer.next.points, benefit=answer.next.words).of(lang))
    if answer.principal:
        out.print(f"\n[bold]{_REASONS.of(lang)}[/]")
    for one in answer.principal:
        out.print(one.words.of(lang), soft_wrap=True)
    if answer.others:
        out.print()
        table(_OTHERS.of(lang), columns, [_row(entry, lang) for entry in answer.others])


def _row(one: Entry, lang: Language) -> tuple[Any, ...]:
    said = [why.words.of(lang) for why in one.why]
    if one.ceiling is not None:
        said.append(f"≤ {one.ceiling}")
    if one.repair is not None and one.repair.done is None and (one.points < 0 or one.ceiling):
        said.append(_repair(one.repair, lang))
    points = f"{one.points:+d}" if one.points == one.stated else f"{one.points:+d} ({one.stated:+d})"
    return (
        f"{one.name.of(lang)}\n{one.type}",
        one.grade_name.of(lang),
        one.date,
        points,
        one.until,
        "\n".join(said),
        one.basis.of(lang),
        one.appeal.of(lang),
    )


def _repair(repair: Repair, lang: Language) -> str:
    if repair.months is None or repair.earliest is None:
        return repair.words.of(lang)
    return f"{repair.words.of(lang)} ({_EARLIEST.filled(date=repair.earliest).of(lang)})"


def _show_evidence(found: Evidences) -> None:
    out.print()
    if found.problem:
        err.print(f"[bold]evidence:[/] {found.problem}", soft_wrap=True)
    for one in found.events:
        out.print(f"{found.topic}/{found.partition}/{one.offset}: {one.text}", soft_wrap=True, markup=False)


def _show_suggestions(answer: Suggestions, lang: Language) -> None:
    out.print(f"[bold]{answer.words.of(lang)}[/]", soft_wrap=True)
    for one in answer.found or ((answer.best,) if answer.best else ()):
        until = f" (→ {one.holds_until})" if one.holds_until else ""
        out.print(f"- {one.words.of(lang)}{until}", soft_wrap=True)
