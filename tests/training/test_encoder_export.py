"""Exported encoders: the vectors of transformers, without torch."""

import json
import re
import shutil
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from safetensors.numpy import load_file, save_file

import small_shop
from pennyweight.config.plan import Plan
from pennyweight.encoders.exported import ExportedEncoder
from pennyweight.encoders.exported_folder import DESCRIPTION, GRAPH, TOKENIZER
from pennyweight.encoders.graph_check import agreement, unit_vectors
from pennyweight.encoders.graph_quantization import GraphFile, quantize_within, quantized
from pennyweight.encoders.static import distil
from pennyweight.errors import BundleError, DataError, PlanError
from pennyweight.fitting import fit
from pennyweight.training.encoder_export import export_encoder
from tiny_models import CONFIGS, DECODERS, reference, write_tiny_model, write_tokenizer

TEXTS = [
    "red shoe",
    "blue music",
    "手机壳 red",
    "red shoe blue music 2000",
    "a very long text about a red shoe that plays music in a blue room while someone waits",
]
QUICK = ("modernbert",)
CASES = [pytest.param(name, marks=[] if name in QUICK else [pytest.mark.slow]) for name in CONFIGS]


@pytest.fixture(autouse=True)
def cache(tmp_path, monkeypatch):
    monkeypatch.setenv("PENNYWEIGHT_CACHE", str(tmp_path / "cache"))


@pytest.fixture(scope="module")
def exported(tmp_path_factory) -> Path:
    """A decoder whose tokenizer adds a token at the end."""
    folder = tmp_path_factory.mktemp("models")
    model = write_tiny_model(folder / "tiny-qwen3", "qwen3")
    prompts = {"prompts": {"query": "blue: ", "document": "red: "}}
    (model / "config_sentence_transformers.json").write_text(json.dumps(prompts))
    return export_encoder(model, folder / "exported", progress=False).folder


@pytest.mark.parametrize("architecture", CASES)
def test_vectors_are_those_of_transformers(architecture, tmp_path):
    folder = write_tiny_model(tmp_path / "model", architecture)
    exported = export_encoder(folder, tmp_path / "exported", progress=False)
    decoder = json.loads((folder / "config.json").read_text())["model_type"] in DECODERS
    expected = reference(folder, TEXTS, "lasttoken" if decoder else "mean")
    encoder = ExportedEncoder.open(exported.folder, threads=1)
    np.testing.assert_allclose(encoder.encode(TEXTS), expected, atol=1e-4)
    int8 = ExportedEncoder.open(exported.folder, threads=1, precision="int8")
    assert (int8.encode(TEXTS) * expected).sum(axis=1).min() > 0.99
    assert int8.exported.nbytes < 0.6 * exported.nbytes


@pytest.mark.slow
@pytest.mark.parametrize("pooling", ["cls", "max", "mean_sqrt_len", "weightedmean", "lasttoken"])
def test_poolings_are_those_of_the_folder(pooling, tmp_path):
    folder = write_tiny_model(tmp_path / "model", "gpt2", pooling=pooling)
    exported = export_encoder(folder, tmp_path / "exported", progress=False)
    encoder = ExportedEncoder.open(exported.folder, threads=1)
    np.testing.assert_allclose(encoder.encode(TEXTS), reference(folder, TEXTS, pooling), atol=1e-4)


def test_prompts_go_before_queries_and_documents(exported):
    encoder = ExportedEncoder.open(exported, threads=1)
    plain = encoder.with_prompts(type(encoder.prompts)())
    np.testing.assert_allclose(
        encoder.encode_queries(["shoe"]), plain.encode(["blue: shoe"]), atol=1e-6
    )
    np.testing.assert_allclose(encoder.encode(["shoe"]), plain.encode(["red: shoe"]), atol=1e-6)
    assert encoder.fingerprint != plain.fingerprint


def test_a_table_is_distilled_with_markers_in_their_places(exported):
    encoder = ExportedEncoder.open(exported, threads=1)
    table = distil(encoder, dim=8, cache=False)
    token, end = encoder.tokenizer.token_to_id("shoe"), encoder.tokenizer.token_to_id("[SEP]")
    rows = encoder.pool([[t, end] for t in range(encoder.tokenizer.get_vocab_size())])
    centered = rows - rows.mean(axis=0)
    np.testing.assert_allclose(
        np.linalg.norm(table.table, axis=1) <= np.linalg.norm(centered, axis=1) + 1e-4, True
    )
    alone = encoder.with_prompts(type(encoder.prompts)()).encode(["shoe"])[0]
    np.testing.assert_allclose(rows[token] / np.linalg.norm(rows[token]), alone, atol=1e-5)


