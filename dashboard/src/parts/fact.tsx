import type { ComponentChildren } from 'preact';

/** One of a `dl.facts`. */
export const Fact = ({
  name,
  title,
  children,
}: {
  name: string;
  title?: string;
  children: ComponentChildren;
}) => (
  <div title={title}>
    <dt>{name}</dt>
    <dd>{children}</dd>
  </div>
);
