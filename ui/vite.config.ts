import react from "@vitejs/plugin-react";
import tailwind from "@tailwindcss/vite";
import { fileURLToPath } from "node:url";
import { defineConfig } from "vitest/config";

// `npm run dev` shows the sources as they are and asks a running API for everything else.
const api = process.env.HASHSCOPE_API ?? "http://127.0.0.1:8000";

export default defineConfig({
  plugins: [react(), tailwind()],
  resolve: { alias: { "@": fileURLToPath(new URL("./src", import.meta.url)) } },
  server: {
    proxy: {
      "^/(api|login|logout|health|docs|openapi.yaml)": { target: api, ws: true },
    },
  },
  build: {
    target: "es2022",
    outDir: "../build/share/hashscope/ui",
    // Everything is a file of our own origin: the page's policy allows no data: scripts or styles.
    assetsInlineLimit: 0,
    modulePreload: { polyfill: false },
    rollupOptions: {
      output: {
        manualChunks: (id) => (/node_modules\/(react|react-dom|scheduler)\//.test(id) ? "react" : undefined),
      },
    },
  },
  test: { include: ["src/**/*.test.{ts,tsx,mjs}"] },
});
