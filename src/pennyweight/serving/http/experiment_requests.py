"""Request bodies of experiments."""

from typing import Annotated, Literal

from pydantic import Field

from pennyweight.serving.http.bounds import AtMost
from pennyweight.serving.http.requests import (
    Id,
    Moment,
    PlainText,
    RequestBody,
    VariantBody,
)
from pennyweight.serving.live.variants import MAX_VARIANTS

__all__ = ["ExperimentBody", "PromotionBody", "SharesBody"]

Variants = Annotated[list[VariantBody], Field(min_length=1), AtMost(MAX_VARIANTS)]


class ExperimentBody(RequestBody):
    """An experiment to start: the control first, and the planned end.

    `split` gives each user lists of one bundle; `interleave` merges the lists of two for all users.
    """

    variants: Variants
    kind: Literal["split", "interleave"] = "split"
    name: PlainText | None = None
    ends: Moment | None = None
    force: bool = False


class SharesBody(RequestBody):
    """The shares of all bundles of the experiment that runs."""

    variants: Variants


class PromotionBody(RequestBody):
    """The bundle that all users get."""

    bundle_version: Id
