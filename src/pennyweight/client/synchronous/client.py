"""The client with all calls."""

from pennyweight.client.synchronous.bundles import BundleCalls
from pennyweight.client.synchronous.experiments import ExperimentCalls
from pennyweight.client.synchronous.feeds import FeedCalls
from pennyweight.client.synchronous.lists import ListCalls
from pennyweight.client.synchronous.users import UserCalls

__all__ = ["Client"]


class Client(ListCalls, FeedCalls, UserCalls, BundleCalls, ExperimentCalls):
    """A client of `pennyweight serve`.

    Calls that may reach the service twice without a second effect are tried again after a failure;
    others only where the service did nothing. A call that fails raises a `ClientError`.
    """
