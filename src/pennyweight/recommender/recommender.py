"""The one deep object: a catalogue, a scorer and an event log behind a few verbs."""

import operator
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from html import escape
from pathlib import Path
from typing import Any, Literal

import numpy as np
import polars as pl
from numpy.typing import NDArray

from pennyweight.bundle import Bundle, open_bundle, write_bundle
from pennyweight.data.catalog import Catalog
from pennyweight.data.interactions import Histories, Interactions
from pennyweight.errors import DataError, PlanError
from pennyweight.recommender import storage
from pennyweight.recommender.candidates import Candidates
from pennyweight.recommender.filters import Filter
from pennyweight.recommender.query import Query, known_codes, resolve
from pennyweight.recommender.ranking import top_k
from pennyweight.recommender.reasons import Blended, Reason
from pennyweight.score.protocol import Scorer

__all__ = ["Recommender", "Repeats", "Source"]
