/** What HashScope does to an open session besides relaying it: broadcast and automatic replay. */
import { useQuery } from "@tanstack/react-query";
import { useEffect, useId, useState } from "react";
import { Button } from "@/components/ui/button";
import { Panel } from "@/components/ui/facts";
import { Input } from "@/components/ui/input";
import { Switch } from "@/components/ui/switch";
import { fetchAutoReplay, setAutoReplay, setAutoReplayCount, setBroadcast, setRepeatCount } from "@/lib/api/sessions";
import type { Session } from "@/lib/api/types";
import { formatCount } from "@/lib/format";
import { useSessionChange } from "../hooks/use-sessions";

interface CountProps {
  label: string;
  value: number;
  most: number;
  busy: boolean;
  onSet: (value: number) => void;
}

/** A number that is only sent when somebody says so. */
function Count({ label, value, most, busy, onSet }: CountProps) {
  const id = useId();
  const [text, setText] = useState(String(value));
  useEffect(() => setText(String(value)), [value]);
  const wanted = Number(text);
  const good = Number.isInteger(wanted) && wanted >= 1 && wanted <= most;
  return (
    <form className="flex items-center gap-2" onSubmit={(event) => { event.preventDefault(); if (good) onSet(wanted); }}>
      <label htmlFor={id} className="mr-auto text-xs text-muted-foreground">{label}</label>
      <Input id={id} inputMode="numeric" aria-invalid={!good} title={`1 to ${formatCount(most)}`} className="tabular h-7 w-20 text-right aria-invalid:border-bad" value={text} onChange={(e) => setText(e.target.value)} />
      <Button type="submit" className="h-7" disabled={!good || wanted === value || busy}>Set</Button>
    </form>
  );
}

interface ToggleProps {
  name: string;
  note: string;
  on: boolean;
  busy: boolean;
  onChange: (on: boolean) => void;
}

function Toggle({ name, note, on, busy, onChange }: ToggleProps) {
  const id = useId();
  return (
    <div className="flex items-start gap-3">
      <div className="mr-auto">
        <label htmlFor={id} className="font-medium">{name}</label>
        <p className="text-xs text-muted-foreground">{note}</p>
      </div>
      <Switch id={id} checked={on} disabled={busy} onCheckedChange={onChange} />
    </div>
  );
}

function ReplayProgress({ id }: { id: string }) {
  const { data } = useQuery({ queryKey: ["auto-replay", id], queryFn: ({ signal }) => fetchAutoReplay(id, signal), refetchInterval: 2000 });
  if (!data) return null;
  const parts = (["sent", "accepted", "rejected", "failed", "waiting"] as const).map((name) => `${formatCount(data[name])} ${name}`);
  return <p role="status" className="tabular text-xs text-muted-foreground">{parts.join(" · ")}</p>;
}

export function SessionControls({ session }: { session: Session }) {
  const id = session.session_id;
  const broadcast = useSessionChange(id, (on: boolean) => setBroadcast(id, on));
  const repeat = useSessionChange(id, (n: number) => setRepeatCount(id, n));
  const auto = useSessionChange(id, (on: boolean) => setAutoReplay(id, on));
  const count = useSessionChange(id, (n: number) => setAutoReplayCount(id, n));
  const all = [broadcast, repeat, auto, count];
  const failed = all.filter((change) => change.error).at(-1)?.error;
  return (
    <Panel title="Controls">
      <div className="space-y-3">
        {failed && <p role="alert" className="text-bad">{failed.message}</p>}
        <Toggle name="Broadcast" note="Marks its shares to be published, each as often as set below. The mark is kept for publishers; HashScope itself sends nothing." on={session.broadcast_enabled} busy={broadcast.isPending} onChange={broadcast.mutate} />
        <Count label="Repeat count" value={session.repeat_count} most={1000} busy={repeat.isPending} onSet={repeat.mutate} />
        <div className="border-t border-border/60" />
        <Toggle name="Replay shares automatically" note="Each share is sent to the pool again, a few milliseconds apart. The pool will call most of them duplicates." on={session.auto_replay_enabled} busy={auto.isPending} onChange={auto.mutate} />
        <Count label="Times each" value={session.auto_replay_count} most={900_000} busy={count.isPending} onSet={count.mutate} />
        <ReplayProgress id={id} />
      </div>
    </Panel>
  );
}
