/** Who looks: by a login, or as this machine where no key is configured. */
import {
  ApiError,
  asProblem,
  get,
  post,
  remove,
  setCsrfToken,
  whenLoggedOut,
  type Problem,
} from './api/client';
import type { Scope, Who } from './api/types';
import { live } from './live/events';
import { store } from './live/store';

export type Session =
  | { state: 'asking' }
  | { state: 'out' }
  | { state: 'in'; who: Who; byLogin: boolean }
  | { state: 'failed'; problem: Problem };

export const session = store<Session>({ state: 'asking' });

type Login = Who & { csrfToken: string };

/** As the orchestrator calls whoever is on its machine where no key is configured: nobody who logged in. */
const LOCAL = 'local';

/** Asks who looks, then for their login: where there cannot be one, its 404 would stand in every console. */
export async function ask(): Promise<void> {
  try {
    const who = await get<Who>('/whoami');
    const login = who.id === LOCAL ? undefined : await get<Login>('/session').catch(unlessNone);
    enter(login ?? who, login?.csrfToken);
  } catch (error) {
    const problem = asProblem(error);
    session.set(problem.code === 'unauthorized' ? { state: 'out' } : { state: 'failed', problem });
  }
}

/** A proxy may bring a key along for everybody. */
function unlessNone(error: unknown): undefined {
  if (error instanceof ApiError && error.problem.code === 'no-session') return undefined;
  throw error;
}

/** @throws ApiError when the key does not open */
export async function logIn(key: string): Promise<void> {
  const login = await post<Login>('/session', { key });
  enter(login, login.csrfToken);
}

export async function logOut(): Promise<void> {
  await remove('/session');
  leave();
}

function enter(who: Who, csrfToken: string | undefined): void {
  setCsrfToken(csrfToken);
  session.set({ state: 'in', who, byLogin: csrfToken !== undefined });
  live.start();
}

function leave(): void {
  setCsrfToken(undefined);
  live.end();
  session.set({ state: 'out' });
}

whenLoggedOut(() => {
  if (session.get().state === 'in') leave();
});

/** Whether a button is worth showing; the orchestrator decides in any case. */
export function may(scope: Scope): boolean {
  const current = session.get();
  return current.state === 'in' && current.who.scopes.some((held) => held === scope || held === 'admin');
}
