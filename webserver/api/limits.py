"""How often one user may call the API: a moving window a user, counted in each web worker by itself.

So the service's limit is this one times its workers. It keeps one script from taking the site away from everybody;
it is no accounting, and needs no table that every call would have to write to.
"""

import math
import time

from limits import RateLimitItemPerMinute
from limits.storage import MemoryStorage
from limits.strategies import MovingWindowRateLimiter

from webserver.problems import Problem


class Limits:
    """Counts calls by user."""

    def __init__(self, calls_a_minute: int):
        self._limit = RateLimitItemPerMinute(calls_a_minute)
        self._window = MovingWindowRateLimiter(MemoryStorage())

    def count(self, user_id: str) -> None:
        """Count one call. Raises the 429 problem, which says when to come back."""
        if self._window.hit(self._limit, user_id):
            return
        opens, _ = self._window.get_window_stats(self._limit, user_id)
        wait = max(math.ceil(opens - time.time()), 1)
        raise Problem(
            429,
            f"More than {self._limit.amount} calls in a minute. Wait {wait} seconds; nothing was changed.",
            title="Too many calls",
            code="rate_limit",
            headers={"Retry-After": str(wait)},
        )
