# One image for the API, the workers, the relay and the migrations; docker-compose.yml says which is which.

FROM python:3.11-slim AS build
# Empty: PyTorch from the package index, by hash. PyTorch publishes indexes for CPU only and for each CUDA version.
ARG TORCH_INDEX_URL=""
# Optional libraries, by the names of pyproject.toml: "tracing umap mlflow wandb".
ARG EXTRAS=""
WORKDIR /build
RUN python -m venv /opt/venv
ENV PATH=/opt/venv/bin:$PATH PIP_DISABLE_PIP_VERSION_CHECK=1 PIP_NO_CACHE_DIR=1
COPY requirements ./requirements
RUN if [ -z "$TORCH_INDEX_URL" ]; then \
        pip install --require-hashes --no-deps -r requirements/torch.txt; \
    else \
        pip install --index-url "$TORCH_INDEX_URL" "$(grep -o '^torch==[^ ]*' requirements/torch.txt)"; \
    fi
RUN set -- -r requirements/base.txt \
    && for extra in model $EXTRAS; do set -- "$@" -r "requirements/$extra.txt"; done \
    && pip install --require-hashes --no-deps "$@"
# No code, which the second stage copies: the version alone, and not the command, which needs cli/.
COPY pyproject.toml README.md LICENSE ./
RUN pip install --no-deps --no-build-isolation . && rm /opt/venv/bin/outlay

FROM python:3.11-slim
RUN useradd --system --uid 10001 --home-dir /data --create-home outlay \
    && mkdir -p /data/artifacts /data/huggingface && chown -R outlay /data
COPY --from=build /opt/venv /opt/venv
WORKDIR /app
COPY alembic.ini ./
COPY migrations ./migrations
COPY shared ./shared
COPY api ./api
COPY worker ./worker
ENV PATH=/opt/venv/bin:$PATH \
    PYTHONPATH=/app \
    PYTHONUNBUFFERED=1 \
    HF_HOME=/data/huggingface \
    OUTLAY_ENVIRONMENT=production \
    OUTLAY_METRICS_HOST=0.0.0.0 \
    OUTLAY_ARTIFACTS_DIR=/data/artifacts
USER outlay
EXPOSE 8000
CMD ["python", "-m", "uvicorn", "api.main:create_app", "--factory", "--host", "0.0.0.0", "--port", "8000", "--no-access-log"]
