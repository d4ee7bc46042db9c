// An agent that only notes when it began to listen and when it had its job, and says so in its
// result. AGENT_MODE=startup claims the job at boot; otherwise it waits for POST /run.
import { Buffer } from 'node:buffer';
import { randomUUID } from 'node:crypto';
import { createServer, request } from 'node:http';
import { performance } from 'node:perf_hooks';

const { PORT, AGENT_MODE, AGENT_ID, AGENT_SECRET, ORCHESTRATOR_WEBHOOK_URL } = process.env;
const bootId = randomUUID();
const now = () => performance.timeOrigin + performance.now();
let listeningAt = 0;
let taken = '';

const server = createServer((req, res) => {
  const chunks = [];
  req.on('data', (chunk) => chunks.push(chunk));
  req.on('end', () => {
    if (req.url === '/health') return send(res, 200, { status: 'ok', bootId });
    if (req.url !== '/run') return send(res, 404, {});
    const job = JSON.parse(Buffer.concat(chunks).toString());
    send(res, 202, { accepted: true });
    return work(job, now());
  });
});

/** Takes a job once, whether it was claimed, sent or both. */
function work(job, jobAt) {
  const key = `${job.runId} ${job.stepId} ${job.config.attempt}`;
  if (key === taken) return;
  taken = key;
  const { workflowId, stepId, runId } = job;
  const output = { listeningAt, jobAt };
  post(job.config.webhookUrl, { workflowId, stepId, runId, status: 'success', output, durationMs: 0 });
}

function claim() {
  const body = { agentId: AGENT_ID, bootId, secret: AGENT_SECRET };
  post(`${ORCHESTRATOR_WEBHOOK_URL}/claim`, body, (status, text) => {
    if (status === 200) work(JSON.parse(text), now());
  });
}

function post(url, body, then = () => undefined) {
  const req = request(url, { method: 'POST', headers: { 'content-type': 'application/json' } }, (res) => {
    const chunks = [];
    res.on('data', (chunk) => chunks.push(chunk));
    res.on('end', () => then(res.statusCode, Buffer.concat(chunks).toString()));
  });
  req.end(JSON.stringify(body));
}

function send(res, status, body) {
  res.writeHead(status, { 'content-type': 'application/json' }).end(JSON.stringify(body));
}

server.listen(Number(PORT), '127.0.0.1', () => {
  listeningAt = now();
  if (AGENT_MODE === 'startup') claim();
});
process.once('SIGTERM', () => process.exit(0));
