"""Process entry: reads the environment, listens, and only then loads the job, as boot time is billed."""
from __future__ import annotations

import os
import re
import signal
import socket
import sys
import threading
import uuid
from pathlib import Path
from typing import Any

from scaffold.contract import RUN_REQUEST, URL, decode, log
from scaffold.runner import Runner
from scaffold.schema import Misfit, mapping, optional, record, text
from scaffold.server import Server

#: In seconds: for results to be delivered after the grace time; how often the server looks up by itself.
REPORT_SECONDS, LOOK_SECONDS = 5, 3600
ENVIRONMENT = record(
    AGENT_MODE=optional(text(pattern='api|startup', must='api or startup'), 'api'),
    PORT=optional(text(pattern=r'\d{1,5}', must='a port'), '3000'),
    AGENT_ID=optional(text(1, 200)),
    AGENT_CONCURRENCY=optional(text(pattern=r'[1-9]\d?', must='a whole number from 1 to 99'), '1'),
    AGENT_GRACE_SECONDS=optional(text(pattern=r'\d{1,4}(\.\d+)?', must='seconds, less than 10000'), '5'),
    ORCHESTRATOR_WEBHOOK_URL=optional(URL, ''),
    AGENT_SECRET=optional(text(1, 500), ''),
    STARTUP_INPUT=optional(text(1, 10_000_000), ''),
    STARTUP_TIMEOUT_SECONDS=optional(text(pattern=r'[1-9]\d{0,4}', must='seconds, 1 to 99999'), '300'),
    RESULT_WEBHOOK_URL=optional(URL, ''),
)


def identity(settings: dict[str, str]) -> dict[str, str]:
    """Who this process is; name and version are those of pyproject.toml."""
    project = Path(__file__).with_name('pyproject.toml').read_text('utf-8')
    name, version = (re.search(rf'(?m)^{key} = "(.+)"$', project)[1] for key in ('name', 'version'))
    agent_id, boot_id = settings.get('AGENT_ID') or re.sub('^agent-', '', name), str(uuid.uuid4())
    return {'agentId': agent_id, 'version': version, 'bootId': boot_id, 'mode': settings['AGENT_MODE']}


def own_job(settings: dict[str, str], agent_id: str) -> dict[str, Any]:
    """The job that STARTUP_INPUT describes, for an agent without an orchestrator."""
    input = mapping()(decode(settings['STARTUP_INPUT'].encode(), 'STARTUP_INPUT'), 'STARTUP_INPUT')
    limits = {'timeoutSeconds': int(settings['STARTUP_TIMEOUT_SECONDS']), 'dryRun': False, 'logged': True}
    ids = {'workflowId': 'startup', 'stepId': agent_id, 'runId': str(uuid.uuid4())}
    return {**ids, 'input': input, 'config': {'webhookUrl': settings['RESULT_WEBHOOK_URL'], **limits}}


def claim(settings: dict[str, str], who: dict[str, str]) -> dict[str, Any] | None:
    """Asks for this agent's job, which also tells the orchestrator that the agent is ready."""
    from scaffold.deliver import deliver

    body = {'agentId': who['agentId'], 'bootId': who['bootId'], 'secret': settings['AGENT_SECRET']}
    status, answer = deliver(f"{settings['ORCHESTRATOR_WEBHOOK_URL']}/claim", body)
    log('claimed', httpStatus=status)
    return RUN_REQUEST(decode(answer, 'claim'), 'claim') if status == 200 else None


def begin(runner: Runner, settings: dict[str, str], who: dict[str, str], job: dict[str, Any] | None) -> None:
    """Starts the job that is there at boot, if any, and loads the code for the next one."""
    try:
        if who['mode'] == 'startup' and (job := job or claim(settings, who)):
            runner.accept(job)
        import job as code  # noqa: F401
    except Exception as error:
        log('not ready for work', error=f'{type(error).__name__}: {error}')


def main() -> None:
    # A signal is a byte here, whichever thread it reaches and whatever this one is about to do.
    told, teller = socket.socketpair()
    teller.setblocking(False)
    signal.set_wakeup_fd(teller.fileno())
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda _number, _frame: None)
    settings = ENVIRONMENT({name: value for name, value in os.environ.items() if value}, 'environment')
    who = identity(settings)
    first = own_job(settings, who['agentId']) if settings['STARTUP_INPUT'] else None
    known = settings['ORCHESTRATOR_WEBHOOK_URL'] and settings['AGENT_SECRET']
    if who['mode'] == 'startup' and not (first or known):
        raise Misfit('AGENT_MODE: startup needs ORCHESTRATOR_WEBHOOK_URL and AGENT_SECRET, or STARTUP_INPUT')
    runner = Runner(int(settings['AGENT_CONCURRENCY']), settings['AGENT_SECRET'])
    server = Server(int(settings['PORT']), runner, who)
    threading.Thread(target=server.serve_forever, args=(LOOK_SECONDS,), daemon=True).start()
    log('listening', **who, port=server.server_address[1])
    threading.Thread(target=begin, args=(runner, settings, who, first), daemon=True).start()
    told.recv(1)
    runner.closing = True
    left = runner.drain(float(settings['AGENT_GRACE_SECONDS']))
    if not all(job.settled.is_set() for job in left):
        runner.stop('terminated before it finished')
        left = runner.drain(REPORT_SECONDS)
    for lost in left:
        lost.log('lost: its result was not delivered')
    os._exit(0)  # without waiting for a job that ignores its signal


if __name__ == '__main__':
    try:
        main()
    except (Misfit, OSError) as error:
        log('cannot start', error=str(error))
        sys.exit(1)
