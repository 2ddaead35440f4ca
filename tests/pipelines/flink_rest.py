"""A Flink that answers what a test says of its jobs: for what becomes of runs when processes die between two steps."""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Thread
from typing import Any


@dataclass
class Answers:
    """The jobs that a Flink knows, as its REST interface lists them, and from which state each was started."""

    address: str = ""
    jobs: list[dict[str, Any]] = field(default_factory=list)
    restored: dict[str, str] = field(default_factory=dict)

    def add(self, job_id: str, name: str, state: str, restored: str | None = None) -> None:
        """Let a job be known; each is newer than those before it."""
        started = 1_000 * (len(self.jobs) + 1)
        self.jobs.append({"jid": job_id, "name": name, "state": state, "start-time": started, "duration": 1})
        self.restored |= {job_id: restored} if restored else {}

    def to(self, path: str) -> dict[str, Any]:
        """What Flink answers."""
        if path == "/jobs/overview":
            return {"jobs": self.jobs}
        job_id, _, asked = path.split("?")[0].removeprefix("/jobs/").partition("/")
        if not asked:
            return {"vertices": []}
        if asked == "exceptions":
            return {"exceptionHistory": {"entries": []}}
        counts = dict.fromkeys(("completed", "failed", "in_progress", "restored"), 0)
        found = self.restored.get(job_id)
        return {"counts": counts, "latest": {"restored": {"id": 5, "external_path": found} if found else None}}


@contextmanager
def answering() -> Iterator[Answers]:
    """A server with such answers, on a port of its own."""
    answers = Answers()

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            self.send_response(200)
            self.end_headers()
            self.wfile.write(json.dumps(answers.to(self.path)).encode())

        def log_message(self, *_: Any) -> None:
            """Nothing is printed."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    answers.address = f"127.0.0.1:{server.server_address[1]}"
    thread = Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
    thread.start()
    try:
        yield answers
    finally:
        server.shutdown()
        server.server_close()
        thread.join()
