"""`jasmine citizen`: the process that serves the citizen's page."""

import typer

from gateway.citizen.serve import Deployment, serve
from gateway.citizen.signin import Provider
from gateway.errors import ListeningError
from scoring.pack import load_pack
from stream.cli.output import AsJsonLog, Exit, fail
from stream.logs import configure
from stream.settings import PREFIX, Settings, load_settings


def citizen(
    access_log: bool = typer.Option(True, help="Write a line a request, without its subject."),
    as_json: AsJsonLog = False,
) -> None:
    """Serve the page where a citizen sees the score, why it is so, and what can be done about it.

    People sign in at the city's OpenID Connect provider; their identity numbers are turned into subject ids at once.

    [bold]Example[/]: JASMINE_OIDC_ISSUER=https://id.city.example JASMINE_CITIZEN_URL=https://credit.city.example
    JASMINE_SESSION_KEY_FILE=session.key JASMINE_PSEUDONYM_KEY_FILE=key jasmine citizen
    """
    settings = load_settings()
    configure(settings.log_level, "json" if as_json else settings.log_format)
    if not settings.oidc_issuer:
        fail(Exit.SETTINGS, f"{PREFIX}OIDC_ISSUER is not set: give the address of the city's provider")
    try:
        serve(_deployment(settings), settings.citizen_host, settings.citizen_port, access_log=access_log)
    except ListeningError as error:
        fail(Exit.FAILED, f"{error}; set {PREFIX}CITIZEN_HOST or {PREFIX}CITIZEN_PORT")


def _deployment(settings: Settings) -> Deployment:
    return Deployment(
        redis_url=settings.redis_url,
        timeout_s=settings.store_timeout_s,
        kafka=settings.kafka,
        topic=settings.topic_events,
        topic_access=None if settings.access_log == "off" else settings.topic_access,
        pack=load_pack(settings.pack),
        pseudonym_key=settings.key,
        provider=Provider(
            issuer=settings.oidc_issuer,
            client_id=settings.oidc_client_id,
            client_secret=settings.provider_secret,
            claim=settings.oidc_claim,
        ),
        session_key=settings.cookie_key,
        session_s=settings.session_s,
        address=settings.citizen_url,
    )