def test_a_large_vocabulary_is_run_only_for_the_tokens_of_texts(exported, monkeypatch):
    encoder = ExportedEncoder.open(exported, threads=1)
    whole = distil(encoder, dim=2, texts=TEXTS, cache=False)
    assert (whole.token_weights > 0).sum() > 70
    monkeypatch.setattr("pennyweight.encoders.static.LARGE", 10)
    table = distil(encoder, dim=2, texts=["red shoe", "blue"], cache=False)
    tokens = [encoder.tokenizer.token_to_id(word) for word in ("red", "shoe", "blue")]
    assert np.flatnonzero(table.token_weights).tolist() == sorted(tokens)
    assert np.flatnonzero(table.table.any(axis=1)).tolist() == sorted(tokens)
    assert len(table.table) == encoder.tokenizer.get_vocab_size()
    assert not table.encode(["music"]).any() and table.encode(["red music"]).any()


def test_products_with_outliers_stay_in_fp32(tmp_path):
    model = write_tiny_model(tmp_path / "model", "qwen3")
    tensors = load_file(model / "model.safetensors")
    layer = "layers.1."
    tensors[layer + "post_attention_layernorm.weight"][3] = 300  # a channel that nobody reads
    for part in ("gate_proj", "up_proj"):
        tensors[f"{layer}mlp.{part}.weight"][:, 3] = 0
    save_file(tensors, model / "model.safetensors", {"format": "pt"})
    exported = export_encoder(model, tmp_path / "exported", progress=False)
    graph = GraphFile.read(exported.folder / GRAPH)
    plain = tmp_path / "plain.onnx"
    quantized(graph).write(plain)
    ids = [[80, 5, 81, 7], [82, 9, 10, 11]]
    expected = unit_vectors(exported.folder / GRAPH, ids)
    assert agreement(plain, ids, expected).lowest_cosine < 0.99
    assert quantize_within(exported.folder / GRAPH, ids, expected).lowest_cosine >= 0.99
    kinds = [node.op_type for node in GraphFile.read(exported.folder / GRAPH).model.graph.node]
    products = [node.op_type for node in quantized(graph).model.graph.node]
    fp32 = products.count("MatMulIntegerToFloat") - kinds.count("MatMulIntegerToFloat")
    assert 1 <= fp32 <= 4


def test_int8_that_does_not_agree_is_refused_and_the_graph_stays(exported, tmp_path):
    folder = tmp_path / "copy"
    shutil.copytree(exported, folder)
    before = {path.name: path.read_bytes() for path in folder.iterdir()}
    ids = [[5, 6, 7], [8, 9, 10, 11]]
    with pytest.raises(DataError, match="use fp32"):
        quantize_within(folder / GRAPH, ids, -unit_vectors(folder / GRAPH, ids))
    assert {path.name: path.read_bytes() for path in folder.iterdir()} == before


def test_save_and_load(exported, tmp_path):
    encoder = ExportedEncoder.open(exported, threads=1, max_tokens=16)
    encoder.save(tmp_path / "saved")
    loaded = ExportedEncoder.load(tmp_path / "saved")
    assert (loaded.name, loaded.fingerprint) == (encoder.name, encoder.fingerprint)
    np.testing.assert_array_equal(loaded.encode(TEXTS), encoder.encode(TEXTS))
    (tmp_path / "saved" / "model" / GRAPH).write_bytes(b"cut")
    with pytest.raises(BundleError, match=r"model\.onnx"):
        ExportedEncoder.load(tmp_path / "saved")


