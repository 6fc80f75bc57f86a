import { ArrowLeft } from "lucide-react";
import { Link, useParams, useSearchParams } from "react-router-dom";
import { PageHeader } from "@/components/page-header";
import { Failure, Loading } from "@/components/ui/states";
import { Tabs, TabsContent, TabsList, TabsTrigger } from "@/components/ui/tabs";
import { isOpen } from "@/lib/api/sessions";
import type { SessionDetail } from "@/lib/api/types";
import { shortSession } from "@/lib/format";
import { useTab } from "@/lib/use-filters";
import { useSession } from "../hooks/use-sessions";
import { SessionActions } from "./session-actions";
import { SessionCharts } from "./session-charts";
import { SessionControls } from "./session-controls";
import { Rejects, SessionFacts, SessionFigures } from "./session-facts";
import { EventList, JobList } from "./session-lists";
import { SessionMessages } from "./session-messages";
import { StateBadge } from "./state-badge";
import { UnaskedAnswers } from "./unasked";

const TAB = "flex min-h-0 flex-1 flex-col data-[state=inactive]:hidden";

const LISTS = ["messages", "jobs", "events"] as const;

function Lists({ session }: { session: SessionDetail }) {
  const [tab, turn] = useTab(LISTS);
  return (
    <Tabs value={tab} onValueChange={turn} className="flex h-[32rem] min-w-0 flex-col overflow-hidden rounded-md border bg-panel xl:h-auto xl:min-h-[28rem]">
      <TabsList aria-label="What the session holds">
        <TabsTrigger value="messages">Messages</TabsTrigger>
        <TabsTrigger value="jobs">Jobs</TabsTrigger>
        <TabsTrigger value="events">Events</TabsTrigger>
      </TabsList>
      <TabsContent value="messages" className={TAB}><SessionMessages id={session.session_id} series={session.imported_as ?? undefined} open={isOpen(session)} /></TabsContent>
      <TabsContent value="jobs" className={TAB}><JobList jobs={session.jobs} /></TabsContent>
      <TabsContent value="events" className={TAB}><EventList events={session.events} /></TabsContent>
    </Tabs>
  );
}

function Body({ session }: { session: SessionDetail }) {
  return (
    <div className="flex min-h-0 flex-1 flex-col overflow-y-auto">
      {!session.stats.complete && (
        <p role="status" className="border-b bg-warn/8 px-4 py-1.5 text-xs text-warn">This session is long: the figures below cover the part that could be read in time.</p>
      )}
      <SessionFigures session={session} />
      <SessionCharts series={session.series} />
      <div className="grid flex-1 gap-4 p-4 xl:grid-cols-[22rem_minmax(0,1fr)]">
        <div className="space-y-4">
          {isOpen(session) && <SessionControls session={session} />}
          <Rejects stats={session.stats} />
          <UnaskedAnswers answers={session.unasked_answers} />
          <SessionFacts session={session} />
        </div>
        <div className="order-first min-w-0 xl:order-none xl:relative xl:[&>*]:absolute xl:[&>*]:inset-0"><Lists session={session} /></div>
      </div>
    </div>
  );
}

export function SessionView() {
  const { id = "" } = useParams();
  const { data: session, error, isPending, refetch } = useSession(id, useSearchParams()[0].get("series") ?? undefined);
  return (
    <div className="flex h-full min-h-0 flex-col">
      <PageHeader
        title={
          <span className="flex items-center gap-2">
            <Link to="/sessions" aria-label="All sessions" className="text-muted-foreground hover:text-foreground"><ArrowLeft className="size-4" /></Link>
            Session <span className="font-mono text-sm" title={id}>{shortSession(id)}</span>
          </span>
        }
        info={session && <StateBadge session={session} />}
      >
        {session && <SessionActions id={id} series={session.imported_as ?? undefined} open={isOpen(session)} />}
      </PageHeader>
      {error && <Failure error={error} onRetry={() => void refetch()} />}
      {isPending && <Loading label="Loading session" />}
      {session && <Body key={id} session={session} />}
    </div>
  );
}
