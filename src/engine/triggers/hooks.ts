/** Webhooks of others that start runs: each delivery once, whoever proved to be its sender. */
import { createHash } from 'node:crypto';
import type { EngineDeps } from '../context';
import type { Triggers } from '../trigger';
import { inputFor } from './told';

/** A longer delivery id is known by its hash. */
const MAX_ID_CHARS = 200;

export interface HookDelivery {
  /** Parsed JSON. */
  body: unknown;
  /** By lower-case name, without those that prove something. */
  headers: Readonly<Record<string, string>>;
  /** The sender's name for it; a delivery without one is never taken for another. */
  id?: string;
}

export type HookOutcome =
  | { kind: 'started' | 'repeated'; runId: string }
  /** The trigger's condition does not hold. */
  | { kind: 'ignored' }
  | { kind: 'unknown-workflow' };

export class Hooks {
  constructor(
    private readonly deps: Pick<EngineDeps, 'registry'>,
    private readonly triggers: Triggers,
  ) {}

  async deliver(workflowId: string, { body, headers, id }: HookDelivery): Promise<HookOutcome> {
    const workflow = this.deps.registry.findWorkflow(workflowId);
    const rule = workflow?.on?.webhook;
    if (!workflow || !rule) return { kind: 'unknown-workflow' };
    const input = inputFor(rule, { body, headers }, isObject(body) ? body : { body });
    if (!input) return { kind: 'ignored' };
    const delivery = id === undefined ? undefined : shortId(id);
    const idempotency = delivery && { scope: `POST /hooks/${workflowId}`, key: delivery, asked: null };
    const trigger = { kind: 'webhook' as const, ...(delivery !== undefined && { delivery }) };
    const result = await this.triggers.begin(workflow, trigger, input, {
      actor: 'hook',
      ...(idempotency && { idempotency }),
    });
    return { kind: result.kind === 'created' ? 'started' : 'repeated', runId: result.runId };
  }
}

const shortId = (id: string): string =>
  id.length <= MAX_ID_CHARS ? id : createHash('sha256').update(id).digest('hex');

const isObject = (value: unknown): value is Record<string, unknown> =>
  typeof value === 'object' && value !== null && !Array.isArray(value);
