import { Facts } from "@/components/ui/facts";
import type { Message } from "@/lib/api/types";
import { cn } from "@/lib/cn";
import { formatSi } from "@/lib/format";
import { methodOf } from "@/lib/stratum/summary";
import { useShare } from "../hooks/use-share";

/** What a share really is worth, whatever the pool says of it. */
export function ShareView({ message }: { message: Message }) {
  const { data, error } = useShare(message);
  if (methodOf(message) !== "mining.submit" || data === undefined) return error ? <p className="text-xs text-muted-foreground">Its hash is not known: {error.message}</p> : null;
  if (data === null) return <p className="text-xs text-muted-foreground">Its hash is not known: the job that it refers to is not recorded.</p>;
  const { share, wanted } = data;
  const enough = wanted === null || share.difficulty >= wanted;
  return (
    <section aria-label="Share" className="rounded-md border bg-background p-3">
      <Facts
        facts={[
          { label: "Share difficulty", value: <span className={cn("font-medium", enough ? "text-good" : "text-bad")}>{formatSi(share.difficulty)}</span> },
          { label: "Wanted", value: wanted === null ? "–" : formatSi(wanted) },
          { label: "Block hash", value: <span className="break-all">{share.hash}</span>, mono: true },
        ]}
      />
    </section>
  );
}
