"""`jasmine lookup`, `explain` and `pseudonym`: one subject's standing, why it is so, and its id."""

import time
from datetime import datetime
from typing import Annotated, Any

import typer

from gateway.address import parse_subject, standing_key
from gateway.card import CARD_BYTES
from gateway.evaluate import PackEvaluator, names_of
from gateway.lookup import Lookup
from schemas.days import CITY_TIMEZONE, NEVER, date_of, datetime_of, day_of, day_of_date
from schemas.facts import facts_in
from schemas.subjects import IdentityNumberError, kind_of
from scoring.evaluator import Contribution, State, evaluate
from scoring.pack import KIND_NAMES, Pack, load_pack
from sinks.keys import META
from stream.cli.output import AsJson, Exit, fail, out, pairs, table, write_json
from stream.clients import redis_client
from stream.settings import load_settings

Subject = Annotated[str, typer.Argument(help="A subject id, such as r-09c3f0a1b2d4e5f6.")]


def lookup(
    subject: Subject,
    scenario: Annotated[
        str | None, typer.Option(help="Answer only what a gateway may know there, e.g. transit.")
    ] = None,
    as_json: AsJson = False,
) -> None:
    """Ask for a subject's current tier and what it is entitled to: one read of Redis.

    Exits with 5 if nothing was ever published about the subject.

    [bold]Example[/]: jasmine lookup r-09c3f0a1b2d4e5f6 --scenario transit --json
    """
    settings = load_settings()
    pack = load_pack(settings.pack)
    with Lookup.from_url(
        settings.redis_url, names_of(pack), evaluator=PackEvaluator(pack), timeout_s=settings.store_timeout_s
    ) as reader:
        answer = reader.lookup(subject)
    if scenario is not None and scenario not in {perk.scenario for perk in pack.perks}:
        fail(Exit.USAGE, f"no perk of the pack is in scenario '{scenario}'")
    shown: dict[str, Any] = (
        answer.for_gateway(scenario)._asdict()
        if scenario
        else {
            **answer._asdict(),
            "perks": list(answer.entitlements),
            "pack": answer.pack and f"{answer.pack:016x}",
        }
    )
    if as_json:
        write_json(shown)
    else:
        pairs(
            subject,
            {name: ", ".join(value) if isinstance(value, list | tuple) else value for name, value in shown.items()},
        )
    if answer.status == "unknown":
        raise typer.Exit(Exit.NOT_FOUND)


def explain(
    subject: Subject,
    at: Annotated[
        datetime | None, typer.Option(help="As of a date, with what is known now.", formats=["%Y-%m-%d"])
    ] = None,
    as_json: AsJson = False,
) -> None:
    """Say why a subject's score is what it is: base, contributions and limits, which sum exactly to it.

    [bold]Example[/]: jasmine explain r-09c3f0a1b2d4e5f6 --at 2026-06-30
    """
    settings = load_settings()
    pack = load_pack(settings.pack)
    number = parse_subject(subject)
    client: Any = redis_client(settings)
    partitions = client.hget(META, "partitions")
    raw = client.get(standing_key(subject, int(partitions))) if partitions else None
    if raw is None:
        fail(Exit.NOT_FOUND, f"nothing was ever published about {subject}")
    day = day_of_date(at.date()) if at else day_of(int(time.time()))
    kind = next(name for name, one in KIND_NAMES.items() if one is kind_of(number))
    state = evaluate(facts_in(raw[CARD_BYTES:]), day, pack, kind)
    answer = _explained(subject, day, state, pack)
    if as_json:
        write_json(answer)
    else:
        _show(answer)


def _explained(subject: str, day: int, state: State, pack: Pack) -> dict[str, Any]:
    return {
        "subject": subject,
        "day": date_of(day).isoformat(),
        "score": state.score,
        "tier": None if state.tier is None else pack.tiers[state.tier].id,
        "entitlements": sorted(state.entitlements),
        "valid_until": None if state.until == NEVER else date_of(state.until).isoformat(),
        "base": pack.base_points,
        "contributions": [_contribution(one) for one in state.contributions],
        "limits": [{"name": name, "points": points} for name, points in state.limits],
    }


def _contribution(one: Contribution) -> dict[str, Any]:
    record, rule = one.record, one.record.rule
    return {
        "type": rule.type,
        "chinese": rule.event_type.chinese,
        "grade": record.grade.label,
        "date": datetime_of(record.occurred).astimezone(CITY_TIMEZONE).date().isoformat(),
        "points": one.points,
        "until": None if one.until == NEVER else date_of(one.until).isoformat(),
        "basis": rule.basis,
        "repair": str(rule.repair),
        "appeal": rule.appeal,
        "offset": record.offset,
    }


def _show(answer: dict[str, Any]) -> None:
    rows = [("base", "", "", answer["base"], "", "")]
    rows += [
        (
            f"{one['chinese']} {one['type']}",
            one["grade"],
            one["date"],
            f"{one['points']:+d}",
            one["until"],
            one["basis"],
        )
        for one in answer["contributions"]
    ]
    rows += [(one["name"], "", "", f"{one['points']:+d}", "", "limit") for one in answer["limits"]]
    table(f"{answer['subject']} on {answer['day']}", ("what", "grade", "date", "points", "until", "basis"), rows)
    score = "no score: not registered" if answer["score"] is None else f"{answer['score']} {answer['tier']}"
    out.print(f"[bold]{score}[/], valid until {answer['valid_until'] or 'something happens'}")


def pseudonym(
    number: Annotated[
        str, typer.Argument(help="An identity number (GB 11643) or credit code (GB 32100), or - to read it.")
    ],
    kind: Annotated[str, typer.Option(help="resident, legal_person or organisation")] = "resident",
) -> None:
    """Turn an identity number into a subject id under this deployment's key; check digits are verified first.

    A number given as an argument stays in the shell's history: prefer standard input.

    [bold]Example[/]: jasmine pseudonym - < number.txt
    """
    pseudonymiser = load_settings().pseudonymiser
    if kind not in KIND_NAMES:
        fail(Exit.USAGE, f"no kind is called '{kind}'; there are {', '.join(KIND_NAMES)}")
    make = {
        "resident": pseudonymiser.resident,
        "legal_person": pseudonymiser.legal_person,
        "organisation": pseudonymiser.organisation,
    }[kind]
    try:
        typer.echo(make(typer.get_text_stream("stdin").read().strip() if number == "-" else number))
    except IdentityNumberError as error:
        fail(Exit.REFUSED, str(error))
