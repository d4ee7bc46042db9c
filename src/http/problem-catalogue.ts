/**
 * Every way this API says no, by its stable `code`, with a `hint` that says what to do. The catalogue
 * is closed, so that the OpenAPI document and docs/api.md can list it.
 */

interface Kind {
  status: number;
  title: string;
  hint: string;
}

export const PROBLEMS = {
  'invalid-request': {
    status: 400,
    title: 'The request is not valid',
    hint: 'Correct the fields listed in `errors`.',
  },
  'invalid-json': {
    status: 400,
    title: 'The body is not the JSON expected here',
    hint: 'Send one UTF-8 JSON object, nested at most 64 levels deep and without NUL characters.',
  },
  'unknown-step': {
    status: 400,
    title: 'The run has no such step',
    hint: 'Name one of the steps that GET /runs/{runId} lists.',
  },
  unauthorized: {
    status: 401,
    title: 'A valid API key is needed',
    hint: 'Send `Authorization: Bearer <API key>` with a key this orchestrator is configured with.',
  },
  'login-refused': {
    status: 401,
    title: 'The login did not succeed',
    hint: 'Log in with an API key that is neither revoked nor expired.',
  },
  'oidc-not-begun': {
    status: 401,
    title: 'This login was not begun in this browser, took more than ten minutes, or is used up',
    hint: 'Log in again, from the address that PUBLIC_URL names.',
  },
  'oidc-refused': {
    status: 401,
    title: 'The login did not succeed',
    hint: 'Log in again. If it stays so, the log of the orchestrator says what did not hold.',
  },
  'callback-forged': {
    status: 401,
    title: 'The callback token is missing or not ours',
    hint: 'POST the result to the exact `config.webhookUrl` of the run request.',
  },
  'callback-expired': {
    status: 401,
    title: 'The callback token has expired',
    hint: 'The attempt was given up long ago; drop the result.',
  },
  'callback-revoked': {
    status: 401,
    title: 'The callback token was revoked by an emergency stop',
    hint: 'Drop the result; the attempt was given up with everything that ran.',
  },
  'callback-mismatch': {
    status: 401,
    title: 'The result belongs to another attempt than the callback token',
    hint: 'Report each attempt to the `config.webhookUrl` it came with.',
  },
  'signature-invalid': {
    status: 401,
    title: 'The webhook signature does not match',
    hint: 'Sign `id.timestamp.body` by Standard Webhooks with the secret of the registry, with a clock right to 300 s.',
  },
  'claim-refused': {
    status: 401,
    title: 'The agent may not claim a job',
    hint: 'Check that the agent id and its secret are the ones in the registry of the orchestrator.',
  },
  'hook-refused': {
    status: 401,
    title: 'The webhook is not authentic',
    hint: 'Check the secret, its style and the clock at both ends; the log and the inbox of the orchestrator say what is wrong.',
  },
  'loopback-only': {
    status: 403,
    title: 'Without an API key only this machine may call',
    hint: 'Configure an API key, or call directly from the same machine under localhost, not through a proxy or another site.',
  },
  'scope-missing': {
    status: 403,
    title: 'The key may not do this',
    hint: 'Use a key with the scope in `detail`; GET /whoami tells the scopes of this one.',
  },
  'cross-site': {
    status: 403,
    title: 'The request does not come from the page that logged in',
    hint: 'Send `X-CSRF-Token` as GET /session tells it, from the same origin; or use an API key instead of the cookie.',
  },
  'login-in-the-clear': {
    status: 403,
    title: 'A login needs https',
    hint: 'Open the dashboard by https, or under localhost; behind a proxy set TRUSTED_PROXIES, so that its X-Forwarded-Proto counts.',
  },
  'oidc-unmapped': {
    status: 403,
    title: 'You are known to the provider, but may do nothing here',
    hint: 'Ask an administrator to name you or a group of yours in OIDC_VIEWERS, OIDC_OPERATORS, OIDC_APPROVERS or OIDC_ADMINS.',
  },
  'not-found': {
    status: 404,
    title: 'There is nothing under this address',
    hint: 'GET /openapi.json lists every path; /docs shows them.',
  },
  'run-not-found': {
    status: 404,
    title: 'There is no such run',
    hint: 'GET /runs lists the runs that are kept; old ones are removed after the retention time.',
  },
  'nothing-to-decide': {
    status: 409,
    title: 'This step does not wait for a decision',
    hint: 'GET /approvals lists the steps that do; somebody may have decided already.',
  },
  'approval-not-found': {
    status: 404,
    title: 'There is no such approval',
    hint: 'GET /approvals lists what waits; old ones are removed with their runs.',
  },
  'own-approval': {
    status: 403,
    title: 'Nobody approves their own run',
    hint: 'Ask somebody else: the person who started a run has no yes in it, with any of their keys.',
  },
  'not-overseen': {
    status: 409,
    title: 'This agent is not overseen',
    hint: 'Give it `oversight` in the registry first.',
  },
  'protocol-running': {
    status: 409,
    title: 'A protocol is under way already',
    hint: 'GET /protocols shows it; stop it first, or wait for its end.',
  },
  'protocol-not-found': {
    status: 404,
    title: 'There is no such protocol',
    hint: 'GET /protocols lists them.',
  },
  'voted-already': {
    status: 409,
    title: 'You have decided on this already',
    hint: 'Each person has one vote, with all of their keys together. GET /approvals/{id} shows who is missing.',
  },
  'nothing-to-revise': {
    status: 409,
    title: 'This cannot be sent back',
    hint: 'Approve or reject: a step of a workflow proposes nothing, and an agent only so many times.',
  },
  'breaker-not-found': {
    status: 404,
    title: 'This agent has no breaker',
    hint: 'GET /breakers lists those that have one; `breaker` in the registry gives it one.',
  },
  'switch-not-found': {
    status: 404,
    title: 'There is no such switch',
    hint: 'GET /switches lists those that are on, and those that were.',
  },
  'switch-subject-unknown': {
    status: 404,
    title: 'There is nothing of this id to switch off',
    hint: 'GET /agents and GET /workflows list what there is; `detail` names the environment of this installation.',
  },
  'release-not-found': {
    status: 404,
    title: 'There is no such release',
    hint: 'GET /releases lists them; POST /releases puts one on record.',
  },
  'rollout-not-found': {
    status: 404,
    title: 'There is no such rollout',
    hint: 'GET /rollouts lists them.',
  },
  'rollout-refused': {
    status: 409,
    title: 'The pointers cannot be moved like this',
    hint: 'Do what `detail` says; GET /environments tells where the pointers stand.',
  },
  'budget-not-found': {
    status: 404,
    title: 'There is no such budget or cap',
    hint: 'GET /budgets and GET /caps list them; POST /budgets/{id}/set makes one.',
  },
  'emergency-stop-not-found': {
    status: 404,
    title: 'There is no such emergency stop',
    hint: 'POST /emergency-stop answers the id of the one it began.',
  },
  'workflow-not-found': {
    status: 404,
    title: 'There is no such workflow',
    hint: 'GET /workflows lists the workflows of this installation.',
  },
  'hook-not-found': {
    status: 404,
    title: 'No workflow of this id is started by webhooks',
    hint: 'Give it `on.webhook` in the registry; GET /workflows lists the workflows.',
  },
  'replay-not-found': {
    status: 404,
    title: 'There is no such replay',
    hint: 'Use the `id` that POST /replays answered; old ones are removed after the retention time.',
  },
  'no-schedule': {
    status: 404,
    title: 'The workflow has no schedule',
    hint: 'GET /workflows lists the schedules of this installation.',
  },
  'alert-not-found': {
    status: 404,
    title: 'There is no such alert',
    hint: 'GET /alerts lists them; resolved ones are removed after the retention time.',
  },
  'key-not-found': {
    status: 404,
    title: 'There is no such key',
    hint: 'GET /keys lists them. Keys of the environment (API_KEYS) are changed there.',
  },
  'no-session': {
    status: 404,
    title: 'There is no login here',
    hint: 'POST /session logs in; a request with an API key has no session.',
  },
  'oidc-off': {
    status: 404,
    title: 'There is no login by OpenID Connect here',
    hint: 'Set OIDC_ISSUER and what goes with it; see docs/security.md.',
  },
  'inbox-off': {
    status: 404,
    title: 'The inbox is off',
    hint: 'Set INBOX=on for this orchestrator. Unset, it is on in development only.',
  },
  'delivery-not-found': {
    status: 404,
    title: 'There is no such delivery',
    hint: 'GET /inbox lists what was delivered; it is kept for a day.',
  },
  'capsule-not-found': {
    status: 404,
    title: 'There is no such capsule',
    hint: 'GET /capsules lists those of the agents of this installation.',
  },
  'agent-not-found': {
    status: 404,
    title: 'There is no such agent',
    hint: 'GET /agents lists the agents of this installation.',
  },
  'build-not-found': {
    status: 404,
    title: 'There is no such build of this agent',
    hint: 'GET /agents/{agentId}/builds lists those the platform still knows.',
  },
  'method-not-allowed': {
    status: 405,
    title: 'This address does not take that method',
    hint: 'Use one of the methods in the Allow header.',
  },
  'idempotency-key-reused': {
    status: 409,
    title: 'The idempotency key was used with another request',
    hint: 'Use a new key for a new request; `runId` names the run the key belongs to, if it is one.',
  },
  'key-over': {
    status: 409,
    title: 'The key is revoked or has expired',
    hint: 'Make a new one with POST /keys.',
  },
  'run-over': {
    status: 409,
    title: 'The run is over',
    hint: 'Nothing is left to cancel. POST /runs/{runId}/rerun starts it again.',
  },
  'run-not-over': {
    status: 409,
    title: 'The run is still under way',
    hint: 'Wait for it to end or cancel it, then start it again.',
  },
  'step-not-reached': {
    status: 409,
    title: 'The run cannot start again from this step',
    hint: 'Start from the step named in `stepId`, or from one before it: it left no output to take over.',
  },
  'delivery-not-replayable': {
    status: 409,
    title: 'The delivery cannot be applied again',
    hint: 'Only a whole result that came to /webhook with a valid token can. `reveille inbox replay ID --to URL` sends any whole delivery elsewhere, from your machine.',
  },
  'capsule-held': {
    status: 409,
    title: 'The capsule may not be woken now',
    hint: '`detail` says what holds it: a kill switch, an open breaker, a wake that failed, or its way to sleep.',
  },
  'agent-at-work': {
    status: 409,
    title: 'The agent is at work on a job',
    hint: 'Wait until it is done (GET /capsules), or send `{"force": true}`, which interrupts the job.',
  },
  'build-under-way': {
    status: 409,
    title: 'A build of this agent is under way',
    hint: 'Follow it at GET /agents/{agentId}/builds/{buildId}, and redeploy again when it is over if need be.',
  },
  'payloads-gone': {
    status: 410,
    title: 'Input and outputs of the run were removed',
    hint: 'The retention time has passed; start a new run of the workflow instead.',
  },
  'body-too-large': {
    status: 413,
    title: 'The body is too large',
    hint: 'Store large data elsewhere and send a reference to it.',
  },
  'unsupported-media-type': {
    status: 415,
    title: 'The body has a type this address does not take',
    hint: 'Send `Content-Type: application/json` in UTF-8, without a Content-Encoding.',
  },
  'rate-limited': {
    status: 429,
    title: 'Too many requests',
    hint: 'Wait for the seconds in Retry-After.',
  },
  'internal-error': {
    status: 500,
    title: 'The orchestrator made a mistake',
    hint: 'Look for `requestId` in its log. Nothing that was acknowledged before is lost.',
  },
  'builds-unsupported': {
    status: 501,
    title: 'The platform of this orchestrator builds nothing',
    hint: 'Set the CC_ variables for Code Capsules, or deploy the agent the way its platform wants it.',
  },
  'platform-refused': {
    status: 502,
    title: 'The platform did not do it',
    hint: 'Mend what `detail` names, then send the request again: no build has begun.',
  },
  'build-uncertain': {
    status: 502,
    title: 'It is not known whether a build has begun',
    hint: 'Look at GET /agents/{agentId}/builds before a new request. The same Idempotency-Key never starts a second one.',
  },
  'oidc-provider-away': {
    status: 503,
    title: 'The OpenID Connect provider cannot be used now',
    hint: 'Try again in a moment, or log in with an API key; "reveille doctor" says what is wrong.',
  },
  unavailable: {
    status: 503,
    title: 'The store does not answer',
    hint: 'Send the same request again after the seconds in Retry-After; with an Idempotency-Key it is done once.',
  },
  'too-many-streams': {
    status: 503,
    title: 'No more event streams can be opened',
    hint: 'Close one, or try again after the seconds in Retry-After.',
  },
} as const satisfies Record<string, Kind>;

export type ProblemCode = keyof typeof PROBLEMS;
