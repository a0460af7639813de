"""The preview of lists, the configuration of bundles, and the status of the service."""

import re
from urllib.parse import urlencode

import pytest
from test_browse_pages import ids
from test_dashboard import facts, page

from pennyweight.serving.live.last_runs import BACKUP_RUN, REFIT_RUN, LastRun, note_run


def preview(live, **fields: object) -> list[str]:
    """Return the sections of the lists."""
    text = page(live, f"/dashboard/preview?{urlencode(fields)}")
    return text.split("<section>")[1:]


def changes(section: str) -> list[str]:
    words = r"same place|only here|place \d+ there|up \d+|down \d+"
    return re.findall(rf"<td>(?:<strong>)?({words})", section)


def test_equal_settings_give_one_list_as_served(live):
    (section,) = preview(live, user="u1", k_a=5, k_b=5)
    served = live.ids("/v1/recommend/u1", k=5)
    assert ids(section, "items") == served and not changes(section)
    (section,) = preview(live, history="i1\r\n\r\ni2")
    body = {"items": ["i1", "i2"], "k": 10}
    items = live.post("/v1/recommend", body)["items"]
    assert ids(section, "items") == [item["item_id"] for item in items]


def test_changes_between_two_lists_are_marked(live):
    first, second = preview(live, user="u1", k_a=8, k_b=8, diversity_b=0.9)
    listed = [ids(section, "items") for section in (first, second)]
    assert listed[0] == live.ids("/v1/recommend/u1", k=8)
    assert listed[1] == live.ids("/v1/recommend/u1", k=8, diversity=0.9) != listed[0]
    for here, there, words in zip(listed, listed[::-1], map(changes, (first, second)), strict=True):
        for at, (item, word) in enumerate(zip(here, words, strict=True)):
            assert (word == "only here") == (item not in there)
            assert (word == "same place") == (item in there and there.index(item) == at)
    up = [at for at, word in enumerate(changes(second)) if word.startswith("up")]
    assert all(listed[0].index(listed[1][at]) > at for at in up)


def test_a_preview_is_neither_logged_nor_counted(live):
    before = live.metric("pennyweight_recommendations_total")
    preview(live, user="u1")
    assert live.metric("pennyweight_recommendations_total") == before
    assert live.engine.store.read_now(lambda store: store.counts())["recommendations"] == 0


@pytest.mark.parametrize(
    ("fields", "message"),
    [
        ({"user": "u1", "k_a": "0"}, "k is &#39;0&#39;; enter a number from 1 to 100"),
        ({"user": "u1", "k_a": "1e9"}, "k is"),
        ({"user": "u1", "diversity_a": "nan"}, "diversity is"),
        ({"user": "u1", "filter_a": "prize < 3"}, "did you mean"),
        ({"user": "u1", "bundle_a": "<b>"}, "is not served"),
        ({"user": "u1", "history": "i1"}, "exclude each other"),
        ({"history": "\n".join(["i1"] * 201)}, "at most 200"),
        ({"history": "i1\n<b>no"}, "Not in the catalog: &lt;b&gt;no"),
    ],
)
def test_a_bad_setting_fails_its_list_alone(shared_live, fields, message):
    first = preview(shared_live, **fields)[0]
    assert message.lower() in first.partition('role="alert"')[2].lower()


def test_the_configuration_of_a_bundle(live):
    text = page(live, "/dashboard/configuration")
    scorer = live.engine.traffic.split.primary.recommender.scorer
    for name, weight in scorer.component_weights.items():
        assert f">{name}</th>" in text and (scorer.routes or f">{weight:.3f}</td>" in text)
    assert facts(text)["Encoder"].strip().startswith("<bdi>tfidf")
    assert text.index(">set</td>") < text.index(">default</td>")
    assert "scorers.names" in text.partition(">default</td>")[0]
    assert "is not served" in page(live, "/dashboard/configuration?bundle=%3Cb%3E", 404)


def test_the_status_of_the_service(live):
    text = page(live, "/dashboard/status")
    assert facts(text)["Newest event"] == "none" and "none is known" in text
    live.post("/v1/events", {"user_id": "u1", "item_id": "i1"})
    now = live.engine.clock()
    note_run(live.folder, REFIT_RUN, LastRun(now - 7_200, "not-published"))
    note_run(live.folder, BACKUP_RUN, LastRun(now - 172_800 * 2, "saved"))
    (live.folder / "refit").mkdir()  # a refit that ended leaves it empty
    assert "under way" not in page(live, "/dashboard/status")
    (live.folder / "refit" / "events.parquet").touch()
    live.engine.notes["x"] = "the <disk> is old"
    text = page(live, "/dashboard/status")
    assert "bundle was not published, 2 h 0 min ago" in text and "saved, 4 days ago" in text
    assert "stopped halfway" in text and "The &lt;disk&gt; is old" in text
    assert facts(text)["Events"] == "1" and "ago" in facts(text)["Newest event"]
    assert facts(text)["Writes"] == "yes"
