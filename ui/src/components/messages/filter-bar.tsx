import { Search, X } from "lucide-react";
import { useCallback, useRef, type ReactNode } from "react";
import { LazyInput } from "@/components/lazy-input";
import { Button } from "@/components/ui/button";
import { Select } from "@/components/ui/input";
import { DIRECTIONS, type Direction } from "@/lib/api/types";
import { cn } from "@/lib/cn";
import { hasFilters } from "@/lib/filters";
import { useFilters } from "@/lib/use-filters";
import { useHotkeys } from "@/lib/use-hotkeys";
import { LatencyInput } from "./latency-input";
import { METHODS } from "./method-names";
import { SessionInput } from "./session-input";

const DIRECTION_NAMES: Record<Direction, string> = {
  miner_to_pool: "Miner → pool",
  pool_to_miner: "Pool → miner",
  hashscope_to_pool: "HashScope → pool",
  pool_to_hashscope: "Pool → HashScope",
};

export function FilterBar({ children, withSession = true, withSeries = false }: { children?: ReactNode; withSession?: boolean; withSeries?: boolean }) {
  const [filters, change, clear] = useFilters();
  const search = useRef<HTMLDivElement>(null);
  const toSession = useCallback((id: string) => change({ session_id: id || undefined }), [change]);
  useHotkeys({ "/": () => search.current?.querySelector("input")?.focus() });
  return (
    // Beside an open message there is less room; it stays one line, so that nothing below it moves.
    <div className="@container border-b bg-panel">
    <form role="search" className="flex flex-wrap items-center gap-2 px-4 py-2 @lg:flex-nowrap" onSubmit={(e) => e.preventDefault()}>
      <div ref={search} className="relative min-w-24 flex-1 basis-full @lg:basis-24">
        <Search className="pointer-events-none absolute top-2 left-2.5 size-4 text-muted-foreground" aria-hidden />
        <LazyInput aria-label="Text in the message" placeholder="Search text ( / )" className="w-full pl-8" value={filters.q ?? ""} onValue={(q) => change({ q }, true)} />
      </div>
      <LazyInput aria-label="Method" placeholder="Method" list="methods" className="w-32 min-w-20 flex-1 basis-20 @lg:flex-none @lg:basis-auto @3xl:w-40" value={filters.method ?? ""} onValue={(method) => change({ method }, true)} />
      <datalist id="methods">
        {METHODS.map((name) => <option key={name} value={name} />)}
      </datalist>
      <Select aria-label="Direction" className="w-36 min-w-24 flex-1 basis-24 @lg:flex-none @lg:basis-auto" value={filters.direction ?? ""} onChange={(e) => change({ direction: (e.target.value || undefined) as Direction | undefined })}>
        <option value="">Both directions</option>
        {DIRECTIONS.map((d) => <option key={d} value={d}>{DIRECTION_NAMES[d]}</option>)}
      </Select>
      {withSession && (
        <SessionInput className={cn("w-28 min-w-20 flex-1 basis-20 @lg:flex-none @lg:basis-auto @3xl:w-36", !filters.session_id && "hidden @3xl:block")} value={filters.session_id ?? ""} series={withSeries ? filters.series : undefined} onValue={toSession} />
      )}
      <LatencyInput className="w-16 min-w-14 flex-1 basis-14 @lg:flex-none @lg:basis-auto @3xl:w-20" value={filters} onValue={(range) => change(range, true)} />
      <Button aria-pressed={filters.errors ?? false} className={cn(filters.errors && "border-bad/60 bg-bad/10 text-bad")} onClick={() => change({ errors: !filters.errors })}>
        Errors
      </Button>
      {hasFilters(filters) && (
        <Button variant="ghost" onClick={clear} className="px-2"><X aria-hidden /> Clear</Button>
      )}
      {children}
    </form>
    </div>
  );
}
