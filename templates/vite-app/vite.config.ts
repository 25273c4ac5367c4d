import { defineConfig } from 'vite';

// The page is reached through a gateway under another host. Changes come over a WebSocket to the page's own host, port and
// protocol, which is what Vite does when `server.hmr` says nothing else.
export default defineConfig({
	server: {
		host: '127.0.0.1',
		port: 5173,
		strictPort: true,
		// Only the gateway reaches the sandbox, and it checks who asks.
		allowedHosts: true
	}
});
