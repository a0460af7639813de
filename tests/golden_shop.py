"""The recommender kept in ``tests/golden/bundle-v3``; run this file to write it anew.

Only a new format version is a reason to: old bundles must stay readable.
"""

from datetime import UTC, datetime
from pathlib import Path

from pennyweight.bundle import Bundle
from pennyweight.config.plan import Plan, ScorersPlan
from pennyweight.config.report import Cost, Measurement, Report
from pennyweight.recommender import Recommender
from pennyweight.scorers.blend import Blend
from pennyweight.scorers.popularity import Popularity
from shop import catalog, interactions

GOLDEN = Path(__file__).parent / "golden" / "bundle-v3"


def save(path: Path) -> Bundle:
    blend = Blend({"popularity": Popularity()}).fit(interactions(), catalog())
    recommender = Recommender(catalog(), blend, interactions())
    recommender.plan = Plan(scorers=ScorersPlan(names=("popularity",)))
    measured = {"blend": {"ndcg@10": Measurement(value=0.3, low=0.2, high=0.4)}}
    recommender.report = Report(
        protocol="leave-last-out", users=9, items=8, events=20, scorers=measured, cost=Cost()
    )
    created = datetime(2026, 1, 2, 3, 4, 5, tzinfo=UTC)
    return recommender.save(path, overwrite=True, created=created, parent="0" * 64)


if __name__ == "__main__":
    save(GOLDEN)
