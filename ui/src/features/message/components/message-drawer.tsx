import { Download, X } from "lucide-react";
import { useRef } from "react";
import { Link } from "react-router-dom";
import { CopyButton } from "@/components/copy-button";
import { DirectionMark } from "@/components/messages/message-row";
import { Moment } from "@/components/moment";
import { Button } from "@/components/ui/button";
import { Failure, Loading } from "@/components/ui/states";
import { Tabs, TabsContent, TabsList, TabsTrigger } from "@/components/ui/tabs";
import { sessionPath } from "@/lib/api/sessions";
import { exportUrl } from "@/lib/api/messages";
import type { Message } from "@/lib/api/types";
import { aroundOf, sessionOf } from "@/lib/around";
import { formatBytes, shortSession } from "@/lib/format";
import { nameOf, summaryOf } from "@/lib/stratum/summary";
import { useSelection } from "@/lib/use-filters";
import { useHotkeys } from "@/lib/use-hotkeys";
import { useFocusReturn } from "../hooks/use-focus-return";
import { useMessage } from "../hooks/use-message";
import { DecodedView } from "./decoded-view";
import { PairView } from "./pair-view";
import { HexView, RawText } from "./raw-view";
import { isReplayable, ReplayView } from "./replay-view";
import { writeExact } from "@/lib/exact-json";

function curlOf(message: Message): string {
  return `curl -s '${location.origin}/api/messages/${message.id}' -H "Authorization: Bearer $API_TOKEN"`;
}

function Actions({ message }: { message: Message }) {
  return (
    <div className="flex flex-wrap gap-2 border-t p-3">
      <CopyButton label="Copy JSON" text={() => writeExact(message, 2)} />
      <CopyButton label="Copy curl" text={() => curlOf(message)} />
      <Button asChild>
        <a href={exportUrl({ session_id: message.session_id, series: message.imported_as ?? undefined }, "pcapng")} download title="Downloads its session as pcapng, which Wireshark opens">
          <Download aria-hidden /> Open in Wireshark
        </a>
      </Button>
    </div>
  );
}

interface BodyProps {
  message: Message;
  view: string;
  onTurn: (view: string) => void;
  onOpen: (id: string) => void;
}

function Body({ message, view, onTurn, onOpen }: BodyProps) {
  const around = aroundOf(message);
  const there = ["raw", "hex"].includes(view) || (view === "replay" && isReplayable(message));
  return (
    <>
      <div className="flex flex-wrap items-center gap-x-4 gap-y-1 border-b px-4 py-2 text-xs text-muted-foreground">
        <Moment at={message.ts_recv} />
        <Link to={sessionPath(message)} className="font-mono text-primary hover:underline" title={message.session_id}>
          session {shortSession(message.session_id)}
        </Link>
        <Link to={sessionOf(message)} className="text-primary hover:underline" title="The archive, with messages of this session only">only this session</Link>
        {around && <Link to={around} className="text-primary hover:underline" title="The archive: what all sessions said in the ten seconds before it, and in the one behind">around it</Link>}
        {message.peer && <span className="font-mono">{message.peer}</span>}
        <span>{formatBytes(message.size_bytes)}</span>
      </div>
      <PairView message={message} onOpen={onOpen} />
      <Tabs value={there ? view : "decoded"} onValueChange={onTurn} className="flex min-h-0 flex-1 flex-col">
        <TabsList aria-label="Views of the message">
          <TabsTrigger value="decoded">Decoded</TabsTrigger>
          <TabsTrigger value="raw">Raw</TabsTrigger>
          <TabsTrigger value="hex">Hex</TabsTrigger>
          {isReplayable(message) && <TabsTrigger value="replay">Replay &amp; edit</TabsTrigger>}
        </TabsList>
        <div className="min-h-0 flex-1 overflow-y-auto">
          <TabsContent value="decoded"><DecodedView message={message} /></TabsContent>
          <TabsContent value="raw"><RawText message={message} /></TabsContent>
          <TabsContent value="hex"><HexView message={message} /></TabsContent>
          {isReplayable(message) && <TabsContent value="replay"><ReplayView message={message} /></TabsContent>}
        </div>
      </Tabs>
      <Actions message={message} />
    </>
  );
}

/** One message, beside whatever table it was chosen in; on a phone above it. */
export function MessageDrawer() {
  const { selected: id, view, select, turn } = useSelection();
  const { data, error, isPending, refetch } = useMessage(id);
  const box = useRef<HTMLElement>(null);
  useFocusReturn(box, id !== null);
  useHotkeys({ Escape: () => select(null) });
  if (!id) return null;
  return (
    <aside ref={box} aria-label="Message" className="fixed inset-0 z-30 flex flex-col bg-panel md:left-auto md:w-[28rem] md:border-l lg:static lg:w-[30rem] lg:shrink-0 2xl:w-[36rem]">
      <header className="flex h-12 shrink-0 items-center gap-2 border-b pr-2 pl-4">
        {data && <DirectionMark direction={data.direction} />}
        <h2 className="min-w-0 flex-1 truncate font-mono text-sm font-medium">{data ? nameOf(data) : "Message"}</h2>
        {data && <span className="tabular text-xs text-muted-foreground">#{data.seq}</span>}
        <Button variant="ghost" size="icon" aria-label="Close message" title="Close (Esc)" onClick={() => select(null)}><X aria-hidden /></Button>
      </header>
      {/* What j and k go to is read out. */}
      <p role="status" className="sr-only">{data && `${nameOf(data)}: ${summaryOf(data)}`}</p>
      {error && <Failure error={error} onRetry={() => void refetch()} />}
      {isPending && <Loading label="Loading message" />}
      {data && <Body key={data.id} message={data} view={view} onTurn={turn} onOpen={select} />}
    </aside>
  );
}
