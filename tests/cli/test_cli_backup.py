"""`backup`, `restore` and `check`."""

from pathlib import Path

from running import Cli

from pennyweight.serving.live.bundles import BundleStore
from pennyweight.serving.live.engine import Engine
from pennyweight.serving.stores.sqlite import SQLiteStore


def test_a_folder_is_backed_up_checked_and_restored(cli: Cli, bundle: Path, tmp_path: Path) -> None:
    live, backup, again = (tmp_path / name for name in ("live", "backup", "again"))
    live.mkdir()
    engine = Engine(SQLiteStore(live / "store.sqlite"), BundleStore(live / "bundles"))
    engine.start(bundle)
    engine.close()
    ran = cli("backup", live, "--out", backup)
    stages = [line.split(" s  ")[1] for line in ran.err.splitlines()]
    assert stages == ["1/3 copy the store", "2/3 copy the bundles", "3/3 check the copy"]
    assert ran.code == 0 and f"saved {backup}: 0 events" in ran.out and "1 bundle " in ran.out
    assert cli("check", backup).out.startswith(f"{backup}: whole backup of ")
    ran = cli("restore", backup, "--to", again)
    assert ran.code == 0 and f"pennyweight serve --data {again}" in ran.err
    ran = cli("check", again)
    assert (
        ran.code == 0
        and "serves 100% of the users" in ran.out
        and ": the folder of a service, whole: " in ran.out
    )
    ran = cli("restore", backup, "--to", again)
    assert ran.code == 2 and "not empty" in ran.err
    for name in ("store.sqlite", "backup.json"):
        (backup / name).write_bytes(b"~")
    ran = cli("check", backup)
    assert ran.code == 1 and ran.out.startswith(f"fault: {backup / 'backup.json'}: damaged")
    assert "use another backup" in ran.err
    manifest = next((again / "bundles").iterdir()) / "manifest.json"
    manifest.unlink()
    ran = cli("check", again)
    assert ran.code == 1 and "fault: " in ran.out and "1 fault" in ran.err
