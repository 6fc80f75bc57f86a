/** What a view shows when it has nothing to show: nothing yet, still loading, or a failure. */
import { RotateCw, TriangleAlert } from "lucide-react";
import type { ReactNode } from "react";
import { cn } from "@/lib/cn";
import { Button } from "./button";

export function Empty({ title, children, className }: { title: string; children?: ReactNode; className?: string }) {
  return (
    <div className={cn("flex h-full flex-col items-center justify-center gap-2 p-8 text-center", className)}>
      <p className="text-base font-medium">{title}</p>
      <div className="max-w-xl space-y-3 text-muted-foreground">{children}</div>
    </div>
  );
}

export function Failure({ error, onRetry, className }: { error: unknown; onRetry?: () => void; className?: string }) {
  const text = error instanceof Error ? error.message : "Something went wrong.";
  return (
    <div role="alert" className={cn("flex flex-wrap items-center gap-3 border-b bg-bad/8 px-4 py-2 text-bad", className)}>
      <TriangleAlert className="size-4 shrink-0" aria-hidden />
      <span className="min-w-0 flex-1">{text}</span>
      {onRetry && (
        <Button variant="danger" onClick={onRetry}>
          <RotateCw aria-hidden /> Try again
        </Button>
      )}
    </div>
  );
}

export function Loading({ label = "Loading" }: { label?: string }) {
  return (
    <div role="status" aria-label={label} className="space-y-2 p-4">
      {[80, 64, 72, 56].map((width) => (
        <div key={width} className="h-4 animate-pulse rounded bg-muted" style={{ width: `${width}%` }} />
      ))}
    </div>
  );
}
