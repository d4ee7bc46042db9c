"""Runs jobs, each in a thread of its own, and reports what came of them."""
from __future__ import annotations

import threading
import time
from typing import Any

from .context import Context, Stopped
from .contract import encode
from .schema import Misfit

OUTPUT_BYTES, LOGGED_BYTES = 4 * 1024 * 1024, 16 * 1024
REMEMBERED_RUNS, ERROR_CHARS, STACK_CHARS = 1000, 2000, 4000
#: What is told of failures that name their `kind`.
KINDS = {'unavailable': 'provider-unavailable', 'no-recording': 'not-recorded'}


def failure(status: str, error: str, kind: object) -> dict[str, Any]:
    told = {'errorKind': KINDS[str(kind)]} if str(kind) in KINDS else {}
    return {'status': status, 'output': {}, 'error': error[:ERROR_CHARS], **told}


class Job(Context):
    """A run that was accepted. It is settled once: by what its work gives, or by what stops it before."""

    def __init__(self, request: dict[str, Any]) -> None:
        super().__init__(request)
        self.input, self.config, self.started = request['input'], request['config'], time.monotonic()
        self.name = (self.ids['runId'], self.ids['stepId'])
        self.settled, self.reported = threading.Event(), threading.Event()
        self.result: dict[str, Any] = {}

    def perform(self) -> dict[str, Any]:
        """Loads the job's code on first use, checks the input, runs it, checks the output."""
        try:
            import job as code

            output = code.OUTPUT(code.run(code.INPUT(self.input, 'input'), self), 'output')
            if (size := len(encode(output))) > OUTPUT_BYTES:
                raise ValueError(f'output: {size} bytes, the limit is {OUTPUT_BYTES}')
            return {'status': 'success', 'output': output}
        except BaseException as error:  # also SystemExit, which would end the thread without a word
            if not isinstance(error, (Misfit, Stopped)):
                import traceback

                self.log('failed', stack=traceback.format_exc()[-STACK_CHARS:])
            # A message that is no sentence says little without its type: `KeyError: 'name'`.
            message = str(error) if ' ' in str(error) else f'{type(error).__name__}: {error}'
            return failure('error', message, getattr(error, 'kind', ''))

    def told(self) -> dict[str, Any]:
        """What the log says of the result; also its output, if small, where nobody else may get it."""
        keys = ['status', 'error', 'errorKind', 'durationMs']
        if self.config.get('logged') and len(encode(self.result['output'])) <= LOGGED_BYTES:
            keys.append('output')
        return {key: self.result[key] for key in keys if key in self.result}


class Runner:
    def __init__(self, concurrency: int, secret: str) -> None:
        self.closing, self._concurrency, self._secret = False, concurrency, secret
        self._running: list[Job] = []
        self._kept: list[Job] = []
        self._unreported: list[Job] = []
        self._seen: dict[tuple[Any, ...], None] = {}
        self._lock = threading.RLock()

    def accept(self, request: dict[str, Any]) -> str:
        """Starts it: `accepted`, unless it was started before, `duplicate`, or there is no room, `busy`."""
        job = Job(request)
        job.end = lambda reason, kind: self.stop(reason, kind=kind, only=job)
        with self._lock:
            if (key := (*job.name, job.config.get('attempt', 1))) in self._seen:
                return 'duplicate'
            if self.closing or len(self._running) >= self._concurrency:
                return 'busy'
            self._seen = dict.fromkeys([*self._seen, key][-REMEMBERED_RUNS:])
            self._kept = self._kept[-self._concurrency + 1 :] if self._concurrency > 1 else []
            self._running.append(job)
            self._unreported.append(job)
        for work in (self._report, self._work):
            threading.Thread(target=work, args=(job,), daemon=True).start()
        return 'accepted'

    def status(self, name: tuple[str, str]) -> dict[str, Any]:
        """The oldest job that runs and the latest result; of this run and step, if it is held."""
        with self._lock:
            running, kept = list(self._running), list(self._kept)
        state = 'running' if running else 'idle'
        if any(job.name == name for job in running + kept):
            running, kept = ([job for job in jobs if job.name == name] for jobs in (running, kept))
        progress = {'progress': job.records['progress'] for job in running[:1] if 'progress' in job.records}
        current = {'current': {**running[0].ids, **progress}} if running else {}
        return {'state': state, **current, **({'last': kept[-1].result} if kept else {})}

    def stop(
        self, reason: str, status: str = 'error', kind: str = '', only: tuple[str, str] | Job | None = None
    ) -> None:
        """Settles what runs, or `only` that job or the run and step of that name, and tells it to end."""
        with self._lock:
            for job in self._running:
                if only in (None, job, job.name) and not job.settled.is_set():
                    self._settle(job, failure(status, reason, kind))
                    job.signal.reason = reason
                    job.signal.set()

    def drain(self, seconds: float) -> list[Job]:
        """Waits, at most so long, until every result is delivered or given up; gives the other jobs."""
        deadline = time.monotonic() + seconds
        with self._lock:
            jobs = list(self._unreported)
        return [job for job in jobs if not job.reported.wait(max(0, deadline - time.monotonic()))]

    def _work(self, job: Job) -> None:
        outcome = job.perform()
        with self._lock:  # both at once, so that nobody sees the agent idle without the result
            self._running.remove(job)
            if not job.settled.is_set():
                self._settle(job, outcome)

    def _settle(self, job: Job, outcome: dict[str, Any]) -> None:
        duration = round((time.monotonic() - job.started) * 1000)
        job.result = {**job.ids, **outcome, **job.records, 'durationMs': duration}
        self._kept = [*self._kept, job][-self._concurrency :]
        job.input = None  # it may be large, and the job is kept for its result
        job.settled.set()

    def _report(self, job: Job) -> None:
        """Waits until the job is settled, or settles it when its time is over, and delivers its result."""
        from .deliver import deliver

        seconds, url = job.config['timeoutSeconds'], job.config['webhookUrl']
        if not job.settled.wait(seconds):
            self.stop(f'not finished within {seconds:g} s', 'timeout', only=job)
        job.log('finished', **job.told())
        try:
            if url:
                job.log('reported', answer=deliver(url, job.result, self._secret)[0])
        except Exception as error:
            job.log('reported', answer=str(error))
        with self._lock:
            self._unreported.remove(job)
        job.reported.set()
