"""The cases of `quality.py`: datasets, protocols, and the highest figures published on them."""

from collections.abc import Mapping
from dataclasses import dataclass, field

__all__ = ["CASES", "Case", "Published"]


@dataclass(frozen=True)
class Published:
    """A published model, full ranking over all items, history masked.

    Attributes
    ----------
    model
        Its name and kind.
    source
        The author of the run, and how sure the figure is.
    metrics
        Metric -> value.
    """

    model: str
    source: str
    metrics: Mapping[str, float]


@dataclass(frozen=True)
class Case:
    """A dataset under a protocol.

    Attributes
    ----------
    name, title
        Of the case.
    data, items, events
        Folder and files.
    plan
        Differences from the default plan.
    published
        The highest figures known, by models trained on the training events alone.
    targets
        Metric -> minimum for the blend fitted on the training events.
    note
        A remark for readers of the table.
    baselines
        Whether the baselines are measured; not where another case has the same users.
    """

    name: str
    title: str
    data: str
    items: str
    events: str
    plan: Mapping[str, object]
    published: tuple[Published, ...] = ()
    targets: Mapping[str, float] = field(default_factory=dict)
    note: str = ""
    baselines: bool = True


LAST_OUT = {"evaluate.protocol": "leave-last-out", "evaluate.repeats": "exclude"}
BY_TIME = {"evaluate.protocol": "global-time", "evaluate.repeats": "exclude"}
GIVEN_SPLIT = {"evaluate.protocol": "given-split", "evaluate.repeats": "exclude"}
WEAREC = "WEARec (2026), spectral and wavelet filters of the history"

CASES = (
    Case(
        "beauty",
        "beauty, leave last out",
        "beauty",
        "items.csv",
        "events.csv",
        LAST_OUT,
        (
            Published(
                "language model of 0.6B as encoder of the history (2026)",
                "its authors; preprint, not reviewed",
                {"ndcg@10": 0.0631, "recall@10": 0.1119},
            ),
            Published(WEAREC, "its authors' log", {"ndcg@10": 0.0614, "recall@10": 0.1041}),
        ),
        {"ndcg@10": 0.0735},
    ),
    Case(
        "scientific",
        "scientific, leave last out",
        "scientific",
        "items.csv",
        "events.csv",
        LAST_OUT,
        (
            Published(
                "MISSRec, text + image + id, pretrained",
                "its authors",
                {"ndcg@10": 0.0753, "recall@10": 0.1360},
            ),
            Published(
                "UniSRec, text + id, pretrained",
                "its authors",
                {"ndcg@10": 0.0634, "recall@10": 0.1235, "recall@50": 0.2473},
            ),
        ),
        {"ndcg@10": 0.1049},
    ),
    Case(
        "lastfm",
        "lastfm, leave last out",
        "lastfm",
        "items.jsonl",
        "events.jsonl",
        LAST_OUT,
        (
            Published(
                WEAREC,
                "its authors; the best of 88 runs, whose median is .0481",
                {"ndcg@10": 0.0556, "recall@10": 0.0972},
            ),
            Published(
                "TV-Rec (2025)", "its authors' log", {"ndcg@10": 0.0484, "recall@10": 0.0853}
            ),
        ),
        {"ndcg@10": 0.052},
        "1,090 users: the standard error of recall@10 is about .008. The published models use no "
        "tags; here the tags exclude those of the held-out events.",
    ),
    Case(
        "microlens",
        "microlens, given split",
        "microlens",
        "items.parquet",
        "events.parquet",
        {**GIVEN_SPLIT, "scorers.names": ["content", "neighbors", "linear", "tower"]},
        (),
        {},
        "Without `novelty` and `popularity`: the catalog is from after the test, and all of its "
        "items without an event before the test are test items, so being new reveals answers. No "
        "comparable figure is published.",
    ),
    Case(
        "microlens-all",
        "microlens, given split, with `novelty` and `popularity`",
        "microlens",
        "items.parquet",
        "events.parquet",
        GIVEN_SPLIT,
        (),
        {},
        "Inflated: these two learn that items without events are future items, which the catalog "
        "reveals.",
        baselines=False,
    ),
    Case(
        "beauty-dated",
        "beauty with its days, global time",
        "beauty",
        "items.csv",
        "events_dated.csv",
        {**BY_TIME, "scorers.names": ["content", "neighbors", "linear", "tower"]},
        (),
        {},
        "As in service: all events before one moment are known, none after it. The refitted row "
        "corresponds to service, where the most recent weeks matter most. Without `novelty` and "
        "`popularity`, since 141 of the 158 items without an event before the test are test "
        "items. No comparable figure is published.",
    ),
    Case(
        "beauty-dated-all",
        "beauty with its days, global time, with `novelty` and `popularity`",
        "beauty",
        "items.csv",
        "events_dated.csv",
        BY_TIME,
        (),
        {},
        "Inflated as on microlens, but less.",
        baselines=False,
    ),
    Case(
        "beauty-days",
        "beauty with its days, leave last out, days shuffled",
        "beauty",
        "items.csv",
        "events_dated.csv",
        LAST_OUT,
        (),
        {"ndcg@10": 0.070},
        "Events of one day are in random order, not in the order of the catalog numbers.",
    ),
)
