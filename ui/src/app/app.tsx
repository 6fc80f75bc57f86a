import { QueryCache, QueryClient, QueryClientProvider } from "@tanstack/react-query";
import { lazy, useMemo, useState } from "react";
import { BrowserRouter, Link, Route, Routes } from "react-router-dom";
import { Empty } from "@/components/ui/states";
import { LiveView } from "@/features/live/components/live-view";
import { LoginView } from "@/features/login/components/login-view";
import { ApiError, isUnauthorized } from "@/lib/api/client";
import { Shell } from "./shell";

const SessionsView = lazy(async () => ({ default: (await import("@/features/sessions/components/sessions-view")).SessionsView }));
const SessionView = lazy(async () => ({ default: (await import("@/features/sessions/components/session-view")).SessionView }));
const ArchiveView = lazy(async () => ({ default: (await import("@/features/archive/components/archive-view")).ArchiveView }));
const StatusView = lazy(async () => ({ default: (await import("@/features/status/components/status-view")).StatusView }));

/** What will not get better by asking again: the request is at fault. */
function worthRetrying(failures: number, error: unknown): boolean {
  return failures < 2 && !(error instanceof ApiError && error.status >= 400 && error.status < 500 && error.status !== 429);
}

function newClient(onUnauthorized: () => void): QueryClient {
  return new QueryClient({
    queryCache: new QueryCache({ onError: (error) => isUnauthorized(error) && onUnauthorized() }),
    // A browser that believes to be offline may well reach a HashScope on its own machine or network.
    defaultOptions: { queries: { retry: worthRetrying, staleTime: 2000, networkMode: "always" }, mutations: { networkMode: "always" } },
  });
}

function NotFound() {
  return <Empty title="There is no such page"><Link to="/" className="text-primary hover:underline">Go to the live view</Link></Empty>;
}

export function App() {
  const [locked, setLocked] = useState(false);
  const client = useMemo(() => newClient(() => setLocked(true)), []);
  const unlock = () => {
    client.clear();
    setLocked(false);
  };
  if (locked) return <LoginView onDone={unlock} />;
  return (
    <QueryClientProvider client={client}>
      <BrowserRouter future={{ v7_startTransition: true, v7_relativeSplatPath: true }}>
        <Routes>
          <Route element={<Shell />}>
            <Route index element={<LiveView />} />
            <Route path="sessions" element={<SessionsView />} />
            <Route path="sessions/:id" element={<SessionView />} />
            <Route path="archive" element={<ArchiveView />} />
            <Route path="status" element={<StatusView />} />
            <Route path="*" element={<NotFound />} />
          </Route>
        </Routes>
      </BrowserRouter>
    </QueryClientProvider>
  );
}
