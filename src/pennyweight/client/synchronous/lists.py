"""Calls for lists."""

from collections.abc import Mapping, Sequence

from pennyweight.client.calls import Call, path_of
from pennyweight.client.synchronous.connection import Connection
from pennyweight.records import given
from pennyweight.responses import Explanation, ItemList

__all__ = ["ListCalls"]


class ListCalls(Connection):
    """Lists for users, sessions, searches, candidates and items.

    `k` is the number of items, `filter` a condition such as ``price < 80``, `boost` filters and
    the numbers added to the scores of matching items, `fields` the columns that each item gets
    as `attributes`, `explore` the largest share of the positions for exploration of new items, and
    `scenario` the placement of the list.
    """

    def recommend(
        self,
        user_id: str,
        *,
        k: int = 10,
        filter: str | None = None,
        boost: Mapping[str, float] | None = None,
        exclude_seen: bool | None = None,
        diversity: float | None = None,
        explore: float | None = None,
        freshness: float | None = None,
        half_life: float | None = None,
        explain: bool = False,
        fields: Sequence[str] = (),
        scenario: str | None = None,
    ) -> ItemList:
        """Recommend to a user; an unknown one gets the most popular items."""
        body = given(
            user_id=user_id,
            k=k,
            filter=filter,
            boost=_boosts(boost),
            exclude_seen=exclude_seen,
            diversity=diversity,
            explore=explore,
            freshness=freshness,
            half_life=half_life,
            explain=explain,
            fields=list(fields) or None,
            scenario=scenario,
        )
        return self._read(ItemList, Call("POST", "/v1/recommend", body=body))

    def recommend_session(
        self,
        items: Sequence[str] = (),
        *,
        text: str | None = None,
        session: str | None = None,
        k: int = 10,
        filter: str | None = None,
        boost: Mapping[str, float] | None = None,
        exclude_seen: bool | None = None,
        diversity: float | None = None,
        explore: float | None = None,
        explain: bool = False,
        fields: Sequence[str] = (),
        scenario: str | None = None,
    ) -> ItemList:
        """Recommend to a session of items, oldest first; it is not stored.

        The id `session` keeps a session with one bundle.
        """
        body = given(
            items=list(items),
            text=text,
            session=session,
            k=k,
            filter=filter,
            boost=_boosts(boost),
            exclude_seen=exclude_seen,
            diversity=diversity,
            explore=explore,
            explain=explain,
            fields=list(fields) or None,
            scenario=scenario,
        )
        return self._read(ItemList, Call("POST", "/v1/recommend", body=body))

    def search(
        self,
        query: str,
        *,
        user_id: str | None = None,
        k: int = 10,
        filter: str | None = None,
        boost: Mapping[str, float] | None = None,
        exclude_seen: bool | None = None,
        explain: bool = False,
        fields: Sequence[str] = (),
        scenario: str | None = None,
    ) -> ItemList:
        """Search items by text; with a user, personalized."""
        body = given(
            query=query,
            user_id=user_id,
            k=k,
            filter=filter,
            boost=_boosts(boost),
            exclude_seen=exclude_seen,
            explain=explain,
            fields=list(fields) or None,
            scenario=scenario,
        )
        return self._read(ItemList, Call("POST", "/v1/search", body=body))

    def rank(
        self,
        candidates: Sequence[str],
        *,
        user_id: str | None = None,
        items: Sequence[str] = (),
        text: str | None = None,
        explain: bool = False,
        fields: Sequence[str] = (),
        scenario: str | None = None,
    ) -> ItemList:
        """Rank given items for a user, a history or a text."""
        body = given(
            candidates=list(candidates),
            user_id=user_id,
            items=list(items) or None,
            text=text,
            explain=explain,
            fields=list(fields) or None,
            scenario=scenario,
        )
        return self._read(ItemList, Call("POST", "/v1/rank", body=body))

    def popular_items(
        self,
        *,
        k: int = 10,
        filter: str | None = None,
        explain: bool = False,
        fields: Sequence[str] = (),
        scenario: str | None = None,
    ) -> ItemList:
        """Return the most popular items."""
        params = _query(k, filter, explain, fields, scenario)
        return self._read(ItemList, Call("GET", "/v1/popular", params))

    def latest_items(
        self,
        *,
        k: int = 10,
        filter: str | None = None,
        explain: bool = False,
        fields: Sequence[str] = (),
        scenario: str | None = None,
    ) -> ItemList:
        """Return the items published last, newest first; scores are epoch seconds."""
        params = _query(k, filter, explain, fields, scenario)
        return self._read(ItemList, Call("GET", "/v1/latest", params))

    def similar_items(
        self,
        item_id: str,
        *,
        k: int = 10,
        filter: str | None = None,
        explain: bool = False,
        fields: Sequence[str] = (),
        scenario: str | None = None,
    ) -> ItemList:
        """Return the items most similar to one."""
        params = _query(k, filter, explain, fields, scenario)
        return self._read(ItemList, Call("GET", path_of("/v1/similar", item_id), params))

    def explain(self, recommendation_id: str) -> Explanation:
        """Explain the items of a list, for 30 days."""
        return self._read(Explanation, Call("GET", path_of("/v1/explain", recommendation_id)))


def _boosts(boost: Mapping[str, float] | None) -> list[dict[str, object]] | None:
    if not boost:
        return None
    return [{"filter": filter, "weight": weight} for filter, weight in boost.items()]


def _query(
    k: int, filter: str | None, explain: bool, fields: Sequence[str], scenario: str | None
) -> dict[str, object]:
    return given(
        k=k,
        filter=filter,
        explain="true" if explain else None,
        fields=",".join(fields) or None,
        scenario=scenario,
    )
