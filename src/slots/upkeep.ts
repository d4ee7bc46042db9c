/** What a controller does beside deployments: GitHub, branches, looking after itself, Git's housekeeping. */
import { schedule, validate, type ScheduledTask } from 'node-cron';
import { Branches } from './branches';
import type { AppContract } from './config';
import type { Context, Promotion } from './context';
import type { DeployRequest, DeployResult } from './deploy';
import { messageOf, SlotsError, StageError } from './errors';
import type { ReconcileFinding } from './findings';
import { Github, isPushTo, isSigned } from './github';
import { reconcile, type ContractFile } from './reconcile';

const MAX_DELIVERIES = 200;

export interface UpkeepOptions {
  /** Waits for its turn, then deploys. */
  deploy: (request: DeployRequest) => Promise<DeployResult>;
  /** Whether the agent's branch is being worked on. */
  agentWorks: () => boolean;
  contractFile: ContractFile | undefined;
}

export interface WebhookAnswer {
  status: number;
  body: unknown;
}

export interface Reconciled {
  findings: ReconcileFinding[];
  /** What was deployed for it. */
  deployed?: string;
}

export class Upkeep {
  readonly branches: Branches;
  private readonly closing = new AbortController();
  private readonly tasks: ScheduledTask[] = [];
  private readonly github: Github | undefined;
  private readonly webhookSecret: string | undefined;
  private running: Promise<Reconciled> | undefined;
  private readonly background = new Set<Promise<void>>();

  /** @throws SlotsError when a schedule is none */
  constructor(
    private readonly ctx: Context,
    private readonly options: UpkeepOptions,
  ) {
    const { contract, git } = ctx;
    const { main_branch: main, machine_branch: machine, remote, github } = contract;
    this.branches = new Branches(git, { main, machine, remote });
    const token = github && process.env[github.token_env];
    if (github && token) this.github = new Github(github, token, this.closing.signal);
    this.webhookSecret = github && process.env[github.webhook_secret_env];
    checkSchedules(contract);
  }

  start(): void {
    const { reconcile_schedule: every, gc_schedule: gc } = this.ctx.contract;
    const at = (when: string, what: string, work: () => Promise<unknown>) =>
      this.tasks.push(schedule(when, () => this.inBackground(what, work()), { noOverlap: true }));
    at(every, 'look after the app', () => this.reconcile());
    at(gc, 'run git gc', () => this.branches.gc());
  }

  /** The push stage of a deployment; GitHub hears of it behind the answer. */
  async promoted({ slot }: Promotion): Promise<void> {
    this.mark(slot.commit, slot.name);
    if (this.ctx.contract.push) await this.branches.push(slot.commit);
  }

  mark(commit: string, slot: string): void {
    if (this.github) this.inBackground('mark the live commit', this.github.mark(commit, slot), true);
  }

  /** One delivery of GitHub's. Answers at once; the deployment comes behind it. */
  async webhook(headers: Record<string, unknown>, raw: Buffer): Promise<WebhookAnswer> {
    const { github, main_branch: branch } = this.ctx.contract;
    if (!github || !this.webhookSecret)
      return answer(404, 'No webhook is set up: the contract needs "github", and its secret a value.');
    const signature = headers['x-hub-signature-256'];
    if (!isSigned(this.webhookSecret, raw, typeof signature === 'string' ? signature : undefined))
      return answer(401, 'The signature does not fit.');
    const delivery = headers['x-github-delivery'];
    if (typeof delivery !== 'string' || !/^[\w-]{1,100}$/.test(delivery))
      return answer(400, 'X-GitHub-Delivery is missing.');
    const { deliveries } = this.ctx.state.now;
    if (deliveries.includes(delivery)) return { status: 200, body: { duplicate: true } };
    await this.ctx.state.set({ deliveries: [...deliveries, delivery].slice(-MAX_DELIVERIES) });
    const event = headers['x-github-event'];
    if (event !== 'push' || !isPushTo(github, branch, parsed(raw)))
      return { status: 200, body: { ignored: true } };
    this.inBackground('deploy a push', this.deployMain('webhook'), true);
    return { status: 202, body: { accepted: true } };
  }

  /** Looks at everything once; asked while it looks, it is the same look. */
  reconcile(): Promise<Reconciled> {
    this.running ??= this.look().finally(() => (this.running = undefined));
    return this.running;
  }

  /** Squashes the agent's work onto main. @throws StageError (409) while it works, or where that conflicts */
  async accept(): Promise<{ commit: string }> {
    if (this.options.agentWorks())
      throw new StageError('resolve', 'The agent is at work; ask again when it is done.', 409);
    if (await this.branches.hasRemote()) await this.branches.fetch();
    return { commit: await this.branches.accept(`Accept the work of ${this.ctx.contract.machine_branch}`) };
  }

  async close(): Promise<void> {
    for (const task of this.tasks) await task.destroy();
    this.closing.abort();
    await Promise.all(this.background);
  }

  private async look(): Promise<Reconciled> {
    const findings = await reconcile(this.ctx, this.branches, this.options.contractFile);
    if (!this.options.agentWorks() && (await this.branches.resetAccepted()))
      this.ctx.log.info(`${this.ctx.contract.machine_branch} was accepted, and begins again from main.`);
    // Without GitHub nobody has said that main deploys itself.
    const ahead = findings.some(({ kind }) => kind === 'main-ahead');
    const deployed = ahead && this.ctx.contract.github ? await this.deployMain('reconcile') : undefined;
    return { findings, ...(deployed !== undefined && { deployed }) };
  }

  /** @returns the commit that is live by it; undefined where there was nothing new to try */
  private async deployMain(trigger: 'webhook' | 'reconcile'): Promise<string | undefined> {
    if (trigger === 'webhook' && (await this.branches.hasRemote())) await this.branches.fetch();
    const commit = await this.branches.main();
    const { live, previous, main_tried: tried } = this.ctx.state.now;
    // What was rolled back or has failed comes again only by a person, or by a newer commit.
    const known = [
      live?.commit,
      previous?.commit,
      tried,
      ...this.ctx.deployLog.recent().map((r) => r.commit),
    ];
    if (commit === undefined || commit === live?.commit) return undefined;
    if (trigger === 'reconcile' && known.includes(commit)) return undefined;
    await this.ctx.state.set({ main_tried: commit });
    try {
      await this.options.deploy({ commit, branch: this.ctx.contract.main_branch, trigger });
      return commit;
    } catch (error) {
      if (error instanceof StageError) return undefined; // The deployment has recorded and told it.
      throw error;
    }
  }

  private inBackground(what: string, work: Promise<unknown>, alert = false): void {
    const done = work.then(
      () => undefined,
      (error: unknown) => {
        const text = `Could not ${what}: ${messageOf(error)}`;
        if (alert && !this.closing.signal.aborted) this.ctx.alerts.tell(text);
        else this.ctx.log.warn(text);
      },
    );
    this.background.add(done);
    void done.then(() => this.background.delete(done));
  }
}

const answer = (status: number, error: string): WebhookAnswer => ({ status, body: { error } });

function parsed(raw: Buffer): unknown {
  try {
    return JSON.parse(raw.toString('utf8'));
  } catch {
    return undefined; // Signed, but no push: it is ignored like any other event.
  }
}

function checkSchedules(contract: AppContract): void {
  for (const field of ['reconcile_schedule', 'gc_schedule'] as const) {
    if (!validate(contract[field]))
      throw new SlotsError(`${field} is no cron expression: "${contract[field]}".`);
  }
}
