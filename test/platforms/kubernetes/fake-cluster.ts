import { FakeApi, type FakeAnswer, type FakeRequest } from '../check/fake-api';

/** How long a pod terminates. */
const STOP_MS = 30;
const NAMESPACE = 'agents';
const NAME = 'crawler';
const DEPLOYMENT = `/apis/apps/v1/namespaces/${NAMESPACE}/deployments`;

interface Pod {
  name: string;
  phase: 'Pending' | 'Running' | 'Succeeded' | 'Failed';
  labels: Record<string, string>;
  deletionTimestamp?: string;
}

/**
 * An API server with one Deployment and its controllers, as far as the documentation goes: media types
 * of patches, bearer tokens, `Status` documents, selectors and pages.
 * https://kubernetes.io/docs/reference/kubernetes-api/workload-resources/deployment-v1/
 */
export class FakeCluster {
  readonly capsuleId = `${NAMESPACE}/${NAME}`;
  readonly token = 'canary-cluster-token';
  replicas = 0;
  generation = 1;
  observedGeneration = 1;
  pods: Pod[] = [];
  /** Whether the controllers act on a change; they do so before it is answered. */
  controllersRun = true;
  /** What the token may not do. */
  forbidden: string[] = [];
  private made = 0;
  readonly api = new FakeApi((request) => this.handle(request), statusDocument);

  private handle(request: FakeRequest): FakeAnswer {
    const { method, path, headers } = request;
    if (headers.authorization !== `Bearer ${this.token}`) return refuse(401, 'Unauthorized');
    if (this.forbidden.includes(`${method} ${path}`)) return refuse(403, 'is forbidden');
    if (path === `/api/v1/namespaces/${NAMESPACE}/pods`) return this.podsOn(request);
    if (!path.startsWith(`${DEPLOYMENT}/`)) return refuse(404, 'the server could not find it');
    const [name, sub] = path.slice(DEPLOYMENT.length + 1).split('/');
    if (name !== NAME) return refuse(404, `deployments.apps "${name}" not found`);
    if (sub === undefined && method === 'GET') return { status: 200, body: this.deployment() };
    if (sub === 'scale' && method === 'PATCH') return this.scale(request);
    return refuse(sub === undefined || sub === 'scale' ? 405 : 404, 'not allowed');
  }

  private deployment(): object {
    return {
      kind: 'Deployment',
      apiVersion: 'apps/v1',
      metadata: { name: NAME, namespace: NAMESPACE, generation: this.generation },
      spec: {
        replicas: this.replicas,
        selector: {
          matchLabels: { app: NAME },
          matchExpressions: [{ key: 'tier', operator: 'In', values: ['agent'] }],
        },
      },
      status: { observedGeneration: this.observedGeneration },
    };
  }

  private scale({ headers, body }: FakeRequest): FakeAnswer {
    const types = ['application/merge-patch+json', 'application/strategic-merge-patch+json'];
    if (!types.includes(headers['content-type'] ?? '')) return refuse(415, 'media type is not supported');
    const replicas = (body as { spec?: { replicas?: unknown } } | undefined)?.spec?.replicas;
    if (typeof replicas !== 'number' || !Number.isInteger(replicas)) return refuse(400, 'replicas');
    if (replicas < 0) return refuse(422, 'spec.replicas: Invalid value: must be greater than or equal to 0');
    if (replicas !== this.replicas) this.generation += 1;
    this.replicas = replicas;
    if (this.controllersRun) this.reconcile();
    // As the Go types say: a zero is left out.
    const spec = replicas === 0 ? {} : { replicas };
    return {
      status: 200,
      body: { kind: 'Scale', apiVersion: 'autoscaling/v1', metadata: { name: NAME }, spec },
    };
  }

  /** What the deployment and replica set controllers do: makes and deletes pods. */
  reconcile(): void {
    this.observedGeneration = this.generation;
    const serving = this.pods.filter(
      ({ deletionTimestamp, phase }) => deletionTimestamp === undefined && phase !== 'Failed',
    );
    for (let i = serving.length; i < this.replicas; i += 1) {
      this.made += 1;
      this.pods.push({
        name: `${NAME}-${this.made}`,
        phase: 'Pending',
        labels: { app: NAME, tier: 'agent' },
      });
    }
    for (const pod of serving.slice(this.replicas)) {
      pod.deletionTimestamp = new Date().toISOString();
      setTimeout(() => this.pods.splice(this.pods.indexOf(pod), 1), STOP_MS);
    }
  }

  private podsOn({ method, query }: FakeRequest): FakeAnswer {
    if (method !== 'GET') return refuse(405, 'not allowed');
    if (query.get('labelSelector') !== `app=${NAME},tier in (agent)`) return refuse(400, 'labelSelector');
    const left: readonly string[] = query.get('fieldSelector')?.match(/(?<=status\.phase!=)\w+/g) ?? [];
    const chosen = this.pods.filter(({ phase }) => !left.includes(phase));
    const from = Number(query.get('continue') ?? 0);
    const to = from + Number(query.get('limit') ?? chosen.length);
    const items = chosen.slice(from, to).map(({ name, phase, deletionTimestamp }) => ({
      metadata: { name, ...(deletionTimestamp !== undefined && { deletionTimestamp }) },
      status: { phase },
    }));
    const metadata = to < chosen.length ? { continue: String(to) } : {};
    return { status: 200, body: { kind: 'PodList', apiVersion: 'v1', metadata, items } };
  }
}

/** https://kubernetes.io/docs/reference/kubernetes-api/common-definitions/status/ */
function statusDocument(code: number, message: string): object {
  return { kind: 'Status', apiVersion: 'v1', status: 'Failure', message, code };
}

const refuse = (status: number, message: string): FakeAnswer => ({
  status,
  body: statusDocument(status, message),
});
