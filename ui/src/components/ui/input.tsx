import type { ComponentProps } from "react";
import { cn } from "@/lib/cn";

const FIELD = "h-8 min-w-0 rounded-md border border-input bg-panel text-sm text-foreground placeholder:text-muted-foreground";

export function Input({ className, ...props }: ComponentProps<"input">) {
  return <input spellCheck={false} autoComplete="off" className={cn(FIELD, "px-2.5", className)} {...props} />;
}

export function Select({ className, ...props }: ComponentProps<"select">) {
  return <select className={cn(FIELD, "px-2", className)} {...props} />;
}
