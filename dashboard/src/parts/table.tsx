/** A table in a box that scrolls on narrow screens, and that the keyboard reaches, too. */
import type { ComponentChildren } from 'preact';

/** The title of a column; with `about`, what it means when the pointer rests on it. */
export type Column = string | { title: string; wide?: boolean; about?: string };

interface Props {
  columns: readonly Column[];
  /** What it is a table of. */
  name?: string;
  /** The id of the heading that says so, instead. */
  labelledBy?: string;
  /** Its rows. */
  children: ComponentChildren;
  /** What is below it, in the same box. */
  after?: ComponentChildren;
}

export const Table = ({ columns, name, labelledBy, children, after }: Props) => (
  <div class="scroll" tabIndex={0} role="region" aria-label={name} aria-labelledby={labelledBy}>
    <table>
      <thead>
        <tr>{columns.map((column) => head(typeof column === 'string' ? { title: column } : column))}</tr>
      </thead>
      <tbody>{children}</tbody>
    </table>
    {after}
  </div>
);

const head = ({ title, wide, about }: Exclude<Column, string>) => (
  <th key={title} scope="col" class={wide ? 'wide' : undefined}>
    {about === undefined ? title : <abbr title={about}>{title}</abbr>}
  </th>
);
