"""Imports on the dashboard: a file is read, looked at, confirmed, and stored once."""

import asyncio
import json
import socket
import time
from pathlib import Path

import polars as pl
import pytest
from live import Service
from test_dashboard import looked_at, page, post

from html_page import Page
from pennyweight.client import Client
from pennyweight.ingestion.checkpoint import RefusedRows
from pennyweight.ingestion.ingest import Ingestion
from pennyweight.ingestion.mapping import EventMapping
from pennyweight.serving.dashboard.multipart import read_file_form
from pennyweight.serving.http.problems import Refusal
from pennyweight.serving.http.uploads import UPLOAD_BYTES
from pennyweight.serving.imports.events import read_events
from pennyweight.serving.imports.items import read_items
from pennyweight.serving.imports.report import DroppedRows, ImportReport
from pennyweight.serving.imports.settings import ROWS, ImportSettings
from pennyweight.serving.live.bundles import BundleStore
from pennyweight.serving.live.served_bundle import ServedBundle

NOW = 1.8e9
CSV = b"""user,item,timestamp,event_type,note
ann,i1,1700000000,purchase,x
bob,i2,1700000001,view,x
,i3,1700000002,view,x
cat,i4,yesterday,view,x
dan,i5,1900000000,view,x
eve,nowhere,1700000003,view,x
"""


@pytest.fixture(scope="module")
def served(bundles, tmp_path_factory) -> ServedBundle:
    store = BundleStore(tmp_path_factory.mktemp("imports") / "bundles")
    stored = store.add(bundles[0])
    return store.load(stored)


def work(tmp_path: Path, data: bytes) -> Path:
    folder = tmp_path / "work"
    folder.mkdir()
    (folder / "upload").write_bytes(data)
    return folder


def events(folder: Path, served: ServedBundle, **settings) -> tuple[ImportReport, list[dict]]:
    report = read_events(
        folder, ImportSettings("events", "log.csv", **settings), served, items={"live"}, now=NOW
    )
    rows = [json.loads(line) for line in (folder / ROWS).read_text().splitlines()]
    assert report.read == report.kept + sum(loss.count for loss in report.dropped)
    assert report.kept == len(rows) and ImportReport.from_json(report.to_json()) == report
    return report, rows


def test_rows_of_events_are_kept_or_dropped_with_a_reason(served, tmp_path):
    report, rows = events(work(tmp_path, CSV), served)
    assert (report.read, report.kept) == (6, 3)
    assert [row["user_id"] for row in rows] == ["ann", "bob", "eve"]
    reasons = " ".join(loss.reason for loss in report.dropped)
    assert "has no user" in reasons and "neither ISO 8601 nor epoch" in reasons
    assert "is in the future" in reasons
    notes = " ".join(report.notes)
    assert "user = user, item = item" in notes and "1 event of the type purchase: positive" in notes
    assert "1 event on 1 item outside the catalog, such as nowhere" in notes
    assert any("note: " in finding or "warning: " in finding for finding in report.findings)


@pytest.mark.parametrize("form", ["jsonl", "parquet"])
def test_other_forms_have_the_same_events(served, tmp_path, form):
    frame = pl.DataFrame(
        {
            "user": ["ann", "bob"],
            "item": ["i1", "i2"],
            "when": [1_700_000_000, 1_700_000_001],
            "event_type": ["purchase", "view"],
        }
    ).with_columns(pl.from_epoch("when"))
    path = tmp_path / "file"
    if form == "parquet":
        frame.write_parquet(path)
    else:
        frame.with_columns(pl.col("when").dt.to_string("iso")).write_ndjson(path)
    report, rows = events(work(tmp_path, path.read_bytes()), served, columns={"time": "when"})
    assert report.read == report.kept == 2
    found = [(row["user_id"], row["item_id"], row["timestamp"], row["event_type"]) for row in rows]
    assert found == [("ann", "i1", 1.7e9, "purchase"), ("bob", "i2", 1.7e9 + 1, "view")]
    assert len({row["event_id"] for row in rows}) == 2


