"""Nothing is published that was not shown and confirmed; quality of different data is apart."""

import shutil

import polars as pl
import pytest
from live import service
from test_bundles import traffic
from test_dashboard import confirm, looked_at, page, post

import pennyweight
import small_shop
from html_page import Page

MODELS = "/dashboard/bundles"
START = "/dashboard/experiments/start"


@pytest.fixture
def two(live, bundles):
    post(live, f"{MODELS}/add", path=str(bundles[1]))
    (first,) = traffic(live)
    second = next(m["bundle_version"] for m in live.get("/v1/bundles")["bundles"] if not m["share"])
    return live, first, second


def test_the_page_previews_a_change_without_making_it(two):
    live, first, second = two
    before = traffic(live), len(live.get("/v1/audit")["entries"])
    text = page(live, f"{MODELS}/publish?version={second}")
    assert "<h1>Publish?</h1>" in text and "All users would get another bundle" in text
    for version, now, then in ((first, "100 %", "none"), (second, "none", "100 %")):
        row = text.split(f"{version}<small>")[1].split("</tr>")[0]
        assert [cell.split("</td>")[0] for cell in row.split("<td>")[1:3]] == [now, then]
    text = page(live, f"{START}?control={first}&variant1={second}&percent1=20")
    assert "20 % of the users would get another bundle" in text
    assert ">80 %<" in text and ">20 %<" in text
    assert (traffic(live), len(live.get("/v1/audit")["entries"])) == before
    same = page(live, f"{MODELS}/publish?version={first}")
    assert "Nothing would change" in same and not Page(same).of("form")


@pytest.mark.parametrize("path", [f"{MODELS}/publish", START, f"{MODELS}/rollback"])
def test_a_form_that_was_not_confirmed_leads_to_the_question(two, path):
    live, first, second = two
    if path == f"{MODELS}/rollback":
        confirm(live, f"{MODELS}/publish", version=second)
    fields = {
        f"{MODELS}/publish": {"version": second},
        START: {"control": first, "variant1": second, "percent1": "20"},
        f"{MODELS}/rollback": {"x": ""},
    }[path]
    before = traffic(live)
    response = post(live, path, **fields)
    assert response.headers["location"].startswith(path)
    assert traffic(live) == before
    assert ">NDCG@10<" in page(live, response.headers["location"]) or "different data" in page(
        live, response.headers["location"]
    )


def test_after_another_change_confirmation_is_asked_again(two):
    live, first, second = two
    text = page(live, f"{MODELS}/publish?version={second}")
    sent = {f["name"]: f["value"] for f in Page(text).of("input")}
    confirm(live, START, control=first, variant1=second, percent1="10")
    refused = looked_at(post(live, f"{MODELS}/publish", 409, **sent))
    assert "have changed since" in refused and traffic(live) == {first: 0.9, second: 0.1}
    confirm(live, f"{MODELS}/publish", version=second)
    again = post(live, f"{MODELS}/publish", 409, **sent)  # a second click
    assert "have changed since" in again.text and set(traffic(live)) == {second}


def test_quality_measured_on_different_data_is_not_set_side_by_side(two):
    live, first, second = two
    for path in (MODELS, f"{MODELS}/publish?version={second}"):
        text = page(live, path)
        assert "NDCG@10</th>" not in text
        assert "Quality, 2 sets of data" in text and "measured on different data" in text
        for version in (first, second):
            assert f"<dt>{version}</dt>" in text


@pytest.fixture(scope="module")
def comparable_bundles(tmp_path_factory):
    """Bundles of one log: as it is, with other texts, by another protocol, without fingerprints."""
    folder = tmp_path_factory.mktemp("alike")
    items, log = small_shop.items(), small_shop.events()
    scorers = ["popularity", "content"]

    def fitted(items: pl.DataFrame, **more):
        return pennyweight.fit(items, log, encoder="tfidf", scorers=scorers, **more)

    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("PENNYWEIGHT_CACHE", str(folder / "cache"))
        fitted(items).save(folder / "plain")
        fitted(items.with_columns(title=items["title"] + " fresh")).save(folder / "texts")
        fitted(items, protocol="leave-last-out").save(folder / "protocol")
        for name, texts in (
            ("old", items),
            ("older", items.with_columns(title=items["title"] + " x")),
        ):
            old = fitted(texts)
            old.report = old.report.model_copy(update={"data": None})
            old.save(folder / name)
    return folder


@pytest.mark.parametrize(
    ("pair", "same"),
    [
        (("plain", "texts"), True),
        (("plain", "protocol"), False),
        (("old", "older"), True),
        (("plain", "old"), False),
    ],
)
def test_figures_of_the_same_data_and_protocol_are_side_by_side(
    comparable_bundles, tmp_path, pair, same
):
    with service(comparable_bundles / pair[0], tmp_path / "live") as live:
        post(live, f"{MODELS}/add", path=str(comparable_bundles / pair[1]))
        text = page(live, MODELS)
        assert ("NDCG@10</th>" in text) is same
        assert ("sets of data" in text) is not same


def test_a_bundle_that_is_damaged_is_no_reason_to_set_others_apart(comparable_bundles, tmp_path):
    with service(comparable_bundles / "plain", tmp_path / "live") as live:
        shutil.copytree(comparable_bundles / "texts", tmp_path / "copy")
        post(live, f"{MODELS}/add", path=str(tmp_path / "copy"))
        version = next(
            m["bundle_version"] for m in live.get("/v1/bundles")["bundles"] if not m["share"]
        )
        (live.folder / "bundles" / version / "manifest.json").write_text("{")
        assert "NDCG@10</th>" in page(live, MODELS)
        text = looked_at(confirm(live, f"{MODELS}/publish", 409, version=version))
        assert "manifest.json" in text
