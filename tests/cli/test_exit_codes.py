"""The command line within another program, whose output goes elsewhere."""

import io
import signal
import sys

import pytest

from pennyweight.cli.main import main


@pytest.fixture
def restored():
    handler, hook = signal.getsignal(signal.SIGINT), sys.unraisablehook
    yield
    signal.signal(signal.SIGINT, handler)
    sys.unraisablehook = hook


def test_output_that_is_captured_as_text(restored, monkeypatch):
    out, err = io.StringIO(), io.StringIO()
    monkeypatch.setattr(sys, "stdout", out)
    monkeypatch.setattr(sys, "stderr", err)
    with pytest.raises(SystemExit) as exit:
        main(["--version"])
    assert (exit.value.code or 0, err.getvalue()) == (0, "")
    assert out.getvalue().strip()


def test_output_that_is_closed(restored, monkeypatch):
    monkeypatch.setattr(sys, "stdout", None)
    with pytest.raises(SystemExit) as exit:
        main(["keys", "list", "--keys", "/no/such/file"])
    assert exit.value.code == 2
