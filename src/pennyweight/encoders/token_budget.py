"""A budget for texts that cost money: tokens, and their price."""

from dataclasses import dataclass

from pennyweight.errors import BudgetError, PlanError

__all__ = ["TokenBudget", "cut_text", "estimate_tokens"]

BYTES_PER_TOKEN = 3  # of UTF-8; measured means are 3.5 to 4.5 for European languages, 3 for Chinese


def estimate_tokens(text: str) -> int:
    """Return about how many tokens a text has, rather too many than too few."""
    return 1 + len(text.encode("utf-8", "replace")) // BYTES_PER_TOKEN


def cut_text(text: str, max_tokens: int) -> str:
    """Return the beginning of a text that has about `max_tokens` tokens, by `estimate_tokens`."""
    limit = max_tokens * BYTES_PER_TOKEN
    if len(text) * 4 <= limit:
        return text
    return text.encode("utf-8", "replace")[:limit].decode("utf-8", "ignore")


@dataclass
class TokenBudget:
    """Tokens that one run may pay for, and those it has paid for.

    Attributes
    ----------
    tokens
        The limit; None for none.
    money
        The limit in money; needs a price.
    price
        Money for a million tokens.
    used
        Tokens so far.
    """

    tokens: int | None = None
    money: float | None = None
    price: float | None = None
    used: int = 0

    def __post_init__(self) -> None:
        if self.money is not None and not self.price:
            raise PlanError(
                "a budget in money needs the price of a million tokens, above 0: price=0.02 in "
                "--encoder-budget, encoder.token_price in the plan, --price of enrich"
            )

    @property
    def limit(self) -> float:
        """The total number of tokens that may be paid for."""
        limits = [float("inf")]
        if self.tokens is not None:
            limits.append(float(self.tokens))
        if self.money is not None and self.price:
            limits.append(self.money / self.price * 1e6)
        return min(limits)

    def check(self, coming: int) -> None:
        """Raise `BudgetError` where a request of `coming` tokens would pass the limit."""
        if self.used + coming > self.limit:
            raise BudgetError(
                f"the budget is {self.cost(self.limit)}; {self.cost(self.used)} are used and the "
                f"next request has about {self.cost(coming)}; allow more with --encoder-budget, or "
                "--budget of enrich"
            )

    def cost(self, tokens: float) -> str:
        """Return tokens in words, with their price where it is known."""
        money = "" if self.price is None else f" ({tokens * self.price / 1e6:,.4f} of money)"
        return f"{tokens:,.0f} tokens{money}"
