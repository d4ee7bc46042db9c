/** What each method of the service does: the operations of `http/deployments.ts`, behind the scope of their routes. */
import { z } from 'zod';
import type { Scope } from '../domain/scope';
import {
  agentParams,
  deploy,
  deployBody,
  getDeployment,
  promote,
  PromoteBody,
  rollback,
  RollbackBody,
  rolloutParams,
  type Caller,
  type Deployment,
} from '../http/deployments';
import type { AppDeps } from '../http/deps';
import { checked, type Route } from '../http/route';
import {
  createCanaryDeployment,
  createShadowDeployment,
  deployAgent,
  getRollout,
  promoteCanary,
  rollbackDeployment,
  watchRollout,
} from '../http/routes/rollouts';
import { scopeOf } from '../http/scopes';
import { camelKeys, documentOf, toDeployment, type Message } from './messages';

interface Method {
  /** Of the route that does the same. */
  scope: Scope;
}

export interface UnaryMethod extends Method {
  call: (request: Message, caller: Caller, deps: AppDeps) => Promise<Message>;
}

export interface WatchMethod extends Method {
  /** What is streamed; a request that is wrong is refused before. */
  open: (request: Message, deps: AppDeps, signal: AbortSignal) => AsyncIterable<Message>;
}

const scope = ({ access }: Route): Method => ({ scope: scopeOf(access) });
const answer = (view: Deployment): Message => ({ deployment: toDeployment(view) });

const Deploy = deployBody();
const Promote = PromoteBody.extend({ deploymentId: rolloutParams.shape.rolloutId });
const Rollback = RollbackBody.extend(agentParams.shape);
const One = z.strictObject({ deploymentId: rolloutParams.shape.rolloutId });

/** Of the fields of a message as of those of a body over HTTP. */
const read = <T extends z.ZodType>(schema: T, request: Message): z.output<T> =>
  checked(schema, camelKeys(request), 'request');

const deploying = (route: Route, strategy: 'direct' | 'canary' | 'shadow'): UnaryMethod => ({
  ...scope(route),
  call: async ({ deployment, ...request }, caller, deps) => {
    const wish = { ...request, ...(deployment !== undefined && { deployment: documentOf(deployment) }) };
    return answer(await deploy(read(Deploy, wish), strategy, caller, deps));
  },
});

export const UNARY: Readonly<Record<string, UnaryMethod>> = {
  DeployAgent: deploying(deployAgent, 'direct'),
  CreateCanaryDeployment: deploying(createCanaryDeployment, 'canary'),
  CreateShadowDeployment: deploying(createShadowDeployment, 'shadow'),
  PromoteCanary: {
    ...scope(promoteCanary),
    call: async (request, caller, deps) => {
      const { deploymentId, ...body } = read(Promote, request);
      return answer(await promote(deploymentId, body, caller, deps));
    },
  },
  RollbackDeployment: {
    ...scope(rollbackDeployment),
    call: async (request, caller, deps) => {
      const { agentId, ...body } = read(Rollback, request);
      const done = await rollback(agentId, body, caller, deps);
      return { agent_id: done.agentId, environment: done.environment, release_id: done.releaseId };
    },
  },
  GetDeployment: {
    ...scope(getRollout),
    call: async (request, _caller, deps) =>
      answer(await getDeployment(read(One, request).deploymentId, deps)),
  },
};

export const WATCH: Readonly<Record<string, WatchMethod>> = {
  WatchDeployment: {
    ...scope(watchRollout),
    open: (request, deps, signal) => {
      const { deploymentId } = read(One, request);
      const views = deps.events.rollouts.follow(
        deploymentId,
        () => getDeployment(deploymentId, deps),
        signal,
      );
      return mapped(views);
    },
  },
};

async function* mapped(views: AsyncIterable<Deployment>): AsyncGenerator<Message> {
  for await (const view of views) yield answer(view);
}
