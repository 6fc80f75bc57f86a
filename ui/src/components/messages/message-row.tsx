import { ArrowDown, ArrowUp, Syringe } from "lucide-react";
import { memo, useMemo, type MouseEvent } from "react";
import { Latency } from "@/components/latency";
import { Moment } from "@/components/moment";
import type { Direction, Message } from "@/lib/api/types";
import { cn } from "@/lib/cn";
import { formatBytes, shortSession } from "@/lib/format";
import { isSelectingText } from "@/lib/is-selecting";
import type { Answer } from "@/lib/live/rows";
import { answerText, methodOf, nameOf, summaryOf, verdictOf } from "@/lib/stratum/summary";
import { useWholeRow } from "./use-whole-row";

const DIRECTION_TEXT: Record<Direction, string> = {
  miner_to_pool: "miner to pool",
  pool_to_miner: "pool to miner",
  hashscope_to_pool: "HashScope to pool",
  pool_to_hashscope: "pool to HashScope",
};

export function DirectionMark({ direction }: { direction: Direction }) {
  const up = direction === "miner_to_pool" || direction === "hashscope_to_pool";
  const Icon = direction.includes("hashscope") ? Syringe : up ? ArrowUp : ArrowDown;
  return (
    <span title={DIRECTION_TEXT[direction]} className={up ? "text-up" : "text-down"}>
      <Icon className="size-3.5" aria-hidden />
      <span className="sr-only">{DIRECTION_TEXT[direction]}</span>
    </span>
  );
}

/** Columns that a table beside an open drawer does without. */
export const ROOMY = "hidden @4xl:block";
export const WIDE_GRID = "grid-cols-[6.25rem_1rem_minmax(0,1fr)_minmax(0,1.2fr)_minmax(0,0.8fr)_4.5rem] @4xl:grid-cols-[6.25rem_1rem_3.5rem_10.5rem_minmax(0,2fr)_minmax(0,1fr)_4.5rem_4rem]";

interface Props {
  id: string;
  message: Message;
  answer: Answer | null;
  index: number;
  narrow: boolean;
  selected: boolean;
  fresh: boolean;
  top: number;
  height: number;
  onSelect: (id: string) => void;
  /** Where there are filters: shows one session only. */
  onSession?: ((id: string) => void) | undefined;
}

function Verdict({ answer }: { answer: Answer | null }) {
  const verdict = useMemo(() => verdictOf(answer?.raw), [answer]);
  if (!verdict) return null;
  return <span title={verdict.text} className={cn("block truncate", verdict.ok ? "text-muted-foreground" : "text-bad", verdict.text === "accepted" && "text-good")}>{verdict.text}</span>;
}

function sessionTitle({ session_id, peer }: Message): string {
  return [`Session ${session_id}`, peer && `Miner ${peer}`].filter(Boolean).join("\n");
}

/** For the mouse; with the keyboard, the open message has it. */
function SessionButton({ id, onSession }: { id: string; onSession: (id: string) => void }) {
  const choose = (event: MouseEvent) => {
    event.stopPropagation();
    onSession(id);
  };
  return <button type="button" tabIndex={-1} aria-label={`${shortSession(id)}, show only this session`} className="hover:text-primary hover:underline" onClick={choose}>{shortSession(id)}</button>;
}

interface CellsProps extends Pick<Props, "message" | "answer" | "onSession"> {
  summary: string;
}

function WideCells({ message, answer, summary, onSession }: CellsProps) {
  const bad = message.parse_error != null || (message.is_response && verdictOf(answerText(message))?.ok === false);
  return (
    <>
      <span role="gridcell" className="tabular text-muted-foreground"><Moment at={message.ts_recv} clock /></span>
      <span role="gridcell"><DirectionMark direction={message.direction} /></span>
      <span role="gridcell" className={cn(ROOMY, "text-muted-foreground")} title={sessionTitle(message)}>
        {onSession ? <SessionButton id={message.session_id} onSession={onSession} /> : shortSession(message.session_id)}
      </span>
      <span role="gridcell" className={cn("truncate", !methodOf(message) && "text-muted-foreground")}>{nameOf(message)}</span>
      <span role="gridcell" className={cn("truncate", bad ? "text-bad" : "text-foreground/85")}>{summary}</span>
      <span role="gridcell" className="min-w-0"><Verdict answer={answer} /></span>
      <span role="gridcell" className="text-right"><Latency ms={answer?.latency_ms ?? message.latency_ms} /></span>
      <span role="gridcell" className={cn(ROOMY, "tabular text-right text-muted-foreground")}>{formatBytes(message.size_bytes)}</span>
    </>
  );
}

function NarrowCells({ message, answer, summary }: CellsProps) {
  return (
    <span role="gridcell" className="block min-w-0">
      <span className="flex items-center gap-2">
        <DirectionMark direction={message.direction} />
        <span className="truncate">{nameOf(message)}</span>
        <span className="tabular ml-auto shrink-0 text-muted-foreground"><Moment at={message.ts_recv} clock /></span>
      </span>
      <span className="flex gap-2 text-2xs">
        <span className="min-w-0 flex-1 truncate text-muted-foreground">{summary}</span>
        <span className="max-w-[45%] min-w-0"><Verdict answer={answer} /></span>
        <Latency ms={answer?.latency_ms ?? message.latency_ms} />
      </span>
    </span>
  );
}

export const MessageRow = memo(function MessageRow({ id, index, narrow, selected, fresh, top, height, onSelect, onSession, ...own }: Props) {
  const { message, answer } = useWholeRow(own.message, own.answer);
  const summary = useMemo(() => summaryOf(message), [message]);
  const Cells = narrow ? NarrowCells : WideCells;
  return (
    <div
      role="row"
      id={`row-${id}`}
      aria-rowindex={index + 2}
      aria-selected={selected}
      onClick={() => isSelectingText() || onSelect(id)}
      style={{ transform: `translateY(${top}px)`, height }}
      className={cn(
        "absolute inset-x-0 top-0 cursor-default border-b border-border/60 px-4 font-mono text-xs hover:bg-muted/70",
        narrow ? "py-1" : "grid items-center gap-x-3",
        !narrow && WIDE_GRID,
        fresh && "animate-flash",
        selected && "bg-selected hover:bg-selected",
      )}
    >
      <Cells message={message} answer={answer} summary={summary} onSession={onSession} />
    </div>
  );
});
