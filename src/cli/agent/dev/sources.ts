/** Where in the sources a stack points, for bundles that have a map beside them. */
import { readFileSync } from 'node:fs';
import { SourceMap, type SourceMapPayload } from 'node:module';
import { dirname, resolve, sep } from 'node:path';
import { fileURLToPath } from 'node:url';

/** A frame's place, e.g. `/agents/hello/dist/index.js:30976:26`, or a `file:` URL of it. */
const PLACE = /((?:file:\/\/)?\/[^():\n]*\.[cm]?js):(\d+):(\d+)/g;

/**
 * A stack whose frames name sources instead of what was built of them. Others stay as they are.
 * @param folder the agent's: an agent may log what it likes, but no file elsewhere is read for it
 */
export function inSources(stack: string, folder: string): string {
  const maps = new Map<string, SourceMap | undefined>();
  return stack.replace(PLACE, (place, name: string, line: string, column: string) => {
    const file = name.startsWith('file:') ? fileURLToPath(name) : resolve(name);
    if (!file.startsWith(resolve(folder) + sep)) return place;
    if (!maps.has(file)) maps.set(file, mapOf(file));
    const origin = maps.get(file)?.findOrigin(Number(line), Number(column));
    if (!origin || !('fileName' in origin)) return place;
    return `${resolve(dirname(file), origin.fileName)}:${origin.lineNumber}:${origin.columnNumber}`;
  });
}

function mapOf(file: string): SourceMap | undefined {
  try {
    return new SourceMap(JSON.parse(readFileSync(`${file}.map`, 'utf8')) as SourceMapPayload);
  } catch {
    return undefined; // It was built without one, or is being built anew.
  }
}
