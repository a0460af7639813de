"""`pennyweight encoder`: export, list, describe and compare language models."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest
from running import Cli

import small_shop
from html_page import Page
from tiny_bert import write_tiny_bert
from tiny_models import write_tiny_model


@pytest.fixture(scope="module", autouse=True)
def own_cache(tmp_path_factory):
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("PENNYWEIGHT_CACHE", str(tmp_path_factory.mktemp("cache")))
        patch.setenv("HF_HUB_OFFLINE", "1")
        yield


@pytest.fixture(scope="module")
def model(tmp_path_factory) -> Path:
    return write_tiny_model(tmp_path_factory.mktemp("models") / "tiny-qwen2", "qwen2")


@pytest.fixture(scope="module")
def files(tmp_path_factory) -> tuple[Path, Path]:
    folder = tmp_path_factory.mktemp("shop")
    small_shop.items().write_csv(folder / "items.csv")
    small_shop.events().write_csv(folder / "events.csv")
    return folder / "items.csv", folder / "events.csv"


def test_add_show_list_and_compare(cli: Cli, model: Path, files, tmp_path: Path) -> None:
    out = tmp_path / "small"
    added = cli("encoder", "add", model, "--out", out, "--precision", "int8", "--layers", "1")
    assert added.code == 0
    assert "saved" in added.out and "1 layers, 32 components, int8" in added.out
    assert "4/4 quantize" in added.err

    again = cli("encoder", "add", model, "--out", out)
    assert again.code == 2 and "--overwrite replaces it" in again.err

    shown = json.loads(cli("encoder", "show", out, "--json").out)
    assert (shown["kind"], shown["family"], shown["layers"]) == ("onnx", "qwen2", 1)
    assert shown["precision"] == "int8" and shown["pruning_and_training"].startswith("no")
    assert shown["texts_per_second"] > 0

    tiny = write_tiny_bert(tmp_path / "tiny")
    page = tmp_path / "page.html"
    items, events = files
    options = ("--items", items, "--events", events, "--html", page)
    compared = cli("encoder", "compare", "tfidf", out, tiny, *options)
    assert compared.code == 0
    lines = compared.out.splitlines()
    assert lines[0].split()[:3] == ["encoder", "content", "ndcg@10"]
    assert [line.split()[0] for line in lines[1:4]] == ["tfidf", str(out), str(tiny)]
    assert len(Page(page.read_text(encoding="utf-8")).of("tr")) == 4

    listed = json.loads(cli("encoder", "list", "--json").out)
    assert "onnx" in listed["kinds"]

    alone = json.loads(cli("encoder", "compare", out, "--items", items, "--json").out)
    (encoder,) = alone["encoders"]
    assert alone["users"] == 0 and encoder["neighbors"] == 1 and "ndcg" not in encoder


@pytest.mark.slow
def test_list_names_exports_of_fits_and_kinds(cli: Cli, model: Path) -> None:
    assert cli("encoder", "show", model).code == 0  # exported to the cache folder by itself
    listed = json.loads(cli("encoder", "list", "--json").out)
    states = {encoder["name"]: encoder["state"] for encoder in listed["encoders"]}
    assert states["tiny-qwen2 (fp32)"] == "exported"
    assert "onnx" in listed["kinds"]
    shown = cli("encoder", "list").out
    assert "tiny-qwen2" in shown and "the folder of one that is exported" in shown


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (("add", "no/such-model-at-all", "--out", "x"), "not in the local cache"),
        (("add", "{model}", "--out", "{model}", "--overwrite"), "choose another place"),
        (("add", "{model}", "--out", "x", "--layers", "9"), "from 1 to 2"),
        (("add", "{model}", "--out", "x", "--pooling", "means"), "did you mean 'mean'"),
        (("compare", "tfidf", "tfidf", "--items", "{items}"), "twice"),
        (("compare", "nothing", "--items", "{items}"), "neither a folder nor a model id"),
        (("show", "nothing"), "neither a folder nor a model id (owner/name); correct the name"),
        (("show", "tfidf"), "pennyweight evaluate ITEMS EVENTS --encoder tfidf"),
        (("show", "bow"), "pennyweight evaluate ITEMS EVENTS --encoder bow"),
        (("show", "https://host/v1"), "--encoder https://host/v1 --encoder-model NAME"),
        (("show", "model.gguf"), "check the path"),
        (("add", "model.gguf", "--out", "x"), "fit ITEMS EVENTS --encoder model.gguf --out BUNDLE"),
        (("add", "https://host/v1", "--out", "x"), "--encoder-model NAME --out BUNDLE"),
        (("add", "static", "--out", "x"), "needs no export: pennyweight fit ITEMS EVENTS --enc"),
        (("compare", "tfidf", "bow", "--items", "{items}"), "evaluate ITEMS EVENTS --encoder bow"),
        (("compare", "https://host/v1", "--items", "{items}"), "--encoder-model NAME"),
    ],
)
def test_bad_arguments(cli: Cli, model, files, tmp_path, monkeypatch, words, message) -> None:
    monkeypatch.chdir(tmp_path)
    ran = cli("encoder", *(word.format(model=model, items=files[0]) for word in words))
    assert (ran.code, ran.out) == (2, "")
    assert message in ran.err
    assert not list(tmp_path.iterdir())


def test_add_without_torch_names_the_command(model: Path, tmp_path: Path) -> None:
    program = (
        "import sys; sys.modules['torch'] = None; from pennyweight.cli.main import main; "
        f"main(['encoder', 'add', {str(model)!r}, '--out', {str(tmp_path / 'out')!r}])"
    )
    ran = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True)
    assert ran.returncode == 2
    assert 'pip install "pennyweight[train]"' in ran.stderr


@pytest.mark.slow
def test_a_killed_export_leaves_nothing(cli: Cli, model: Path, tmp_path: Path) -> None:
    out = tmp_path / "out"
    command = [sys.executable, "-m", "pennyweight", "encoder", "add", str(model), "--out", str(out)]
    process = subprocess.Popen(command, stderr=subprocess.PIPE, text=True, env=dict(os.environ))
    assert process.stderr is not None
    for line in process.stderr:
        if "2/3 export" in line:
            break
    process.kill()
    process.wait()
    process.stderr.close()
    assert not out.exists()
    assert cli("encoder", "add", model, "--out", out).code == 0
    assert [path.name for path in tmp_path.iterdir()] == ["out"]
