/** Serves a web site from a folder of HTML files, on loopback: something real to audit without a network. */
import { dirname, join } from 'node:path';
import express from 'express';

/** Pages of a published template; nobody here wrote them. */
const PACKAGE = 'startbootstrap-sb-admin';

export interface Site {
  url: string;
  close(): Promise<void>;
}

export async function serveSite(port: number): Promise<Site> {
  const root = join(dirname(require.resolve(`${PACKAGE}/package.json`)), 'dist');
  const app = express();
  app.disable('x-powered-by');
  app.get('/robots.txt', (_req, res) => {
    res.type('text/plain').send('User-agent: *\nDisallow: /password.html\n');
  });
  app.use(express.static(root));
  const server = app.listen(port, '127.0.0.1');
  await new Promise((resolve, reject) => server.once('listening', resolve).once('error', reject));
  return {
    url: `http://127.0.0.1:${port}/`,
    close: () =>
      new Promise((resolve) => {
        server.close(() => resolve());
        server.closeAllConnections();
      }),
  };
}
