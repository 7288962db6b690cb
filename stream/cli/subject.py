"""`jasmine lookup` and `pseudonym`: one subject's standing, and its id."""

from typing import Annotated, Any

import typer

from gateway.evaluate import PackEvaluator, evaluator_of, names_of
from gateway.lookup import Lookup
from gateway.names import Scenario
from schemas.subjects import IdentityNumberError
from scoring.pack import KIND_NAMES, load_pack
from stream.cli.accesses import record
from stream.cli.output import AsJson, Exit, fail, pairs, write_json
from stream.settings import load_settings

Subject = Annotated[str, typer.Argument(help="A subject id, such as r-09c3f0a1b2d4e5f6.")]


def lookup(
    subject: Subject,
    scenario: Annotated[
        Scenario | None, typer.Option(help="Answer only what a gateway may know there, e.g. transit.")
    ] = None,
    as_json: AsJson = False,
) -> None:
    """Ask for a subject's current tier and what it is entitled to: one read of Redis.

    The subject is shown that a desk has read it. Exits with 5 if nothing was ever published about the subject.

    [bold]Example[/]: jasmine lookup r-09c3f0a1b2d4e5f6 --scenario transit --json
    """
    settings = load_settings()
    pack = load_pack(settings.pack)
    with Lookup.from_url(
        settings.redis_url,
        names_of(pack),
        evaluator=PackEvaluator(pack),
        load=evaluator_of,
        timeout_s=settings.store_timeout_s,
    ) as reader:
        answer = reader.lookup(subject)
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
    record(settings, subject, "desk", "tier" if scenario else "standing", as_of=answer.as_of)
    if answer.status == "unknown":
        raise typer.Exit(Exit.NOT_FOUND)


def pseudonym(
    number: Annotated[
        str, typer.Argument(help="An identity number (GB 11643) or credit code (GB 32100), or - to read it.")
    ],
    kind: Annotated[str, typer.Option(help="resident, legal_person or organisation")] = "resident",
    as_json: AsJson = False,
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
        subject = make(typer.get_text_stream("stdin").read().strip() if number == "-" else number)
    except IdentityNumberError as error:
        fail(Exit.REFUSED, str(error))
    write_json({"subject": subject}) if as_json else typer.echo(subject)
