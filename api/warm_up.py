"""Models are loaded before the process says that it is ready, so no request pays for a cold start."""

import threading
from collections.abc import Callable
from functools import partial

from sqlalchemy.exc import SQLAlchemyError

from shared.engines.encoder_cache import ModelRef
from shared.engines.reranker import RerankQuery
from shared.engines.reranker_cache import RerankerRef
from shared.kit.errors import AppError, Unavailable
from shared.kit.logging import get_logger
from shared.kit.unit_of_work import transaction
from shared.registry.serving import most_used_models, most_used_rerankers
from shared.resources import Resources

log = get_logger(__name__)

RETRY_SECONDS = 2.0
TEXT = "warm-up"


class WarmingUp(Unavailable):
    code = "warming-up"
    message = "The models are being loaded. Send the same request again in a few seconds."


class WarmUp:
    """Loads the models that serve the most organisations, as many as the caches hold, in a thread.

    A model that cannot be loaded is logged and passed over: its own requests fail, and others need not.
    """

    def __init__(self, resources: Resources) -> None:
        self._resources = resources
        self._is_done = threading.Event()
        self._is_stopped = threading.Event()
        self._thread = threading.Thread(target=self._run, name="warm-up")

    @property
    def is_done(self) -> bool:
        """Whether requests may be categorised."""
        return self._is_done.is_set()

    def start(self) -> None:
        """Begin, and return at once."""
        self._thread.start()

    def skip(self) -> None:
        """Load nothing: models are loaded by the first requests that need them."""
        self._is_done.set()

    def stop(self) -> None:
        """Return when the thread has ended: after the model that it is loading."""
        self._is_stopped.set()
        if self._thread.ident is not None:
            self._thread.join()

    def check(self) -> None:
        """Raise WarmingUp until the models are loaded."""
        if not self.is_done:
            raise WarmingUp(retry_after=RETRY_SECONDS)

    def _run(self) -> None:
        for load in self._loads():
            if self._is_stopped.is_set():
                return
            try:
                load()
            except AppError as error:
                log.warning("a model cannot be warmed up", code=error.code)
            except Exception:  # whatever a broken model does, the others are served
                log.exception("a model cannot be warmed up")
        if not self._is_stopped.is_set():
            self._is_done.set()
            log.info("models are warm")

    def _loads(self) -> list[Callable[[], None]]:
        """What to load, once the database says which models are in use; nothing after `stop`."""
        resources, settings = self._resources, self._resources.settings
        while not self._is_stopped.is_set():
            try:
                with transaction(resources.engine) as session:
                    models = most_used_models(session, settings.encoder_cache_size)
                    rerankers = most_used_rerankers(session, settings.reranker_cache_size)
                break
            except (Unavailable, SQLAlchemyError) as error:
                log.warning("warm-up waits for the database", error=type(error).__name__)
                self._is_stopped.wait(RETRY_SECONDS)
        else:
            return []
        base = ModelRef(settings.base_model, settings.base_model_revision)
        if base not in models and len(models) < settings.encoder_cache_size:
            models.append(base)
        return [
            *(partial(self._load_encoder, ref) for ref in models),
            *(partial(self._load_reranker, ref) for ref in rerankers),
        ]

    def _load_encoder(self, ref: ModelRef) -> None:
        self._resources.encoders.get(ref).encode([TEXT])

    def _load_reranker(self, ref: RerankerRef) -> None:
        self._resources.rerankers.get(ref).score([RerankQuery(TEXT, [TEXT, f"another {TEXT}"])])
