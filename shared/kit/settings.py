"""Every setting of Outlay, read from the environment (prefix `OUTLAY_`) and `.env`."""

from functools import lru_cache
from pathlib import Path
from typing import Literal

import limits
from pydantic import Field, SecretStr, ValidationInfo, field_validator
from pydantic_settings import BaseSettings, SettingsConfigDict

PACKAGED_MODEL = "all-MiniLM-L6-v2"  # comes as a Python package: shared/engines/packaged_model.py


class Settings(BaseSettings):
    """All settings, flat and validated. Each process builds them once and passes them down."""

    model_config = SettingsConfigDict(
        env_prefix="OUTLAY_", env_file=".env", extra="ignore", frozen=True, hide_input_in_errors=True
    )

    environment: Literal["development", "test", "production"] = "development"
    log_level: Literal["DEBUG", "INFO", "WARNING", "ERROR"] = "INFO"
    root_key: SecretStr | None = Field(
        default=None, min_length=16, description="Creates organisations and their first key; nothing else."
    )

    # The three servers.
    database_url: str = "postgresql://outlay@127.0.0.1:5432/outlay"
    database_pool_size: int = Field(
        default=20, ge=1, le=200, description="Connections per process; also AnyIO's thread limit in the API."
    )
    redis_url: str = "redis://127.0.0.1:6379/0"
    qdrant_url: str | None = Field(default=None, description="A Qdrant server; unset: the Edge sidecar.")
    qdrant_api_key: SecretStr | None = None
    edge_socket: Path | None = Field(default=None, description="Unix socket of the Edge sidecar.")
    edge_authkey: SecretStr | None = Field(default=None, description="Shared secret of the Edge sidecar.")

    # Files: trained models, uploads, reports.
    artifacts_dir: Path = Path(".outlay/artifacts")
    models_dir: Path | None = Field(
        default=None, description="A folder whose models every organisation may import; unset: none."
    )

    # Models.
    base_model: str = Field(
        default=PACKAGED_MODEL,
        description="Packaged model's name, a hub id (pin it with base_model_revision) or a local folder.",
    )
    base_model_revision: str | None = None
    device: Literal["auto", "cpu", "cuda", "mps"] = "auto"
    encode_batch_size: int = Field(default=64, ge=1, le=1024)
    compute_threads: int = Field(
        default=8, ge=1, le=200, description="Requests of an API process that encode and search at once."
    )
    warm_up: bool = Field(
        default=True, description="Load the active models before the API is ready; else with first requests."
    )
    encoder_cache_size: int = Field(
        default=3, ge=1, description="Encoders kept loaded in a process; one more replaces the oldest."
    )
    reranker_cache_size: int = Field(
        default=2, ge=1, description="Rerankers kept loaded in a process; one more replaces the oldest."
    )

    # The LLM that generates transactions: any endpoint with OpenAI's chat completions API.
    llm_base_url: str | None = Field(
        default=None, description="Such as https://api.openai.com/v1; unset: none."
    )
    llm_api_key: SecretStr | None = None
    llm_model: str | None = None
    llm_mode: Literal["json_schema", "tools", "json"] = "json_schema"
    llm_timeout_seconds: float = Field(default=60, gt=0, le=600, description="For one call.")
    llm_concurrency: int = Field(default=4, ge=1, le=64)
    llm_input_price: float = Field(default=0, ge=0, description="Per million prompt tokens.")
    llm_output_price: float = Field(default=0, ge=0, description="Per million completion tokens.")

    # A hosted reranker that speaks Cohere's rerank API (v2).
    rerank_base_url: str | None = Field(
        default=None, description="Such as https://api.cohere.com; unset: none."
    )
    rerank_api_key: SecretStr | None = None
    rerank_model: str | None = Field(default=None, description="A model's name, or a fine-tuned model's id.")
    rerank_timeout_seconds: float = Field(
        default=5, gt=0, le=60, description="For one query, retries included."
    )

    trainer_processes: int = Field(
        default=1, ge=1, description="Of one fine-tuning, each on a GPU of its own; more than 1 by torchrun."
    )

    # Model hub and experiment trackers; each tracker needs its extra.
    hub_token: SecretStr | None = Field(
        default=None, description="Of a model hub; for push and private models."
    )
    training_reports: list[Literal["wandb", "mlflow"]] = Field(
        default_factory=list, description='As JSON, such as ["mlflow"]; empty: nowhere.'
    )

    # Limits of the API.
    max_body_bytes: int = Field(default=2 * 1024 * 1024, ge=1024)
    max_upload_bytes: int = Field(default=200 * 1024 * 1024, ge=1024)
    rate_limit: str | None = Field(
        default="6000/minute", description="Requests per API key, as `count/period`; empty: no limit."
    )
    failed_authentication_limit: str = Field(
        default="60/minute",
        description="Requests with an invalid key per client address; holds where rate_limit is set.",
    )
    max_concurrent_requests: int = Field(
        default=32,
        ge=1,
        description="In work at once per process, those to categorise counted apart; more are answered 503.",
    )
    max_queued_jobs: int = Field(
        default=1000, ge=1, description="Jobs an organisation may have waiting; more are answered 429."
    )

    # Jobs and their retention; times are measured by the database's clock.
    job_lease_seconds: float = Field(default=60, gt=0)
    job_heartbeat_seconds: float = Field(default=10, gt=0)
    job_outage_limit_seconds: float = Field(
        default=86_400,
        ge=0,
        description="How long a job is put off while a dependency is away; then it fails with that error.",
    )
    relay_poll_seconds: float = Field(default=1, gt=0)
    ended_jobs_kept_days: float = Field(
        default=90, ge=1, description="Longer where a model, evaluation, dataset or candidate names the job."
    )
    ended_index_jobs_kept_days: float = Field(
        default=7, ge=1, description="Of jobs that keep the index up to date: at least one for each label."
    )
    ended_searches_kept_days: float = Field(
        default=365, ge=1, description="With their trials; longer where a model names one of them."
    )
    shutdown_grace_seconds: float = Field(
        default=15,
        ge=0,
        le=25,
        description="After TERM a running job has this long to end; then it is given back.",
    )

    # Metrics and traces.
    metrics_port: int | None = Field(
        default=None,
        ge=0,
        le=65535,
        description="Where a worker or the relay serves Prometheus; unset: nowhere.",
    )
    metrics_host: str = Field(default="127.0.0.1", description="The address that it listens on for that.")
    otlp_endpoint: str | None = Field(
        default=None, description="OpenTelemetry collector's HTTP address; needs the extra `tracing`."
    )

    @field_validator("rate_limit", "failed_authentication_limit")
    @classmethod
    def _check_rate_limit(cls, value: str | None, info: ValidationInfo) -> str | None:
        """At the start rather than at the first request."""
        if info.field_name == "rate_limit" and (value is None or not value.strip()):
            return None
        try:
            [limit] = limits.parse_many(value or "")
        except ValueError:
            limit = None
        if limit is None or limit.amount < 1:
            raise ValueError("must be one limit of at least 1, such as '6000/minute' or '100/10 seconds'")
        return value


@lru_cache(maxsize=1)
def get_settings() -> Settings:
    """This process's settings; a process entry calls it once and hands the value on."""
    return Settings()