def test_reasons_do_not_multiply_with_values():
    dropped = DroppedRows()
    for n in range(50):
        dropped.add(f"time 'x{n}' is no date after {n}", f"row {n}")
    for letter in "abcdefghijklmnopqrstuvwxyz":
        dropped.add(f"reason {letter}", letter)
    first, *rest = dropped.losses()
    assert first.count == 50 and first.examples == ("row 0", "row 1", "row 2")
    assert sum(loss.count for loss in rest) == 26 and len(rest) <= 20
    assert "other reasons" in [loss.reason for loss in rest]


def test_items_are_new_changed_unchanged_or_refused(served, tmp_path):
    own = served.catalog.attributes
    title, price = own["title"].to_list(), own["price"].to_list()
    ids = served.catalog.ids
    frame = pl.DataFrame(
        {
            "item_id": [ids[0], ids[1], "new", ids[2], None, "bad"],
            "title": [title[0], "another title", "a new tea", title[2], "no id", "bad tea"],
            "price": [str(price[0]), str(price[1]), "3.5", str(price[2]), "1", "1e30"],
            "stock": ["1"] * 6,
        }
    )
    for name in own.columns:
        if name not in frame.columns:
            values = own[name].to_list()
            texts = [str(values[0]), str(values[1]), None, str(values[2]), None, None]
            frame = frame.with_columns(pl.Series(name, texts, dtype=pl.String))
    folder = work(tmp_path, frame.write_csv().encode())
    report = read_items(folder, ImportSettings("items", "items.csv"), served, {})
    rows = {
        row["item_id"]: row for row in map(json.loads, (folder / ROWS).read_text().splitlines())
    }
    assert report.read == 6 == report.kept + sum(loss.count for loss in report.dropped)
    assert set(rows) == {ids[1], "new"} and rows["new"]["attributes"]["price"] == 3.5
    assert rows[ids[1]]["attributes"]["title"] == "another title"
    losses = {loss.reason: loss.count for loss in report.dropped}
    assert losses["as in the catalog already"] == 2 and losses["missing item id"] == 1
    assert any("number" in reason for reason in losses)
    assert any("no such column: stock" in note for note in report.notes)


def upload(live: Service, data: bytes, status: int = 303, **fields: str) -> str:
    """Send a file; return the address of its page."""
    sent = live.http.post(
        "/dashboard/import",
        data={"kind": "events"} | fields,
        files={"file": ("<b>log.csv", data, "text/csv")},
        headers={"sec-fetch-site": "same-origin", "accept": "text/html"},
    )
    assert sent.status_code == status, sent.text
    return sent.headers.get("location", sent.text)


def settled(live: Service, address: str) -> str:
    text = looked_at(live.http.get(address))
    while "is being" in text:
        time.sleep(0.2)
        text = looked_at(live.http.get(address))
    return text


def hidden(text: str) -> str:
    (token, *_) = [f["value"] for f in Page(text).of("input") if f.get("name") == "token"]
    return token


def test_nothing_is_stored_before_the_confirmation_and_nothing_twice(live, tmp_path):
    for stored, repeated in ((3, 0), (0, 3)):
        address = upload(live, CSV)
        text = settled(live, address)
        assert "&lt;b&gt;log.csv" in text and "Store 3 events" in text and "has no user" in text
        before = live.metric("pennyweight_events_total")
        assert before == (0 if stored else 3)
        moved = post(live, "/dashboard/import/confirm", token=hidden(text))
        text = settled(live, moved.headers["location"])
        assert f"{stored} events stored, {repeated} stored before, 0 of erased users" in text
        assert post(live, "/dashboard/import/confirm", token=address.partition("=")[2])
    assert live.metric("pennyweight_events_total") == 6  # with the three that were known
    assert "events: 3 stored, 0 stored before, 0 erased" in page(live, "/dashboard/audit")
    history = live.get("/v1/users/ann")["events"]
    assert any(event["item_id"] == "i1" and event["timestamp"] == 1.7e9 for event in history)
    (tmp_path / "log.csv").write_bytes(CSV)
    with Client(f"http://127.0.0.1:{live.port}") as client:  # the ids are those of `ingest`
        refused = RefusedRows(tmp_path / "refused.jsonl", None)
        ingestion = Ingestion(client, EventMapping("log.csv"), refused)
        ingestion.file(tmp_path / "log.csv", follow=False)
    assert ingestion.counts.duplicates == 3 and ingestion.counts.refused == 3
    text = page(live, "/dashboard/import")
    assert text.count("<td>is stored</td>") == 2
    assert live.http.delete("/v1/users/ann").status_code == 200
    assert not (live.folder / "imports").exists()
    assert "is gone" in page(live, address, 404)


