import { useQuery } from "@tanstack/react-query";
import { useEffect, useId, useState } from "react";
import { LazyInput } from "@/components/lazy-input";
import { fetchSessions } from "@/lib/api/sessions";
import { cn } from "@/lib/cn";
import { isSessionId, sessionLabel, theOne } from "@/lib/session-search";

const SHOWN = 20;

/** Which session: its id, a part of it, or whose it is. What fits one alone becomes its id. */
export function SessionInput({ value, series, onValue, className }: { value: string; series: string | undefined; onValue: (id: string) => void; className?: string }) {
  const [typed, setTyped] = useState("");
  const list = useId();
  const { data, isError } = useQuery({
    queryKey: ["sessions", "like", typed, series],
    queryFn: async ({ signal }) => (await fetchSessions({ q: typed, series }, undefined, signal)).items,
    enabled: typed !== "",
    staleTime: 5_000,
  });
  const found = typed === "" ? undefined : data;
  const one = theOne(found ?? [], typed)?.session_id;
  useEffect(() => {
    if (!one) return;
    setTyped("");
    onValue(one);
  }, [one, onValue]);
  const take = (text: string) => {
    const settled = text === "" || isSessionId(text);
    setTyped(settled ? "" : text);
    if (settled) onValue(text);
  };
  const hint = isError ? "cannot be looked up now" : found && (found.length === 0 ? "no such session or worker" : `${found.length} sessions: which one?`);
  return (
    <div className={cn("relative", className)}>
      <LazyInput aria-label="Session or worker" placeholder="Session, worker" list={list} aria-invalid={found?.length === 0} className="w-full font-mono text-xs" value={value} onValue={take} />
      <datalist id={list}>
        {found?.slice(0, SHOWN).map((session) => <option key={session.session_id} value={session.session_id}>{sessionLabel(session)}</option>)}
      </datalist>
      <p role="status" className={cn("absolute top-full left-0 z-20 mt-1 rounded border bg-panel px-2 py-1 text-xs whitespace-nowrap text-muted-foreground shadow", !hint && "hidden")}>{hint}</p>
    </div>
  );
}
