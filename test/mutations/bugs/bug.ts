/** A bug that an engine like this one is known to have. */
import type { Edit } from '../graph';

export interface Bug {
  name: string;
  edits: Edit[];
  /** What has to be said of it. */
  caught: RegExp;
}

export const bug = (
  name: string,
  caught: RegExp,
  ...edits: Array<[file: string, find: string, put: string]>
): Bug => ({
  name,
  caught,
  edits: edits.map(([file, find, put]) => ({ file: `src/${file}`, find, put })),
});
