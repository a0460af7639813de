from pathlib import Path
from types import NoneType
from typing import get_args

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError

from pennyweight.config.frozen import refusal
from pennyweight.config.plan import (
    DataPlan,
    EncoderPlan,
    EvaluatePlan,
    Plan,
    RecommendPlan,
    ScorersPlan,
)
from pennyweight.errors import PlanError

DOCS = Path(__file__).parents[2] / "docs" / "plan-toml.md"
text = st.text(st.characters(codec="utf-8"), min_size=1, max_size=8)
names = st.lists(text, min_size=1, max_size=3).map(tuple)
count = st.integers(1, 10**9)

plans = st.builds(
    Plan,
    data=st.builds(
        DataPlan,
        text_columns=st.none() | names,
        k_core=st.integers(0, 20),
        strict=st.booleans(),
        columns=st.dictionaries(text, text, max_size=3),
    ),
    encoder=st.builds(
        EncoderPlan,
        name=text,
        dim=st.none() | count,
        precision=st.sampled_from(["fp32", "int8"]),
        max_tokens=st.none() | st.integers(3, 10**9),
    ),
    scorers=st.builds(ScorersPlan, names=st.just("auto") | names),
    evaluate=st.builds(
        EvaluatePlan,
        protocol=st.sampled_from([None, "leave-last-out", "global-time", "given-split"]),
        repeats=st.sampled_from(["exclude", "include"]),
        bootstrap=st.integers(2, 10**9),
        max_users=st.none() | count,
        seed=st.integers(0, 2**31),
    ),
    recommend=st.builds(
        RecommendPlan, k=count, diversity=st.floats(0, 1), explore=st.floats(0, 0.5)
    ),
)


@given(plans)
def test_round_trip_is_exact(plan):
    assert Plan.from_toml(plan.to_toml()) == plan


def test_empty_is_the_default(tmp_path):
    path = tmp_path / "plan.toml"
    path.write_text("")
    assert Plan.from_toml(path) == Plan.from_toml("") == Plan()


@pytest.mark.parametrize(
    ("toml", "match"),
    [
        ("[data]\ntext_column = ['title']", "key 'data.text_column'; did you mean 'text_columns'"),
        ("[scorer]\nnames = ['ease']", "unknown key 'scorer'; did you mean 'scorers'"),
        (
            "[data]\nzzz = 1",
            "'data.zzz'. Valid here: text_columns, k_core, strict, mask_personal, ",
        ),
        ("[recommend]\nk = '10'", "recommend.k = '10': must be a whole number"),
        ("[recommend]\nk = 0", "recommend.k = 0: must be 1 or more"),
        ("[recommend]\ndiversity = nan", "recommend.diversity"),
        ("[recommend]\nexplore = 0.6", "recommend.explore = 0.6: must be 0.5 or less"),
        ("[evaluate]\nprotocol = 'random'", "'leave-last-out', 'global-time' or 'given-split'"),
        ("[scorers]\nnames = []", "names = []: must be 'auto'; or: must not be empty"),
        ("[scorers]\nnames = 'x'", "names = 'x': must be 'auto'; or: must be a list"),
        ("[scorers]\nnames = [1]", "scorers.names.0 = 1: must be text"),
        ("data = 3", "data = 3: must be a table"),
        ("[data]\nstrict = 2024-01-01", "data.strict = '2024-01-01'"),
    ],
)
def test_refusals_name_file_key_and_way_out(tmp_path, toml, match):
    path = tmp_path / "plan.toml"
    path.write_text(toml)
    with pytest.raises(PlanError) as error:
        Plan.from_toml(path)
    assert str(path) in str(error.value)
    assert match in str(error.value)


def test_not_toml(tmp_path):
    with pytest.raises(PlanError, match=r"not TOML: .*wrap the name of a file in Path"):
        Plan.from_toml("plan.toml")
    path = tmp_path / "plan.toml"
    path.write_text("k = ?\n")
    with pytest.raises(PlanError, match=r"plan.toml: not TOML: .* line 1"):
        Plan.from_toml(path)
    path.write_bytes(b"\xff\xfe")
    with pytest.raises(PlanError, match="cannot be read"):
        Plan.from_toml(path)
    with pytest.raises(PlanError, match="cannot be read"):
        Plan.from_toml(tmp_path / "none.toml")


def test_frozen():
    with pytest.raises(ValidationError, match="frozen"):
        Plan().recommend.k = 3


def test_every_key_is_documented_with_its_default():
    page = DOCS.read_text()
    for section, field in Plan.model_fields.items():
        part = page.split(f"## `[{section}]`")[1].split("\n## ")[0]
        table = next(part for part in (*get_args(field.annotation), field.annotation) if part)
        for key, inner in table.model_fields.items():
            (row,) = [line for line in part.splitlines() if line.startswith(f"| `{key}` |")]
            default = inner.get_default(call_default_factory=True)
            if inner.is_required():
                assert "needed" in row, key
                continue
            forms = {NoneType: "absent", bool: str(default).lower(), str: f'`"{default}"`'}
            assert forms.get(type(default), str(default)) in row, key


@pytest.mark.parametrize(
    ("tables", "message"),
    [
        (
            {"data": {"event_types": {"view": "positive"}}},
            "data.event_types.view = 'positive': must be a number; or: must be 'negative'",
        ),
        ({"k_core": 2}, "unknown key 'k_core'; it belongs in [data]."),
        ({"data": {"user_column": "x"}}, 'write columns = { user = "NAME" }.'),
        ({"data": {"bootstrap": 9}}, "unknown key 'data.bootstrap'; it belongs in [evaluate]."),
        ({"evaluate": {"bootstrap": 1}}, "evaluate.bootstrap = 1: must be 2 or more"),
    ],
)
def test_a_refusal_says_where_a_key_belongs(tables, message):
    with pytest.raises(ValidationError) as error:
        Plan.model_validate(tables)
    assert message in refusal(error.value, Plan, "plan.toml")
