/** Whether the installation is fit to be trusted. */
import { z } from 'zod';
import { VERDICTS } from '../../doctor/finding';
import type { HandlerDeps } from '../deps';
import { Problem } from '../problems';
import { json, route } from '../route';
import { shape } from '../schema';

const tag = 'operation';

export const DoctorView = shape('Examination', () =>
  z.object({
    items: z.array(
      z.object({
        check: z.string(),
        verdict: z.enum(VERDICTS).describe('unknown: it cannot be told from here; the text says why.'),
        text: z.string(),
        mend: z.string().nullable(),
      }),
    ),
  }),
);

const responses = { 200: { description: 'What was found, in order.', schema: DoctorView } };

export const getDoctor = route({
  method: 'get',
  path: '/doctor',
  operationId: 'getDoctor',
  tag,
  summary: 'Examine the installation: platform, database, queue, backups, secrets and more',
  description: 'Takes up to 15 seconds. Nothing is changed; names of variables are told, values never.',
  access: 'admin',
  responses,
  problems: [],
  handle: async (_input, deps) => json(await examination(deps)),
});

export const fixDoctor = route({
  method: 'post',
  path: '/doctor/fix',
  operationId: 'fixDoctor',
  tag,
  summary: 'Mend what can be mended without risk, and examine again',
  description: 'Registers the schedules with the queue anew. Everything else is for people.',
  access: 'admin',
  responses,
  problems: [],
  handle: async (_input, deps) => {
    await deps.engine.schedules.register();
    return json(await examination(deps));
  },
});

async function examination({ doctor }: HandlerDeps): Promise<z.infer<typeof DoctorView>> {
  if (!doctor) throw new Problem('not-found');
  const items = await doctor();
  return { items: items.map((item) => ({ ...item, mend: item.mend ?? null })) };
}
