/** One release: where it works, its line, what is different in it, what it was judged, and what it did. */
import { useQuery } from '../../api/query';
import type { Environments, LineageItem, Release, ReleaseDiff, ReleaseVerdict } from '../../api/types';
import { Badge } from '../../parts/badge';
import { Fact } from '../../parts/fact';
import { QueryView } from '../../parts/query-view';
import { Table } from '../../parts/table';
import { duration, Time, usd } from '../../parts/time';
import { ValueView } from '../../parts/value';
import { runHref } from '../../router';
import { Places, ReleaseLink, short, VERDICTS } from './shared';

export function ReleaseScreen({ id }: { id: string }) {
  const release = useQuery<Release>(`/releases/${id}`, { everyMs: 300_000 });
  const environments = useQuery<Environments>('/environments');
  const agentId = release.data?.agentId;
  return (
    <>
      <p class="crumbs">
        <a href="/app/releases">Releases</a>
        {agentId !== undefined && (
          <>
            {' / '}
            <a href={`/app/releases?agent=${encodeURIComponent(agentId)}`}>{agentId}</a>
          </>
        )}
      </p>
      <h1 class="row start">
        Release {short(id)}{' '}
        <Places
          id={id}
          environments={(environments.data?.items ?? []).filter((env) => env.agentId === agentId)}
        />
      </h1>
      <QueryView query={release}>
        {(found) => (
          <>
            <About release={found} />
            <Changes id={id} />
            <Judged id={id} />
            <Work id={id} />
            <h2>Everything that decides what it does</h2>
            <ValueView value={found.manifest} name="The manifest" />
          </>
        )}
      </QueryView>
    </>
  );
}

const About = ({ release: { id, agentId, parent, createdAt, createdBy } }: { release: Release }) => (
  <dl class="facts">
    <Fact name="Id">
      <code class="hash">{id}</code>
    </Fact>
    <Fact name="Agent">{agentId}</Fact>
    <Fact name="Made after">
      <ReleaseLink id={parent} />
    </Fact>
    <Fact name="Made">
      <Time at={createdAt} /> by {createdBy}
    </Fact>
  </dl>
);

/** A hash is told apart by its beginning; a setting is told whole. */
const valueOf = (text: string | null): string =>
  text === null ? '–' : text.replace(/\b[0-9a-f]{40,}\b/g, (hash) => short(hash));

function Changes({ id }: { id: string }) {
  const diff = useQuery<ReleaseDiff>(`/releases/${id}/diff`, { everyMs: 300_000 });
  return (
    <section aria-labelledby="different">
      <h2 id="different">
        What is different from {diff.data?.from ? 'the one it was made after' : 'nothing'}
      </h2>
      <QueryView
        query={diff}
        isEmpty={({ changes }) => changes.length === 0}
        empty="Nothing: it does what the one before does."
      >
        {({ changes }) => (
          <Table name="Table of the differences" columns={['Part', 'Change', 'Before', 'Now']}>
            {changes.map(({ part, name, kind, old, new: now }) => (
              <tr key={`${part} ${name}`}>
                <td>
                  {part} {name}
                </td>
                <td>{kind}</td>
                <td class="text">{valueOf(old)}</td>
                <td class="text">{valueOf(now)}</td>
              </tr>
            ))}
          </Table>
        )}
      </QueryView>
    </section>
  );
}

function Judged({ id }: { id: string }) {
  const verdicts = useQuery<{ items: ReleaseVerdict[] }>(`/releases/${id}/verdicts`, { everyMs: 30_000 });
  return (
    <section aria-labelledby="judged">
      <h2 id="judged">How it was validated</h2>
      <QueryView
        query={verdicts}
        isEmpty={({ items }) => items.length === 0}
        empty={
          <>
            Not beyond its manifest: <code>reveille release validate {short(id)}</code> does.
          </>
        }
      >
        {({ items }) => (
          <Table name="Table of the verdicts" columns={['Stage', 'Verdict', 'Why', 'Took', 'When']}>
            {items.map(({ id: one, stage, verdict, reason, durationMs, at }) => (
              <tr key={one}>
                <td>{stage}</td>
                <td>
                  <Badge shown={VERDICTS[verdict]} />
                </td>
                <td class="text">{reason}</td>
                <td>{duration(durationMs)}</td>
                <td>
                  <Time at={at} />
                </td>
              </tr>
            ))}
          </Table>
        )}
      </QueryView>
    </section>
  );
}

function Work({ id }: { id: string }) {
  const work = useQuery<{ items: LineageItem[] }>(`/releases/${id}/work`, { everyMs: 15_000 });
  return (
    <section aria-labelledby="did">
      <h2 id="did">What it did last</h2>
      <QueryView query={work} isEmpty={({ items }) => items.length === 0} empty="Nothing yet.">
        {({ items }) => (
          <Table name="Table of the work" columns={['Run', 'Step', 'Outcome', 'Took', 'Cost', 'Begun']}>
            {items.map((one) => (
              <tr key={`${one.runId} ${one.stepId} ${one.attempt}`}>
                <td>
                  <a href={runHref(one.runId)}>{one.runId.slice(0, 8)}</a>
                  {one.shadow && <span class="dim"> a copy</span>}
                </td>
                <td>{one.stepId}</td>
                <td>{one.outcome ?? 'under way'}</td>
                <td>{duration(one.durationMs)}</td>
                <td>{one.costUsd === null ? '–' : usd(one.costUsd)}</td>
                <td>
                  <Time at={one.at} />
                </td>
              </tr>
            ))}
          </Table>
        )}
      </QueryView>
    </section>
  );
}
