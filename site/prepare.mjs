// What the site has beside its pages: the reference of every route, made from the build of the orchestrator.
import { cpSync, existsSync, mkdirSync, writeFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { join } from 'node:path';

const root = join(import.meta.dirname, '..');
const out = join(import.meta.dirname, '.vitepress/dist/public/reference');
const require = createRequire(join(root, 'package.json'));
if (!existsSync(join(root, 'dist/http/openapi.js')))
  throw new Error('Build the orchestrator first: npm run build');

const { openApiDocument } = require('./dist/http/openapi.js');
const { ROUTES } = require('./dist/http/routes/index.js');
const swagger = join(require.resolve('swagger-ui-dist/package.json'), '..');

const page = `<!doctype html>
<html lang="en">
  <head>
    <meta charset="utf-8">
    <meta name="viewport" content="width=device-width, initial-scale=1">
    <title>Reveille API</title>
    <link rel="stylesheet" href="swagger-ui.css">
  </head>
  <body>
    <p style="font-family: sans-serif; margin: 1em"><a href="../docs/api.html">Back to the documentation</a></p>
    <div id="swagger-ui"></div>
    <script src="swagger-ui-bundle.js"></script>
    <script src="start.js"></script>
  </body>
</html>
`;
const start = `SwaggerUIBundle({ url: 'openapi.json', dom_id: '#swagger-ui', deepLinking: true,
  defaultModelsExpandDepth: 0, supportedSubmitMethods: [], validatorUrl: null });
`;

mkdirSync(out, { recursive: true });
writeFileSync(join(out, 'index.html'), page);
writeFileSync(join(out, 'start.js'), start);
writeFileSync(join(out, 'openapi.json'), JSON.stringify(openApiDocument(ROUTES)));
for (const file of ['swagger-ui.css', 'swagger-ui-bundle.js']) cpSync(join(swagger, file), join(out, file));
