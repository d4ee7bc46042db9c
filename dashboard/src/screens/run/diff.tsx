/** What this run delivered, against another one. */
import { useState } from 'preact/hooks';
import { withQuery } from '../../api/client';
import { useQuery } from '../../api/query';
import type { Page, RunDiff, RunSummary, RunView } from '../../api/types';
import { Dialog } from '../../parts/dialog';
import { QueryView } from '../../parts/query-view';
import { runPath } from '../../parts/runs-actions';
import { timeText } from '../../parts/time';

const OTHERS = '20';

export function DiffDialog({ run, close }: { run: RunView; close: () => void }) {
  const others = useQuery<Page<RunSummary>>(
    withQuery('/runs', { workflowId: run.workflowId, limit: OTHERS }),
  );
  const rerunOf = run.trigger.kind === 'rerun' ? run.trigger.of : undefined;
  const [other, setOther] = useState(rerunOf ?? '');
  const diff = useQuery<RunDiff>(
    other === '' ? undefined : `${runPath(other)}/diff/${encodeURIComponent(run.id)}`,
  );
  const choice = others.data?.items.filter(({ id }) => id !== run.id) ?? [];
  return (
    <Dialog title="Compare outputs" onClose={close}>
      <label>
        With the run
        <input
          type="text"
          list="other-runs"
          placeholder="id of any run"
          value={other}
          onInput={(event) => setOther(event.currentTarget.value.trim())}
        />
      </label>
      <datalist id="other-runs">
        {choice.map(({ id, createdAt, status }) => (
          <option key={id} value={id}>
            {timeText(createdAt)} {status}
          </option>
        ))}
      </datalist>
      {other !== '' && <QueryView query={diff}>{(data) => <Differences diff={data} />}</QueryView>}
    </Dialog>
  );
}

const WORDS = {
  'only-in-a': 'only in the other run',
  'only-in-b': 'only in this run',
  same: 'the same',
  different: 'different',
};

const Differences = ({ diff: { same, steps } }: { diff: RunDiff }) => (
  <div class="diff">
    {same && <p>The outputs are the same.</p>}
    {steps.map(({ stepId, kind, changes, more }) => (
      <section key={stepId}>
        <h3>
          {stepId} <span class="dim">{WORDS[kind]}</span>
        </h3>
        <ul class="plain">
          {changes.map((change) => (
            <li key={change.path.join('\n')}>
              <code>{change.path.join('.') || '(output)'}</code>
              {change.kind !== 'added' && <del>{JSON.stringify(change.old)}</del>}
              {change.kind !== 'removed' && <ins>{JSON.stringify(change.new)}</ins>}
            </li>
          ))}
        </ul>
        {more > 0 && <p class="dim">and {more} more</p>}
      </section>
    ))}
  </div>
);
