import type { ReactNode } from "react";

/** The bar on top of each view: its name, what it says of itself, and what can be done. */
export function PageHeader({ title, info, children }: { title: ReactNode; info?: ReactNode; children?: ReactNode }) {
  return (
    <header className="flex min-h-12 flex-wrap items-center gap-x-4 gap-y-1 border-b bg-panel px-4 py-1.5">
      <h1 className="text-base font-semibold">{title}</h1>
      {info}
      <div className="flex flex-wrap items-center gap-2 sm:ml-auto sm:justify-end">{children}</div>
    </header>
  );
}
