/** Where the recorder listens for miners, as its status tells. */
export interface Route {
  name: string;
  listen: string;
  port: number | null;
  tls: boolean;
  pools: string[];
}

export function routesOf(recorder: Record<string, unknown> | undefined): Route[] {
  const routes = Array.isArray(recorder?.routes) ? (recorder.routes as Record<string, unknown>[]) : [];
  return routes.map((route) => {
    const listen = String(route.listen ?? "");
    const port = Number(/:(\d+)$/.exec(listen)?.[1]);
    return { name: String(route.route ?? ""), listen, port: port > 0 ? port : null, tls: route.tls === true, pools: Array.isArray(route.pools) ? route.pools.map(String) : [] };
  });
}
