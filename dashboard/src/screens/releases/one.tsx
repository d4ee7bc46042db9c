/** `/app/releases/<id>`: a release by its hash, or a rollout by its id. */
import { ReleaseScreen } from './release';
import { RolloutScreen } from './rollout';
import { isRelease } from './shared';

export const ReleaseOrRollout = ({ id }: { id: string }) =>
  isRelease(id) ? <ReleaseScreen id={id} /> : <RolloutScreen id={id} />;
