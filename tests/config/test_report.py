import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pennyweight.config.ablation import AblationCost, AblationDifference, EncoderAblation
from pennyweight.config.ablation_table import AblatedSlice
from pennyweight.config.report import CleaningFinding, Cost, Measurement, Report
from pennyweight.config.search import SearchQuality, SearchTaskQuality
from pennyweight.errors import BundleError

text = st.text(st.characters(codec="utf-8"), max_size=8)
number = st.floats(allow_nan=False, allow_infinity=False)
count = st.integers(0, 2**53)
measured = st.builds(Measurement, value=number, low=number, high=number)
reports = st.builds(
    Report,
    protocol=text,
    users=count,
    items=count,
    events=count,
    scorers=st.dictionaries(text, st.dictionaries(text, measured, max_size=2), max_size=2),
    cost=st.builds(Cost, seconds=st.dictionaries(text, number, max_size=2), peak_rss_bytes=count),
    repeats=st.none() | text,
    seed=st.none() | count,
    evaluated_users=st.none() | count,
    blend=st.none() | st.dictionaries(text, number, max_size=2),
    cleaning=st.none()
    | st.lists(
        st.builds(
            CleaningFinding,
            table=text,
            reason=text,
            count=count,
            action=text,
            examples=st.lists(text, max_size=2).map(tuple),
        ),
        max_size=2,
    ).map(tuple),
    columns=st.none() | st.dictionaries(text, text, max_size=2),
    machine=st.none()
    | st.dictionaries(text, text | count | st.lists(text, max_size=2).map(tuple), max_size=2),
    versions=st.none() | st.dictionaries(text, text, max_size=2),
    created=st.none() | text,
)


@pytest.fixture
def report():
    def row(value):
        return {
            m: Measurement(value=value, low=value / 2, high=value * 1.5)
            for m in ("ndcg@10", "recall@10", "recall@50")
        }

    return Report(
        protocol="leave-last-out",
        users=1200,
        items=90,
        events=8000,
        scorers={"popular": row(0.05), "<blend>": row(0.2)},
        cost=Cost(seconds={"encode": 1.5}, peak_rss_bytes=1, bundle_bytes=2),
        evaluated_users=1000,
    )


@given(reports)
def test_round_trip(report):
    assert Report.from_json(report.to_json()) == report


def test_shape_of_the_json(report, tmp_path):
    report.write(tmp_path / "report.json")
    assert Report.read(tmp_path / "report.json") == report
    plain = json.loads((tmp_path / "report.json").read_text())
    assert list(plain) == [
        "format_version",
        "protocol",
        "users",
        "items",
        "events",
        "scorers",
        "cost",
        "evaluated_users",
    ]
    assert plain["scorers"]["popular"]["ndcg@10"] == {
        "value": 0.05,
        "low": 0.025,
        "high": 0.05 * 1.5,
    }
    assert plain["cost"] == {"seconds": {"encode": 1.5}, "peak_rss_bytes": 1, "bundle_bytes": 2}


def test_table(report):
    assert report.table().splitlines() == [
        "1,200 users, measured on 1,000 test users, 90 items, 8,000 events, leave-last-out",
        "",
        "scorer   ndcg@10" + " " * 14 + "recall@10" + " " * 12 + "recall@50" + " " * 12 + "mrr@10",
        "<blend>  .2000 [.1000 .3000]  .2000 [.1000 .3000]  .2000 [.1000 .3000]  -",
        "popular  .0500 [.0250 .0750]  .0500 [.0250 .0750]  .0500 [.0250 .0750]  -",
    ]
    assert repr(report) == str(report) == report.table()
    html = report._repr_html_()
    assert "&lt;blend&gt;" in html
    assert "<blend>" not in html
    assert "100.0%, transparent 100.0%" in html and "25.0%, transparent 25.0%" in html
    assert "<script" not in html and "://" not in html and len(html) < 3_000


def test_nothing_measured_is_shown_too(report):
    bare = report.model_copy(
        update={"scorers": {"a": {"ndcg@5": Measurement(value=0, low=0, high=0)}}}
    )
    assert bare._repr_html_().count(">-</td>") == 4
    zero = {"a": {"ndcg@10": Measurement(value=0, low=0, high=0)}}
    assert " 0.0%" in report.model_copy(update={"scorers": zero})._repr_html_()


def test_a_measure_in_four_places():
    assert str(Measurement(value=0.12345, low=-0.01, high=1)) == ".1235 [-.0100 1.000]"
    assert str(Measurement(value=0, low=0, high=10.5)) == ".0000 [.0000 10.500]"


