"""The files of deploy: their commands exist, and what they name is there."""

import json
import re
import shlex
import shutil
import subprocess
import tomllib
from pathlib import Path
from typing import Any

import pytest
import yaml
from typer.main import get_command

from pennyweight.cli.app import app

ROOT = Path(__file__).parents[1]
DEPLOY = ROOT / "deploy"
UNITS = sorted((DEPLOY / "systemd").glob("*.service"))
DOCKERFILE = (DEPLOY / "Dockerfile").read_text("utf-8")
BINARY = "/opt/pennyweight/bin/pennyweight"


def compose() -> dict[str, Any]:
    document: dict[str, Any] = yaml.safe_load((DEPLOY / "compose.yml").read_text("utf-8"))
    return document


def commands() -> list[list[str]]:
    """Return the arguments of each pennyweight command."""
    found = [compose()["services"][name]["command"] for name in ("shop", "playground")]
    found += [json.loads(line[4:]) for line in DOCKERFILE.splitlines() if line.startswith("CMD [")]
    for unit in UNITS:
        for line in re.findall(r"^Exec\w+=(.*)$", unit.read_text("utf-8"), re.MULTILINE):
            words = shlex.split(line.replace("$$", "$").replace("%%", "%"))
            if words[0].endswith("/sh"):
                words = shlex.split(re.sub(r"\$\(.*?\)", "TODAY", words[2].removeprefix("exec ")))
            if words[0] == BINARY:
                found.append(words[1:])
    page = (ROOT / "docs" / "guide-deployment.md").read_text("utf-8")
    for line in re.findall(
        r"(?:\$COMPOSE run --rm shop|bin/pennyweight) (.*)$", page, re.MULTILINE
    ):
        found.append(shlex.split(line.partition(" > ")[0], comments=True))
    return found


@pytest.mark.parametrize("words", commands(), ids=lambda words: "-".join(words[:2]))
def test_each_command_is_understood(words):
    command: Any = get_command(app)
    name, *arguments = words
    command = command.commands[name]
    if hasattr(command, "commands"):
        command, arguments = command.commands[arguments[0]], arguments[1:]
    command.make_context(name, arguments)  # raises for an unknown option or a bad value


def test_the_image_has_no_torch_and_copies_what_is_there():
    project = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))["project"]
    assert not [name for name in project["dependencies"] if name.startswith(("torch", "transform"))]
    ignored = (DEPLOY / "Dockerfile.dockerignore").read_text("utf-8").split()
    for line in re.findall(r"^COPY (?!--from)(.*)$", DOCKERFILE, re.MULTILINE):
        for source in line.split()[:-1]:
            assert (ROOT / source).exists() and f"!{source}" in ignored
    assert "USER 10001" in DOCKERFILE and "HEALTHCHECK" in DOCKERFILE
    assert "pip install --no-cache-dir --no-compile '.[client]'\n" in DOCKERFILE  # no other extra


def test_compose_mounts_what_is_there():
    document = compose()
    volumes = document["volumes"]
    for name, service in document["services"].items():
        assert "ALL" in service["cap_drop"] and service["restart"] == "unless-stopped"
        for mount in service["volumes"]:
            source, target = mount.split(":")[:2]
            assert target.startswith("/")
            assert source in volumes or (DEPLOY / source).is_file(), (name, source)
    assert document["services"]["shop"]["read_only"]
    config = yaml.safe_load((DEPLOY / "prometheus.yml").read_text("utf-8"))
    (job,) = config["scrape_configs"]
    assert job["static_configs"] == [{"targets": ["shop:8000"]}]
    (secret,) = document["secrets"]
    assert job["authorization"]["credentials_file"] == f"/run/secrets/{secret}"
    mounted = {m.split(":")[1] for m in document["services"]["prometheus"]["volumes"]}
    assert {f"/etc/prometheus/{name}" for name in config["rule_files"]} < mounted
    boards = yaml.safe_load((DEPLOY / "grafana" / "dashboards.yml").read_text("utf-8"))
    path = boards["providers"][0]["options"]["path"]
    mounted = {m.split(":")[1] for m in document["services"]["grafana"]["volumes"]}
    assert f"{path}/pennyweight.json" in mounted


def test_units_are_hardened_alike_and_timers_have_services():
    settings = []
    for unit in UNITS:
        text = unit.read_text("utf-8")
        settings.append(text.partition("User=")[2].partition("\n[Install]")[0].rstrip())
        assert "User=pennyweight" in text and "ProtectSystem=strict" in text
    assert len(set(settings)) == 1
    timers = {timer.stem for timer in (DEPLOY / "systemd").glob("*.timer")}
    assert timers == {unit.stem for unit in UNITS} - {"pennyweight"}


@pytest.mark.skipif(shutil.which("systemd-analyze") is None, reason="needs systemd-analyze")
def test_systemd_understands_the_units():
    paths = [str(path) for path in sorted((DEPLOY / "systemd").iterdir())]
    done = subprocess.run(
        ["systemd-analyze", "verify", *paths], capture_output=True, text=True, check=False
    )
    other = [line for line in done.stderr.splitlines() if "is not executable" not in line]
    assert not other
