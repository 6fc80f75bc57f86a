import { Moon, Sun } from "lucide-react";
import { Suspense } from "react";
import { NavLink, Outlet, useLocation } from "react-router-dom";
import { Loading } from "@/components/ui/states";
import { Unreachable } from "@/components/unreachable";
import { MessageDrawer } from "@/features/message/components/message-drawer";
import { cn } from "@/lib/cn";
import { setTheme, useTheme } from "@/lib/theme";
import { ErrorBoundary } from "./error-boundary";
import { PLACES, type Place } from "./navigation";

const ITEM = "flex flex-1 flex-col items-center justify-center gap-0.5 rounded-md text-2xs md:h-8 md:flex-none md:flex-row md:justify-start md:gap-2.5 md:px-2.5 md:text-sm [&_svg]:size-4";

function Item({ place }: { place: Place }) {
  const Icon = place.icon;
  if (place.absent) {
    return (
      <span title={place.absent} aria-disabled="true" role="link" className={cn(ITEM, "hidden cursor-default text-muted-foreground/60 md:flex")}>
        <Icon aria-hidden /> <span className="hidden lg:inline">{place.name}</span>
        <span className="sr-only">: {place.absent}</span>
      </span>
    );
  }
  return (
    <NavLink
      to={place.path}
      end={place.path === "/"}
      title={place.name}
      className={({ isActive }) => cn(ITEM, isActive ? "bg-selected text-foreground" : "text-muted-foreground hover:bg-muted hover:text-foreground")}
    >
      <Icon aria-hidden /> <span className="md:sr-only lg:not-sr-only">{place.name}</span>
    </NavLink>
  );
}

function ThemeSwitch() {
  const theme = useTheme();
  const other = theme === "dark" ? "light" : "dark";
  const Icon = theme === "dark" ? Sun : Moon;
  return (
    <button type="button" className={cn(ITEM, "text-muted-foreground hover:bg-muted hover:text-foreground md:mt-auto")} onClick={() => setTheme(other)} aria-label={`Use the ${other} theme`}>
      <Icon aria-hidden /> <span className="md:hidden lg:inline">{other === "dark" ? "Dark" : "Light"}</span>
    </button>
  );
}

function Navigation() {
  return (
    <nav aria-label="Views" className="order-last flex h-14 shrink-0 items-stretch gap-1 border-t bg-panel p-1 md:order-first md:h-auto md:w-14 md:flex-col md:border-t-0 md:border-r md:p-2 lg:w-44">
      <div className="hidden h-8 items-center gap-2.5 px-1.5 md:mb-2 md:flex">
        <img src="/favicon.svg" alt="" className="size-6" />
        <span className="hidden text-base font-semibold lg:inline">HashScope</span>
      </div>
      {PLACES.map((place) => <Item key={place.path} place={place} />)}
      <ThemeSwitch />
    </nav>
  );
}

export function Shell() {
  const { pathname } = useLocation();
  return (
    <div className="flex h-full flex-col md:flex-row">
      <Navigation />
      <main className="flex min-h-0 min-w-0 flex-1 flex-col overflow-hidden">
        <Unreachable />
        <div className="min-h-0 flex-1">
          <ErrorBoundary key={pathname}>
            <Suspense fallback={<Loading />}>
              <Outlet />
            </Suspense>
          </ErrorBoundary>
        </div>
      </main>
      <MessageDrawer />
    </div>
  );
}
