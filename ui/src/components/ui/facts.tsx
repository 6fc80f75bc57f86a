import type { ReactNode } from "react";
import { cn } from "@/lib/cn";

export interface Fact {
  label: string;
  value: ReactNode;
  mono?: boolean;
  tone?: "muted" | "warn";
}

/** Names and values in two columns. */
export function Facts({ facts, className }: { facts: Fact[]; className?: string }) {
  return (
    <dl className={cn("grid grid-cols-[minmax(7rem,auto)_1fr] gap-x-4 gap-y-1", className)}>
      {facts.map(({ label, value, mono, tone }) => (
        <div key={label} className="contents">
          <dt className="text-muted-foreground">{label}</dt>
          <dd className={cn("min-w-0 break-words", mono && "font-mono text-xs leading-5", tone === "muted" && "text-muted-foreground", tone === "warn" && "font-medium text-warn")}>{value ?? "–"}</dd>
        </div>
      ))}
    </dl>
  );
}

/** A number that is looked at from afar. */
export function Figure({ label, value, hint }: { label: string; value: ReactNode; hint?: ReactNode }) {
  return (
    <div className="min-w-0 sm:border-l sm:px-4 sm:first:border-l-0 sm:first:pl-0">
      <div className="text-2xs text-muted-foreground">{label}</div>
      <div className="tabular truncate text-xl font-medium">{value}</div>
      {hint && <div className="tabular truncate text-2xs text-muted-foreground">{hint}</div>}
    </div>
  );
}

export function Figures({ children, className }: { children: ReactNode; className?: string }) {
  return <div className={cn("grid grid-cols-2 gap-x-4 gap-y-3 bg-panel px-4 py-2.5 sm:flex sm:flex-wrap sm:gap-x-0 sm:[&>*]:min-w-36 sm:[&>*]:flex-1", className)}>{children}</div>;
}

export function Panel({ title, actions, children, className }: { title: string; actions?: ReactNode; children: ReactNode; className?: string }) {
  return (
    <section aria-label={title} className={cn("rounded-md border bg-panel", className)}>
      <header className="flex min-h-9 flex-wrap items-center gap-2 border-b px-3 py-1">
        <h2 className="mr-auto text-sm font-medium">{title}</h2>
        {actions}
      </header>
      <div className="p-3">{children}</div>
    </section>
  );
}
