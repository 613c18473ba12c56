"""What a broker's silence becomes."""

import pytest

from shared.engines.queue import Broker, BrokerUnavailable
from tests.silence import silent_port


@pytest.mark.timeout(30)
def test_a_broker_that_never_answers_is_away() -> None:
    with silent_port() as port:
        broker = Broker(f"redis://127.0.0.1:{port}/0")
        with pytest.raises(BrokerUnavailable):
            broker.ping()
        with pytest.raises(BrokerUnavailable):
            broker.length("default")
        broker.close()
