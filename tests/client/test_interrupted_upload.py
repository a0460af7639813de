"""A service that is killed and started again in the middle of an upload: each event once."""

import threading
import time

import pytest
from processes import KilledService

from pennyweight.client import Client, EventRecord, Retries, UnreachableError

N = 12_000


def test_each_event_is_stored_once(bundle, tmp_path):
    service = KilledService(bundle, tmp_path / "live")
    service.start()
    sent: list[int] = []
    events = [EventRecord(f"u{i % 50}", f"i{i % 20}", timestamp=1.7e9 + i) for i in range(N)]

    def upload() -> None:
        retries = Retries(patience=120.0)
        with Client(service.url, retries=retries, timeout=20.0) as client:
            sent.extend(part.accepted for part in client.stream_events(events, batch=100))

    uploading = threading.Thread(target=upload)
    try:
        uploading.start()
        for n in (20, 60):
            while len(sent) < n and uploading.is_alive():
                time.sleep(0.002)
            service.kill()
            service.start()
        uploading.join(120)
        assert len(sent) == N // 100
        ids = service.event_ids()
        assert sorted(ids) == sorted(event.event_id for event in events)
    finally:
        service.kill()


def test_a_service_that_is_gone_is_named(bundle, tmp_path):
    service = KilledService(bundle, tmp_path / "live")
    with Client(service.url, retries=Retries(patience=0.3)) as client:
        with pytest.raises(UnreachableError, match=f"{service.url}/v1/version: no response"):
            client.version()
