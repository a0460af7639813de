"""The fits of a refit: full, by the plan of the served bundle, or warm, from its vectors on."""

from dataclasses import replace
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from pennyweight.config.plan import Plan
from pennyweight.config.report import Report
from pennyweight.data.dataset import Dataset
from pennyweight.errors import PlanError
from pennyweight.evaluation.ranking import Repeats
from pennyweight.fitting.folds import measure_folds
from pennyweight.fitting.job import Job
from pennyweight.fitting.warm import warm_fit
from pennyweight.ranking.reranking import as_listed
from pennyweight.recommender.recommender import Recommender
from pennyweight.scorers.protocol import Scorer
from pennyweight.serving.export import ExportSummary
from pennyweight.serving.operations.refit_settings import Mode

__all__ = ["BundleFit", "refit_plan"]


def refit_plan(served: Recommender, exported: ExportSummary) -> Plan:
    """Return the plan of a bundle for the files that were exported from its service.

    Their columns have the names that `fit` knows, and all times one form. Columns of users and of
    a given split are not in them.

    Raises
    ------
    PlanError
        The bundle was compressed, which a fit would undo.
    """
    if served.report is not None and served.report.frontier is not None:
        raise PlanError(
            "the served bundle was compressed, and a refit would undo that: publish the bundle "
            "that `pennyweight fit` saved, or fit from an export and compress again"
        )
    plan = served.plan or Plan()
    columns = {k: v for k, v in plan.data.columns.items() if k == "available"}
    data = plan.data.model_copy(
        update={
            "columns": columns,
            "text_columns": served.catalog.text_columns or None,
            "event_types": dict(exported.event_types),
            "min_rating": exported.min_rating,
            "time_format": None,
            "row_order": None,
        }
    )
    protocol = plan.evaluate.protocol
    evaluate = plan.evaluate.model_copy(
        update={
            "user_attribute": None,
            "protocol": None if protocol == "given-split" else protocol,
        }
    )
    return plan.model_copy(update={"data": data, "evaluate": evaluate})


class BundleFit:
    """Fits the successor of a bundle, to some events of a job and then to all.

    Parameters
    ----------
    job
        The data and the plan.
    mode
        ``full`` measures and chooses anew; ``warm`` keeps choices and weights of the bundle.
    served, path
        The bundle as it is served, and where it lies.

    Attributes
    ----------
    repeats
        Whether lists have items of the history.
    """

    def __init__(self, job: Job, mode: Mode, served: Recommender, path: Path) -> None:
        self.job, self.mode, self.served, self.path = job, mode, served, path
        self.data: Dataset = job.data
        self.repeats: Repeats = served.repeats if mode == "warm" else job.repeats
        self._report: Report | None = None

    def without(self, events: NDArray[np.bool_], negative: NDArray[np.bool_]) -> Scorer:
        """Return a scorer fitted to all but some events, and some items turned down."""
        log = self.data.interactions
        before = replace(log.where(~events), negative=log.negative.where(~negative))
        if self.mode == "warm":
            earlier = Recommender.load(self.path, verify=False)  # the served one is used on
            with self.job.stages.stage("fit"):
                return warm_fit(earlier.scorer, earlier.catalog.ids, before, self.data.catalog)
        self.job.data = replace(self.data, interactions=before)
        self._report = measure_folds(self.job)
        scorer = self.job.refit(self._report).scorer
        self.job.data = self.data
        return scorer

    def final(self, scorer: Scorer) -> Recommender:
        """Return a recommender fitted to all events, from the scorer of `without`."""
        if self._report is not None:
            return self.job.refit(self._report)
        catalog, log = self.data.catalog, self.data.interactions
        with self.job.stages.stage("final"):
            scorer = warm_fit(scorer, catalog.ids, log, catalog)
        recommender = Recommender(catalog, scorer, log, repeats=self.repeats)
        recommender.plan, report = self.served.plan, self.served.report
        if report is not None:
            notice = f"the figures are of the fit of {report.created}; refitted warm since then"
            others = [n for n in report.notices or () if not n.endswith("refitted warm since then")]
            recommender.report = report.model_copy(update={"notices": (*others, notice)})
        return recommender

    def as_listed(self, scorer: Scorer) -> Scorer:
        """Return the scorer that ranks as lists do."""
        return as_listed(scorer, exclude_seen=self.repeats == "exclude")
