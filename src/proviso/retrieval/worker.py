"""The process that reads foreign formats: what a hostile document breaks is this process, not the build.

Requests come on standard input, replies go to standard output, each after its length (8 bytes little-endian).
"""

import logging
import resource
import sys
from typing import BinaryIO, Final

import msgspec

from proviso.errors import UnreadableSource
from proviso.retrieval.extracted import MAX_CHARS, Extracted
from proviso.retrieval.from_docx import from_docx
from proviso.retrieval.from_html import from_html
from proviso.retrieval.from_pdf import from_pdf
from proviso.retrieval.isolation import Reply, Request

_MEMORY: Final = 2 * 1024**3
_CPU_SECONDS: Final = 120
_READERS: Final = {"docx": from_docx, "html": from_html, "pdf": from_pdf}


def _limit() -> None:
    """At most 2 GB, and two more minutes of CPU: a bound even where the parent has been killed."""
    resource.setrlimit(resource.RLIMIT_AS, (_MEMORY, _MEMORY))
    used = resource.getrusage(resource.RUSAGE_SELF)
    seconds = int(used.ru_utime + used.ru_stime) + _CPU_SECONDS
    hard = resource.getrlimit(resource.RLIMIT_CPU)[1]
    resource.setrlimit(resource.RLIMIT_CPU, (seconds if hard < 0 else min(seconds, hard), hard))


def _reply(request: Request) -> Reply:
    try:
        extracted: Extracted = _READERS[request.format](request.content)
    except UnreadableSource as error:
        return Reply(problem=error.message)
    if len(extracted.text) > MAX_CHARS:
        return Reply(problem=f"its text is over {MAX_CHARS // 1_000_000} million characters")
    return Reply(title=extracted.title, text=extracted.text)


def serve(requests: BinaryIO, replies: BinaryIO) -> None:
    """Answer requests until there are no more."""
    decoder = msgspec.msgpack.Decoder(Request)
    while head := requests.read(8):
        _limit()
        reply = msgspec.msgpack.encode(_reply(decoder.decode(requests.read(int.from_bytes(head, "little")))))
        replies.write(len(reply).to_bytes(8, "little") + reply)
        replies.flush()


if __name__ == "__main__":
    # The libraries warn about what they repair; nobody reads it here.
    logging.disable(logging.CRITICAL)
    serve(sys.stdin.buffer, sys.stdout.buffer)
