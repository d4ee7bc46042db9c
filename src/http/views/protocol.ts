/** Protocols as the API shows them. */
import { z } from 'zod';
import { CRITERIA, verdictOf, type Finding } from '../../domain/protocol/judge';
import { PolicySchema } from '../../domain/protocol/policy';
import { dayOf, endOf, phaseIndex, PROTOCOL_STATUSES, type Protocol } from '../../domain/protocol/protocol';
import { isoTime, maybeTime, shape } from '../schema';
import { iso, isoOrNull } from './time';

const verdict = z.enum(['pass', 'fail', 'inconclusive']);

export const ProtocolView = shape('Protocol', () =>
  z.object({
    id: z.guid(),
    name: z.string(),
    status: z.enum(PROTOCOL_STATUSES).describe('`running`; a verdict, once it is over; or `stopped`.'),
    agents: z.array(z.string()),
    startedAt: isoTime,
    startedBy: z.string(),
    endsAt: isoTime.describe('The midnight at which it is judged.'),
    endedAt: maybeTime,
    zone: z.string().describe('Whose midnights count.'),
    day: z.number().int().nullable().describe('From 1; null once it is over.'),
    phase: z.string().nullable().describe('The one that binds now.'),
    soFar: verdict.describe('What would be said if it ended now; once it is over, what was said.'),
    findings: z.array(
      z.object({
        criterion: z.enum(CRITERIA),
        agentId: z.string().nullable().describe('Null: of all agents together.'),
        verdict,
        text: z.string(),
      }),
    ),
    downtimes: z.array(z.object({ from: isoTime, to: isoTime })),
    policy: PolicySchema,
  }),
);

export function protocolView(
  protocol: Protocol,
  findings: readonly Finding[],
  now: number,
): z.infer<typeof ProtocolView> {
  const { id, policy, status, agents, startedAt, startedBy, endedAt, zone, downtimes } = protocol;
  const isRunning = status === 'running';
  const phase = policy.phases[phaseIndex(protocol, now) ?? policy.phases.length - 1];
  return {
    ...{ id, name: policy.name, status, agents, startedBy, zone, policy },
    startedAt: iso(startedAt),
    endsAt: iso(endOf(protocol)),
    endedAt: isoOrNull(endedAt),
    day: isRunning ? dayOf(protocol, now) : null,
    phase: isRunning ? (phase?.name ?? null) : null,
    soFar: verdictOf(findings),
    findings: findings.map(({ agentId, ...rest }) => ({ ...rest, agentId: agentId ?? null })),
    downtimes: downtimes.map(({ from, to }) => ({ from: iso(from), to: iso(to) })),
  };
}
