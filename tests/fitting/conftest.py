import pytest


@pytest.fixture(scope="session", autouse=True)
def own_cache(shared_cache):
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("PENNYWEIGHT_CACHE", str(shared_cache))
        patch.delenv("PENNYWEIGHT_MODEL", raising=False)
        yield
