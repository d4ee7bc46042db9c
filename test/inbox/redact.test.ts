import fc from 'fast-check';
import { redactBody, redactHeaders, redactPath, redactText } from '../../src/inbox/redact';

const SECRET = 'canary-0123456789abcdef';

describe('a path', () => {
  it.each([
    ['/webhook?token=a.b', '/webhook?token=«redacted»'],
    ['/inbox/my-test', '/inbox/my-test'],
    ['/x?page=2&api_key=k&q=a=b', '/x?page=2&api_key=«redacted»&q=a=b'],
    [
      '/x?ACCESS_TOKEN=k&sig=k&auth=k&password=k',
      '/x?ACCESS_TOKEN=«redacted»&sig=«redacted»&auth=«redacted»&password=«redacted»',
    ],
    ['/hook/1234567890abcdef1234567890abcdef', '/hook/«redacted»'],
    ['/runs/00000000-0000-4000-8000-000000000001', '/runs/00000000-0000-4000-8000-000000000001'],
    ['/x?monkey=1&author=2&design=3', '/x?monkey=1&author=2&design=3'],
  ])('%s is kept as %s', (path, kept) => expect(redactPath(path)).toBe(kept));

  it('keeps the name of its bin, whatever it looks like', () => {
    const bin = 'a1234567890123456789012345678901234567890';
    expect(redactPath(`/inbox/${bin}`, bin)).toBe(`/inbox/${bin}`);
  });
});

it('headers lose credentials by name, and secrets and tokens wherever they are', () => {
  const kept = redactHeaders(
    {
      authorization: `Bearer ${SECRET}`,
      cookie: SECRET,
      'x-api-key': SECRET,
      'x-auth-token': SECRET,
      referer: `https://x/?token=${SECRET}`,
      'x-note': `it is ${SECRET}`,
      'webhook-signature': 'v1,abc=',
      'set-cookie': [SECRET, SECRET],
      'x-list': ['a', 'b'],
      missing: undefined,
    },
    [SECRET],
  );
  expect(JSON.stringify(kept)).not.toContain('canary');
  expect(kept).toMatchObject({ 'webhook-signature': 'v1,abc=', 'x-list': 'a, b' });
  expect(kept).not.toHaveProperty('missing');
});

describe('a body', () => {
  it('is the very same bytes where it holds no secret, whatever they are', () => {
    fc.assert(
      fc.property(fc.uint8Array(), (bytes) => {
        const body = Buffer.from(bytes);
        expect(redactBody(body, [SECRET])).toBe(body);
      }),
    );
  });

  it('never holds a secret of ours, wherever it stands in JSON', () => {
    fc.assert(
      fc.property(fc.jsonValue(), fc.string(), (value, name) => {
        const body = Buffer.from(JSON.stringify({ [name]: SECRET, value, list: [`x${SECRET}y`] }));
        expect(redactBody(body, [SECRET]).toString()).not.toContain(SECRET);
      }),
    );
  });

  it('never holds a secret that JSON or an address spells in another way', () => {
    const odd = 'a"quoted\\canary & more';
    expect(redactBody(Buffer.from(JSON.stringify({ odd })), [odd]).toString()).not.toContain('canary');
    expect(redactText(`/x?q=${encodeURIComponent(odd)}`, [odd])).not.toContain('canary');
  });

  it('loses the secret of a claim, known or not, and of one that is cut', () => {
    const claim = JSON.stringify({ agentId: 'a', bootId: 'b', secret: SECRET });
    for (let length = 0; length <= claim.length; length += 1) {
      expect(redactBody(Buffer.from(claim.slice(0, length)), []).toString()).not.toContain('canary');
    }
    expect(JSON.parse(redactBody(Buffer.from(claim), []).toString())).toMatchObject({ agentId: 'a' });
  });

  it('loses the token of an address that an agent repeats', () => {
    const text = '{"url": "https://x/webhook?token=abc.def&a=1"}';
    expect(redactText(text, [])).toBe('{"url": "https://x/webhook?token=«redacted»&a=1"}');
  });
});
