import { useQuery } from "@tanstack/react-query";
import { Select } from "@/components/ui/input";
import { fetchSeries } from "@/lib/api/series";

/** What is looked into: what was recorded here, or an import. Not there while there is no import. */
export function SeriesSelect({ value, onValue, className }: { value: string; onValue: (series: string | undefined) => void; className?: string }) {
  const { data = [] } = useQuery({ queryKey: ["series"], queryFn: ({ signal }) => fetchSeries(signal), staleTime: 30_000 });
  if (data.length === 0 && !value) return null;
  return (
    <Select aria-label="Recording" className={className} value={value} onChange={(event) => onValue(event.target.value || undefined)}>
      <option value="">Recorded here</option>
      {data.map(({ series, from }) => <option key={series} value={series}>Import {series.slice(0, 6)}{from && `, ${new Date(from).toLocaleDateString()}`}</option>)}
      {value && !data.some(({ series }) => series === value) && <option value={value}>Import {value.slice(0, 6)}</option>}
    </Select>
  );
}
