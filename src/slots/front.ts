/** Paths of the app's port that the controller answers itself, before the app sees them. */
import type { IncomingMessage, ServerResponse } from 'node:http';

export type FrontHandler = (incoming: IncomingMessage, outgoing: ServerResponse, path: string) => void;

export class Front {
  private readonly routes: { matches: (path: string) => boolean; handle: FrontHandler }[] = [];

  /** Exactly this path. */
  at(path: string, handle: FrontHandler): void {
    this.routes.push({ matches: (given) => given === path, handle });
  }

  /** This path and all below it. */
  below(path: string, handle: FrontHandler): void {
    this.routes.push({ matches: (given) => given === path || given.startsWith(`${path}/`), handle });
  }

  /** @returns whether the request was taken */
  take(incoming: IncomingMessage, outgoing: ServerResponse): boolean {
    if (this.routes.length === 0) return false;
    const path = (incoming.url ?? '').split('?', 1)[0] ?? '';
    const route = this.routes.find(({ matches }) => matches(path));
    route?.handle(incoming, outgoing, path);
    return route !== undefined;
  }
}