def test_items_of_a_file_are_recommended(live):
    text = settled(live, upload(live, b"item_id,title\nnew,green tea for cats\n", kind="items"))
    assert "1 item new to the catalog, 0 changed" in text
    moved = post(live, "/dashboard/import/confirm", token=hidden(text))
    assert "1 item stored" in settled(live, moved.headers["location"])
    deadline = time.monotonic() + 60
    while "new" not in live.ids("/v1/similar/i0", k=50):
        assert time.monotonic() < deadline
    assert live.get("/v1/items/new")["attributes"]["title"] == "green tea for cats"


def test_bad_uploads_are_refused(live):
    assert "no file was chosen" in upload(live, b"", 422).lower()
    assert "events or items" in upload(live, b"user,item\na,b\n", 422, kind="users")
    assert not list((live.folder / "imports").iterdir())
    failed = settled(live, upload(live, b"a,b\n1,2\n"))
    assert "The import failed" in failed and "user" in failed
    post(live, "/dashboard/import", 415, kind="events")
    post(live, "/dashboard/import/confirm", 404, token="x")
    other = live.http.post(
        "/dashboard/import", files={"file": b"x"}, headers={"sec-fetch-site": "cross-site"}
    )
    assert other.status_code == 403
    head = "POST /dashboard/import HTTP/1.1\r\nhost: localhost\r\n"
    head += f"content-length: {UPLOAD_BYTES + 1}\r\n\r\n"
    with socket.create_connection(("127.0.0.1", live.port), timeout=60) as connection:
        connection.sendall(head.encode())
        answer = connection.recv(10_000)
    assert b" 413 " in answer.partition(b"\r\n")[0] and b"larger than 67,108,864 bytes" in answer


def test_a_file_may_be_larger_than_other_bodies(live):
    note = b"x" * 3_000
    rows = b"".join(b"u%d,i1,%d,%b\n" % (n, 1_700_000_000 + n, note) for n in range(1_600))
    text = settled(live, upload(live, b"user,item,timestamp,note\n" + rows))
    assert len(rows) > 4 << 20 and "Store 1,600 events" in text
    post(live, "/dashboard/import/discard", token=hidden(text))
    assert not list((live.folder / "imports").iterdir())
    for _ in range(4):
        upload(live, CSV)
    assert "4 imports wait" in upload(live, CSV, 503)


class _Request:
    """A request whose body comes in pieces of some bytes."""

    def __init__(self, body: bytes, size: int) -> None:
        self.headers = {"content-type": "multipart/form-data; boundary=xyz"}
        self._pieces = [body[at : at + size] for at in range(0, len(body), size)]

    async def stream(self):
        for piece in self._pieces:
            yield piece


BODY = (
    b'--xyz\r\nContent-Disposition: form-data; name="kind"\r\n\r\nitems\r\n'
    b'--xyz\r\nContent-Disposition: form-data; name="file"; filename="C:\\a\\b.csv"\r\n'
    b"Content-Type: text/csv\r\n\r\nuser,item\r\n--xy\r\n\r\n--xyz--\r\n"
)


@pytest.mark.parametrize("size", [1, 2, 3, 7, 64, 10_000])
def test_a_form_is_read_however_it_is_cut(tmp_path, size):
    fields, name = asyncio.run(read_file_form(_Request(BODY, size), tmp_path / "upload"))
    assert fields == {"kind": "items"} and name == "b.csv"
    assert (tmp_path / "upload").read_bytes() == b"user,item\r\n--xy\r\n"
    assert (tmp_path / "upload").stat().st_mode & 0o077 == 0


@pytest.mark.parametrize("end", range(1, len(BODY) - 5, 9))
def test_a_form_that_is_cut_short_is_refused(tmp_path, end):
    with pytest.raises(Refusal):
        asyncio.run(read_file_form(_Request(BODY[:end], 16), tmp_path / "upload"))
