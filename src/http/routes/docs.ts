/** The documentation: the OpenAPI document, and a page that shows it without a network. */
import { dirname, join } from 'node:path';
import { z } from 'zod';
import { PAGE_POLICY } from '../headers';
import { openApiDocument } from '../openapi';
import { Problem } from '../problems';
import { json, route } from '../route';
import { jsonObject } from '../schema';
import { ROUTES } from './index';

const tag = 'docs';

const PAGE = `<!doctype html>
<html lang="en">
  <head>
    <meta charset="utf-8">
    <meta name="viewport" content="width=device-width, initial-scale=1">
    <title>Reveille API</title>
    <link rel="stylesheet" href="docs/swagger-ui.css">
    <link rel="icon" type="image/png" href="docs/favicon-32x32.png">
  </head>
  <body>
    <div id="swagger-ui"></div>
    <script src="docs/swagger-ui-bundle.js"></script>
    <script src="docs/start.js"></script>
  </body>
</html>
`;

const START = `SwaggerUIBundle({
  url: new URL('openapi.json', document.baseURI).href,
  dom_id: '#swagger-ui',
  deepLinking: true,
  defaultModelsExpandDepth: 0,
  validatorUrl: null,
});
`;

/** The files of swagger-ui-dist that the page loads. */
const ASSETS = ['swagger-ui.css', 'swagger-ui-bundle.js', 'favicon-32x32.png'];

/** Made once, when first asked for: it takes milliseconds, and anybody may ask. */
let document: ReturnType<typeof openApiDocument> | undefined;

export const openapi = route({
  method: 'get',
  path: '/openapi.json',
  operationId: 'getOpenApi',
  tag,
  summary: 'This API as an OpenAPI 3.1 document',
  access: 'open',
  responses: { 200: { description: 'The document.', schema: jsonObject } },
  problems: [],
  handle: async () => json((document ??= openApiDocument(ROUTES))),
});

export const docs = route({
  method: 'get',
  path: '/docs',
  operationId: 'getDocs',
  tag,
  summary: 'This API as a page; works offline',
  access: 'open',
  responses: { 200: { description: 'The page.', contentType: 'text/html' } },
  problems: [],
  handle: async () => ({
    kind: 'text',
    type: 'html',
    body: PAGE,
    headers: { 'Content-Security-Policy': PAGE_POLICY },
  }),
});

export const docsAsset = route({
  method: 'get',
  path: '/docs/:asset',
  operationId: 'getDocsAsset',
  tag,
  summary: 'A file of the docs page',
  access: 'open',
  params: z.object({ asset: z.string().max(100) }),
  responses: { 200: { description: 'The file.', contentType: '*/*' } },
  problems: ['not-found'],
  handle: async ({ params }) => {
    if (params.asset === 'start.js') return { kind: 'text', type: 'js', body: START };
    // Only names of the list reach the file system.
    const asset = ASSETS.find((a) => a === params.asset);
    if (asset === undefined) throw new Problem('not-found');
    const path = join(dirname(require.resolve('swagger-ui-dist/package.json')), asset);
    return { kind: 'file', path, headers: { 'Cache-Control': 'private, max-age=86400' } };
  },
});
