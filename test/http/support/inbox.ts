/** One app for each test, and its inbox as its users see it. */
import { createHmac } from 'node:crypto';
import type { AgentRunRequest } from '../../../src/contract';
import { startApi, type Api, type ApiOptions } from './api';
import { text, type Body } from './client';
import { START } from './clock';

export const KEY = 'key-canary-0123456789abcdef';
export const TYPE = { 'content-type': 'application/json' };

export let api: Api;
export const start = async (options: ApiOptions = {}) => (api = await startApi(options));
afterEach(() => api.close());

export const list = async (query = ''): Promise<Body[]> =>
  (await api.call('GET', `/inbox${query}`)).body.items as unknown as Body[];
export const newest = async (query = ''): Promise<Body> => {
  const [first] = await list(query);
  if (!first) throw new Error('the inbox is empty');
  return first;
};
export const whole = async (query = ''): Promise<Body> =>
  (await api.call('GET', `/inbox/${text((await newest(query)).id)}`)).body;
export const send = (path: string, json: unknown, headers: Record<string, string> = {}) =>
  api.call('POST', path, { json, headers });
export const startJob = async (): Promise<AgentRunRequest> => {
  await api.startRun();
  return api.cloud.nextJob();
};

export function signed(body: string, key: string): Record<string, string> {
  const timestamp = String(Math.floor(START / 1_000));
  const mac = createHmac('sha256', key).update(`msg_1.${timestamp}.${body}`).digest('base64');
  return { 'webhook-id': 'msg_1', 'webhook-timestamp': timestamp, 'webhook-signature': `v1,${mac}` };
}

export const RESULT = {
  workflowId: 'test',
  stepId: 'my-new-step',
  runId: '00000000-0000-0000-0000-000000000001',
  status: 'success',
  output: { pages: 3 },
  durationMs: 12,
};
