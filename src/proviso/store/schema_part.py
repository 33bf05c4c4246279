"""A part of the schema, and how far it is."""

from msgspec import Struct


class Part(Struct, frozen=True):
    """A part of the schema: the version that it had, and the one that this version of Proviso wants.

    `held`: a running server uses it, so only that server's next start takes it forward.
    """

    name: str
    was: int
    wanted: int
    held: bool = False

    @property
    def behind(self) -> bool:
        """Whether there is something to do."""
        return self.was < self.wanted
