import signal
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from running import FAST, Cli, Ran

from pennyweight import demo
from pennyweight.cli.main import main


@pytest.fixture
def cli(capfd: pytest.CaptureFixture[str]) -> Iterator[Cli]:
    """Run the command line in this process: importing anew would take seconds a test."""
    handler, hook = signal.getsignal(signal.SIGINT), sys.unraisablehook

    def run(*words: object) -> Ran:
        with pytest.raises(SystemExit) as exit:
            main([str(word) for word in words])
        out, err = capfd.readouterr()
        assert "Traceback" not in err
        return Ran(exit.value.code or 0, out, err)

    yield run
    signal.signal(signal.SIGINT, handler)
    sys.unraisablehook = hook


@pytest.fixture(scope="session")
def shop(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Path]:
    """The demo shop with few readers."""
    return demo.write(tmp_path_factory.mktemp("shop"), readers=300)


@pytest.fixture(scope="session")
def bundle(shop: tuple[Path, Path], tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A recommender of it; to be read only."""
    out = tmp_path_factory.mktemp("bundle") / "shop"
    with pytest.raises(SystemExit) as exit:
        main(["fit", *map(str, shop), "--out", str(out), "--quiet", *FAST])
    assert not exit.value.code
    return out
