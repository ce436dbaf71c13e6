"""Settings: read from the environment handed over, overridden by flags, refused by name."""

from __future__ import annotations

from pathlib import Path

import pytest
from pydantic import ValidationError

from shared.errors import Refused
from shared.settings import PORTS, Settings, read


def test_defaults_need_no_environment() -> None:
    settings = read({})
    assert settings == Settings()
    assert (settings.home, settings.country, settings.bus, settings.host) == (Path("var"), "pe", "local", "127.0.0.1")
    assert not settings.webhook_allow_private
    assert not settings.tlp_clear_anonymous


def test_variables_are_read_by_their_prefix() -> None:
    settings = read({"VEEDOR_HOME": "/srv/veedor", "VEEDOR_LOCAL_LOG_MAX_BYTES": "1048576", "VEEDOR_WEBHOOK_ALLOW_PRIVATE": "true", "HOME": "/root", "VEEDOR_PORT": "0"})
    assert (settings.home, settings.local_log_max_bytes, settings.webhook_allow_private, settings.port) == (Path("/srv/veedor"), 1 << 20, True, 0)


def test_an_empty_variable_is_none() -> None:
    assert read({"VEEDOR_COUNTRY": ""}).country == "pe"


def test_flags_win_and_none_is_no_flag() -> None:
    assert read({"VEEDOR_HOST": "0.0.0.0", "VEEDOR_PORT": "9"}, host="::1", port=None).model_dump(include={"host", "port"}) == {"host": "::1", "port": 9}


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("VEEDOR_PORT", "many"),
        ("VEEDOR_PORT", "70000"),
        ("VEEDOR_PORT", "-1"),
        ("VEEDOR_LOCAL_LOG_MAX_BYTES", "1"),
        ("VEEDOR_WATCHERS", "0"),
        ("VEEDOR_TLP_CLEAR_ANONYMOUS", "perhaps"),
        ("VEEDOR_PUBLIC_URL", "veedor.example.org"),
        ("VEEDOR_DATABASE", "garbage"),
        ("VEEDOR_DATABASE", "postgresql://u:hunter2@db/veedor"),
    ],
)
def test_a_wrong_variable_is_refused_by_name(name: str, value: str) -> None:
    with pytest.raises(Refused, match=f"{name}: .*correct the variable") as refused:
        read({name: value})
    assert refused.value.field == name
    assert "hunter2" not in str(refused.value)


def test_a_flag_nobody_knows_is_refused() -> None:
    with pytest.raises(Refused):
        read({}, colour="red")


def test_settings_are_frozen() -> None:
    with pytest.raises(ValidationError, match="frozen"):
        Settings().host = "0.0.0.0"  # type: ignore[misc]


def test_every_service_has_a_file_of_its_own_or_the_shared_server(tmp_path: Path) -> None:
    assert Settings(home=tmp_path).database_url("ingest") == f"sqlite:///{tmp_path}/ingest.db"
    assert read({"VEEDOR_DATABASE": "postgresql+psycopg://u:p@db/veedor"}).database_url("ingest") == "postgresql+psycopg://u:p@db/veedor"


def test_the_password_of_the_database_does_not_show() -> None:
    assert "hunter2" not in repr(read({"VEEDOR_DATABASE": "postgresql+psycopg://u:hunter2@db/veedor"}))


def test_ports_differ() -> None:
    assert sorted(PORTS.values()) == [8400, 8401, 8402, 8403, 8404]
