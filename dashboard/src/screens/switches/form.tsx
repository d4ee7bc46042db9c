/** Turning something off: what, why, and until when. */
import { useState } from 'preact/hooks';
import { useQuery } from '../../api/query';
import type { Agent, Page, Switch, Workflow } from '../../api/types';
import { act } from '../../parts/actions';
import { MessageField } from '../../parts/message-field';
import { turnOff } from '../../parts/switches';

const MINUTE_MS = 60_000;
const PERIODS: ReadonlyArray<[string, number]> = [
  ['until somebody turns it on', 0],
  ['for 15 minutes', 15],
  ['for an hour', 60],
  ['for 8 hours', 480],
  ['for a day', 1_440],
];

/** What a choice stands for: `agent writer`, or nothing for everything. */
const targetOf = (chosen: string): { scope: Switch['scope']; subject?: string } => {
  const [, scope, subject] = /^(agent|workflow) (.+)$/.exec(chosen) ?? [];
  return subject === undefined
    ? { scope: 'global' }
    : { scope: scope === 'agent' ? 'agent' : 'workflow', subject };
};

export function SwitchForm({ reload }: { reload: () => void }) {
  const agents = useQuery<Page<Agent>>('/agents', { everyMs: 300_000 });
  const workflows = useQuery<Page<Workflow>>('/workflows', { everyMs: 300_000 });
  const [chosen, setChosen] = useState('');
  const [message, setMessage] = useState('');
  const [minutes, setMinutes] = useState(0);
  const [busy, setBusy] = useState(false);
  const submit = async (event: SubmitEvent): Promise<void> => {
    event.preventDefault();
    setBusy(true);
    const expiresAt = minutes > 0 && new Date(Date.now() + minutes * MINUTE_MS).toISOString();
    const wanted = { ...targetOf(chosen), message: message.trim(), ...(expiresAt && { expiresAt }) };
    if (await act('It is off: nothing of it is woken or sent.', () => turnOff(wanted))) {
      setChosen('');
      setMessage('');
      reload();
    }
    setBusy(false);
  };
  return (
    <section aria-labelledby="turn-off">
      <h2 id="turn-off">Turn something off</h2>
      <form class="card stacked" onSubmit={(event) => void submit(event)}>
        <label>
          What
          <select value={chosen} onChange={(event) => setChosen(event.currentTarget.value)} required>
            <option value="">Choose…</option>
            <option value="everything">everything</option>
            {workflows.data?.items.map(({ id, name }) => (
              <option key={id} value={`workflow ${id}`}>
                workflow {name}
              </option>
            ))}
            {agents.data?.items.map(({ id, name }) => (
              <option key={id} value={`agent ${id}`}>
                agent {name}
              </option>
            ))}
          </select>
        </label>
        <MessageField
          label="Why, for everybody who finds something held"
          value={message}
          onChange={setMessage}
        />
        <label>
          How long
          <select value={String(minutes)} onChange={(event) => setMinutes(Number(event.currentTarget.value))}>
            {PERIODS.map(([text, value]) => (
              <option key={value} value={String(value)}>
                {text}
              </option>
            ))}
          </select>
        </label>
        <p class="hint">
          What an agent is at work on goes on; what waits stays in line, and goes on in its order later.
        </p>
        <button class="danger" disabled={busy || chosen === '' || message.trim() === ''}>
          {busy ? 'Turning off…' : 'Turn off'}
        </button>
      </form>
    </section>
  );
}
