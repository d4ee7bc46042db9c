/**
 * Protocols at work: which phase binds, going on to the next by the calendar, and the verdict at the end, after
 * which agents are trusted or not. The record has the one that runs; every orchestrator reads it, and whoever is
 * quicker writes the next step.
 */
import { canonicalJson } from '../../domain/canonical-json';
import { judge, verdictOf, type Verdict } from '../../domain/protocol/judge';
import { NOTHING_YET, levelBefore, levelEntry, type Standing } from '../../domain/oversight/level';
import { NOT_OVERSEEN } from '../../domain/oversight/settings';
import type { Policy } from '../../domain/protocol/policy';
import {
  capPercent,
  DOWN_AFTER_MS,
  NO_TALLY,
  phaseIndex,
  protocolEntry,
  seen,
  SEEN_EVERY_MS,
  type Base,
  type Protocol,
} from '../../domain/protocol/protocol';
import type { Notification } from '../../domain/notification';
import type { KeptProtocol } from '../../store/protocols';
import type { EngineDeps } from '../context';
import { gather } from './evidence';

type Deps = Pick<
  EngineDeps,
  'store' | 'clock' | 'newId' | 'log' | 'registry' | 'outbox' | 'performing' | 'budgets'
>;

const ACTOR = 'protocol';
/** Switches that are looked at; more than one over everything is rare. */
const MAX_SWITCHES = 100;

export type Started =
  | { kind: 'started'; protocol: Protocol }
  /** The same request began it before. */
  | { kind: 'known'; protocol: Protocol }
  | { kind: 'key-reused' }
  /** Another one runs. */
  | { kind: 'busy' }
  /** These are no agents of the registry that are overseen; empty: nobody is. */
  | { kind: 'not-overseen'; agents: string[] };

export class Protocols {
  private known: KeptProtocol | undefined;
  private declared = 100;

  constructor(
    private readonly deps: Deps,
    /** Declares the caps anew, after {@link capPercent} changed. */
    private readonly declareCaps: () => Promise<void>,
  ) {}

  /** The one that runs, as last read. */
  get running(): Protocol | undefined {
    return this.known?.protocol;
  }

  /** How much of the declared caps is allowed now. */
  get capPercent(): number {
    return capPercent(this.running, this.deps.clock.now());
  }

  /** Reads what runs; call before budgets are declared. */
  async start(): Promise<void> {
    await this.refresh();
    this.declared = this.capPercent;
  }

  /** @throws when the record is away */
  async refresh(): Promise<void> {
    this.known = await this.deps.store.runningProtocol();
  }

  /** Begins a protocol for these agents, or for all that are overseen. */
  async begin(
    policy: Policy,
    wanted: readonly string[] | undefined,
    actor: string,
    id = this.deps.newId(),
  ): Promise<Started> {
    const { store, clock, registry, budgets } = this.deps;
    const overseen = registry.agents.filter((a) => a.oversight).map(({ id }) => id);
    const agents = [...new Set(wanted ?? overseen)];
    const strangers = agents.filter((id) => !overseen.includes(id));
    if (agents.length === 0 || strangers.length > 0) return { kind: 'not-overseen', agents: strangers };
    const at = clock.now();
    const base: Record<string, Base> = {};
    for (const id of agents) base[id] = baseOf(await store.standing(id));
    const protocol: Protocol = {
      ...{ id, policy, agents, zone: budgets?.zone ?? 'UTC', startedAt: at, startedBy: actor },
      ...{ status: 'running', phase: 0, base, seenAt: at, downtimes: [] },
    };
    const entry = protocolEntry(undefined, protocol, { at, actor, action: 'started' });
    if (!(await store.addProtocol(protocol, entry))) return this.again(id, policy, agents);
    await this.changed();
    await this.tell(protocol, 'started', `It begins with the phase "${policy.phases[0]?.name ?? ''}".`);
    return { kind: 'started', protocol };
  }

  /** The same request once more, or another while one runs. */
  private async again(id: string, policy: Policy, agents: readonly string[]): Promise<Started> {
    const known = (await this.deps.store.protocol(id))?.protocol;
    if (!known) return { kind: 'busy' };
    const isSame = canonicalJson([known.policy, known.agents]) === canonicalJson([policy, agents]);
    return isSame ? { kind: 'known', protocol: known } : { kind: 'key-reused' };
  }

  /** Ends one without a verdict. Answers it as it is then; undefined where there is none. */
  async stop(id: string, actor: string, reason?: string): Promise<Protocol | undefined> {
    const { store, clock } = this.deps;
    const known = await store.protocol(id);
    if (known?.protocol.status !== 'running') return known?.protocol;
    const at = clock.now();
    const stopped = { ...known.protocol, status: 'stopped' as const, endedAt: at };
    const entry = protocolEntry(known.protocol, stopped, { at, actor, action: 'ended' }, reason);
    await store.saveProtocol(stopped, known.version, entry);
    await this.changed();
    return (await store.protocol(id))?.protocol;
  }

