/** Webhooks of others that start runs. */
import { z } from 'zod';
import { unavailable } from '../failures';
import { deliveryId, hookFault, publicHeaders } from '../hook-proof';
import { parseJson } from '../body';
import { Problem } from '../problems';
import { tellSignature } from '../record';
import { json, route } from '../route';
import { idText, shape } from '../schema';

export const hook = route({
  method: 'post',
  path: '/hooks/:workflowId',
  operationId: 'deliverHook',
  tag: 'workflows',
  summary: 'Start a workflow by a webhook of another service',
  description:
    'For workflows with `on.webhook`. The body is JSON, signed as GitHub does (`X-Hub-Signature-256`) or by Standard ' +
    'Webhooks, or sent with a token (`Authorization: Bearer`, `X-Webhook-Token`, `X-Gitlab-Token`). The same ' +
    'delivery again (`X-GitHub-Delivery`, `webhook-id`, or with a token `Idempotency-Key`, `X-Delivery-Id`) starts nothing anew.',
  access: 'hook',
  params: z.object({ workflowId: idText }),
  anyBody: true,
  bodyLimit: 'webhook',
  recorded: 'hook',
  responses: {
    202: {
      description:
        'started: a run. repeated: the run of the same delivery before. ignored: the condition of the workflow does not hold.',
      schema: shape('HookAccepted', () =>
        z.object({ status: z.enum(['started', 'repeated', 'ignored']), runId: z.guid().nullable() }),
      ),
    },
  },
  problems: ['hook-not-found', 'hook-refused', 'invalid-json', 'body-too-large'],
  handle: async ({ params: { workflowId }, req, res, rawBody }, { engine, registry, clock, log }) => {
    const rule = registry.findWorkflow(workflowId)?.on?.webhook;
    if (!rule) throw new Problem('hook-not-found');
    const { headers } = req;
    const keys = registry.hookSecrets(workflowId).map((secret) => secret.reveal());
    const fault = hookFault(rule.style, { headers, body: rawBody, now: clock.now() }, keys);
    tellSignature(res, fault);
    if (fault !== undefined) {
      log.warn({ workflowId, style: rule.style, reason: fault }, 'a webhook was refused');
      throw new Problem('hook-refused');
    }
    const id = deliveryId(rule.style, headers);
    const body = parseJson(rawBody, 'let-in');
    const delivery = { body, headers: publicHeaders(headers), ...(id !== undefined && { id }) };
    const outcome = await engine.hook(workflowId, delivery).catch((error: unknown) => {
      // Nothing is durable yet: the sender has to try again.
      throw unavailable(error);
    });
    if (outcome.kind === 'unknown-workflow') throw new Problem('hook-not-found');
    return json({ status: outcome.kind, runId: 'runId' in outcome ? outcome.runId : null }, 202);
  },
});
