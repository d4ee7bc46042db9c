/**
 * Budgets and caps at work. What is reserved and spent is decided by the commits themselves; this says what they
 * are about, lets those go on whom a budget held, tells people, and takes their word. Where there are no budgets
 * it reads one small table now and then, and nothing on the way of a step.
 */
import { z } from 'zod';
import {
  allowed,
  amountText,
  budgetAlert,
  BUDGET_ALERTS,
  budgetId,
  heldText,
  isCredible,
  isOver,
  spentBy,
  type Budget,
  type BudgetName,
  type BudgetUse,
  type Learned,
} from '../../domain/budget';
import { alertEntity, type AlertKey } from '../../domain/alert';
import type { LeaseChange } from '../../domain/decide-run';
import type { LedgerEntry } from '../../domain/ledger';
import { planOf, type RunState } from '../../domain/run';
import type { MoneyChange } from '../../store/budgets';
import type { StepResult } from '../../store/store';
import type { Alerts } from '../alerts';
import type { EngineDeps } from '../context';
import type { Tasks } from '../tasks';
import { declaredBudgets } from './declared';
import { demandOf, moneyOf, spendOf, Today } from './money';

const ACTOR = 'engine';
/** Held steps that are kept in mind; those beyond it are held by the record all the same. */
const MAX_HELD = 10_000;
/** Open alerts that are read at the first look. */
const MAX_ALERTS = 500;
/** Looks that commits ask for come no closer together than this. */
const LOOK_AGAIN_MS = 100;

/** What a heartbeat may tell of its costs so far. */
const Heartbeat = z.looseObject({ usage: z.array(z.looseObject({ costUsd: z.number() })).max(1_000) });

/** What an entry tells: how much from now on, and before; `key`: the period of what is added. */
interface Told extends Pick<LedgerEntry, 'at' | 'actor'> {
  amount?: bigint | undefined;
  was?: bigint | undefined;
  reason?: string | undefined;
  key?: string;
}

type Deps = Pick<EngineDeps, 'store' | 'registry' | 'clock' | 'log' | 'performing' | 'budgets'>;

export class Budgets {
  private readonly today: Today;
  private uses: BudgetUse[] = [];
  private learned: ReadonlyMap<string, Learned> = new Map();
  private held = new Map<string, string>();
  private open: Map<string, AlertKey> | undefined;
  private looking: Promise<void> | undefined;
  private cancelLook: (() => void) | undefined;

  constructor(
    private readonly deps: Deps,
    private readonly alerts: Pick<Alerts, 'raise' | 'resolve'>,
    private readonly tasks: Tasks,
    private readonly want: (capsuleId: string) => Promise<void>,
    /** How much of the declared caps is allowed just now. */
    private readonly capPercent: () => number = () => 100,
  ) {
    this.today = new Today(deps.budgets?.zone ?? 'UTC');
  }

  /** The zone in which days and months begin. */
  get zone(): string {
    return this.today.zone;
  }

  /** The names of the present day and month. */
  get keys(): { day: string; month: string } {
    return this.today.keys(this.deps.clock.now());
  }

  /** Declares what the registry and the environment say now; what nobody says any more is taken back. */
  async declare(): Promise<void> {
    const { store, registry, clock, budgets } = this.deps;
    const wanted = declaredBudgets(registry, budgets, this.capPercent());
    const known = new Map((await store.budgetUses(this.keys)).map((u) => [budgetId(u.budget), u.budget]));
    for (const [id, budget] of known) {
      const { declared: _, ...name } = budget;
      if (budget.declared !== undefined && !wanted.has(id))
        await store.declareBudget(
          name,
          this.entry('declared', name, { at: clock.now(), actor: ACTOR, was: budget.declared }),
        );
    }
    for (const [id, budget] of wanted) {
      const { declared: was } = known.get(id) ?? {};
      const entry = () =>
        this.entry('declared', budget, { at: clock.now(), actor: ACTOR, amount: budget.declared, was });
      if (was !== budget.declared) await store.declareBudget(budget, entry());
    }
    await this.look();
  }

  stop(): void {
    this.cancelLook?.();
  }

  /** What a change of a run means for budgets. */
  money(
    before: RunState,
    after: RunState,
    leases: readonly LeaseChange[],
    results: readonly StepResult[],
  ): { money?: MoneyChange } {
    const known = { registry: this.deps.registry, learned: this.learned };
    const demands = leases.flatMap((lease) =>
      lease.op === 'release' ? [] : (demandOf(after, lease, known) ?? []),
    );
    const told = results.flatMap((result) => spendOf(before, result, known) ?? []);
    for (const { spend, refused } of told)
      if (refused.length > 0) this.tellRefused(before, spend.stepId, refused);
    const spends = told.map(({ spend }) => spend);
    const money = moneyOf(after, this.keys, demands, spends);
    return money ? { money } : {};
  }

  /** Why a budget holds a run's steps, as last seen. */
  heldBack(runId: string): string | undefined {
    return this.held.get(runId);
  }

  /** Money was given back or spent: somebody may go on, or people are to be told. */
  moved(): void {
    if (this.uses.length === 0 || this.cancelLook) return;
    this.cancelLook = this.deps.clock.after(LOOK_AGAIN_MS, () => {
      this.cancelLook = undefined;
      this.tasks.spawn('look at budgets', () => this.look());
    });
  }

  /** Lets go on who may, and tells people; one at a time. */
  look(): Promise<void> {
    this.looking ??= this.lookNow().finally(() => (this.looking = undefined));
    return this.looking;
  }

