/** The chat page: three small files, no framework, nothing from elsewhere, no text ever read as HTML. */

const HTML = `<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>Chat with the agent</title>
<link rel="stylesheet" href="/chat/style.css">
<script src="/chat/chat.js" defer></script>
</head>
<body>
<header><h1>Agent</h1><label for="pick">Conversation</label><select id="pick"></select><button id="fresh" type="button">New</button></header>
<p id="state" role="status"></p>
<main id="log" role="log" aria-label="Conversation" tabindex="0"></main>
<form id="form">
<label for="text">Message</label>
<textarea id="text" rows="3" required></textarea>
<div><button type="submit">Send</button><button id="cancel" type="button">Cancel the work</button></div>
</form>
</body>
</html>
`;

const CSS = `:root { color-scheme: light dark; }
body { font: 16px/1.5 system-ui, sans-serif; max-width: 52rem; margin: 0 auto; padding: 1rem; }
header { display: flex; gap: .75rem; align-items: center; flex-wrap: wrap; }
h1 { font-size: 1.25rem; margin: 0 auto 0 0; }
select { max-width: 20rem; }
#log { min-height: 40vh; max-height: 65vh; overflow-y: auto; border: 1px solid #8888; border-radius: .5rem; padding: .75rem; }
#log p { margin: 0 0 .75rem; white-space: pre-wrap; overflow-wrap: anywhere; }
.message { font-weight: 600; }
.note { opacity: .75; font-size: .9rem; }
form label { display: block; margin-top: .75rem; }
textarea { width: 100%; box-sizing: border-box; font: inherit; }
form div { display: flex; gap: .75rem; margin-top: .5rem; }
button { font: inherit; padding: .35rem .9rem; }
`;

const SCRIPT = `'use strict';
const $ = (id) => document.getElementById(id);
// The app gives its users a link with their token behind the "#", which no server sees.
if (location.hash.length > 1) {
  sessionStorage.setItem('token', location.hash.slice(1));
  history.replaceState(null, '', location.pathname);
}
const token = sessionStorage.getItem('token');
const headers = () => ({ 'content-type': 'application/json', ...(token && { authorization: 'Bearer ' + token }) });
let current = '';
let following;

function say(kind, text) {
  const line = document.createElement('p');
  line.className = kind;
  line.textContent = text;
  const log = $('log');
  const atEnd = log.scrollHeight - log.scrollTop - log.clientHeight < 40;
  log.append(line);
  if (atEnd) log.scrollTop = log.scrollHeight;
}
const state = (text) => { $('state').textContent = text; };

async function call(method, path, body) {
  const answer = await fetch('/agent/' + path, { method, headers: headers(), ...(body && { body: JSON.stringify(body) }) });
  const data = await answer.json();
  if (!answer.ok) throw new Error(data.error || 'It answered ' + answer.status);
  return data;
}

function show(type, data) {
  if (type === 'message') {
    say('message', data.by + ': ' + data.text);
    state('The agent is at work.');
  } else if (type === 'end') {
    say('note', data.detail + (data.commit ? ' (' + data.commit.slice(0, 12) + ')' : ''));
    state('');
  } else {
    for (const part of partsOf(data)) say(part.kind, part.text);
  }
}

function partsOf(data) {
  if (data.type === 'text') return [{ kind: 'note', text: String(data.text) }];
  if (data.type !== 'assistant' || !data.message || !Array.isArray(data.message.content)) return [];
  return data.message.content.flatMap((c) =>
    c.type === 'text' ? [{ kind: 'agent', text: String(c.text) }]
    : c.type === 'tool_use' ? [{ kind: 'note', text: 'uses ' + String(c.name) }] : []);
}

async function follow(id, signal) {
  let last = 0;
  let pause = 500;
  while (!signal.aborted) {
    try {
      const answer = await fetch('/agent/conversations/' + id + '/events', {
        headers: { ...headers(), 'last-event-id': String(last) }, signal });
      if (!answer.ok) throw new Error((await answer.json()).error);
      pause = 500;
      const reader = answer.body.pipeThrough(new TextDecoderStream()).getReader();
      let rest = '';
      for (;;) {
        const { done, value } = await reader.read();
        if (done) break;
        const blocks = (rest + value).split('\\n\\n');
        rest = blocks.pop();
        for (const block of blocks) {
          const event = Object.fromEntries(block.split('\\n').map((l) => [l.slice(0, l.indexOf(':')), l.slice(l.indexOf(':') + 2)]));
          if (!event.id) continue;
          last = Number(event.id);
          show(event.event, JSON.parse(event.data));
        }
      }
    } catch (error) {
      if (signal.aborted) return;
      state(error.message);
    }
    await new Promise((resolve) => setTimeout(resolve, pause));
    pause = Math.min(pause * 2, 15000);
  }
}

function open(id) {
  current = id;
  $('pick').value = id;
  $('log').replaceChildren();
  state('');
  if (following) following.abort();
  following = new AbortController();
  follow(id, following.signal);
}

async function list() {
  const { conversations } = await call('GET', 'conversations');
  $('pick').replaceChildren(...conversations.map((c) => new Option(c.title || c.created_at, c.id)));
  return conversations;
}

async function fresh(title) {
  const made = await call('POST', 'conversations', { title });
  await list();
  open(made.id);
}

const act = (work) => (event) => {
  event.preventDefault();
  work().catch((error) => state(error.message));
};
$('pick').addEventListener('change', () => open($('pick').value));
$('fresh').addEventListener('click', act(() => fresh('')));
$('cancel').addEventListener('click', act(() => call('POST', 'conversations/' + current + '/cancel')));
$('form').addEventListener('submit', act(async () => {
  const text = $('text').value.trim();
  if (!current) await fresh(text.slice(0, 60));
  await call('POST', 'conversations/' + current + '/messages', { text });
  $('text').value = '';
}));
list().then((all) => { if (all.length > 0) open(all[0].id); }, (error) => state(error.message));
`;

export const PAGES: ReadonlyMap<string, { type: string; text: string }> = new Map([
  ['/chat', { type: 'text/html; charset=utf-8', text: HTML }],
  ['/chat/style.css', { type: 'text/css; charset=utf-8', text: CSS }],
  ['/chat/chat.js', { type: 'text/javascript; charset=utf-8', text: SCRIPT }],
]);
