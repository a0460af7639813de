"""Candidates of a plan that were measured: the points of a frontier."""

from dataclasses import replace

from pennyweight.config.capacity import Workload
from pennyweight.config.frontier import Frontier, Point
from pennyweight.errors import PlanError
from pennyweight.planning.candidates import CandidatesOf, EncoderCandidate
from pennyweight.planning.list_shape import ListShape
from pennyweight.planning.machine_profile import MachineProfile
from pennyweight.recommender.recommender import Recommender
from pennyweight.vectors.list_work import ListWork
from pennyweight.vectors.quantized_rows import SCANNED

__all__ = ["measured_candidates"]

WITHOUT_TRANSFORMER = ("tf-idf", "tfidf", "static", "word2vec")  # begin their names
ORIGINAL = "original"  # the parent's own encoder
UNCHANGED = "unchanged"  # format of vectors


def measured_candidates(
    frontier: Frontier, recommender: Recommender, profile: MachineProfile
) -> CandidatesOf:
    """Return a function that gives the points of a frontier as candidates for a workload.

    Bytes, texts per second and quality are the measured ones. Vectors, matrices and the data that a
    list reads grow with the items of the workload. A list of a point reads as many values as one
    of the recommender, in the point's format.

    Parameters
    ----------
    frontier
        Of the recommender.
    recommender
        Gives the lists, and the bytes of matrices that compression leaves as they are.
    profile
        Of the machine that measured; texts per second are of all its cores.

    Raises
    ------
    PlanError
        The frontier is of another recommender.
    """
    _check_parent(frontier, recommender)

    def candidates(workload: Workload) -> list[EncoderCandidate]:
        factor = workload.items / max(1, len(recommender.catalog))
        return [
            _candidate(point, recommender, profile, workload, factor) for point in frontier.points
        ]

    return candidates


def _check_parent(frontier: Frontier, recommender: Recommender) -> None:
    ours = None if recommender.bundle is None else recommender.bundle.sha256
    if None not in (frontier.parent, ours) and frontier.parent != ours:
        raise PlanError(
            f"the frontier was measured on another bundle (sha256 {frontier.parent:.12}, this one "
            f"has {ours:.12}); run `pennyweight frontier` on this bundle"
        )


def _candidate(
    point: Point,
    recommender: Recommender,
    profile: MachineProfile,
    workload: Workload,
    factor: float,
) -> EncoderCandidate:
    """Return a point as a candidate, with some times the items of the recommender."""
    scorer, plan, report = recommender.scorer, recommender.plan, recommender.report
    encoder, _, formats = point.name.partition("; ")
    setting = "auto" if plan is None else plan.encoder.name
    if encoder == ORIGINAL:
        encoder = (report and report.encoder) or setting
    has_transformer = not encoder.lower().startswith(WITHOUT_TRANSFORMER)
    matrices = scorer.nbytes - scorer.vector_nbytes
    shape = ListShape.of(recommender, history=workload.history)
    shape = replace(
        shape, items=workload.items, work=_work(recommender, workload.history, formats, factor)
    )
    own = "fp32" if plan is None else plan.encoder.precision
    precision = "int8" if encoder.endswith("int8") else own
    return EncoderCandidate(
        encoder=encoder,
        setting=setting,
        precision=precision if has_transformer else None,
        vectors=_one_format(formats),
        transformer=None,
        token_kind="",
        encoder_bytes=point.encoder_bytes,
        index_bytes=round(factor * (point.index_bytes + matrices)),
        lists=shape,
        texts_per_second=point.texts_per_second / profile.thread_speedup or None,
        seconds_alone=point.ms_per_text / 1e3,
        quality=point.relative_quality,
    )


def _one_format(formats: str) -> str:
    """Return the format of all vectors, or that of each scorer where they differ."""
    words = {part.partition(" ")[2] for part in formats.split(", ")} if formats else {UNCHANGED}
    return words.pop() if len(words) == 1 else formats


def _work(recommender: Recommender, history: int, formats: str, factor: float) -> ListWork:
    """Return the data that a list reads, with vectors in the format of a point."""
    total = ListWork()
    for name, component in recommender.scorer.components.items():
        work = component.list_work(history)
        values = work.int8_bytes + work.float_bytes // 4 + work.widened_values
        own = next((part for part in formats.split(", ") if part.startswith(f"{name} ")), "")
        if values and own.endswith("int8") and factor * len(recommender.catalog) >= SCANNED:
            work = ListWork(int8_bytes=values)
        elif values and own:
            work = ListWork(widened_values=values)
        total += work
    return ListWork(
        round(factor * total.int8_bytes),
        round(factor * total.float_bytes),
        round(factor * total.widened_values),
        total.sparse_entries,
        round(factor * total.postings),
    )
