"""Configuration as one frozen object. Only composition roots (`services/*/main.py`, `services/commands/`) build it, from the environment they are handed."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any, Literal

from pydantic import BaseModel, ConfigDict, Field, SecretStr, ValidationError, field_validator

from shared.errors import Refused

PREFIX = "VEEDOR_"
ELSEWHERE = frozenset({"VEEDOR_REFERENCE", "VEEDOR_VERSION"})
"""Variables that others read: tests and training, the compose file."""
SERVER = "postgresql+psycopg://"
PORTS = {"console": 8400, "ingest": 8401, "scoring": 8402, "alerting": 8403, "webhooks": 8404}


class Settings(BaseModel):
    """Every setting, with its default. A field `local_log_max_bytes` is read from VEEDOR_LOCAL_LOG_MAX_BYTES."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    home: Path = Path("var")
    country: str = "pe"
    bus: str = "local"
    database: SecretStr | None = None
    host: str = "127.0.0.1"
    port: int | None = Field(default=None, ge=0, le=65535)
    public_url: str | None = Field(default=None, pattern=r"^https?://[^/\s]+")
    log_level: Literal["DEBUG", "INFO", "WARNING", "ERROR"] = "INFO"
    tlp_clear_anonymous: bool = False
    local_log_max_bytes: int = Field(default=4 << 30, ge=1 << 16)
    watchers: int = Field(default=200, ge=1)
    threads: int = Field(default=32, ge=4)
    webhook_allow_private: bool = False
    dead_letter_limit: int = Field(default=1000, ge=1)
    ingest_url: str = f"http://127.0.0.1:{PORTS['ingest']}"
    scoring_url: str = f"http://127.0.0.1:{PORTS['scoring']}"
    alerting_url: str = f"http://127.0.0.1:{PORTS['alerting']}"
    webhooks_url: str = f"http://127.0.0.1:{PORTS['webhooks']}"

    @field_validator("database")
    @classmethod
    def _ours(cls, database: SecretStr | None) -> SecretStr | None:
        if database is not None and not database.get_secret_value().startswith(SERVER):
            raise ValueError(f"must begin with {SERVER}")
        return database

    @property
    def keys(self) -> Path:
        """Folder of the private keys."""
        return self.home / "keys"

    def database_url(self, service: str) -> str:
        """SQLAlchemy address of a service's own database: a file of its own, or the shared server (the service's schema is set in shared/database.py)."""
        return self.database.get_secret_value() if self.database else f"sqlite:///{self.home / f'{service}.db'}"


def strange(environment: Mapping[str, str]) -> list[str]:
    """Variables that look like ours and are not: most likely typing errors."""
    return sorted(name for name in environment if name.startswith(PREFIX) and name[len(PREFIX) :].lower() not in Settings.model_fields and name not in ELSEWHERE)


def read(environment: Mapping[str, str], **overrides: Any) -> Settings:
    """Settings from VEEDOR_* variables; overrides (command-line flags) that are not None win. Raises Refused naming the variable."""
    known = {name: environment[PREFIX + name.upper()] for name in Settings.model_fields if environment.get(PREFIX + name.upper())}
    known |= {name: value for name, value in overrides.items() if value is not None}
    try:
        return Settings.model_validate(known)
    except ValidationError as error:
        first = error.errors(include_url=False)[0]
        name = PREFIX + str(first["loc"][0]).upper() if first["loc"] else ""
        raise Refused(f"{first['msg'].removeprefix('Value error, ')}: correct the variable and start again", field=name) from error
