/** One step: its error, its output, its attempts, its shift and what it cost. */
import { useState } from 'preact/hooks';
import { stepShown } from '../../../../src/domain/status';
import type { RunView, Shift, StepView } from '../../api/types';
import { ActionButton } from '../../parts/actions';
import { Badge } from '../../parts/badge';
import { decide } from '../../parts/runs-actions';
import { Table } from '../../parts/table';
import { duration, Time } from '../../parts/time';
import { ValueView } from '../../parts/value';
import { may } from '../../session';
import { Cost } from './cost';
import { RerunDialog } from './rerun';

interface Props {
  run: RunView;
  step: StepView;
  zone: string | undefined;
  reload: () => void;
}

export function StepPanel({ run, step, zone, reload }: Props) {
  const { error, reason, output, attempts, shift, reusedFrom, children } = step;
  const asks = step.kind === 'approval' && step.status === 'parked' && may('approver');
  const say = async (approve: boolean): Promise<void> => {
    await decide(run.id, step.id, approve);
    reload();
  };
  return (
    <section class="step" aria-labelledby="step-name">
      <h2 id="step-name" class="row start">
        Step {step.id} <Badge shown={stepShown(step)} />
      </h2>
      {error && (
        <div class="problem">
          <strong>
            <span aria-hidden="true">✕ </span>
            {error.kind}
          </strong>
          <p class="text">{error.message}</p>
        </div>
      )}
      {reason !== null && <p>{reason}</p>}
      {asks && (
        <p class="buttons">
          <ActionButton kind="main" label="Approve" done="Approved." action={() => say(true)} />
          <ActionButton kind="danger" label="Reject" done="Rejected." action={() => say(false)} />
        </p>
      )}
      <RerunFrom run={run} step={step} />
      <Facts step={step} />
      {children && <ChildrenLink runs={children.runs} />}
      {reusedFrom !== null && (
        <p>
          Taken over from <a href={`/app/runs/${reusedFrom}`}>run {reusedFrom.slice(0, 8)}</a>.
        </p>
      )}
      <h3>Output</h3>
      {output === null ? <p class="empty">No output.</p> : <ValueView value={output} name="The output" />}
      {attempts.length > 0 && <Attempts step={step} zone={zone} />}
      {shift && <ShiftFacts shift={shift} zone={zone} />}
    </section>
  );
}

function RerunFrom({ run, step }: { run: RunView; step: StepView }) {
  const [open, setOpen] = useState(false);
  if (run.links.rerun === null || !may('operator')) return null;
  return (
    <p class="buttons">
      <button type="button" onClick={() => setOpen(true)}>
        Rerun from here…
      </button>
      {open && <RerunDialog run={run} from={step.id} close={() => setOpen(false)} />}
    </p>
  );
}

/** The API's own link, `/runs?parent=…&step=…`, on the screen of runs. */
const ChildrenLink = ({ runs }: { runs: string }) => (
  <p>
    <a href={`/app${runs}`}>The runs that do its work</a>
  </p>
);

function Facts({ step }: { step: StepView }) {
  const { agentId, kind, attempt, maxAttempts, waitMs, bootMs, workMs, cost, usage } = step;
  const tokens = usage.reduce((sum, { inputTokens, outputTokens }) => sum + inputTokens + outputTokens, 0);
  const facts: Array<[string, string | null]> = [
    ['agent', agentId],
    ['kind', kind === 'agent' ? null : kind],
    ['attempt', attempt === 0 ? null : `${attempt} of ${maxAttempts}`],
    ['waited', waitMs === null ? null : duration(waitMs)],
    ['of it boot', bootMs ? duration(bootMs) : null],
    ['worked', workMs === null ? null : duration(workMs)],
    ['tokens', usage.length === 0 ? null : tokens.toLocaleString()],
  ];
  return (
    <dl class="facts">
      {facts.map(([name, value]) =>
        value === null ? null : (
          <div key={name}>
            <dt>{name}</dt>
            <dd>{value}</dd>
          </div>
        ),
      )}
      {cost && (
        <div>
          <dt>cost</dt>
          <dd>
            <Cost cost={cost} />
          </dd>
        </div>
      )}
    </dl>
  );
}

function Attempts({ step, zone }: { step: StepView; zone: string | undefined }) {
  return (
    <>
      <h3 id="attempts">Attempts</h3>
      <Table labelledBy="attempts" columns={['no.', 'outcome', 'asked', 'ended', 'agent', 'what']}>
        {step.attempts.map(({ attempt, outcome, message, requestedAt, endedAt, agentMs }) => (
          <tr key={attempt}>
            <td>{attempt}</td>
            <td>{outcome}</td>
            <td>
              <Time at={requestedAt} zone={zone} />
            </td>
            <td>
              <Time at={endedAt} zone={zone} />
            </td>
            <td>{duration(agentMs)}</td>
            <td class="text">{message ?? ''}</td>
          </tr>
        ))}
      </Table>
    </>
  );
}

function ShiftFacts({ shift, zone }: { shift: Shift; zone: string | undefined }) {
  const { split, generation, billedMs, endReason } = shift;
  const parts = split && {
    boot: split.bootMs,
    prewarm: split.prewarmMs,
    work: split.workMs,
    linger: split.lingerMs,
    drain: split.drainMs,
  };
  return (
    <>
      <h3>Shift {generation}</h3>
      <p>
        Awake since <Time at={shift.acceptedAt} zone={zone} />
        {billedMs === null ? ', not over yet' : `, billed ${duration(billedMs)}`}
        {endReason !== null && `; ended: ${endReason}`}
        {parts &&
          `. Of it ${Object.entries(parts)
            .map(([name, time]) => `${name} ${duration(time)}`)
            .join(', ')}.`}
      </p>
    </>
  );
}
