/** Small agents without packages, each with a folder of its own, good but for what a test has them do. */
import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';

export interface AgentFiles {
  /** JavaScript that runs before it listens. */
  first?: string;
  /** The body of `async (input) => output`. */
  job?: string;
  /** Further files, by their paths. */
  files?: Record<string, string>;
  procfile?: string;
}

const AGENT = (first: string, job: string): string => `
const http = require('node:http');
const work = async (input, dryRun) => { ${job} };
let last; let busy = false; const done = new Map();
const bootId = String(process.pid);
const shapes = { workflowId: 'string', stepId: 'string', runId: 'string', input: 'object', config: 'object' };
async function run(req) {
  const { workflowId, stepId, runId, config } = req;
  const at = Date.now();
  let end;
  try {
    if (typeof (req.input.name ?? '') !== 'string') throw new Error('input.name: must be a text');
    end = { status: 'success', output: await work(req.input, config.dryRun) };
  } catch (error) { end = { status: 'error', output: {}, error: error.message }; }
  const { usage, ...output } = end.output;
  last = { workflowId, stepId, runId, ...end, output, ...(usage && { usage }), durationMs: Date.now() - at };
  if (config.attempt) last.attempt = config.attempt;
  busy = false;
  await fetch(config.webhookUrl, { method: 'POST', headers: { 'content-type': 'application/json' }, body: JSON.stringify(last) });
}
${first}
http.createServer(async (req, res) => {
  const send = (status, body) => res.writeHead(status, { 'content-type': 'application/json' }).end(JSON.stringify(body));
  if (req.url === '/health') return send(200, { status: 'ok', bootId });
  if (req.url.startsWith('/status')) return send(200, { state: busy ? 'running' : 'idle', bootId, ...(last && { last }) });
  let text = ''; for await (const chunk of req) text += chunk;
  if (req.headers['content-type'] !== 'application/json') return send(415, {});
  let body; try { body = JSON.parse(text); } catch { return send(400, {}); }
  if (req.url !== '/run') return send(404, {});
  for (const [field, type] of Object.entries(shapes)) if (typeof body[field] !== type) return send(400, { error: field });
  if (typeof body.config.webhookUrl !== 'string' || typeof body.config.timeoutSeconds !== 'number') return send(400, { error: 'config' });
  const key = [body.runId, body.stepId, body.config.attempt ?? 1].join();
  if (done.has(key)) return send(202, { accepted: true, duplicate: true });
  done.set(key, true); busy = true;
  send(202, { accepted: true });
  run(body);
}).listen(process.env.PORT, '127.0.0.1');
`;

/** Writes an agent and answers its folder. */
export function writeAgent(
  root: string,
  name: string,
  { first = '', job, files = {}, procfile }: AgentFiles = {},
) {
  const folder = join(root, name);
  const all: Record<string, string> = {
    'index.js': AGENT(first, job ?? 'return { greeting: `Hello, ${input.name ?? "world"}!` };'),
    Procfile: procfile ?? 'web: node index.js\n',
    '.env.example': '# Listens there.\nPORT=3000\nAPI_TOKEN=\nLANGUAGE=en\nLLM_MODE=live\nLLM_RECORDINGS=\n',
    'agent.check.json': JSON.stringify({
      quick: { name: 'Ada' },
      wrong: { name: 5 },
      wrongField: 'input.name',
    }),
    ...files,
  };
  for (const [path, content] of Object.entries(all)) {
    mkdirSync(join(folder, path, '..'), { recursive: true });
    writeFileSync(join(folder, path), content);
  }
  return { folder, command: /^web: *(.*)$/m.exec(all['Procfile'] ?? '')?.[1] ?? '' };
}
