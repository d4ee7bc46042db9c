/** Reads the ledger from its beginning and says whether the chain holds, and if not, where. */
import { useEffect, useState } from 'preact/hooks';
import { asProblem, get, withQuery, type Problem } from '../../api/client';
import type { AuditVerdict } from '../../api/types';
import { ProblemView } from '../../parts/query-view';

/** Each stretch reads for about ten seconds. */
const STRETCH_DEADLINE_MS = 45_000;
/** Beyond it, the command line does the same. */
const MAX_STRETCHES = 60;

interface State {
  /** How far it was read. */
  read: number;
  end?: number;
  findings: AuditVerdict['findings'];
  done: boolean;
  problem?: Problem;
}

const BEGINNING: State = { read: 0, findings: [], done: false };

async function verify(signal: AbortSignal, tell: (state: State) => void): Promise<void> {
  let state = BEGINNING;
  let from: AuditVerdict['to'] | undefined;
  for (let i = 0; i < MAX_STRETCHES && !state.done; i += 1) {
    const after = from && { after: String(from.seq), hash: from.hash };
    const verdict = await get<AuditVerdict>(
      withQuery('/audit/verify', after ?? {}),
      signal,
      STRETCH_DEADLINE_MS,
    );
    from = verdict.to;
    state = {
      read: verdict.to.seq,
      end: verdict.end.seq,
      findings: [...state.findings, ...verdict.findings],
      done: verdict.complete || !verdict.ok,
    };
    tell(state);
  }
}

export function Chain() {
  const [state, setState] = useState(BEGINNING);
  const [round, setRound] = useState(0);
  useEffect(() => {
    const stop = new AbortController();
    setState(BEGINNING);
    verify(stop.signal, setState).catch((error: unknown) => {
      if (!stop.signal.aborted) setState((old) => ({ ...old, problem: asProblem(error) }));
    });
    return () => stop.abort();
  }, [round]);
  const again = (): void => setRound(round + 1);
  if (state.problem) return <ProblemView problem={state.problem} retry={again} />;
  return (
    <div class={`card row chain ${state.findings.length > 0 ? 'tone-bad' : ''}`} role="status">
      <span>
        <Words state={state} />
      </span>
      <button type="button" class="small" disabled={!state.done} onClick={again}>
        Verify again
      </button>
      {state.findings.length > 0 && (
        <ul>
          {state.findings.map(({ kind, seq, lastSeq, reason }) => (
            <li key={`${kind} ${seq}`} class="bad">
              {seq === lastSeq ? `entry ${seq}` : `entries ${seq} to ${lastSeq}`} {kind}: {reason}
            </li>
          ))}
        </ul>
      )}
    </div>
  );
}

function Words({ state: { read, end, findings, done } }: { state: State }) {
  if (findings.length > 0) {
    return (
      <strong class="bad">
        <span aria-hidden="true">✕ </span>The chain is broken.
      </strong>
    );
  }
  if (!done) {
    return (
      <>
        Verifying the chain… {read.toLocaleString()} {end !== undefined && `of ${end.toLocaleString()}`}
      </>
    );
  }
  return (
    <>
      <strong>
        <span aria-hidden="true">✓ </span>The chain is whole:
      </strong>{' '}
      {read.toLocaleString()} entries verified.
    </>
  );
}
