import pytest


@pytest.fixture(scope="session", autouse=True)
def own_cache(tmp_path_factory):
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("PENNYWEIGHT_CACHE", str(tmp_path_factory.mktemp("cache")))
        patch.delenv("PENNYWEIGHT_MODEL", raising=False)
        yield
