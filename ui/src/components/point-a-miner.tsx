import { CopyButton } from "@/components/copy-button";

/** How to get the first message. The recorder listens on the machine that serves this page. */
export function PointAMiner({ port = 3333 }: { port?: number }) {
  const url = `stratum+tcp://${location.hostname}:${port}`;
  return (
    <div className="space-y-3">
      <p>Point a miner at this address instead of its pool. Everything it and the pool say is relayed untouched, recorded, and shown here.</p>
      <div className="flex flex-wrap items-center justify-center gap-2">
        <code className="rounded-md border bg-panel px-3 py-1.5 font-mono text-xs text-foreground">{url}</code>
        <CopyButton text={() => url} label="Copy address" />
      </div>
      <p>No miner at hand? <code className="font-mono text-xs">make run</code> without a pool starts a demo with a simulated pool and miners.</p>
    </div>
  );
}
