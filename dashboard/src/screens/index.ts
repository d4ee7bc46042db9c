/**
 * Every screen. To add one: write a component, list it here. The navigation, the keys, the palette, the
 * browser tests and the screenshots take it from this list.
 */
import type { FunctionComponent } from 'preact';
import { NowScreen } from './now';
import { RunScreen } from './run';
import { RunsScreen } from './runs';

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
];

export const screenHref = ({ path }: Pick<Screen, 'path'>): string => (path === 'now' ? '/' : `/app/${path}`);
