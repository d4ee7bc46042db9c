/** The emergency stop, and its report as it comes about. */
import { useState } from 'preact/hooks';
import { post } from '../../api/client';
import { onCapsule, useQuery } from '../../api/query';
import type { EmergencyStop } from '../../api/types';
import { act, ActionButton } from '../../parts/actions';
import { Badge } from '../../parts/badge';
import { Dialog } from '../../parts/dialog';
import { Fact } from '../../parts/fact';
import { MessageField } from '../../parts/message-field';
import { QueryView } from '../../parts/query-view';
import { releaseSwitch } from '../../parts/switches';
import { duration, Time } from '../../parts/time';
import { go, runHref } from '../../router';
import { may } from '../../session';
import type { Shown, Tone } from '../../../../src/domain/status';

/** The report is read again this often: capsules of other processes send no events here. */
const LIVE_MS = 1_000;
const WORD = 'stop';

export const stopHref = (id: string): string => `/app/switches/${encodeURIComponent(id)}`;

export function EmergencyStopForm() {
  const [open, setOpen] = useState(false);
  return (
    <section aria-labelledby="emergency">
      <h2 id="emergency">Emergency stop</h2>
      <div class="card">
        <p>
          Cancels what runs, scales every capsule to zero, sees it there, and takes no result of before.
          Everything stays off until somebody turns it on again.
        </p>
        <button type="button" class="danger" onClick={() => setOpen(true)}>
          Stop everything…
        </button>
      </div>
      {open && <StopDialog onClose={() => setOpen(false)} />}
    </section>
  );
}

function StopDialog({ onClose }: { onClose: () => void }) {
  const [message, setMessage] = useState('');
  const [mode, setMode] = useState<EmergencyStop['mode']>('cancel');
  const [word, setWord] = useState('');
  const [busy, setBusy] = useState(false);
  const ready = message.trim() !== '' && word.trim().toLowerCase() === WORD;
  const submit = async (event: SubmitEvent): Promise<void> => {
    event.preventDefault();
    setBusy(true);
    const stop = await act('Nothing more is woken or sent.', () =>
      post<EmergencyStop>('/emergency-stop', { mode, message: message.trim() }),
    );
    setBusy(false);
    if (!stop) return;
    onClose();
    go(stopHref(stop.id));
  };
  return (
    <Dialog title="Stop everything?" onClose={onClose}>
      <form onSubmit={(event) => void submit(event)}>
        <label>
          What runs
          <select
            value={mode}
            onChange={(event) => setMode(event.currentTarget.value === 'drain' ? 'drain' : 'cancel')}
          >
            <option value="cancel">is cancelled at once</option>
            <option value="drain">may finish, for five minutes at most</option>
          </select>
        </label>
        <MessageField
          label="Why, for everybody who finds something held"
          value={message}
          onChange={setMessage}
        />
        <label>
          Type “{WORD}” to go on
          <input value={word} autocomplete="off" onInput={(event) => setWord(event.currentTarget.value)} />
        </label>
        <button class="danger" disabled={busy || !ready}>
          {busy ? 'Stopping…' : 'Stop everything'}
        </button>
      </form>
    </Dialog>
  );
}

const shown = (text: string, tone: Tone, sign: string): Shown => ({ text, tone, sign });

const STATUSES: Record<EmergencyStop['status'], Shown> = {
  stopping: shown('stopping', 'busy', '●'),
  stopped: shown('everything at zero', 'good', '✓'),
  incomplete: shown('not everything seen at zero', 'bad', '✕'),
  released: shown('released', 'off', '–'),
};

const AT: Record<EmergencyStop['capsules'][number]['state'], Shown> = {
  zero: shown('at zero', 'good', '✓'),
  stopping: shown('stopping', 'busy', '●'),
  unverified: shown('not seen', 'bad', '✕'),
};

/** `/app/switches/<id>`: the report, live. */
export function StopScreen({ id }: { id: string }) {
  const query = useQuery<EmergencyStop>(`/emergency-stop/${encodeURIComponent(id)}`, {
    when: onCapsule,
    everyMs: LIVE_MS,
  });
  return (
    <>
      <p class="crumbs">
        <a href="/app/switches">Switches</a>
      </p>
      <h1>Emergency stop {query.data && <Badge shown={STATUSES[query.data.status]} />}</h1>
      <QueryView query={query}>{(stop) => <Report stop={stop} reload={query.reload} />}</QueryView>
    </>
  );
}

function Report({ stop, reload }: { stop: EmergencyStop; reload: () => void }) {
  const { message, owner, mode, askedAt, finishedAt, tookMs, tokensRevokedAt, runs, capsules } = stop;
  const release = async (): Promise<void> => {
    await releaseSwitch(stop.switchId);
    reload();
  };
  return (
    <>
      <p class="text">{message}</p>
      <dl class="facts">
        <Fact name="By">{owner}</Fact>
        <Fact name="Asked">
          <Time at={askedAt} />
        </Fact>
        <Fact name="What ran">{mode === 'cancel' ? 'is cancelled' : 'may finish'}</Fact>
        <Fact name={finishedAt === null ? 'So far' : 'Took'}>{duration(tookMs)}</Fact>
        <Fact name="Tokens revoked">
          <Time at={tokensRevokedAt} />
        </Fact>
      </dl>
      <h2>Capsules</h2>
      <ul class="cards">
        {capsules.map(({ capsuleId, agentId, state, running, zeroAt, error }) => (
          <li key={capsuleId} class="card">
            <p class="row">
              <strong>{agentId}</strong>
              <Badge shown={AT[state]} />
            </p>
            <p class="dim">
              {running === 'unknown' ? 'replicas not known' : `${running} running`}
              {zeroAt !== null && (
                <>
                  {' '}
                  · zero <Time at={zeroAt} />
                </>
              )}
            </p>
            {error !== null && <p class="bad">{error}</p>}
          </li>
        ))}
      </ul>
      <h2>Runs that had an agent at work</h2>
      {runs.found.length === 0 && <p class="empty">None.</p>}
      <ul class="plain">
        {runs.found.map((id) => (
          <li key={id}>
            <a href={runHref(id)}>run {id.slice(0, 8)}</a>{' '}
            {runs.cancelled.includes(id) ? 'cancelled' : 'ended by itself'}
          </li>
        ))}
      </ul>
      {may('operator') && (
        <p class="buttons">
          <ActionButton label="Let everything go on" done="The switch is released." action={release} />
          <span class="hint">
            or <code>{stop.resume}</code>
          </span>
        </p>
      )}
    </>
  );
}
