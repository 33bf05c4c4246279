"""A transport that delivers nothing: what tests, and teams that try a workspace, look into."""

import asyncio

from proviso.outbox.message import DELIVERED, Message, Receipt


class MemoryTransport:
    """Keeps what it is given. `answers` are the receipts of the next messages; after them all are delivered."""

    def __init__(self, *answers: Receipt) -> None:
        self.received: list[Message] = []
        self.answers = list(answers)
        self.open = asyncio.Event()  # while it is not set, sending hangs
        self.open.set()
        self.at_once = 0
        self.most_at_once = 0

    async def send(self, message: Message) -> Receipt:
        """Keep the message, unless its answer says otherwise."""
        self.at_once += 1
        self.most_at_once = max(self.most_at_once, self.at_once)
        try:
            await self.open.wait()
        finally:
            self.at_once -= 1
        receipt = self.answers.pop(0) if self.answers else Receipt(DELIVERED)
        if receipt.verdict == DELIVERED:
            self.received.append(message)
        return receipt