@pytest.mark.parametrize(
    ("change", "match"),
    [
        ({"user": 3}, "unknown key 'user'; did you mean 'users'"),
        ({"users": -1}, "users = -1"),
        ({"scorers": {"a": {"m": {"zz": 1}}}}, "'scorers.a.m.zz'. Valid here: value, low, high"),
        ({"cost": {"second": {}}}, "did you mean 'seconds'"),
        ({"scorers": {"a": {"ndcg@10": {"value": 1}}}}, "scorers.a.ndcg@10.low"),
    ],
)
def test_not_a_report(report, change, match):
    plain = json.loads(report.to_json()) | change
    with pytest.raises(BundleError, match=match):
        Report.from_json(json.dumps(plain))
    with pytest.raises(BundleError, match=r"old\.json: is no JSON"):
        Report.from_json(b"{", source="old.json")


@pytest.mark.parametrize("version", [None, 1, 3, "2"])
def test_a_report_of_another_version_is_refused_with_a_remedy(report, version):
    plain = json.loads(report.to_json()) | {"format_version": version, "worth": {}}
    if version is None:
        del plain["format_version"]
    message = rf"old\.json: format version {version or 1!r}; .*measure again"
    with pytest.raises(BundleError, match=message):
        Report.from_json(json.dumps(plain), source="old.json")


def interval(value: float) -> Measurement:
    return Measurement(value=value, low=value - 0.01, high=value + 0.01)


def ablation(gains: dict[str, tuple[float, float]], *, new_items: float = 0.0) -> EncoderAblation:
    """Return an ablation of slices with (difference, share of the lists)."""
    cost = AblationCost(fit_seconds=1, nbytes=1, seconds_per_million=1, price_per_million=1)
    slices = tuple(
        AblatedSlice(
            slice=name,
            metric="ndcg@10",
            cases=50,
            traffic=share,
            quality=interval(0.1),
            difference=interval(gain),
            p_holm=0.01 if abs(gain) > 0.01 else 1.0,
        )
        for name, (gain, share) in gains.items()
    )
    on_new = AblationDifference(
        group="new items", users=50, difference=interval(new_items), p_holm=0.01
    )
    return EncoderAblation(
        encoder="static",
        baseline="tfidf",
        validation=(on_new,) if new_items else (),
        slices=slices,
        test=(),
        with_model=cost,
        without_model=cost,
        keep=True,
        followed=True,
    )


def searching(**gains: float) -> SearchQuality:
    tasks = tuple(
        SearchTaskQuality(
            task=name.replace("_", " "),
            metric="recall@10",
            queries=40,
            tfidf=interval(0.2),
            search=interval(0.2 + gain),
            difference=interval(gain),
        )
        for name, gain in gains.items()
    )
    return SearchQuality(encoder="static", bm25_weight=0.1, tasks=tasks, items=90, used=True)


@pytest.mark.parametrize(
    ("by_length", "new_items", "search", "expected"),
    [
        (
            {"all lists": (0.0, 1), "history of 1": (0.05, 0.13), "history of 2 to 3": (0.0, 0.4)},
            0.05,
            {"categories": 0.1, "known_items": 0.0},
            "13 % of the lists (history of 1), new items and search by text (categories)",
        ),
        (
            {"all lists": (0.05, 1), "history of 1": (0.0, 0.5)},
            0.0,
            {},
            "all lists",
        ),
        (
            {"all lists": (0.05, 1), "history of 1": (-0.05, 0.5), "history of 2 to 3": (0.1, 0.5)},
            0.0,
            {},
            "50 % of the lists (history of 2 to 3)",
        ),
    ],
)
def test_where_a_model_pays(report, by_length, new_items, search, expected):
    measured = report.model_copy(
        update={
            "encoder_ablation": ablation(by_length, new_items=new_items),
            "search": searching(**search),
        }
    )
    assert measured.where_a_model_pays() == f"A language model pays for {expected}."


def test_a_model_that_pays_nowhere_is_named_too(report):
    assert report.where_a_model_pays() is None
    update = {"encoder_ablation": ablation({"all lists": (0.0, 1)})}
    nowhere = report.model_copy(update=update)
    assert nowhere.where_a_model_pays() == (
        "A language model is not shown to pay for lists or searches."
    )
    alone = report.model_copy(update={"search": searching(known_items=0.1)})
    assert alone.where_a_model_pays() == ("A language model pays for search by text (known items).")
