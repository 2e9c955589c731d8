"""Two at once, and killed half-way: a table that does something at its n-th operation, and a run for each of them."""

from __future__ import annotations

MAX_POINTS = 60


class Killed(BaseException):
    """The process is gone."""


class Watched:
    """A table that does something before or after its n-th operation."""

    def __init__(self, table, *, at=None, before=lambda: None, after=lambda: None, writes_only=False):
        self._table, self._at, self._before, self._after = table, at, before, after
        self._writes_only = writes_only
        self.operations = 0

    def __getattr__(self, name):
        operation = getattr(self._table, name)
        if name not in (("write",) if self._writes_only else ("get", "batch_get", "query", "write")):
            return operation

        def watched(*args, **options):
            now, self.operations = self.operations, self.operations + 1
            if now == self._at:
                self._before()
            answer = operation(*args, **options)
            if now == self._at:
                self._after()
            return answer

        return watched


def everywhere(prepare, work, *, competitor=None, failure=None, writes_only=False):
    """Run `work` once for each of its operations, with the competitor or the failure there; yields every outcome."""
    for point in range(MAX_POINTS):
        engine = prepare()
        table = Watched(
            engine.table,
            at=point,
            before=(lambda engine=engine: competitor(engine)) if competitor else lambda: None,
            after=failure or (lambda: None),
            writes_only=writes_only,
        )
        try:
            work(engine, table)
        except Killed:
            work(engine, engine.table)
        if table.operations <= point:
            assert point > 0, "nothing was ever interrupted"
            return
        yield engine
    raise AssertionError("more points than expected")


def raising(error):
    def fail():
        raise error

    return fail
