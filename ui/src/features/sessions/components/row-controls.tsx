/** What is done to an open session from the list; how often is set on its own page. */
import { Radio, Repeat, Unplug, type LucideIcon } from "lucide-react";
import { Button } from "@/components/ui/button";
import { Confirm } from "@/components/ui/confirm";
import { disconnectSession, setAutoReplay, setBroadcast } from "@/lib/api/sessions";
import type { Session } from "@/lib/api/types";
import { cn } from "@/lib/cn";
import { formatCount } from "@/lib/format";
import { useSessionChange } from "../hooks/use-sessions";

interface SwitchProps {
  icon: LucideIcon;
  name: string;
  on: boolean;
  times: number;
  onChange: { mutate: (on: boolean) => void; isPending: boolean; error: Error | null };
}

function RowSwitch({ icon: Icon, name, on, times, onChange }: SwitchProps) {
  const title = onChange.error?.message ?? `${name}: ${on ? `on, each share ${formatCount(times)}×` : "off"}`;
  return (
    <Button variant="ghost" aria-pressed={on} title={title} disabled={onChange.isPending}
      className={cn("h-7 gap-1 px-1.5 text-2xs", on ? "text-warn" : "text-muted-foreground", onChange.error && "text-bad")} onClick={() => onChange.mutate(!on)}>
      <Icon aria-hidden className="size-3.5" /><span className="sr-only">{name}</span>{on && times > 1 && <span className="tabular">{formatCount(times)}×</span>}
    </Button>
  );
}

export function RowControls({ session }: { session: Session }) {
  const id = session.session_id;
  const broadcast = useSessionChange(id, (on: boolean) => setBroadcast(id, on));
  const auto = useSessionChange(id, (on: boolean) => setAutoReplay(id, on));
  const disconnect = useSessionChange(id, () => disconnectSession(id));
  return (
    // The row leads to the session's page; its controls do not.
    <span className="flex items-center justify-end" onClick={(event) => event.stopPropagation()}>
      <RowSwitch icon={Radio} name="Broadcast" on={session.broadcast_enabled} times={session.repeat_count} onChange={broadcast} />
      <RowSwitch icon={Repeat} name="Replay shares automatically" on={session.auto_replay_enabled} times={session.auto_replay_count} onChange={auto} />
      <Confirm
        trigger={<Button variant="ghost" aria-label="Disconnect" title={disconnect.error?.message ?? "Disconnect this miner"} disabled={disconnect.isPending} className="h-7 px-1.5 text-muted-foreground hover:text-bad"><Unplug aria-hidden className="size-3.5" /></Button>}
        title={`Disconnect ${session.workers[0] ?? "this miner"}?`}
        text="Its connection and the one to the pool are closed. Most miners connect again within seconds."
        action="Disconnect"
        onConfirm={() => disconnect.mutate(undefined)}
      />
    </span>
  );
}
