/** `reveille lineage`: from a run to the exact releases behind it, or from a release to what it did. */
import { Command } from 'commander';
import { LineageView, ReleaseView } from '../http/views/release';
import { apiOf, overApi, type ApiOptions } from './client';
import { print, printable, printJson } from './output';
import { findRelease, short } from './release/commands';

const IS_RUN = /^[0-9a-f]{8}-/i;

export const lineageCommand = (): Command =>
  overApi(
    new Command('lineage')
      .description('tell which release did the work of a run, and from what; or what a release did')
      .argument('<id>', "a run's id, or a release's"),
  ).action(async (id: string, options: ApiOptions) => {
    const api = apiOf(options);
    const path = IS_RUN.test(id)
      ? `/runs/${id}/lineage`
      : `/releases/${(await findRelease(api, id)).id}/work`;
    const { items } = await api.get(path, LineageView);
    if (options.json) return printJson({ items });
    if (items.length === 0) return print('Nothing was done by a release that is on record.');
    for (const w of items) {
      const how = w.outcome ?? 'under way';
      const from = w.inputHash === null ? '' : `, input ${short(w.inputHash)}`;
      const copy = w.shadow ? ', a copy' : '';
      print(
        printable(
          `${w.at}  run ${w.runId} ${w.stepId}#${w.attempt}: ${w.agentId} ${short(w.releaseId)}, ${how}${from}${copy}`,
        ),
      );
    }
    if (!IS_RUN.test(id)) return;
    for (const releaseId of new Set(items.map((w) => w.releaseId))) {
      const { manifest } = await api.get(`/releases/${releaseId}`, ReleaseView);
      const models = manifest.models.map((m) => [m.provider, m.model, m.snapshot].filter(Boolean).join(' '));
      const code = manifest.code.tree ?? manifest.code.files ?? 'none';
      print(
        printable(`${short(releaseId)}: code ${code}${models.length === 0 ? '' : `, ${models.join(', ')}`}`),
      );
      for (const { path: file, sha256 } of manifest.prompts) print(printable(`  ${file} ${sha256}`));
    }
  });