  /** A person's word: how much it allows; undefined leaves it to what is declared. */
  async set(name: BudgetName, amount: bigint | undefined, actor: string, reason?: string): Promise<void> {
    const budget: Budget = { ...name, ...(amount !== undefined && { assigned: amount }) };
    const { store, clock } = this.deps;
    const known = (await store.budgetUses(this.keys)).find((use) => budgetId(use.budget) === budgetId(name));
    const was = known?.budget.assigned;
    const entry = this.entry('set', name, { at: clock.now(), actor, amount, was, reason });
    await store.setBudget(budget, entry);
    await this.afresh();
  }

  /** Adds to what it allows, in one period only. */
  async raise(name: BudgetName, key: string, by: bigint, actor: string, reason?: string): Promise<void> {
    const at = this.deps.clock.now();
    await this.deps.store.raiseBudget(budgetId(name), key, by, (amount) => {
      const was = amount === by ? undefined : amount - by;
      return this.entry('raised', name, { at, actor, amount, was, reason, key });
    });
    await this.afresh();
  }

  /** Why an agent's heartbeat says that its run is past a budget; undefined where it is not, or says nothing. */
  past(run: RunState, stepId: string, current: unknown): string | undefined {
    const plan = planOf(run, stepId);
    const told = [current, (current as { progress?: unknown } | undefined)?.progress].flatMap(
      (one) => Heartbeat.safeParse(one).data ?? [],
    )[0];
    if (!told || plan.kind !== 'agent' || told.usage.some(({ costUsd }) => !isCredible(costUsd)))
      return undefined;
    const { cost } = spentBy(told);
    const ids = { agent: plan.agentId, workflow: run.workflowId, root: run.id, rootWorkflow: run.workflowId };
    const who = { ...ids, ...this.keys };
    const over = this.usesOf(run.id).find(
      (use) =>
        use.budget.measure === 'usd' &&
        isOver(use.budget, who, () => false) &&
        use.spent + cost > (allowed(use) ?? use.spent + cost),
    );
    return (
      over && `${amountText('usd', cost)} used so far: ${heldText(over, this.zone, this.deps.clock.now())}`
    );
  }

  /** How every budget stands for one run; one by run that was set after the run began has nothing on record yet. */
  private usesOf(runId: string): BudgetUse[] {
    const known = new Set(this.uses.filter(({ key }) => key === runId).map(({ budget }) => budgetId(budget)));
    return this.uses.flatMap((use) => {
      if (use.budget.period !== 'per-run' || use.key === runId) return [use];
      return known.has(budgetId(use.budget))
        ? []
        : [{ ...use, key: runId, raised: 0n, spent: 0n, reserved: 0n }];
    });
  }

  private async afresh(): Promise<void> {
    await this.looking;
    await this.look();
  }

  private async lookNow(): Promise<void> {
    const { store, performing } = this.deps;
    this.uses = await store.budgetUses(this.keys);
    if (this.uses.length === 0 && this.held.size === 0 && !this.open?.size) return;
    this.learned = await store.learnedCosts();
    const freed = performing ? await store.retryHeld(this.keys) : [];
    const held = await store.heldLeases(MAX_HELD);
    const now = this.deps.clock.now();
    this.held = new Map(
      held.map(({ runId, use, estimate }) => [runId, heldText(use, this.zone, now, estimate)]),
    );
    for (const id of freed) this.tasks.spawn('go on after a budget', () => this.want(id));
    if (performing) await this.tell(new Set(held.map(({ use }) => `${budgetId(use.budget)}@${use.key}`)));
  }

  /** Opens and closes the alerts of budgets. */
  private async tell(holding: ReadonlySet<string>): Promise<void> {
    this.open ??= await this.openAlerts();
    const now = this.deps.clock.now();
    const due = new Map<string, AlertKey>();
    for (const use of this.uses) {
      const holds = holding.has(`${budgetId(use.budget)}@${use.key}`);
      const alert = use.key === '' ? undefined : budgetAlert(use, { zone: this.zone, now, holds });
      if (!alert) continue;
      due.set(alertEntity(alert), alert);
      if (!this.open.has(alertEntity(alert))) await this.alerts.raise(alert, ACTOR);
    }
    for (const [entity, key] of this.open)
      if (!due.has(entity)) await this.alerts.resolve(key, 'there is something left', ACTOR);
    this.open = due;
  }

  private async openAlerts(): Promise<Map<string, AlertKey>> {
    const { items } = await this.deps.store.alerts({ open: true }, MAX_ALERTS);
    const ours = items.filter(({ kind }) => BUDGET_ALERTS.some((each) => each === kind));
    return new Map(ours.map(({ kind, subject }) => [alertEntity({ kind, subject }), { kind, subject }]));
  }

  private tellRefused({ id }: RunState, stepId: string, refused: string[]): void {
    const message =
      `The result of step ${stepId} of run ${id} tells of costs that nobody can mean: ${refused.join('; ')}. ` +
      'They count as what was set aside for the step; correct the agent.';
    const alert = { kind: 'overspent' as const, subject: `${id}/${stepId}`, message };
    this.tasks.spawn('tell of costs', () => this.alerts.raise(alert, ACTOR));
  }

  private entry(
    verb: 'declared' | 'set' | 'raised',
    name: BudgetName,
    { at, actor, amount, was, reason, key }: Told,
  ): LedgerEntry {
    const field = verb === 'raised' ? `raised.${key}` : verb;
    const text = (value: bigint) => amountText(name.measure, value);
    return {
      ...{ at, actor, action: `budget.${verb}`, entity: 'budget', id: budgetId(name) },
      set: { [field]: amount === undefined ? null : text(amount) },
      ...(was !== undefined && { was: { [field]: text(was) } }),
      ...(reason !== undefined && { reason }),
    };
  }
}
