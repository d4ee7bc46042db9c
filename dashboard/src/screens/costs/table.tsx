/** One row for each day, workflow, agent or model; the bar compares their money. */
import type { CostReport, CostRow } from '../../api/types';
import { Bar } from '../../parts/bar';
import { Table } from '../../parts/table';
import { duration, usd } from '../../parts/time';

type Group = 'day' | 'workflow' | 'agent' | 'model';
const NAMES: Record<Group, string> = { day: 'Day', workflow: 'Workflow', agent: 'Agent', model: 'Model' };

interface Props {
  rows: readonly CostRow[];
  by: Group;
  formulas: CostReport['formulas'];
}

export function CostTable({ rows, by, formulas }: Props) {
  const highest = Math.max(...rows.map(({ totalUsd }) => Number(totalUsd)));
  const shown = by === 'day' ? [...rows].reverse() : rows;
  return (
    <Table
      name="Costs"
      columns={[
        ...[NAMES[by], 'Spent', { title: 'Capsules and models', wide: true }, 'Billed'],
        { title: 'Waste', about: formulas.wasteRatio },
        { title: 'Saved', about: formulas.savedUsd },
      ]}
    >
      {shown.map((row) => (
        <Row key={row.key} row={row} by={by} highest={highest} />
      ))}
    </Table>
  );
}

function Row({ row, by, highest }: { row: CostRow; by: Group; highest: number }) {
  const { key, totalUsd, capsuleUsd, modelUsd, seconds, wasteRatio, savedUsd } = row;
  const parts = [
    { name: 'capsules', tone: 'work', value: Number(capsuleUsd), text: usd(Number(capsuleUsd)) },
    { name: 'models', tone: 'boot', value: Number(modelUsd), text: usd(Number(modelUsd)) },
  ];
  return (
    <tr>
      <th scope="row">{nameOf(key, by)}</th>
      <td>{usd(Number(totalUsd))}</td>
      <td>
        <Bar name={nameOf(key, by)} parts={parts} whole={highest} />
      </td>
      <td>{duration(seconds.billed * 1_000)}</td>
      <td>{wasteRatio === null ? '–' : `${Math.round(wasteRatio * 100)} %`}</td>
      <td>{savedUsd === null ? '–' : usd(Number(savedUsd))}</td>
    </tr>
  );
}

const nameOf = (key: string, by: Group): string =>
  key !== '' ? key : by === 'model' ? 'the capsules' : 'no workflow';
