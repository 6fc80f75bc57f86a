import { LazyInput } from "@/components/lazy-input";
import type { Filters } from "@/lib/filters";
import { fromLocalField, toLocalField } from "@/lib/local-time";

interface Props {
  filters: Filters;
  onRange: (range: Pick<Filters, "from"> | Pick<Filters, "to">) => void;
}

/** From when to when, to be typed or picked: "what happened at 03:12". */
export function RangeFields({ filters, onRange }: Props) {
  const field = (name: "from" | "to", label: string) => {
    const put = (text: string) => {
      const at = fromLocalField(text);
      if (at !== null) onRange(name === "from" ? { from: at } : { to: at });
    };
    return (
      <LazyInput type="datetime-local" step={1} aria-label={label} title={`${label}, local time${filters[name] ? `\n${filters[name]}` : ""}`}
        className="tabular h-7 w-44 px-1 text-2xs @2xl:w-50 @2xl:px-1.5 @2xl:text-xs" value={toLocalField(filters[name])} onValue={put} />
    );
  };
  return (
    <div role="group" aria-label="Range" className="hidden items-center gap-1.5 @lg:flex">
      {field("from", "From")}
      <span aria-hidden>–</span>
      {field("to", "Up to")}
    </div>
  );
}
