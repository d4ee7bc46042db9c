/** Every event in every state of a memo, as a table and as docs/state-machine.md draws it; and whose word counts. */
import {
  ANYBODY,
  decideMemo,
  memoDueAt,
  MEMO_STATES,
  refusalOf,
  type Memo,
  type MemoEvent,
  type MemoState,
  type Vote,
} from '../../src/domain/approval/memo';
import { diagram, differences, Transitions } from './state-machine';

const memoOf = (over: Partial<Memo> = {}): Memo => ({
  ...{ id: 'm', runId: 'r', workflowId: 'w', stepId: 's', attempt: 2, kind: 'action', agentId: 'a' },
  ...{ title: 'May it?', recommendation: 'Let it.', reasons: [], risk: 0, costUsd: 0, onNo: 'Nothing.' },
  ...{ evidence: { actions: [], actionCount: 0 }, rules: [], round: 1, mayRevise: true },
  ...{ requestedAt: 0, expiresAt: 100, quorum: 1, startedBy: 'anna', state: 'requested', decisions: [] },
  ...over,
});
const voteOf = (owner: string, verdict: Vote['verdict'], comment?: string): Vote => ({
  ...{ by: `key:${owner}`, owner, verdict },
  ...(comment !== undefined && { comment }),
});
const says = (owner: string, verdict: Vote['verdict'], comment?: string): MemoEvent => ({
  type: 'vote',
  vote: voteOf(owner, verdict, comment),
});

const EVENTS: Array<[name: string, event: MemoEvent, now: number]> = [
  ['approve', says('ben', 'approve'), 50],
  ['reject', says('ben', 'reject'), 50],
  ['revise', says('ben', 'revise', 'shorter'), 50],
  ['due', { type: 'due' }, 100],
  ['withdraw', { type: 'withdraw' }, 50],
];
const NEXT: Partial<Record<string, MemoState>> = {
  approve: 'approved',
  reject: 'rejected',
  revise: 'revision-requested',
  due: 'expired',
  withdraw: 'withdrawn',
};

describe('a memo', () => {
  const cells = MEMO_STATES.flatMap((state) =>
    EVENTS.map(([name, event, now]) => ({ state, name, event, now })),
  );

  it.each(cells)('that is $state, on $name', ({ state, name, event, now }) => {
    const before = memoOf({ state });
    const decision = decideMemo(before, event, now);
    if (state === 'requested')
      expect(decision).toMatchObject({ kind: 'changed', memo: { state: NEXT[name] } });
    else expect(decision.kind).toBe(event.type === 'vote' ? 'refused' : 'unchanged');
    expect(before).toEqual(memoOf({ state }));
  });

  it('is as docs/state-machine.md draws it', () => {
    const done = new Transitions();
    for (const { state, name, event, now } of cells) {
      const decision = decideMemo(memoOf({ state }), event, now);
      done.add(state, name, decision.kind === 'changed' ? decision.memo.state : state);
    }
    expect(differences(diagram('Memo'), done.arrows())).toEqual([]);
    const ends = MEMO_STATES.filter((s) => s !== 'requested').map((s) => `${s} --> [*]`);
    expect(diagram('Memo').boundaries).toEqual(['[*] --> requested', ...ends].sort());
  });

  it('keeps who decided, when and why', () => {
    const decision = decideMemo(memoOf(), says('ben', 'reject', 'no'), 7);
    const kept = { by: 'key:ben', owner: 'ben', verdict: 'reject', comment: 'no', at: 7 };
    expect(decision).toMatchObject({ memo: { decidedAt: 7, decisions: [kept] }, what: 'rejected' });
  });

  it('waits for its quorum, but one no is enough', () => {
    const first = decideMemo(memoOf({ quorum: 2 }), says('ben', 'approve'), 1);
    if (first.kind !== 'changed') throw new Error(first.kind);
    expect(first).toMatchObject({ what: 'voted', memo: { state: 'requested' } });
    expect(decideMemo(first.memo, says('cleo', 'approve'), 2)).toMatchObject({ what: 'approved' });
    expect(decideMemo(first.memo, says('cleo', 'reject'), 2)).toMatchObject({ what: 'rejected' });
  });

  it('escalates once, and no later than it expires', () => {
    const memo = memoOf({ escalateAt: 30 });
    expect(memoDueAt(memo)).toBe(30);
    expect(decideMemo(memo, { type: 'due' }, 29)).toEqual({ kind: 'unchanged' });
    const told = decideMemo(memo, { type: 'due' }, 31);
    if (told.kind !== 'changed') throw new Error(told.kind);
    expect(told).toMatchObject({ what: 'escalated', memo: { state: 'requested', escalatedAt: 31 } });
    expect(memoDueAt(told.memo)).toBe(100);
    expect(decideMemo(told.memo, { type: 'due' }, 32)).toEqual({ kind: 'unchanged' });
    expect(memoDueAt(memoOf({ escalateAt: 300 }))).toBe(100);
  });

  it.each([
    ['a yes of who started the run', {}, voteOf('anna', 'approve'), 1, 'own'],
    [
      'a second word of one person',
      { decisions: [{ ...voteOf('ben', 'approve'), at: 0 }] },
      voteOf('ben', 'reject'),
      1,
      'voted',
    ],
    ['a word after its time', {}, voteOf('ben', 'approve'), 100, 'decided'],
    ['a wish without words', {}, voteOf('ben', 'revise', ' '), 1, 'comment-missing'],
    [
      'a wish where nothing is proposed anew',
      { mayRevise: false },
      voteOf('ben', 'revise', 'x'),
      1,
      'nothing-to-revise',
    ],
    ['a no of who started the run', {}, voteOf('anna', 'reject'), 1, undefined],
    [
      'a yes where nobody can be told apart',
      { startedBy: ANYBODY },
      voteOf(ANYBODY, 'approve'),
      1,
      undefined,
    ],
    ['a yes to a run that nobody started', { startedBy: undefined }, voteOf('ben', 'approve'), 1, undefined],
  ] as const)('%s', (_what, over, vote, now, why) => {
    const { startedBy: _, ...rest } = memoOf();
    const memo = { ...rest, startedBy: 'anna', ...over } as Memo;
    expect(refusalOf(memo, vote, now)).toBe(why);
    if (why !== undefined)
      expect(decideMemo(memo, { type: 'vote', vote }, now)).toEqual({ kind: 'refused', why });
  });
});
