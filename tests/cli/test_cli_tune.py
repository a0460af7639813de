"""`tune`: two files or a bundle in, a model out that `fit` takes."""

import json
from pathlib import Path

import pytest
from running import Cli
from small import shop as small_shop

from tiny_bert import write_tiny_bert

pytest.importorskip("torch", reason="training needs the extra train")
FEW = ("--steps", 4, "--protocol", "leave-last-out")
LAYERS = ("--objective", "targets", "--layers", 1)


@pytest.fixture(scope="module")
def model(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_tiny_bert(tmp_path_factory.mktemp("model") / "tiny")


@pytest.mark.parametrize("objective", [(), LAYERS], ids=["retrieve", "targets"])
def test_a_tuned_model_is_one_that_fit_takes(
    cli: Cli, tmp_path: Path, model: Path, objective: tuple[str | int, ...]
) -> None:
    files = small_shop(tmp_path)
    out = tmp_path / "training"
    words = (
        "tune",
        *files,
        "--out",
        out,
        "--model",
        model,
        *FEW,
        *objective,
        "--matryoshka",
        "4,8",
    )
    ran = cli(*words)
    assert ran.code == 0, ran.err
    assert "step     0  NDCG@10 on validation" in ran.out
    assert f"saved {out / 'model'}" in ran.out and f"--encoder {out / 'model'}" in ran.err
    again = cli(*words, "--json", "--quiet")  # is done already
    result = json.loads(again.out)
    assert result["model"] == str(out / "model") and result["validation"][0]["step"] == 0
    bundle = tmp_path / "bundle"
    fitted = cli(
        "fit", *files, "--encoder", result["model"], "--scorers", "content", "--out", bundle
    )
    assert fitted.code == 0, fitted.err
    words = ("tune", bundle, "--out", tmp_path / "second", "--model", model, *FEW, *objective)
    of_bundle = cli(*words, "--json")
    assert json.loads(of_bundle.out)["steps"] == result["steps"]


def test_bad_input(cli: Cli, tmp_path: Path, model: Path) -> None:
    files = small_shop(tmp_path)
    options = ("--model", model, "--out", tmp_path / "out", *FEW)
    for words, message in (
        ((files[0],), "name the event log after it"),
        ((tmp_path / "nothing",), "nothing"),
        ((*files, "--protocol", "given-split"), "--split-column"),
        ((*files, "--matryoshka", "8,wide"), "'8,wide': whole numbers by commas"),
        ((*files, "--matryoshka", "0"), "each at least 1"),
        ((*files, "--matryoshka", "8,99"), "matryoshka 99: the head has 32 components"),
        ((*files, *LAYERS, "--matryoshka", "8,99"), "matryoshka 99: tiny has 32 components"),
        ((*files, "--layers", "1"), "retrieve leaves the layers as they are"),
    ):
        ran = cli("tune", *words[:2], *options, *words[2:])
        assert ran.code == 2 and message in ran.err, ran.err
    ran = cli("tune", *files, "--model", tmp_path / "no-model", "--out", tmp_path / "out")
    assert ran.code == 2 and "no-model" in ran.err
    assert not (tmp_path / "out").exists()
