import { Radio, RotateCcw, Search, Unplug } from "lucide-react";
import { Link } from "react-router-dom";
import { ExportButtons } from "@/components/export-buttons";
import { Button } from "@/components/ui/button";
import { Confirm } from "@/components/ui/confirm";
import { disconnectSession } from "@/lib/api/sessions";
import { filtersToUrl } from "@/lib/filters";
import { useSelection } from "@/lib/use-filters";
import { useLastShare, useSessionChange } from "../hooks/use-sessions";

/** Opens the session's newest share, ready to be sent again as it was or edited. */
function ReplayShare({ id, open }: { id: string; open: boolean }) {
  const { select } = useSelection();
  const share = useLastShare(id, (message) => select(message, "replay"));
  const why = open ? "Sends its newest share to the pool again, as it was or edited" : "Its connection is closed: a share is sent again only into an open one";
  return (
    <>
      {share.error && <span role="alert" className="text-bad">{share.error.message}</span>}
      <Button title={why} disabled={!open || share.isPending} onClick={() => share.mutate()}><RotateCcw aria-hidden /> Replay a share</Button>
    </>
  );
}

export function SessionActions({ id, series, open }: { id: string; series: string | undefined; open: boolean }) {
  const disconnect = useSessionChange(id, () => disconnectSession(id));
  return (
    <>
      {disconnect.error && <span role="alert" className="text-bad">{disconnect.error.message}</span>}
      {open && (
        <Button asChild><Link to={`/?session_id=${id}`}><Radio aria-hidden /> Follow live</Link></Button>
      )}
      <Button asChild title="Its messages in the archive, to be searched"><Link to={`/archive?${filtersToUrl({ session_id: id, series })}`}><Search aria-hidden /> Search</Link></Button>
      <ReplayShare id={id} open={open} />
      <ExportButtons filters={{ session_id: id, series }} />
      {open && (
        <Confirm
          trigger={<Button variant="danger" disabled={disconnect.isPending}><Unplug aria-hidden /> Disconnect</Button>}
          title="Disconnect this miner?"
          text="Its connection and the one to the pool are closed. Most miners connect again within seconds."
          action="Disconnect"
          onConfirm={() => disconnect.mutate(undefined)}
        />
      )}
    </>
  );
}
