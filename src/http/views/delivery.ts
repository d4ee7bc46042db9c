/** Deliveries as the API shows them. Secrets were taken out before they were stored. */
import { z } from 'zod';
import { BODY_STATES, DELIVERY_VERDICTS, type Delivery, type DeliverySummary } from '../../store/deliveries';
import { isoTime, shape } from '../schema';
import { iso } from './time';

const SignatureView = z.object({
  kind: z.enum(['valid', 'absent', 'unchecked', 'invalid']),
  reason: z.string().nullable().describe('Why it does not hold.'),
});

const ShapeView = z.object({
  kind: z.enum(['fits', 'differs', 'unchecked']),
  reason: z.string().nullable().describe('Why there was nothing to compare.'),
  differences: z
    .array(z.object({ field: z.string(), saw: z.string(), expected: z.string() }))
    .describe('From an AgentRunResult, field by field.'),
  more: z.number().int().describe('Differences beyond those listed.'),
});

const fields = {
  id: z.guid(),
  bin: z.string(),
  receivedAt: isoTime,
  method: z.string(),
  path: z.string().describe('With its query; tokens are taken out.'),
  verdict: z.enum(DELIVERY_VERDICTS),
  signature: SignatureView,
  shape: ShapeView,
  answer: z.object({ status: z.number().int(), text: z.string() }),
  runId: z.string().nullable().describe('As the body has it.'),
  stepId: z.string().nullable(),
  status: z.string().nullable(),
  bodyBytes: z.number().int().nonnegative(),
  bodyState: z.enum(BODY_STATES),
  replayable: z.boolean().describe('It came to /webhook with a valid token and can be applied again.'),
};

export const DeliverySummaryView = shape('DeliverySummary', () => z.object(fields));
export type DeliverySummaryView = z.infer<typeof DeliverySummaryView>;

export const DeliveryView = shape('Delivery', () =>
  z.object({
    ...fields,
    headers: z.record(z.string(), z.string()),
    body: z.string().describe('As it came: text, or base64 where it is no UTF-8.'),
    bodyEncoding: z.enum(['utf8', 'base64']),
  }),
);
export type DeliveryView = z.infer<typeof DeliveryView>;

export function deliverySummary(delivery: DeliverySummary): DeliverySummaryView {
  const { id, bin, receivedAt, method, path, verdict, signature, shape, answer, about } = delivery;
  return {
    ...{ id, bin, receivedAt: iso(receivedAt), method, path, verdict },
    signature: { kind: signature.kind, reason: signature.kind === 'invalid' ? signature.reason : null },
    shape: {
      kind: shape.kind,
      reason: shape.kind === 'unchecked' ? shape.reason : null,
      differences: shape.kind === 'differs' ? shape.differences : [],
      more: shape.kind === 'differs' ? shape.more : 0,
    },
    answer,
    ...{ runId: about.runId ?? null, stepId: about.stepId ?? null, status: about.status ?? null },
    ...{ bodyBytes: delivery.bodyBytes, bodyState: delivery.bodyState, replayable: isReplayable(delivery) },
  };
}

export function deliveryView(delivery: Delivery): DeliveryView {
  const { headers, body } = delivery;
  const text = body.toString('utf8');
  const isText = Buffer.from(text).equals(body);
  return {
    ...deliverySummary(delivery),
    headers,
    body: isText ? text : body.toString('base64'),
    bodyEncoding: isText ? 'utf8' : 'base64',
  };
}

/** Each condition by itself: proved by its token, a result, and all of it kept. */
export const isReplayable = ({ proved, shape, bodyState }: DeliverySummary): boolean =>
  proved !== undefined && shape.kind === 'fits' && bodyState === 'whole';
