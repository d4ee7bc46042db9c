/** The OpenAPI document against the app it describes, against a validator, and against docs/api.md. */
import { execFile } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { promisify } from 'node:util';
import type { Express } from 'express';
import { openApiDocument } from '../../src/http/openapi';
import { PROBLEMS } from '../../src/http/problem-catalogue';
import { ROUTES } from '../../src/http/routes';
import { startApi, type Api } from './support/api';

interface Operation {
  operationId: string;
  summary: string;
  parameters: Array<{ name: string; in: string; required: boolean }>;
  requestBody?: { content: Record<string, unknown> };
  responses: Record<string, { description: string; content?: Record<string, unknown> }>;
  security: unknown[];
}
interface Document {
  paths: Record<string, Record<string, Operation>>;
  components: { schemas: Record<string, unknown> };
}

const document = openApiDocument(ROUTES) as unknown as Document;
const operations = Object.entries(document.paths).flatMap(([path, methods]) =>
  Object.entries(methods).map(([method, operation]) => ({
    id: `${method.toUpperCase()} ${path}`,
    path,
    operation,
  })),
);

let api: Api;
beforeAll(async () => {
  api = await startApi();
});
afterAll(() => api.close());

/** Every method and path that Express really answers. */
function served(app: Express): string[] {
  const stack = app.router.stack as unknown as Array<{
    route?: { path: string; methods: Record<string, boolean> };
  }>;
  return stack.flatMap(({ route }) =>
    route
      ? Object.keys(route.methods).map((m) => `${m.toUpperCase()} ${route.path.replace(/:(\w+)/g, '{$1}')}`)
      : [],
  );
}

it('has every route that Express serves, and no other', () => {
  expect(operations.map((o) => o.id).sort()).toEqual(served(api.app).sort());
  expect(operations).toHaveLength(ROUTES.length);
});

it('would miss a route that was mounted past the list', () => {
  const app = api.app;
  app.get('/smuggled', (_req, res) => void res.end());
  expect(served(app)).toContain('GET /smuggled');
  expect(operations.map((o) => o.id)).not.toContain('GET /smuggled');
});

it('is valid OpenAPI 3.1', async () => {
  // The validator is an ES module: it gets a process of its own.
  const script = `import { readFileSync } from 'node:fs';
    import { Validator } from '@seriousme/openapi-schema-validator';
    const validator = new Validator();
    const result = await validator.validate(JSON.parse(readFileSync(0, 'utf8')));
    console.log(JSON.stringify({ ...result, version: validator.version }));`;
  const args = ['--input-type=module', '-e', script];
  const validating = promisify(execFile)(process.execPath, args, { cwd: join(__dirname, '../..') });
  // By standard input: it is longer than an argument may be.
  validating.child.stdin?.end(JSON.stringify(document));
  const { stdout } = await validating;
  expect(JSON.parse(stdout)).toEqual({ valid: true, version: '3.1' });
});

it('resolves each of its references', () => {
  const references = [...JSON.stringify(document).matchAll(/"\$ref":"#\/components\/schemas\/(\w+)"/g)];
  expect(references.length).toBeGreaterThan(20);
  const missing = references.map(([, id]) => id).filter((id) => !(String(id) in document.components.schemas));
  expect(missing).toEqual([]);
});

it.each(operations.map((o) => [o.id, o] as const))(
  '%s says what it takes and what it answers',
  (_id, { path, operation }) => {
    const inPath = operation.parameters.filter((p) => p.in === 'path');
    expect(inPath.map((p) => `{${p.name}}`)).toEqual(path.match(/\{\w+\}/g) ?? []);
    expect(operation.summary).not.toBe('');
    for (const [status, { description, content }] of Object.entries(operation.responses)) {
      expect(description).not.toBe('');
      if (status !== '204') expect(Object.keys(content ?? {})).toHaveLength(1);
    }
  },
);

it('names each operation once', () => {
  const ids = operations.map((o) => o.operation.operationId);
  expect(new Set(ids).size).toBe(ids.length);
});

it('offers an Idempotency-Key on every POST that creates', () => {
  const creating = operations.filter((o) => '201' in o.operation.responses);
  expect(creating.map((o) => o.id).sort()).toEqual([
    'POST /keys',
    'POST /protocols',
    'POST /runs/{runId}/rerun',
    'POST /workflows/{workflowId}/runs',
  ]);
  for (const { operation } of creating) {
    expect(operation.parameters).toContainEqual(
      expect.objectContaining({ name: 'Idempotency-Key', in: 'header' }),
    );
  }
});

it('is what the orchestrator serves', async () => {
  expect((await api.call('GET', '/openapi.json')).body).toEqual(document);
});

describe('the docs page', () => {
  it('loads only what this server has', async () => {
    const { headers, text } = await api.call('GET', '/docs');
    expect(headers['content-type']).toBe('text/html; charset=utf-8');
    const loaded = [...text.matchAll(/(?:src|href)="([^"]+)"/g)].map(([, path]) => String(path));
    expect(loaded.length).toBeGreaterThanOrEqual(4);
    for (const path of loaded) {
      const { status, headers: of } = await api.call('GET', `/${path}`);
      expect([path, status]).toEqual([path, 200]);
      expect(of['content-type']).toMatch(path.endsWith('.js') ? /javascript/ : /css|png/);
    }
  });

  it('allows no inline script, and needs none', async () => {
    const { headers, text } = await api.call('GET', '/docs');
    expect(headers['content-security-policy']).toContain("script-src 'self'");
    expect(headers['content-security-policy']).not.toContain('unsafe');
    expect(text).not.toMatch(/<script>|<style|\son\w+=/);
  });
});

it('GET / leads to it', async () => {
  const { body } = await api.call('GET', '/');
  for (const path of Object.values(body.links as unknown as Record<string, string>)) {
    expect((await api.call('GET', path)).status).toBe(200);
  }
});

it('docs/api.md lists every route and every problem', () => {
  const text = readFileSync(join(__dirname, '../../docs/api.md'), 'utf8').replace(/ +/g, ' ');
  const missing = [
    ...operations.map((o) => `\`${o.id}\``),
    ...Object.entries(PROBLEMS).map(([code, { status }]) => `| \`${code}\` | ${status} |`),
  ].filter((line) => !text.includes(line));
  expect(missing).toEqual([]);
});
