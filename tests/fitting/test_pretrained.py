"""Pretrained encoders by name: folders of every kind, exported where they must be."""

import logging
import subprocess
import sys

import numpy as np
import pytest

import small_shop
from pennyweight.compression.encoder_variants import Distillation, encoder_variants
from pennyweight.config.plan import EncoderPlan, Plan
from pennyweight.data.dataset import read
from pennyweight.encoders.weights import find_weights
from pennyweight.errors import DataError, PlanError
from pennyweight.fitting import fit
from pennyweight.fitting.encoder_choice import choose_encoders
from pennyweight.fitting.pretrained import open_pretrained
from pennyweight.recommender import Recommender
from pennyweight.validation.vocabulary import find_tokenizer
from tiny_bert import write_tiny_bert
from tiny_models import reference, write_tiny_model

TEXTS = ["red shoe", "blue music 2000"]
WITHOUT_TORCH = """
import sys
sys.modules["torch"] = None
from pennyweight.fitting.pretrained import open_pretrained
from pennyweight.errors import DataError
try:
    print(open_pretrained(sys.argv[1], threads=1).fingerprint)
except DataError as error:
    print(error)
"""


@pytest.fixture(scope="module", autouse=True)
def cache(tmp_path_factory):
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("PENNYWEIGHT_CACHE", str(tmp_path_factory.mktemp("cache")))
        yield patch


@pytest.fixture(scope="module")
def llama(tmp_path_factory):
    return write_tiny_model(tmp_path_factory.mktemp("models") / "tiny-llama", "llama")


def without_torch(folder) -> str:
    return subprocess.run(
        [sys.executable, "-c", WITHOUT_TORCH, str(folder)],
        capture_output=True,
        text=True,
        check=True,
    ).stdout.strip()


def test_a_model_of_another_family_is_exported_once(llama, caplog):
    said = without_torch(llama)
    assert "pip install 'pennyweight[train]'" in said and "pennyweight encoder add" in said
    with caplog.at_level(logging.WARNING, "pennyweight"):
        encoder = open_pretrained(llama, threads=1)
    assert [record.getMessage()[:33] for record in caplog.records] == [
        "exporting tiny-llama once to the "
    ]
    assert (encoder.kind, encoder.name) == ("onnx", "tiny-llama")
    np.testing.assert_allclose(
        encoder.encode(TEXTS), reference(llama, TEXTS, "lasttoken"), atol=1e-4
    )
    caplog.clear()
    assert open_pretrained(str(llama), threads=1).fingerprint == encoder.fingerprint
    assert not caplog.records
    assert without_torch(llama) == encoder.fingerprint


def test_a_family_with_a_graph_of_its_own_is_not_exported(tmp_path):
    folder = write_tiny_bert(tmp_path / "tiny")
    assert open_pretrained(folder, threads=1).kind == "transformer"


def test_an_exported_folder_is_used_wherever_a_model_may_be_named(llama):
    exported = open_pretrained(llama, threads=1).exported.folder
    encoders = choose_encoders(
        EncoderPlan(name=str(exported), precision="int8", dim=8), _catalog(), threads=1
    )
    assert encoders.content.language_model.exported.description.precision == "int8"
    assert encoders.model and encoders.table.dim == 8
    assert find_tokenizer(str(exported)).token_to_id("shoe") is not None
    with pytest.raises(DataError, match=r"no checkpoint to prune or train.*tiny-llama"):
        find_weights(exported)


def test_compression_makes_no_pruned_variants_of_an_export(llama, tmp_path):
    models = Distillation(open_pretrained(llama, threads=1))
    variants = list(encoder_variants(models, _catalog().texts, tmp_path))
    assert len(variants) == models.n_variants
    assert variants[-1].name == "static table, int8"


def test_fit_saves_the_export_in_the_bundle(llama, tmp_path):
    plan = Plan().override({"evaluate.encoder_ablation": False})
    fitted = fit(
        small_shop.items(),
        small_shop.events(),
        plan=plan,
        encoder=str(llama),
        scorers=["content", "tower"],
    )
    fitted.save(tmp_path / "bundle")
    loaded = Recommender.load(tmp_path / "bundle")
    request = {"text": "dark blend", "k": 3}
    assert loaded.recommend(**request).equals(fitted.recommend(**request))


def _catalog():
    return read(small_shop.items(), small_shop.events()).catalog


def test_a_prompt_that_leaves_no_room_for_the_text_is_refused(tmp_path):
    folder = write_tiny_bert(tmp_path / "tiny")
    plan = EncoderPlan(name=str(folder), document_prefix="word " * 80, max_tokens=16)
    with pytest.raises(PlanError, match="document_prefix fills the 16 tokens"):
        choose_encoders(plan, read(small_shop.items(), small_shop.events(users=5)).catalog)
