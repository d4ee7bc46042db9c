/** What happened to a run, line by line: the same lines as `reveille logs` prints. */
import { eventsOf } from '../../../../src/cli/runs/events';
import type { RunView } from '../../api/types';
import { Table } from '../../parts/table';
import { Time } from '../../parts/time';

/** More lines than that are for the command line. */
const MAX_SHOWN = 300;

export function Log({ run, zone }: { run: RunView; zone: string | undefined }) {
  const events = eventsOf(run);
  const older = events.length - MAX_SHOWN;
  return (
    <section aria-labelledby="log">
      <h2 id="log">Log</h2>
      {older > 0 && (
        <p class="dim">
          {older} older lines are left out; <code>reveille logs {run.id}</code> has them.
        </p>
      )}
      <Table name="What happened" columns={['When', 'Step', 'What', { title: 'Details', wide: true }]}>
        {events.slice(-MAX_SHOWN).map(({ at, step, word, detail }, i) => (
          <tr key={i}>
            <td>
              <Time at={at} zone={zone} />
            </td>
            <td>{step ?? 'run'}</td>
            <td>{word}</td>
            <td class="text">{detail}</td>
          </tr>
        ))}
      </Table>
    </section>
  );
}