@pytest.mark.parametrize("file", [GRAPH, TOKENIZER, DESCRIPTION])
def test_damaged_folders_are_refused(file, exported, tmp_path):
    folder = tmp_path / "copy"
    shutil.copytree(exported, folder)
    whole = (folder / file).read_bytes()
    (folder / file).write_bytes(whole[: len(whole) // 2])
    with pytest.raises(DataError, match="pennyweight encoder add"):
        ExportedEncoder.open(folder)
    (folder / file).unlink()
    with pytest.raises(DataError, match="pennyweight encoder add"):
        ExportedEncoder.open(folder)


@pytest.mark.parametrize(
    ("settings", "message"), [({"precision": "fp8"}, "fp8"), ({"max_tokens": 2}, "at least 3")]
)
def test_bad_settings_of_a_folder_are_refused(exported, settings, message):
    with pytest.raises(DataError, match=message):
        ExportedEncoder.open(exported, **settings)


def test_a_folder_of_a_later_format_is_refused(exported, tmp_path):
    folder = tmp_path / "copy"
    shutil.copytree(exported, folder)
    described = json.loads((folder / DESCRIPTION).read_text())
    (folder / DESCRIPTION).write_text(json.dumps({**described, "format": 2}))
    with pytest.raises(DataError, match="format"):
        ExportedEncoder.open(folder)


def damaged_tokenizer(folder):
    write_tokenizer(folder / "tokenizer.json", "[CLS]", "")
    text = (folder / "tokenizer.json").read_text()
    (folder / "tokenizer.json").write_text(re.sub(r'"red": \d+', '"red": 700', text))


def missing_tensor(folder):
    tensors = load_file(folder / "model.safetensors")
    save_file(dict(list(tensors.items())[1:]), folder / "model.safetensors")


def not_finite(folder):
    tensors = load_file(folder / "model.safetensors")
    name = next(iter(tensors))
    tensors[name] = np.full_like(tensors[name], np.nan)
    save_file(tensors, folder / "model.safetensors", {"format": "pt"})


def other_family(folder):
    config = json.loads((folder / "config.json").read_text())
    (folder / "config.json").write_text(json.dumps({**config, "model_type": "falcon"}))


@pytest.mark.parametrize(
    ("damage", "message"),
    [
        (damaged_tokenizer, "tokenizer is of another model"),
        (missing_tensor, "fetch the model again|cannot read"),
        (not_finite, "not finite"),
        (other_family, "'falcon'; supported are"),
        (lambda folder: (folder / "config.json").unlink(), "no config.json"),
        (lambda folder: (folder / "model.safetensors").unlink(), "fetch the model again"),
    ],
)
def test_damaged_models_are_refused_and_nothing_is_written(damage, message, tmp_path):
    folder = write_tiny_model(tmp_path / "model", "llama")
    damage(folder)
    with pytest.raises(DataError, match=message):
        export_encoder(folder, tmp_path / "exported", progress=False)
    assert sorted(path.name for path in tmp_path.iterdir() if path.name != "cache") == ["model"]


@pytest.mark.parametrize(
    "option", [{"layers": 3}, {"pooling": "median"}, {"max_tokens": 1000}, {"max_tokens": 2}]
)
def test_impossible_options_are_refused(option, tmp_path):
    folder = write_tiny_model(tmp_path / "model", "llama")
    with pytest.raises(PlanError, match=next(iter(option))):
        export_encoder(folder, tmp_path / "exported", progress=False, **option)


def test_an_export_replaces_no_other_folder(tmp_path):
    folder = write_tiny_model(tmp_path / "model", "llama")
    with pytest.raises(DataError, match="choose another place"):
        export_encoder(folder, folder, progress=False)


@pytest.mark.slow
def test_fewer_layers_are_those_of_transformers(tmp_path):
    folder = write_tiny_model(tmp_path / "model", "gemma2")
    exported = export_encoder(folder, tmp_path / "exported", layers=1, progress=False)
    assert exported.description.layers == 1
    config = json.loads((folder / "config.json").read_text())
    config |= {"num_hidden_layers": 1, "layer_types": config["layer_types"][:1]}
    (folder / "config.json").write_text(json.dumps(config))
    encoder = ExportedEncoder.open(exported.folder, threads=1)
    np.testing.assert_allclose(
        encoder.encode(TEXTS), reference(folder, TEXTS, "lasttoken"), atol=1e-4
    )


def test_a_bundle_with_an_exported_encoder_is_served_without_torch(exported, tmp_path):
    plan = Plan().override({"evaluate.encoder_ablation": False})
    encoder = ExportedEncoder.open(exported, threads=1)
    fitted = fit(
        small_shop.items(), small_shop.events(), plan=plan, encoder=encoder, scorers=["content"]
    )
    assert fitted.scorer.components["content"].encoder.fingerprint == encoder.fingerprint
    fitted.save(tmp_path / "bundle")
    program = f"""
import sys
from pathlib import Path
sys.path[:0] = {sys.path!r}
from live import service
with service(Path({str(tmp_path / "bundle")!r}), Path({str(tmp_path / "live")!r})) as running:
    body = running.post("/v1/search", dict(query="dark blend", k=3))
    print(*[item["item_id"] for item in body["items"]])
print([name for name in ("torch", "transformers", "onnxscript") if name in sys.modules])
"""
    result = subprocess.run(
        [sys.executable, "-c", program], capture_output=True, text=True, check=True
    )
    *items, modules = result.stdout.splitlines()
    assert modules == "[]"
    assert items == [" ".join(fitted.recommend(text="dark blend", k=3)["item_id"])]
