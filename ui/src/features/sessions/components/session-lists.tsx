/** The jobs that a session was given, and what happened to it. */
import type { ReactNode } from "react";
import { Moment } from "@/components/moment";
import { Badge } from "@/components/ui/badge";
import { Empty } from "@/components/ui/states";
import type { Job, SessionEvent } from "@/lib/api/types";
import { cn } from "@/lib/cn";
import { formatCount, formatSi } from "@/lib/format";
import { difficultyOfBits } from "@/lib/stratum/numbers";

function List({ headings, label, children }: { headings: [name: string, className?: string][]; label: string; children: ReactNode }) {
  return (
    <div role="region" aria-label={label} tabIndex={0} className="min-h-0 flex-1 overflow-auto">
      <table className="w-full text-xs [&_td]:h-7 [&_td]:px-3 [&_td]:first:pl-4 [&_th]:px-3 [&_th]:first:pl-4">
        <thead className="sticky top-0 bg-panel text-2xs text-muted-foreground">
          <tr className="border-b">
            {headings.map(([name, className]) => <th key={name} scope="col" className={cn("h-7 text-left font-normal", className)}>{name}</th>)}
          </tr>
        </thead>
        <tbody className="[&>tr]:border-b [&>tr]:border-border/60">{children}</tbody>
      </table>
    </div>
  );
}

const NUMBER = "tabular text-right";
const WIDE = "hidden md:table-cell";
/** The part of a block's hash that tells it from others: its end. */
const endOfHash = (hash: string | null) => hash?.slice(-16) ?? "–";
const networkDifficulty = (nbits: string | null) => formatSi((nbits && difficultyOfBits(nbits)) || NaN);

export function JobList({ jobs }: { jobs: Job[] }) {
  if (jobs.length === 0) return <Empty title="No jobs yet"><p>The pool sends one after the miner has subscribed and authorised.</p></Empty>;
  return (
    <List label="Jobs" headings={[["Received"], ["Job"], [""], ["Height", NUMBER], ["Difficulty", NUMBER], ["Network", cn(NUMBER, WIDE)], ["Block before", WIDE]]}>
      {jobs.map((job) => (
        <tr key={`${job.job_id} ${job.received}`}>
          <td className="tabular font-mono text-muted-foreground"><Moment at={job.received} clock /></td>
          <td className="max-w-40 truncate font-mono" title={job.job_id}>{job.job_id}</td>
          <td>{job.clean && <Badge title="Older jobs are void, as when a new block was found">clean</Badge>}</td>
          <td className={NUMBER}>{job.height === null ? "–" : formatCount(job.height)}</td>
          <td className={NUMBER}>{job.difficulty === null ? "–" : formatSi(job.difficulty)}</td>
          <td className={cn(NUMBER, WIDE)} title={job.nbits ?? undefined}>{networkDifficulty(job.nbits)}</td>
          <td className={cn(WIDE, "font-mono text-muted-foreground")} title={job.previous ?? undefined}>{endOfHash(job.previous)}</td>
        </tr>
      ))}
    </List>
  );
}

export function EventList({ events }: { events: SessionEvent[] }) {
  if (events.length === 0) return <Empty title="No events" />;
  return (
    <List label="Events" headings={[["Time"], ["Event"], ["What happened"]]}>
      {events.map((event, i) => (
        <tr key={i}>
          <td className="tabular w-28 font-mono text-muted-foreground"><Moment at={event.ts} clock /></td>
          <td className="w-40 font-mono">{event.event}</td>
          <td className="py-1 break-words">{event.text}</td>
        </tr>
      ))}
    </List>
  );
}
