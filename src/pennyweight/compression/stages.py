"""The stages of a search for smaller versions, as far as they can be known before it."""

from collections.abc import Iterator, Mapping

from pennyweight.compression.vector_formats import STORAGES
from pennyweight.progress.tracker import ExpectedStage
from pennyweight.scorers.protocol import Scorer

__all__ = ["PROMISING", "confirmation_stages", "fit_stages", "format_stages", "search_stages"]

PROMISING = 3  # number of encoders whose vectors are quantized further
CANDIDATE = "candidate"  # the group of the stages that measure


def fit_stages(
    components: Mapping[str, Scorer], seconds: Mapping[str, float | None]
) -> Iterator[ExpectedStage]:
    """Yield the stages that fit the parent's components again.

    Parameters
    ----------
    components
        Those of the parent's blend.
    seconds
        Stage of a fit -> its forecast.
    """
    yield from (ExpectedStage("split", 0.0), ExpectedStage("read", 0.0))
    yield from _fits("learn", components, seconds)


def search_stages(
    variants: int, *, first: int = 2, last: int = len(STORAGES)
) -> Iterator[ExpectedStage]:
    """Yield the stages that measure all candidates.

    Parameters
    ----------
    variants
        Encoders in the place of the parent's.
    first, last
        Formats of the parent's vectors that are measured at first, and of the promising encoders'
        vectors at last.
    """
    yield from format_stages(1, first)
    for number in range(first + 1, first + 1 + variants):
        yield ExpectedStage("learn weights", group="weights")
        yield from format_stages(number, 1)
    yield from format_stages(first + 1 + variants, last * min(PROMISING, 1 + variants))


def format_stages(first: int, count: int) -> Iterator[ExpectedStage]:
    """Yield the stages that measure some candidates, numbered from the first."""
    for number in range(first, first + count):
        yield ExpectedStage(f"measure candidate {number}", group=CANDIDATE)


def confirmation_stages(
    components: Mapping[str, Scorer], seconds: Mapping[str, float | None]
) -> Iterator[ExpectedStage]:
    """Yield the stages that measure the chosen candidate on test users."""
    yield from _fits("learn again", components, seconds)
    yield ExpectedStage("test", group=CANDIDATE)


def _fits(
    stage: str, components: Mapping[str, Scorer], seconds: Mapping[str, float | None]
) -> Iterator[ExpectedStage]:
    for name, scorer in components.items():
        if scorer.evidence != "text":
            yield ExpectedStage(f"{stage} {name}", seconds.get(f"fit {name}"), name)
