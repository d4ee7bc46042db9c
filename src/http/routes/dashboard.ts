/** The dashboard: one page under `/` and `/app/…`, and the files it loads. All data comes from the API. */
import { z } from 'zod';
import { PAGE_POLICY } from '../headers';
import { Problem } from '../problems';
import { json, route, type Reply } from '../route';
import { shape } from '../schema';
import { assetPath, pagePath } from '../static';

const tag = 'docs';

/** Styles of charts and bars are set by script, which this allows. */
const DASHBOARD_POLICY = `${PAGE_POLICY}; require-trusted-types-for 'script'`;

/** A file whose name has a hash of its content never changes. */
const FOR_EVER = 'public, max-age=31536000, immutable';
const UNBUILT = 'The dashboard is not built: npm run build makes it.';

/** @throws Problem where it is not built */
function page(): Reply {
  const path = pagePath();
  if (path === undefined) throw new Problem('not-found', { detail: UNBUILT });
  const headers = {
    'Content-Security-Policy': DASHBOARD_POLICY,
    'Cache-Control': 'no-cache',
    Vary: 'Accept',
  };
  return { kind: 'file', path, headers };
}

export const index = route({
  method: 'get',
  path: '/',
  operationId: 'getIndex',
  tag,
  summary: 'Where to go from here; to a browser, the dashboard',
  access: 'open',
  responses: {
    200: {
      description: 'Links, or for `Accept: text/html` the page.',
      schema: shape('Index', () => z.object({ name: z.string(), links: z.record(z.string(), z.string()) })),
    },
  },
  problems: ['not-found'],
  handle: async ({ req }) => {
    // Whoever takes anything is a program; a browser asks for a page before all else.
    if (req.accepts(['json', 'html']) === 'html') return page();
    const links = {
      ...{ docs: '/docs', openapi: '/openapi.json', health: '/health' },
      ...{ workflows: '/workflows', runs: '/runs' },
    };
    return json({ name: 'Reveille', links }, 200, { Vary: 'Accept' });
  },
});

const pageDoc = {
  method: 'get' as const,
  tag,
  access: 'open' as const,
  responses: { 200: { description: 'The page.', contentType: 'text/html' } },
  problems: ['not-found' as const],
  handle: async () => page(),
};
const screenName = z.string().max(100);

export const screen = route({
  ...pageDoc,
  path: '/app/:screen',
  operationId: 'getScreen',
  summary: 'A screen of the dashboard',
  params: z.object({ screen: screenName }),
});

export const screenOfOne = route({
  ...pageDoc,
  path: '/app/:screen/:id',
  operationId: 'getScreenOfOne',
  summary: 'The screen of one thing: of a run, say',
  params: z.object({ screen: screenName, id: z.string().max(200) }),
});

export const asset = route({
  method: 'get',
  path: '/assets/:file',
  operationId: 'getAsset',
  tag,
  summary: 'A file of the dashboard; its name has a hash of its content',
  access: 'open',
  params: z.object({ file: z.string().max(100) }),
  responses: { 200: { description: 'The file.', contentType: '*/*' } },
  problems: ['not-found'],
  handle: async ({ params }) => {
    const path = assetPath(params.file);
    if (path === undefined) throw new Problem('not-found');
    return { kind: 'file', path, headers: { 'Cache-Control': FOR_EVER } };
  },
});
