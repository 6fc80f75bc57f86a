/** Sends a message of the miner to the pool once more, as it was or edited. */
import { useMutation } from "@tanstack/react-query";
import { RotateCcw, Send } from "lucide-react";
import { useState } from "react";
import { Link } from "react-router-dom";
import { Latency } from "@/components/latency";
import { Button } from "@/components/ui/button";
import { sessionPath } from "@/lib/api/sessions";
import { replayMessage } from "@/lib/api/messages";
import type { Message, ReplayResult } from "@/lib/api/types";
import { cn } from "@/lib/cn";
import { verdictOf } from "@/lib/stratum/summary";
import { ShareFields } from "./share-fields";
import { writeExact } from "@/lib/exact-json";

function problemOf(line: string): string | null {
  try {
    const value: unknown = JSON.parse(line);
    return typeof value === "object" && value !== null ? null : "A message is a JSON object.";
  } catch (error) {
    return error instanceof Error ? error.message : "This is no JSON.";
  }
}

function Outcome({ result }: { result: ReplayResult }) {
  const answer = result.pool_response == null ? null : writeExact(result.pool_response);
  const verdict = verdictOf(answer);
  return (
    <section role="status" aria-label="The pool's answer" className="space-y-2 rounded-md border bg-background p-3">
      <p className="flex items-center gap-3">
        <span className={cn("min-w-0 flex-1 break-words", (result.error ?? !verdict?.ok) ? "text-bad" : "text-good")}>{result.error ?? verdict?.text ?? "no answer"}</span>
        <Latency ms={result.latency_ms} />
      </p>
      {answer && <pre className="font-mono text-xs break-all whitespace-pre-wrap">{answer}</pre>}
    </section>
  );
}

/** What a miner says, and a line of text: only that can be said again. */
export function isReplayable(message: Message): boolean {
  return message.direction === "miner_to_pool" && message.is_request && message.raw !== null && message.parse_error === null;
}

export function ReplayView({ message }: { message: Message }) {
  const original = message.raw ?? "";
  const [text, setText] = useState(original);
  const line = text.replace(/[\r\n]+/g, " ");
  const problem = problemOf(line);
  const replay = useMutation({ mutationFn: () => replayMessage(message.id, text === original ? undefined : line) });
  return (
    <form className="space-y-3 p-4" onSubmit={(event) => { event.preventDefault(); replay.mutate(); }}>
      <p className="text-muted-foreground">
        Sent into <Link className="text-primary underline" to={sessionPath(message)}>the same session</Link> by HashScope, and recorded as such. The miner sees neither it nor the answer; its id is replaced.
      </p>
      <ShareFields line={line} onLine={setText} />
      <label className="block space-y-1">
        <span className="text-xs text-muted-foreground">The line as it is sent</span>
        <textarea
          aria-invalid={problem !== null}
          spellCheck={false}
          rows={8}
          className="block w-full rounded-md border border-input bg-background p-2.5 font-mono text-xs break-all aria-invalid:border-bad"
          value={text}
          onChange={(event) => setText(event.target.value)}
        />
      </label>
      {problem && <p role="alert" className="text-xs text-bad">{problem}</p>}
      <div className="flex gap-2">
        <Button type="submit" variant="default" disabled={problem !== null || replay.isPending}>
          <Send aria-hidden /> {replay.isPending ? "Waiting for the pool" : text === original ? "Send again" : "Send edited"}
        </Button>
        {text !== original && <Button variant="ghost" onClick={() => setText(original)}><RotateCcw aria-hidden /> As it was</Button>}
      </div>
      {replay.error && <p role="alert" className="text-bad">{replay.error.message}</p>}
      {replay.data && <Outcome result={replay.data} />}
    </form>
  );
}
