"""Checks that the configured servers answer, before anything is started."""

from pathlib import Path

from pydantic_settings import SettingsConfigDict

from cli.errors import ServerUnavailable
from shared.kit.settings import Settings

ROOT = Path(__file__).resolve().parents[1]
TIMEOUT_S = 3


class CheckoutSettings(Settings):
    """The settings as Outlay's processes will read them: they run in the checkout's root."""

    model_config = SettingsConfigDict(env_file=ROOT / ".env")


def configured_names(settings: Settings) -> set[str]:
    """The names among database_url, redis_url and qdrant_url that the environment or `.env` sets."""
    names = {"database_url", "redis_url", "qdrant_url"}
    return {name for name in names & settings.model_fields_set if getattr(settings, name)}


def check_configured(settings: Settings) -> None:
    """Check every configured server.

    Raises:
        ServerUnavailable: one does not answer.
    """
    for name in sorted(configured_names(settings)):
        CHECKS[name](settings)


def check_database(settings: Settings) -> None:
    """Open a connection to Postgres."""
    import psycopg

    url = settings.database_url.replace("postgresql+psycopg://", "postgresql://", 1)
    try:
        psycopg.connect(url, connect_timeout=TIMEOUT_S).close()
    except psycopg.Error as error:
        raise _unreachable("OUTLAY_DATABASE_URL", "Postgres", error) from error


def check_redis(settings: Settings) -> None:
    """Ping Redis or Valkey."""
    import redis

    try:
        client = redis.from_url(
            settings.redis_url, socket_timeout=TIMEOUT_S, socket_connect_timeout=TIMEOUT_S, retry=None
        )
        try:
            client.ping()
        finally:
            client.close()
    except (redis.RedisError, ValueError) as error:
        raise _unreachable("OUTLAY_REDIS_URL", "Redis", error) from error


def check_qdrant(settings: Settings) -> None:
    """List Qdrant's collections, which needs the API key where there is one."""
    import httpx

    key = settings.qdrant_api_key
    headers = {"api-key": key.get_secret_value()} if key else {}
    try:
        answer = httpx.get(
            f"{(settings.qdrant_url or '').rstrip('/')}/collections", headers=headers, timeout=TIMEOUT_S
        )
        answer.raise_for_status()
    except (httpx.HTTPError, httpx.InvalidURL) as error:
        raise _unreachable("OUTLAY_QDRANT_URL", "Qdrant", error) from error


CHECKS = {"database_url": check_database, "redis_url": check_redis, "qdrant_url": check_qdrant}


def _unreachable(name: str, what: str, error: Exception) -> ServerUnavailable:
    # The first line only, and never the URL: it may hold a password.
    reason = next(iter(str(error).strip().splitlines()), type(error).__name__)
    return ServerUnavailable(
        f"{name} is set, but no {what} answers there: {reason}\n"
        f"Start that server, correct {name}, or unset it to use the embedded one."
    )
