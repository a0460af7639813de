"""Calls about users, for keys of the scope admin."""

from collections.abc import Iterator

from pennyweight.client.calls import LONG, Call, path_of
from pennyweight.client.synchronous.connection import Connection
from pennyweight.records import given
from pennyweight.responses import Consent, Erasure, UserExport, UserListing

__all__ = ["UserCalls"]


class UserCalls(Connection):
    """Users: their data, its erasure, and renewed consent."""

    def list_users(self, *, limit: int = 100, after: str | None = None) -> UserListing:
        """Return a page of the users with live events, in order."""
        return self._read(
            UserListing, Call("GET", "/v1/users", given(limit=limit, after=after or None))
        )

    def users(self) -> Iterator[str]:
        """Yield the ids of all users with live events."""
        after: str | None = ""
        while after is not None:
            page = self.list_users(limit=1_000, after=after)
            for user_id in page.users:
                yield user_id
            after = page.next

    def get_user(self, user_id: str) -> UserExport:
        """Return all data about a user: live events, events in the bundles, lists."""
        call = Call("GET", path_of("/v1/users", user_id), timeout=LONG)
        return self._read(UserExport, call)

    def erase_user(self, user_id: str) -> Erasure:
        """Erase all data about a user. Not retried: the response counts the erased rows."""
        call = Call("DELETE", path_of("/v1/users", user_id), is_safe=False, timeout=LONG)
        return self._read(Erasure, call)

    def readmit_user(self, user_id: str) -> Consent:
        """Store events of an erased user again, after renewed consent."""
        call = Call("POST", path_of("/v1/consents", user_id), is_safe=False)
        return self._read(Consent, call)
