import { useQuery } from "@tanstack/react-query";
import { CopyButton } from "@/components/copy-button";
import { fetchStatus } from "@/lib/api/status";
import { routesOf } from "@/lib/routes";

/** The recorder listens on the machine that serves this page. */
function addressesOf(recorder: Record<string, unknown> | undefined): string[] {
  const host = location.hostname;
  const known = routesOf(recorder).filter((route) => route.port !== null);
  return known.length ? known.map((route) => `stratum+${route.tls ? "ssl" : "tcp"}://${host}:${route.port}`) : [`stratum+tcp://${host}:3333`];
}

/** How to get the first message. */
export function PointAMiner() {
  const { data } = useQuery({ queryKey: ["status"], queryFn: ({ signal }) => fetchStatus(signal), refetchInterval: 3000 });
  if (data && !data.recorder.running) {
    return <p>The recorder is not running, so no miner can connect. Start it with <code className="font-mono text-xs">hashscope up</code>; this page notices by itself.</p>;
  }
  return (
    <div className="space-y-3">
      <p>Point a miner at this address instead of its pool. Everything it and the pool say is relayed untouched, recorded, and shown here.</p>
      {addressesOf(data?.recorder).map((url) => (
        <div key={url} className="flex flex-wrap items-center justify-center gap-2">
          <code className="rounded-md border bg-panel px-3 py-1.5 font-mono text-xs text-foreground">{url}</code>
          <CopyButton text={() => url} label="Copy address" />
        </div>
      ))}
      <p>No miner at hand? <code className="font-mono text-xs">make run</code> without a pool starts a demo with a simulated pool and miners.</p>
    </div>
  );
}
