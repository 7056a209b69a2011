"""The error that a request is answered with."""

import enum


class Code(enum.IntEnum):
    """Status codes that TensorFlow, gRPC and this project share."""

    OK = 0
    CANCELLED = 1
    UNKNOWN = 2
    INVALID_ARGUMENT = 3
    DEADLINE_EXCEEDED = 4
    NOT_FOUND = 5
    ALREADY_EXISTS = 6
    PERMISSION_DENIED = 7
    RESOURCE_EXHAUSTED = 8
    FAILED_PRECONDITION = 9
    ABORTED = 10
    OUT_OF_RANGE = 11
    UNIMPLEMENTED = 12
    INTERNAL = 13
    UNAVAILABLE = 14
    DATA_LOSS = 15
    UNAUTHENTICATED = 16

    @property
    def http(self) -> int:
        """The HTTP status that says the same."""
        return _HTTP.get(self, 500)


_HTTP = {
    Code.OK: 200,
    Code.INVALID_ARGUMENT: 400,
    Code.FAILED_PRECONDITION: 400,
    Code.OUT_OF_RANGE: 400,
    Code.NOT_FOUND: 404,
    Code.UNIMPLEMENTED: 501,
    Code.UNAVAILABLE: 503,
    Code.RESOURCE_EXHAUSTED: 429,
    Code.DEADLINE_EXCEEDED: 504,
}


class RequestError(Exception):
    """A request cannot be answered, or a version not loaded: one line and a code.

    Args:
        message: What is wrong; made one line of at most 1,000 characters.
        code: The status code.

    Example:
        >>> raise RequestError("input 'image': float32 is needed, string was given")
    """

    def __init__(self, message: str, code: Code = Code.INVALID_ARGUMENT):
        line = " ".join("".join(letter if letter.isprintable() else " " for letter in message).split())
        super().__init__(line if len(line) <= 1000 else line[:1000] + "...")
        self.code = code
