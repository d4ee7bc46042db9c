/** The platform: credentials, each shape of its API, each capsule; and whether we can be reached. */
import type { Config, PlatformConfig } from '../config';
import { isInTheClear } from '../config/grpc';
import type { PlatformError, Platform } from '../platforms/platform';
import type { Registry } from '../registry';
import { capsulesOf } from '../registry/capsules';
import { skew } from './database';
import { fail, ok, unknown, warn, type Finding } from './finding';

const ANSWER_MS = 10_000;
/** What Code Capsules calls a capsule that answers requests; others serve files or keep data. */
const AGENT_TYPE = /^backend$/i;
/** Of a Date header, which tells whole seconds. */
const SECOND_MS = 1_000;

const MENDS: Record<string, string> = {
  auth: 'Renew the credentials: docs/configuration.md names the variables of the platform',
  'not-found': 'Correct the capsule id in src/registry, or the account that is used',
  rejected: 'Compare the capsule with docs/platforms.md',
  'rate-limited': 'Wait, or ask the platform for a higher limit',
  unavailable: "Look at the platform's status page; runs hold meanwhile: docs/runbooks/platform-outage.md",
};

type Read = Pick<Platform, 'name' | 'observe' | 'describe'>;

export async function examinePlatform(
  platform: Read,
  registry: Pick<Registry, 'agents'>,
): Promise<Finding[]> {
  if (registry.agents.length === 0)
    return [warn('platform', 'no agent is registered', 'Add one: docs/runbooks/add-an-agent.md')];
  const capsules = registry.agents.flatMap((agent) =>
    capsulesOf(agent).map(({ capsuleId }) => ({
      ...{ capsuleId, id: capsuleId === agent.capsuleId ? agent.id : `${agent.id} on ${capsuleId}` },
    })),
  );
  const replicas = await Promise.all(capsules.map((capsule) => examineReplicas(platform, capsule)));
  const makes = await Promise.all(capsules.map((capsule) => examineMake(platform, capsule)));
  return [...replicas, ...toldOf(platform, makes)];
}

interface Place {
  capsuleId: string;
  /** For people: the agent, and where there are several its capsule. */
  id: string;
}

async function examineReplicas(platform: Read, { id, capsuleId }: Place): Promise<Finding> {
  try {
    const { running, desired } = await platform.observe(capsuleId, AbortSignal.timeout(ANSWER_MS));
    if (running === 'unknown' && desired === 'unknown')
      return warn('capsule', `${id}: the platform does not tell its replicas`, MENDS['rejected']);
    const count = running === 'unknown' ? desired : running;
    return ok('capsule', `${id}: ${count} replicas, told by ${platform.name}`);
  } catch (error) {
    const { kind = 'unavailable' } = error as Partial<PlatformError>;
    return fail('capsule', `${id}: ${platform.name} says ${kind}`, MENDS[kind]);
  }
}

/** Undefined: the platform does not tell. */
async function examineMake(platform: Read, { id, capsuleId }: Place): Promise<Finding | undefined> {
  try {
    const make = await platform.describe?.(capsuleId, AbortSignal.timeout(ANSWER_MS));
    if (!make) return undefined;
    const sizes = Object.entries(make.sizes).map(([of, size]) => `${of} ${size}`);
    const told = [...(make.type === undefined ? [] : [`type ${make.type}`]), ...sizes].join(', ');
    return make.type === undefined || AGENT_TYPE.test(make.type)
      ? ok('capsule-sizes', `${id}: ${told}`)
      : warn('capsule-sizes', `${id}: ${told}; an agent is a service`, 'Make its capsule a Backend one');
  } catch (error) {
    const { kind = 'unavailable' } = error as Partial<PlatformError>;
    return warn('capsule-sizes', `${id}: ${platform.name} says ${kind}`, MENDS[kind]);
  }
}

/** One line for all capsules that nothing is told of. */
function toldOf({ name }: Read, makes: ReadonlyArray<Finding | undefined>): Finding[] {
  const told = makes.filter((make) => make !== undefined);
  if (told.length === makes.length) return told;
  const of = told.length === 0 ? 'capsules' : `${makes.length - told.length} capsules`;
  const mend = "Compare them with the agents' needs in its dashboard";
  const where = name === 'code-capsules' ? `${mend}, or set CC_CLUSTER_URL, which tells them` : mend;
  return [...told, unknown('capsule-sizes', `types and sizes of ${of} are not told by ${name}`, where)];
}

