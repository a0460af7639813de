"""The client with all calls."""

from pennyweight.client.asynchronous.bundles import AsyncBundleCalls
from pennyweight.client.asynchronous.experiments import AsyncExperimentCalls
from pennyweight.client.asynchronous.feeds import AsyncFeedCalls
from pennyweight.client.asynchronous.lists import AsyncListCalls
from pennyweight.client.asynchronous.users import AsyncUserCalls

__all__ = ["AsyncClient"]


class AsyncClient(
    AsyncListCalls, AsyncFeedCalls, AsyncUserCalls, AsyncBundleCalls, AsyncExperimentCalls
):
    """A client of `pennyweight serve`.

    Calls that may reach the service twice without a second effect are tried again after a failure;
    others only where the service did nothing. A call that fails raises a `ClientError`.
    """
