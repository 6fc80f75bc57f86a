import { KeyRound } from "lucide-react";
import { useState } from "react";
import { Button } from "@/components/ui/button";
import { Input } from "@/components/ui/input";
import { login } from "@/lib/api/login";

/** Shown instead of everything when the API asks for its token. */
export function LoginView({ onDone }: { onDone: () => void }) {
  const [token, setToken] = useState("");
  const [problem, setProblem] = useState<string | null>(null);
  const [busy, setBusy] = useState(false);
  const send = async () => {
    setBusy(true);
    const refused = await login(token.trim());
    setBusy(false);
    setProblem(refused);
    if (refused === null) onDone();
  };
  return (
    <main className="flex min-h-full items-center justify-center p-4">
      <form className="w-full max-w-sm space-y-4 rounded-md border bg-panel p-6" onSubmit={(event) => { event.preventDefault(); void send(); }}>
        <div className="flex items-center gap-2">
          <KeyRound className="size-4 text-primary" aria-hidden />
          <h1 className="text-base font-semibold">HashScope asks for its access token</h1>
        </div>
        <p className="text-muted-foreground">
          Open the link that HashScope printed when it started, or paste the token: it is the value of <code className="font-mono text-xs">API_TOKEN</code>, or stands in the data directory.
        </p>
        <label className="block space-y-1">
          <span className="text-xs text-muted-foreground">Access token</span>
          <Input type="password" autoFocus required className="w-full font-mono" value={token} onChange={(e) => setToken(e.target.value)} />
        </label>
        {problem && <p role="alert" className="text-bad">{problem}</p>}
        <Button type="submit" variant="default" className="w-full" disabled={busy || !token.trim()}>Open</Button>
      </form>
    </main>
  );
}
