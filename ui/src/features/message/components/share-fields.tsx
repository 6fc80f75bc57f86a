/** The fields of a mining.submit, to be changed one by one; the line is written anew from them. */
import { Input } from "@/components/ui/input";
import { submitOf, withParam } from "@/lib/stratum/submit";

const NAMES = ["Worker", "Job", "Extranonce2", "ntime", "Nonce", "Version bits"];

export function ShareFields({ line, onLine }: { line: string; onLine: (line: string) => void }) {
  const submit = submitOf(line);
  if (!submit) return null;
  return (
    <div role="group" aria-label="Fields of the share" className="grid grid-cols-2 gap-2">
      {submit.params.slice(0, NAMES.length).map((value, place) => (
        <label key={NAMES[place]} className="block space-y-1">
          <span className="text-xs text-muted-foreground">{NAMES[place]}</span>
          <Input className="w-full font-mono text-xs" value={value} onChange={(event) => onLine(withParam(submit, place, event.target.value))} />
        </label>
      ))}
    </div>
  );
}
