import fc from 'fast-check';
import { asleep, type CapsuleState } from '../../src/domain/capsule';
import { decideCapsule } from '../../src/domain/decide-capsule';
import {
  chainHash,
  fold,
  GENESIS,
  ledgerBody,
  patch,
  projectCapsule,
  traceOf,
  verifyChain,
  type ChainedEntry,
  type LedgerEntry,
} from '../../src/domain/ledger';
import { activities, contextAt, everyEvent } from './capsule-world';

const entry = (n: number): LedgerEntry => ({
  at: n,
  actor: 'engine',
  action: 'run.result',
  entity: 'run',
  id: `run-${n}`,
  set: { n },
});

function chain(count: number): ChainedEntry[] {
  let previous = GENESIS;
  return Array.from({ length: count }, (_, index) => {
    const body = ledgerBody(entry(index));
    previous = chainHash(previous, body);
    return { seq: index + 1, body, hash: previous };
  });
}

describe('the chain', () => {
  it('is whole as it was written, and when it is empty', () => {
    expect(verifyChain([])).toEqual({ ok: true, entries: 0 });
    expect(verifyChain(chain(5))).toEqual({ ok: true, entries: 5 });
  });

  it('is SHA-256 over the hash before and the body', () => {
    // sha256 of 64 zeros followed by "{}", by another tool: printf '%064d{}' 0 | sha256sum
    expect(chainHash(GENESIS, '{}')).toBe('5508d2b710e64bc470079e1b211d9c58e21011e59d0559e422345dc19d659a75');
  });

  it('shows where it was tampered with', () => {
    const at = fc.nat({ max: 9 });
    const changed = (e: ChainedEntry): ChainedEntry => ({ ...e, body: e.body.replace('engine', 'nobody') });
    fc.assert(
      fc.property(at, (index) => {
        const whole = chain(10);
        const edited = whole.map((e, i) => (i === index ? changed(e) : e));
        expect(verifyChain(edited)).toMatchObject({ ok: false, seq: index + 1 });
        const missing = whole.filter((_, i) => i !== index);
        // The last entry leaves no gap: only whoever knows the head can miss it.
        const expected = index === 9 ? { ok: true, entries: 9 } : { ok: false, seq: index + 1 };
        expect(verifyChain(missing)).toMatchObject(expected);
        const renumbered = missing.map((e, i) => ({ ...e, seq: i + 1 }));
        if (index < 9) expect(verifyChain(renumbered)).toMatchObject({ ok: false, seq: index + 1 });
      }),
    );
  });
});

describe('patch and fold', () => {
  it('say what changed, and what went away', () => {
    expect(patch({ a: 1, b: 2 }, { b: 3, c: 4 })).toEqual({ a: null, b: 3, c: 4 });
    expect(patch({ a: 1 }, { a: 1 })).toEqual({});
    expect(fold([{ set: { a: 1, b: 2 } }, { set: { a: null, b: 3 } }])).toEqual({ b: 3 });
  });

  it('give back any sequence of projections', () => {
    const projection = fc.dictionary(
      fc.constantFrom('a', 'b', 'c', 'd'),
      fc.oneof(fc.string(), fc.integer(), fc.boolean()),
    );
    fc.assert(
      fc.property(fc.array(projection), (states) => {
        const entries = states.map((after, i) => ({ set: patch(states[i - 1] ?? {}, after) }));
        expect(fold(entries)).toEqual({ ...states.at(-1) });
      }),
    );
  });

  it('give back what is told of a capsule after any history', () => {
    const history = fc.array(fc.record({ pick: fc.nat(), activity: fc.nat(), later: fc.nat({ max: 5 }) }), {
      maxLength: 50,
    });
    const statuses = new Set<string>();
    fc.assert(
      fc.property(history, (steps) => {
        let capsule: CapsuleState = asleep('c', 'a');
        let now = 0;
        const entries = [{ set: patch({}, projectCapsule(capsule)) }];
        for (const { pick, activity, later } of steps) {
          now += later;
          const events = everyEvent(capsule, now);
          const load = activities(now)[activity % 4];
          const event = events[pick % events.length];
          if (!load || !event) throw new Error('nothing to do');
          const { state } = decideCapsule(capsule, event, contextAt(now, load));
          entries.push({ set: patch(projectCapsule(capsule), projectCapsule(state)) });
          capsule = state;
          statuses.add(state.status);
        }
        expect(fold(entries)).toEqual(projectCapsule(capsule));
      }),
      { numRuns: 300 },
    );
    expect([...statuses].sort()).toEqual(['asleep', 'awake', 'draining', 'waking']);
  });
});

it('tells the trace of the run that an entry is about', () => {
  const id = '3f3e0d5e-6d0c-4a53-9f4a-0d7c7a6e5b11';
  const entry = { at: 1, actor: 'engine', action: 'run.result', set: {} } as const;
  const trace = '3f3e0d5e6d0c4a539f4a0d7c7a6e5b11';
  expect(traceOf({ ...entry, entity: 'run', id })).toBe(trace);
  expect(traceOf({ ...entry, entity: 'approval', id: 'memo', runId: id })).toBe(trace);
  expect(traceOf({ ...entry, entity: 'capsule', id: 'cap' })).toBeUndefined();
});
