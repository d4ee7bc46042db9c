/**
 * The Kubernetes driver: a capsule is one Deployment, named `namespace/name`. It is scaled through its
 * `scale` subresource and read back with its pods.
 * https://kubernetes.io/docs/reference/kubernetes-api/workload-resources/deployment-v1/
 * https://kubernetes.io/docs/reference/using-api/api-concepts/#patch-and-apply
 */
import { ApiClient, checkReplicas } from '../calls/client';
import type { Call } from '../calls/call';
import { redactor } from '../calls/redact';
import { callSettings, type CallOptions } from '../calls/settings';
import { PlatformError, type Observation, type Platform } from '../platform';
import type { Cluster } from './cluster';
import { deploymentIn, podPageIn, selectorText, type Deployment } from './shapes';

export { inCluster, kubeconfig, type Cluster } from './cluster';

export interface KubernetesOptions extends CallOptions {
  cluster: Cluster;
}

/** Pods asked for at once, and pages of them at most: a capsule of 2,000 pods is none of ours. */
const PAGE_SIZE = 100;
const MAX_PAGES = 20;
/** A pod that has ended for good stays as an object; the server leaves it out. */
const ALIVE = 'status.phase!=Succeeded,status.phase!=Failed';
/** RFC 1123 labels and subdomain names, as namespaces and deployments are called. */
const ID = /^([a-z0-9]([-a-z0-9]{0,61}[a-z0-9])?)\/([a-z0-9]([-a-z0-9.]{0,251}[a-z0-9])?)$/;

/** Makes a driver for one cluster. Nothing is sent until the first call. */
export function createKubernetesPlatform(options: KubernetesOptions): Platform {
  return new Kubernetes(options);
}

interface Place {
  namespace: string;
  /** Address of the Deployment. */
  url: string;
}

class Kubernetes implements Platform {
  readonly name = 'kubernetes';
  private readonly client: ApiClient;
  private readonly server: string;

  constructor({ cluster, ...options }: KubernetesOptions) {
    this.server = cluster.server;
    const { ca, cert, key } = cluster;
    this.client = new ApiClient({
      settings: callSettings(options),
      context: {
        mends: mendsOf(cluster.source),
        addressVariable: cluster.source,
        redact: redactor(() => cluster.secrets()),
      },
      transport: { ...(ca && { ca }), ...(cert && { cert }), ...(key && { key }) },
      credentials: async (call) => {
        try {
          const token = await cluster.token();
          return token === undefined ? {} : { authorization: `Bearer ${token}` };
        } catch (error) {
          const message = `${call.what}: ${(error as Error).message}`;
          throw new PlatformError('auth', message, call.mayHaveApplied, { cause: error });
        }
      },
    });
  }

  scale(capsuleId: string, replicas: number, signal?: AbortSignal): Promise<void> {
    const what = `scale deployment ${capsuleId} to ${replicas}`;
    return this.client.run(what, signal, async (call) => {
      checkReplicas(call, replicas);
      await this.client.request(call, {
        method: 'PATCH',
        url: `${this.place(call, capsuleId).url}/scale`,
        headers: { 'content-type': 'application/merge-patch+json' },
        body: { spec: { replicas } },
      });
    });
  }

  observe(capsuleId: string, signal?: AbortSignal): Promise<Observation> {
    return this.client.run(`observe deployment ${capsuleId}`, signal, async (call) => {
      const { url, namespace } = this.place(call, capsuleId);
      const deployment = deploymentIn(await this.client.request(call, { method: 'GET', url }));
      if (!deployment) throw this.unreadable(call, 'Deployment');
      const pods = await this.pods(call, namespace, deployment);
      return { desired: deployment.replicas, running: runningOf(deployment, pods) };
    });
  }

  async close(): Promise<void> {
    this.client.close();
  }

  /** How many pods of the Deployment exist, starting and terminating ones too. */
  private async pods(call: Call, namespace: string, { selector }: Deployment): Promise<number> {
    let count = 0;
    let next: string | undefined;
    for (let page = 0; page < MAX_PAGES; page += 1) {
      const query = new URLSearchParams({
        labelSelector: selectorText(selector),
        fieldSelector: ALIVE,
        limit: String(PAGE_SIZE),
        ...(next !== undefined && { continue: next }),
      });
      const url = `${this.server}/api/v1/namespaces/${namespace}/pods?${query.toString()}`;
      const read = podPageIn(await this.client.request(call, { method: 'GET', url }));
      if (!read) throw this.unreadable(call, 'list of pods');
      count += read.count;
      next = read.next;
      if (next === undefined) break;
    }
    return count;
  }

  private place(call: Call, capsuleId: string): Place {
    const [, namespace, , name] = ID.exec(capsuleId) ?? [];
    if (namespace === undefined || name === undefined) {
      const message = `${call.what}: that is not namespace/name of a Deployment. Set the agent's CC_CAPSULE_ID_… variable.`;
      throw new PlatformError('rejected', message);
    }
    return { namespace, url: `${this.server}/apis/apps/v1/namespaces/${namespace}/deployments/${name}` };
  }

  private unreadable({ what }: Call, wanted: string): PlatformError {
    return new PlatformError('rejected', `${what}: the answer is no ${wanted}. Check the cluster's address.`);
  }
}

/**
 * What runs, from the pods there are. None while the controllers have not acted on the latest change,
 * or while some are wanted, says nothing: one may be made at any moment.
 */
function runningOf({ replicas, isCurrent }: Deployment, pods: number): Observation['running'] {
  return pods === 0 && (!isCurrent || replicas !== 0) ? 'unknown' : pods;
}

function mendsOf(source: string) {
  return {
    auth: `Check the token of ${source}, and its rights: get deployments, patch deployments/scale, list pods.`,
    'not-found':
      "Check the agent's CC_CAPSULE_ID_… variable (namespace/name) and that the Deployment exists.",
    'rate-limited': 'The API server limits the rate of calls; try again later.',
    unavailable: `Try again later; if it lasts, check the server of ${source} and the network.`,
    rejected: `Check the Deployment and ${source}.`,
  } as const;
}
