import { useMemo } from "react";
import { useSearchParams } from "react-router";
import { PageHeader } from "@/components/page-header";
import { PointAMiner } from "@/components/point-a-miner";
import { Button } from "@/components/ui/button";
import { Input, Select } from "@/components/ui/input";
import { Empty, Failure, Loading } from "@/components/ui/states";
import { isOpen, workersOf } from "@/lib/api/sessions";
import type { Session } from "@/lib/api/types";
import { useSessions } from "../hooks/use-sessions";
import { SessionTable } from "./session-table";

function fits(session: Session, text: string, state: string): boolean {
  if (state && isOpen(session) !== (state === "open")) return false;
  const words = [session.session_id, session.peer, session.user_agent, session.pool_host, ...workersOf(session)];
  return words.some((word) => word?.toLowerCase().includes(text));
}

export function SessionsView() {
  const { data, error, isPending, refetch, hasNextPage, fetchNextPage, isFetchingNextPage } = useSessions();
  const [params, setParams] = useSearchParams();
  const text = params.get("find") ?? "";
  const state = params.get("state") ?? "";
  const all = useMemo(() => data?.pages.flatMap((page) => page.sessions) ?? [], [data]);
  const shown = useMemo(() => all.filter((s) => fits(s, text.toLowerCase(), state)), [all, text, state]);
  const set = (name: string, value: string) =>
    setParams((old) => {
      const next = new URLSearchParams(old);
      if (value) next.set(name, value);
      else next.delete(name);
      return next;
    }, { replace: true });
  const open = all.filter(isOpen).length;
  return (
    <div className="flex h-full min-h-0 flex-col">
      <PageHeader title="Sessions" info={<span className="tabular text-xs text-muted-foreground">{open} open, {all.length - open} closed{hasNextPage && ", more to load"}</span>} />
      <form role="search" className="flex gap-2 border-b bg-panel px-4 py-2" onSubmit={(e) => e.preventDefault()}>
        <Input aria-label="Find a session" placeholder="Worker, user agent, address" className="w-full max-w-md" value={text} onChange={(e) => set("find", e.target.value)} />
        <Select aria-label="State" value={state} onChange={(e) => set("state", e.target.value)}>
          <option value="">Open and closed</option>
          <option value="open">Open</option>
          <option value="closed">Closed</option>
        </Select>
      </form>
      {error && <Failure error={error} onRetry={() => void refetch()} />}
      <div className="min-h-0 flex-1 overflow-auto">
        {isPending && <Loading label="Loading sessions" />}
        {data && all.length === 0 && <Empty title="No sessions yet"><PointAMiner /></Empty>}
        {all.length > 0 && shown.length === 0 && <Empty title="No session fits">{<Button onClick={() => setParams({}, { replace: true })}>Show all</Button>}</Empty>}
        {shown.length > 0 && <SessionTable sessions={shown} />}
        {hasNextPage && (
          <div className="p-4 text-center">
            <Button disabled={isFetchingNextPage} onClick={() => void fetchNextPage()}>Load older sessions</Button>
          </div>
        )}
      </div>
    </div>
  );
}
