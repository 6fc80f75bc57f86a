import { ArrowLeft, Download, Radio, Unplug } from "lucide-react";
import { Link, useParams } from "react-router";
import { PageHeader } from "@/components/page-header";
import { Badge } from "@/components/ui/badge";
import { Button } from "@/components/ui/button";
import { Confirm } from "@/components/ui/confirm";
import { Failure, Loading } from "@/components/ui/states";
import { exportUrl } from "@/lib/api/messages";
import { isOpen } from "@/lib/api/sessions";
import { shortSession } from "@/lib/format";
import { useDisconnect, useSession } from "../hooks/use-sessions";
import { SessionFacts, SessionFigures } from "./session-facts";
import { SessionMessages } from "./session-messages";

function Actions({ id, open }: { id: string; open: boolean }) {
  const disconnect = useDisconnect(id);
  return (
    <>
      {disconnect.error && <span role="alert" className="text-bad">{disconnect.error.message}</span>}
      {open && (
        <Button asChild><Link to={`/?session_id=${id}`}><Radio aria-hidden /> Follow live</Link></Button>
      )}
      <Button asChild>
        <a href={exportUrl({ session_id: id }, "pcapng")} download><Download aria-hidden /> pcapng</a>
      </Button>
      {open && (
        <Confirm
          trigger={<Button variant="danger" disabled={disconnect.isPending}><Unplug aria-hidden /> Disconnect</Button>}
          title="Disconnect this miner?"
          text="Its connection and the one to the pool are closed. Most miners connect again within seconds."
          action="Disconnect"
          onConfirm={() => disconnect.mutate()}
        />
      )}
    </>
  );
}

export function SessionView() {
  const { id = "" } = useParams();
  const { data: session, error, isPending, refetch } = useSession(id);
  const open = session ? isOpen(session) : false;
  return (
    <div className="flex h-full min-h-0 flex-col">
      <PageHeader
        title={
          <span className="flex items-center gap-2">
            <Link to="/sessions" aria-label="All sessions" className="text-muted-foreground hover:text-foreground"><ArrowLeft className="size-4" /></Link>
            Session <span className="font-mono text-sm">{shortSession(id)}</span>
          </span>
        }
        info={session && <Badge tone={open ? "good" : "neutral"}>{open ? "open" : "closed"}</Badge>}
      >
        {session && <Actions id={id} open={open} />}
      </PageHeader>
      {error && <Failure error={error} onRetry={() => void refetch()} />}
      {isPending && <Loading label="Loading session" />}
      {session && (
        <div className="flex min-h-0 flex-1 flex-col overflow-y-auto">
          <SessionFigures session={session} />
          <div className="grid gap-4 p-4 xl:grid-cols-[24rem_minmax(0,1fr)]">
            <SessionFacts session={session} />
            <SessionMessages id={id} />
          </div>
        </div>
      )}
    </div>
  );
}