/** Both shapes of the Code Capsules API, as far as an address is configured: the first capsule, read with each. */
export async function examineDialects(
  config: PlatformConfig,
  registry: Pick<Registry, 'agents'>,
  make: (config: PlatformConfig) => Platform,
): Promise<Finding[]> {
  const { codeCapsules } = config;
  const [agent] = registry.agents;
  if (!codeCapsules || !agent) return [];
  const shapes = [
    ['capsule', codeCapsules.apiUrl, 'CC_API_URL'],
    ['products', codeCapsules.clusterUrl, 'CC_CLUSTER_URL'],
  ] as const;
  return Promise.all(
    shapes.map(async ([dialect, url, variable]) => {
      const name = `api-${dialect}`;
      const used = codeCapsules.dialect === dialect;
      if (url === undefined)
        return (used ? fail : unknown)(name, `${variable} is not set`, `Set ${variable} to use it`);
      const platform = make({ codeCapsules: { ...codeCapsules, dialect } });
      try {
        await platform.observe(agent.capsuleId, AbortSignal.timeout(ANSWER_MS));
        return ok(name, `answers${used ? ', and is the one in use' : ''}`);
      } catch (error) {
        const { kind = 'unavailable' } = error as Partial<PlatformError>;
        return (used ? fail : warn)(
          name,
          `says ${kind}${used ? '' : '; it is not the one in use'}`,
          MENDS[kind],
        );
      } finally {
        await platform.close();
      }
    }),
  );
}

/** Asks any address for nothing but its time. */
export async function examineClockOf(of: string, url: string | undefined): Promise<Finding[]> {
  if (url === undefined) return [];
  const sent = Date.now();
  try {
    const { request } = await import('undici');
    const { headers, body } = await request(url, { method: 'GET', signal: AbortSignal.timeout(ANSWER_MS) });
    await body.dump();
    const told = Date.parse(String(headers['date'] ?? ''));
    if (Number.isNaN(told)) return [unknown('clock', `the ${of} does not tell its time`)];
    return [skew(of, told, sent, Date.now(), SECOND_MS)];
  } catch {
    return [unknown('clock', `the ${of} did not answer, so that its clock is not known`)];
  }
}

/** Whether our own address leads here. From inside only: what lies between the agents and us is theirs to try. */
export async function examinePublicUrl(
  { environment }: Pick<Config, 'environment'>,
  url: string,
): Promise<Finding[]> {
  const { hostname, protocol } = new URL(url);
  const isLocal = ['localhost', '127.0.0.1', '[::1]'].includes(hostname);
  const limits = 'fetched from this machine; a firewall on the way from the agents would not show';
  try {
    const { request } = await import('undici');
    const { statusCode, body } = await request(`${url}/health`, { signal: AbortSignal.timeout(ANSWER_MS) });
    const text = (await body.text()).slice(0, 1_000);
    if (statusCode !== 200 || !text.includes('"ok"'))
      return [
        fail(
          'public-url',
          `something else answers there (HTTP ${statusCode})`,
          'Set PUBLIC_URL to this orchestrator',
        ),
      ];
  } catch (error) {
    const { code = 'no answer' } = error as { code?: string };
    return [
      fail(
        'public-url',
        `nobody answers there (${code})`,
        'Set PUBLIC_URL to the address agents reach this at',
      ),
    ];
  }
  if (isLocal)
    return [
      (environment === 'production' ? fail : warn)(
        'public-url',
        'only this machine can reach it: agents elsewhere cannot deliver',
        'Set PUBLIC_URL to an address that agents can reach',
      ),
    ];
  return protocol === 'https:'
    ? [ok('public-url', `answers; ${limits}`)]
    : [
        warn(
          'public-url',
          `answers without TLS: tokens travel in the clear; ${limits}`,
          'Put TLS in front of it',
        ),
      ];
}

/** What stands between callers and us: who they are is told by a proxy, and keys pass it. */
export function examineWay(
  { http: { trustedProxies }, grpc }: Pick<Config, 'http' | 'grpc'>,
  publicUrl: string,
): Finding[] {
  const isBehindProxy = new URL(publicUrl).protocol === 'https:';
  const proxies =
    isBehindProxy && trustedProxies === 0
      ? warn(
          'proxies',
          'PUBLIC_URL is https, so that a proxy stands in front, and none is trusted: all callers look like one',
          'TRUSTED_PROXIES=1',
        )
      : ok('proxies', `${trustedProxies} trusted; rate limits count by address and by key`);
  if (!grpc) return [proxies];
  return [
    proxies,
    isInTheClear(grpc)
      ? warn(
          'grpc',
          'it speaks in the clear beyond this machine: keys can be read on the way',
          'Set GRPC_TLS_CERT_FILE and GRPC_TLS_KEY_FILE, or keep it behind a proxy that ends TLS',
        )
      : ok('grpc', grpc.tls ? 'speaks TLS' : 'listens to this machine alone'),
  ];
}
