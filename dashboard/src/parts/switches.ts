/** Turning off and on again, by the API's own paths. */
import { post } from '../api/client';
import type { Switch } from '../api/types';

export interface TurnOff {
  scope: Switch['scope'];
  subject?: string;
  message: string;
  expiresAt?: string;
}

export const turnOff = (what: TurnOff): Promise<Switch> => post<Switch>('/switches', what);

export const releaseSwitch = (id: string): Promise<Switch> =>
  post<Switch>(`/switches/${encodeURIComponent(id)}/release`, { reason: 'released in the dashboard' });
