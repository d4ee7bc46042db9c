/** The coding agent of an app: its conversations, the one process that works, and the way to talk to it. */
import type { Socket } from 'node:net';
import type { Branches } from '../branches';
import type { Context } from '../context';
import type { DeployRequest } from '../deploy';
import type { Front } from '../front';
import { Conversations } from './conversations';
import { isFromAgent } from './peers';
import { AgentRoutes } from './routes';
import { AgentRunner } from './runner';

export interface AgentOptions {
  ctx: Context;
  branches: Branches;
  /** Waits for its turn, then deploys. */
  deploy: (request: DeployRequest) => Promise<unknown>;
  /** Known to the app, which signs for its users with it. */
  secret: string;
}

export class Agent {
  private readonly conversations: Conversations;
  private readonly runner: AgentRunner;
  private readonly routes: AgentRoutes;

  constructor({ ctx, branches, deploy, secret }: AgentOptions) {
    this.conversations = new Conversations(ctx.disk.folder);
    this.runner = new AgentRunner({ ctx, branches, deploy, conversations: this.conversations });
    const { contract } = ctx;
    this.routes = new AgentRoutes({
      contract,
      conversations: this.conversations,
      runner: this.runner,
      secret,
    });
  }

  get works(): boolean {
    return this.runner.now !== undefined;
  }

  isBehind(socket: Socket): boolean {
    return isFromAgent(socket, this.runner.traits);
  }

  /** Without AGENT_BIN the app keeps all of its paths. */
  mount(front: Front): void {
    if (process.env['AGENT_BIN']) this.routes.mount(front);
  }

  start(): void {
    this.runner.adopt();
  }

  async close(): Promise<void> {
    await this.runner.close();
  }
}
