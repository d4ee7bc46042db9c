/**
 * Every screen. To add one: write a component, list it here. The navigation, the keys, the palette, the
 * browser tests and the screenshots take it from this list.
 */
import type { FunctionComponent } from 'preact';
import { AuditScreen } from './audit';
import { CapsulesScreen } from './capsules';
import { CapsuleScreen } from './capsules/capsule';
import { CostsScreen } from './costs';
import { InboxScreen } from './inbox';
import { DeliveryScreen } from './inbox/delivery';
import { NowScreen } from './now';
import { ReleasesScreen } from './releases';
import { ReleaseOrRollout } from './releases/one';
import { RunScreen } from './run';
import { RunsScreen } from './runs';
import { SwitchesScreen } from './switches';
import { StopScreen } from './switches/emergency';
import { WorkflowsScreen } from './workflows';
import { WorkflowScreen } from './workflows/workflow';

export interface Screen {
  /** The part of the address after `/app/`. */
  path: string;
  title: string;
  /** `g` and this key lead there. */
  key: string;
  component: FunctionComponent;
  /** Of one thing: `/app/<path>/<id>`. */
  one?: FunctionComponent<{ id: string }>;
}

export const SCREENS: readonly Screen[] = [
  { path: 'now', title: 'Now', key: 'n', component: NowScreen },
  { path: 'runs', title: 'Runs', key: 'r', component: RunsScreen, one: RunScreen },
  { path: 'workflows', title: 'Workflows', key: 'w', component: WorkflowsScreen, one: WorkflowScreen },
  { path: 'capsules', title: 'Capsules', key: 'c', component: CapsulesScreen, one: CapsuleScreen },
  { path: 'releases', title: 'Releases', key: 'l', component: ReleasesScreen, one: ReleaseOrRollout },
  { path: 'costs', title: 'Costs', key: 'm', component: CostsScreen },
  { path: 'inbox', title: 'Inbox', key: 'i', component: InboxScreen, one: DeliveryScreen },
  { path: 'switches', title: 'Switches', key: 's', component: SwitchesScreen, one: StopScreen },
  { path: 'audit', title: 'Audit', key: 'a', component: AuditScreen },
];

export const screenHref = ({ path }: Pick<Screen, 'path'>): string => (path === 'now' ? '/' : `/app/${path}`);
