import { useMemo } from "react";
import { MessageTable } from "@/components/messages/message-table";
import { useRecordedMessages } from "@/components/messages/use-archive-messages";
import { Empty, Failure, Loading } from "@/components/ui/states";
import { formatCount } from "@/lib/format";
import { useSelection } from "@/lib/use-filters";

export function SessionMessages({ id }: { id: string }) {
  const filters = useMemo(() => ({ session_id: id }), [id]);
  const { rows, rowAt, more, error, isPending, hasNextPage, refetch } = useRecordedMessages(filters, "all");
  const [selected, select] = useSelection();
  return (
    <section aria-label="Messages" className="flex h-[70vh] min-h-80 min-w-0 flex-col overflow-hidden rounded-md border bg-panel">
      <header className="flex h-10 shrink-0 items-center border-b px-4">
        <h2 className="mr-auto text-sm font-medium">Messages</h2>
        <span className="tabular text-xs text-muted-foreground">{formatCount(rows.length)} rows{hasNextPage && " so far"}, newest first</span>
      </header>
      {error && <Failure error={error} onRetry={() => void refetch()} />}
      {isPending && <Loading label="Loading messages" />}
      {!isPending && !error && rows.length === 0 && <Empty title="This session has said nothing yet" />}
      {rows.length > 0 && <MessageTable label="Messages of this session" count={rows.length} rowAt={rowAt} selected={selected} onSelect={select} onEnd={more} />}
    </section>
  );
}
