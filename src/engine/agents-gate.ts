/** Lets a request be called off at the last moment: when a connection for it is there, and before it is written. */
import type { Dispatcher } from 'undici';

/** It was called off; nothing of it was written. */
export class Held extends Error {
  override readonly name = 'Held';
}

/** An interceptor: a request with `mayBegin` is written only if that says so. */
export const holdable =
  (dispatch: Dispatcher['dispatch']): Dispatcher['dispatch'] =>
  (options, handler) => {
    const { mayBegin } = options as { mayBegin?: () => boolean };
    if (!mayBegin) return dispatch(options, handler);
    const guarded: Dispatcher.DispatchHandler = {
      onRequestStart: (controller, context) => {
        if (mayBegin()) handler.onRequestStart?.(controller, context);
        else controller.abort(new Held('switched off, or not known in time not to be'));
      },
      onRequestUpgrade: (...args) => handler.onRequestUpgrade?.(...args),
      onResponseStart: (...args) => handler.onResponseStart?.(...args),
      onResponseData: (...args) => handler.onResponseData?.(...args),
      onResponseEnd: (...args) => handler.onResponseEnd?.(...args),
      onResponseError: (...args) => handler.onResponseError?.(...args),
    };
    return dispatch(options, guarded);
  };
