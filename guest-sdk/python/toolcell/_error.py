"""A failure that the tool itself foresaw."""

from __future__ import annotations

from collections.abc import Iterable


class ToolError(Exception):
    """Why a tool could not do what it was asked, for the model that asked.

    A good error says what went wrong, what probably caused it and the one thing to check first:

        raise ToolError(
            "story_not_found",
            "there is no story 42",
            causes=["the id belongs to a comment"],
            check_first="Call search_hn and take the id from its result.",
        )

    `code` is stable, for programs: 1 to 48 of `a-z 0-9 _`. `message` is one sentence. `causes` has the likeliest first.
    `retryable` says whether the same call can succeed later.
    """

    def __init__(
        self,
        code: str,
        message: str,
        *,
        causes: Iterable[str] = (),
        check_first: str | None = None,
        retryable: bool = False,
    ) -> None:
        super().__init__(message)
        self.code = code
        self.message = message
        self.causes = list(causes)
        self.check_first = check_first
        self.retryable = retryable

    def __eq__(self, other: object) -> bool:
        return isinstance(other, ToolError) and self._members() == other._members()

    __hash__ = Exception.__hash__

    def _members(self) -> tuple[object, ...]:
        return (self.code, self.message, self.causes, self.check_first, self.retryable)
