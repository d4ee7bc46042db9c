/** What every query looks like while it loads, when it failed, and when there is nothing. */
import type { ComponentChildren } from 'preact';
import type { Problem } from '../api/client';
import type { Query } from '../api/query';

export const ProblemView = ({ problem, retry }: { problem: Problem; retry?: () => void }) => (
  <div class="problem" role="alert">
    <strong>
      <span aria-hidden="true">✕ </span>
      {problem.title}
    </strong>
    {problem.detail !== undefined && <p>{problem.detail}</p>}
    {problem.hint !== undefined && <p class="hint">{problem.hint}</p>}
    {problem.requestId !== undefined && <p class="dim">Request {problem.requestId}</p>}
    {retry && (
      <button type="button" onClick={retry}>
        Try again
      </button>
    )}
  </div>
);

interface Props<T> {
  query: Query<T>;
  /** Said when `isEmpty`. */
  empty?: ComponentChildren;
  isEmpty?: (data: T) => boolean;
  children: (data: T) => ComponentChildren;
}

/** Shows older data beside a failure: neither is hidden, and a failure is never "nothing there". */
export function QueryView<T>({ query, empty, isEmpty, children }: Props<T>) {
  const { data, problem, loading, reload } = query;
  if (loading) return <Loading />;
  return (
    <>
      {problem && <ProblemView problem={problem} retry={reload} />}
      {problem && data !== undefined && <p class="dim">What is shown below was read before that.</p>}
      {data !== undefined && (isEmpty?.(data) ? <p class="empty">{empty}</p> : children(data))}
    </>
  );
}

export const Loading = () => (
  <p class="loading" role="status">
    Loading…
  </p>
);
