"""Settings: a wrong value is named by its variable, with what was given and what would be right."""

import os
from datetime import date
from pathlib import Path

import pytest

from city.identity import resident_number
from schemas.subjects import Pseudonymiser
from stream.clients import redis_client
from stream.settings import PREFIX, Settings, SettingsError, load_settings, misspelt

KEY = "a key for the tests of settings"


@pytest.fixture(autouse=True)
def _no_settings(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in [*os.environ]:
        if name.startswith(PREFIX):
            monkeypatch.delenv(name)


def test_without_any_variable_there_is_a_deployment_on_this_machine() -> None:
    settings = load_settings()

    assert settings.kafka == {"bootstrap.servers": "127.0.0.1:9092"}
    assert (settings.redis_url, settings.partitions) == ("redis://127.0.0.1:6379/0", 4)


@pytest.mark.parametrize(
    ("name", "value", "remedy"),
    [
        ("PARTITIONS", "0", "greater than or equal to 1"),
        ("PARTITIONS", "70000", "less than or equal to 65535"),
        ("PARTITIONS", "many", "valid integer"),
        ("REPLICATION", "0", "greater than or equal to 1"),
        ("POLL_RECORDS_MAX", "0", "greater than or equal to 1"),
        ("POLL_RECORDS_MAX", "1000000", "less than or equal to 100000"),
        ("METRICS_PORT", "-1", "greater than or equal to 0"),
        ("CITIZEN_URL", "credit.city.example", "give https://HOST or http://HOST:PORT, without a path"),
        ("CITIZEN_URL", "HTTPS://credit.city.example", "give https://HOST"),
        ("CITIZEN_URL", "https://credit.city.example/score", "without a path"),
        ("CITIZEN_URL", "https://credit.city.example:port", "give https://HOST"),
        ("CITIZEN_URL", "https://", "give https://HOST"),
        ("OIDC_ISSUER", "id.city.example", "is no address of a provider"),
        ("METRICS_PORT", "70000", "less than or equal to 65535"),
        ("GATEWAY_PORT", "http", "valid integer"),
        ("LOG_LEVEL", "loud", "'debug', 'info', 'warning' or 'error'"),
        ("LOG_FORMAT", "xml", "'json' or 'console'"),
        ("STALL_S_MAX", "0", "greater than 0"),
        ("STORE_TIMEOUT_S", "-1", "greater than 0"),
        ("STORE_TIMEOUT_S", "soon", "valid number"),
    ],
)
def test_a_wrong_value_names_its_variable_the_value_and_what_would_be_right(
    monkeypatch: pytest.MonkeyPatch, name: str, value: str, remedy: str
) -> None:
    monkeypatch.setenv(PREFIX + name, value)

    with pytest.raises(SettingsError) as refused:
        load_settings()

    message = str(refused.value)
    assert message.startswith(f"{PREFIX}{name}: was {value!r}: ")
    assert remedy in message


def test_all_wrong_values_are_named_at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("JASMINE_PARTITIONS", "0")
    monkeypatch.setenv("JASMINE_LOG_LEVEL", "loud")

    with pytest.raises(SettingsError, match=r"(?s)JASMINE_PARTITIONS.*JASMINE_LOG_LEVEL"):
        load_settings()


def test_every_librdkafka_property_can_be_set(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("JASMINE_KAFKA_BOOTSTRAP_SERVERS", "kafka:9092")
    monkeypatch.setenv("JASMINE_KAFKA_SECURITY_PROTOCOL", "SASL_SSL")
    monkeypatch.setenv("JASMINE_KAFKA_SSL_CA_LOCATION", "/Etc/Case.pem")

    assert load_settings().kafka == {
        "bootstrap.servers": "kafka:9092",
        "security.protocol": "SASL_SSL",
        "ssl.ca.location": "/Etc/Case.pem",
    }


def test_the_key_can_be_given_itself(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("JASMINE_PSEUDONYM_KEY", KEY)

    assert load_settings().key == KEY.encode()


def test_the_key_can_be_kept_in_a_file_whose_last_line_end_does_not_count(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    path = tmp_path / "key"
    path.write_text(KEY + "\n")
    monkeypatch.setenv("JASMINE_PSEUDONYM_KEY_FILE", str(path))
    number = resident_number(1, date(1990, 1, 1), 1)

    assert load_settings().key == KEY.encode()
    assert load_settings().pseudonymiser.resident(number) == Pseudonymiser(KEY.encode()).resident(number)


def test_a_missing_key_says_how_to_make_one() -> None:
    with pytest.raises(SettingsError, match=r"JASMINE_PSEUDONYM_KEY is not set: .*openssl rand -hex 32"):
        _ = load_settings().key


def test_a_short_key_says_how_long_it_has_to_be(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("JASMINE_PSEUDONYM_KEY", "short")

    with pytest.raises(SettingsError, match="has 5 bytes: give at least 16") as refused:
        _ = load_settings().key

    assert "short" not in str(refused.value)


def test_a_key_file_that_cannot_be_read_is_named(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("JASMINE_PSEUDONYM_KEY_FILE", str(tmp_path / "nowhere"))

    with pytest.raises(SettingsError, match=r"JASMINE_PSEUDONYM_KEY_FILE: .*nowhere"):
        _ = load_settings().key


def test_the_key_is_not_shown_with_the_settings(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("JASMINE_PSEUDONYM_KEY", KEY)

    assert KEY not in repr(load_settings())


def test_every_setting_is_described() -> None:
    described = Settings.__doc__ or ""

    assert [name for name in Settings.model_fields if f"{name}:" not in described] == []


def test_a_redis_client_keeps_to_the_stated_timeout_and_does_not_try_again_by_itself() -> None:
    client = redis_client(Settings(redis_url="redis://user:secret@redis:7000/3", store_timeout_s=0.7))

    options = client.connection_pool.connection_kwargs
    assert (options["host"], options["port"], options["db"]) == ("redis", 7000, 3)
    assert (options["socket_timeout"], options["socket_connect_timeout"]) == (0.7, 0.7)
    assert options["retry"].get_retries() == 0


def test_the_key_of_the_citizens_sessions_is_needed_and_long_enough(monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(SettingsError, match="JASMINE_SESSION_KEY is not set"):
        _ = load_settings().cookie_key

    monkeypatch.setenv("JASMINE_SESSION_KEY", "short")
    with pytest.raises(SettingsError, match="JASMINE_SESSION_KEY has 5 bytes"):
        _ = load_settings().cookie_key


def test_a_secret_of_the_citizens_page_may_stand_in_a_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "secret").write_text("what the provider knows\n")
    without = load_settings().provider_secret
    monkeypatch.setenv("JASMINE_OIDC_CLIENT_SECRET_FILE", str(tmp_path / "secret"))

    assert not without
    assert load_settings().provider_secret.split() == ["what", "the", "provider", "knows"]


@pytest.mark.parametrize(
    "stated",
    [
        "http://user:secret@redis:6379/0",
        "redis://user:secret@redis:port/0",
        "redis://user:secret@redis:6379/first",
        "redis://user:secret",
        "",
    ],
)
def test_a_wrong_address_of_redis_is_named_without_its_password(monkeypatch: pytest.MonkeyPatch, stated: str) -> None:
    monkeypatch.setenv("JASMINE_REDIS_URL", stated)

    with pytest.raises(SettingsError, match=r"^JASMINE_REDIS_URL: .*give redis://HOST:PORT/DATABASE") as refused:
        load_settings()

    assert "secret" not in str(refused.value)


@pytest.mark.parametrize(
    "stated", ["redis://redis", "rediss://user:secret@redis:6380/3", "unix:///run/redis.sock?db=2"]
)
def test_each_form_of_an_address_of_redis_is_taken(monkeypatch: pytest.MonkeyPatch, stated: str) -> None:
    monkeypatch.setenv("JASMINE_REDIS_URL", stated)

    assert load_settings().redis_url == stated


def test_a_variable_that_is_nearly_a_settings_is_found_and_no_other(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("JASMINE_PARTITION", "JASMINE_GROUP", "JASMINE_KAFKA_ACKS", "JASMINE_OF_ANOTHER_PROGRAM"):
        monkeypatch.setenv(name, "1")

    assert misspelt() == {"JASMINE_PARTITION": "JASMINE_PARTITIONS"}
