/** A word of people on what they do: it goes into the ledger, and is shown to whoever finds it done. */

/** As long as the API takes them. */
const MAX_MESSAGE = 500;

interface Props {
  label: string;
  value: string;
  onChange: (value: string) => void;
  optional?: boolean;
}

export const MessageField = ({ label, value, onChange, optional = false }: Props) => (
  <label>
    {label}
    <input
      value={value}
      maxLength={MAX_MESSAGE}
      required={!optional}
      onInput={(event) => onChange(event.currentTarget.value)}
    />
  </label>
);