  /** What would be said of one if it ended now; of one that is over, what was said. */
  async findings(protocol: Protocol) {
    if (protocol.findings) return protocol.findings;
    const until = protocol.endedAt ?? this.deps.clock.now();
    return judge(protocol.policy.criteria, await gather(this.deps.store, protocol, until));
  }

  /** What the calendar asks for. */
  async sweep(): Promise<void> {
    await this.refresh();
    if (this.known && this.deps.performing) await this.goOn(this.known);
    if (this.declared !== this.capPercent) await this.changed();
  }

  private async goOn({ protocol, version }: KeptProtocol): Promise<void> {
    const { store, clock } = this.deps;
    const at = clock.now();
    const index = phaseIndex(protocol, at);
    const isDown = at - protocol.seenAt > DOWN_AFTER_MS;
    const now = seen(protocol, at, isDown && (await this.isPlanned(protocol.seenAt)));
    if (index === undefined) return this.end(protocol, now, version);
    const gap = now.downtimes.length > protocol.downtimes.length ? now.downtimes.at(-1) : undefined;
    if (index === protocol.phase && !gap && at - protocol.seenAt < SEEN_EVERY_MS) return;
    const next = { ...now, phase: index };
    const name = next.policy.phases[index]?.name ?? '';
    const isNew = index !== protocol.phase;
    const entry = isNew
      ? protocolEntry(protocol, next, { at, actor: ACTOR, action: 'phase' })
      : gap && protocolEntry(protocol, next, { at, actor: ACTOR, action: 'down' }, downText(gap));
    const written = await store.saveProtocol(next, version, entry);
    await this.refresh();
    if (written && isNew) await this.tell(next, `phase-${index}`, `The phase "${name}" begins.`);
  }

  private async end(before: Protocol, protocol: Protocol, version: number): Promise<void> {
    const { store, clock, log } = this.deps;
    const at = clock.now();
    const findings = judge(protocol.policy.criteria, await gather(store, protocol, at));
    const status = verdictOf(findings);
    const over = { ...protocol, status, findings, endedAt: at };
    const failed = findings.filter(({ verdict }) => verdict !== 'pass').map(({ text }) => text);
    const text = failed.length === 0 ? 'Everything that was asked for is met.' : failed.join(' ');
    const entry = protocolEntry(before, over, { at, actor: ACTOR, action: 'ended' }, text);
    if (!(await store.saveProtocol(over, version, entry))) return;
    log.info({ protocol: over.id, verdict: status }, `protocol "${over.policy.name}" ended: ${status}`);
    for (const agentId of over.agents) await this.trust(agentId, over, status);
    await this.changed();
    await this.tell(over, status, text);
  }

  /** A pass is worth what promotion is; anything else is none. A registry that says `supervised` stays as it is. */
  private async trust(agentId: string, { policy }: Protocol, verdict: Verdict): Promise<void> {
    const { store, clock } = this.deps;
    const standing = await store.standing(agentId);
    const reason = `protocol "${policy.name}" ended: ${verdict}`;
    const level = verdict === 'pass' ? ('autonomous' as const) : ('supervised' as const);
    const version = (standing.level?.version ?? 0) + 1;
    const record = { level, since: clock.now(), reason, actor: ACTOR, version, base: standing.counts };
    const was = levelBefore(this.deps.registry.findAgent(agentId)?.oversight ?? NOT_OVERSEEN, standing);
    await store.setLevel(agentId, record, levelEntry(agentId, record, was));
  }

  /** Another process's word on a phase counts at once here, too. */
  private async changed(): Promise<void> {
    await this.refresh();
    const percent = this.capPercent;
    if (percent === this.declared) return;
    this.declared = percent;
    await this.declareCaps();
  }

  private async isPlanned(since: number): Promise<boolean> {
    const { items } = await this.deps.store.switches({}, MAX_SWITCHES);
    return items.some(
      ({ scope, createdAt, releasedAt = Infinity }) =>
        (scope === 'global' || scope === 'environment') &&
        createdAt <= since + SEEN_EVERY_MS &&
        releasedAt >= this.deps.clock.now() - DOWN_AFTER_MS,
    );
  }

  private async tell({ id, policy, status }: Protocol, what: string, text: string): Promise<void> {
    const { outbox, store } = this.deps;
    if (!outbox) return;
    const isGrave = status === 'fail' || status === 'inconclusive';
    const title = status === 'running' ? policy.name : `${policy.name}: ${status}`;
    const message: Notification = {
      ...{ key: `protocol:${id}:${what}`, kind: 'protocol', thread: `protocol:${id}`, title, text },
      severity: isGrave ? 'error' : 'info',
    };
    await store.addNotifications(outbox.rows(message));
    outbox.poke();
  }
}

const downText = ({ from, to }: { from: number; to: number }): string =>
  `nothing was at work from ${new Date(from).toISOString()} to ${new Date(to).toISOString()}`;

const baseOf = ({ counts, tally = NO_TALLY }: Standing): Base => ({
  ...tally,
  incidents: (counts ?? NOTHING_YET).incidents,
});
