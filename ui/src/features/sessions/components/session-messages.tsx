import { useMemo } from "react";
import { MessageTable } from "@/components/messages/message-table";
import { useRecordedMessages } from "@/components/messages/use-archive-messages";
import { Empty, Failure, Loading } from "@/components/ui/states";
import { useSelection } from "@/lib/use-filters";

export function SessionMessages({ id, series, open }: { id: string; series: string | undefined; open: boolean }) {
  const filters = useMemo(() => ({ session_id: id, series }), [id, series]);
  const { rows, rowAt, more, error, isPending, refetch } = useRecordedMessages(filters, "all", open ? 4000 : false);
  const { selected, select } = useSelection();
  return (
    <>
      {error && <Failure error={error} onRetry={() => void refetch()} />}
      {isPending && <Loading label="Loading messages" />}
      {!isPending && !error && rows.length === 0 && <Empty title="This session has said nothing yet" />}
      {rows.length > 0 && <MessageTable label="Messages of this session" count={rows.length} rowAt={rowAt} selected={selected} onSelect={select} onEnd={more} />}
    </>
  );
}
