// Serves this folder and reloads the pages that are open when a file changes.
//
//   node serve.mjs            on port 8000, or on PORT
//
// Pages hear of changes over a WebSocket (RFC 6455). Files are looked at only while a page is open.

import { createHash } from 'node:crypto';
import { createServer } from 'node:http';
import { readdir, readFile, realpath, stat } from 'node:fs/promises';
import path from 'node:path';
import { fileURLToPath } from 'node:url';

const ROOT = await realpath(path.dirname(fileURLToPath(import.meta.url)));
const PORT = Number(process.env.PORT ?? 8000);
const RELOAD_PATH = '/__reload';
/** How often files are looked at, and how many at most. */
const LOOK_MS = 250;
const MAX_FILES = 2000;
/** Pages tell nothing but that they are there. */
const MAX_FRAME_BYTES = 4096;
const MAX_PAGES = 100;

const TYPES = {
	'.css': 'text/css; charset=utf-8',
	'.gif': 'image/gif',
	'.html': 'text/html; charset=utf-8',
	'.ico': 'image/x-icon',
	'.jpeg': 'image/jpeg',
	'.jpg': 'image/jpeg',
	'.js': 'text/javascript; charset=utf-8',
	'.json': 'application/json',
	'.md': 'text/plain; charset=utf-8',
	'.mjs': 'text/javascript; charset=utf-8',
	'.mp4': 'video/mp4',
	'.png': 'image/png',
	'.svg': 'image/svg+xml',
	'.txt': 'text/plain; charset=utf-8',
	'.wasm': 'application/wasm',
	'.webp': 'image/webp',
	'.woff2': 'font/woff2'
};

/** Put into every page. A page that lost its socket comes back by itself, and reloads since it may have missed something. */
const SCRIPT = `<script>
(() => {
	let wait = 500, lost = false;
	const open = () => {
		const socket = new WebSocket((location.protocol === 'https:' ? 'wss://' : 'ws://') + location.host + '${RELOAD_PATH}');
		socket.onopen = () => { wait = 500; if (lost) location.reload(); };
		socket.onmessage = (message) => { if (message.data === 'reload') location.reload(); };
		socket.onclose = () => { lost = true; setTimeout(open, wait); wait = Math.min(wait * 2, 15000); };
	};
	open();
})();
</script>
`;

const server = createServer((request, response) => {
	answer(request, response).catch((error) => {
		console.error(error);
		if (!response.headersSent) send(request, response, 500, 'text/plain', 'The file could not be read.\n');
	});
});

async function answer(request, response) {
	if (request.method !== 'GET' && request.method !== 'HEAD') {
		response.setHeader('allow', 'GET, HEAD');
		return send(request, response, 405, 'text/plain', 'Only GET and HEAD.\n');
	}
	const file = await find(request.url ?? '/');
	if (file === undefined) return send(request, response, 404, 'text/plain', 'There is no such file.\n');
	const type = TYPES[path.extname(file).toLowerCase()] ?? 'application/octet-stream';
	let body = await readFile(file);
	if (type.startsWith('text/html')) body = withScript(body.toString('utf8'));
	console.log(`${request.method} ${request.url}`);
	send(request, response, 200, type, body);
}

/** The file behind an address; undefined when there is none below this folder, or it is hidden. */
async function find(address) {
	let wanted;
	try {
		wanted = decodeURIComponent(address.split(/[?#]/, 1)[0]);
	} catch {
		return undefined;
	}
	if (wanted.includes('\0') || wanted.split('/').some((part) => part.startsWith('.'))) return undefined;
	for (const end of ['', 'index.html', '.html']) {
		try {
			const file = await realpath(path.join(ROOT, wanted + (end === 'index.html' ? '/' : '') + end));
			const inside = file.startsWith(ROOT + path.sep);
			if (inside && (await stat(file)).isFile()) return file;
		} catch {
			// The next one may be there.
		}
	}
	return undefined;
}

function withScript(html) {
	const at = html.toLowerCase().lastIndexOf('</body>');
	return at < 0 ? html + SCRIPT : html.slice(0, at) + SCRIPT + html.slice(at);
}

function send(request, response, status, type, body) {
	const bytes = Buffer.from(body);
	response.writeHead(status, { 'content-type': type, 'content-length': bytes.length, 'cache-control': 'no-store' });
	response.end(request.method === 'HEAD' ? undefined : bytes);
}

/** Sockets of the pages that are open. */
const pages = new Set();

server.on('upgrade', (request, socket) => {
	socket.on('error', () => socket.destroy());
	const key = request.headers['sec-websocket-key'];
	const known = (request.url ?? '').split('?', 1)[0] === RELOAD_PATH;
	const valid = typeof key === 'string' && /^[+/0-9A-Za-z]{22}==$/.test(key) && request.headers['sec-websocket-version'] === '13';
	if (!known || !valid || pages.size >= MAX_PAGES) {
		socket.end(`HTTP/1.1 ${known ? '400 Bad Request' : '404 Not Found'}\r\nconnection: close\r\ncontent-length: 0\r\n\r\n`);
		return;
	}
	// RFC 6455, section 4.2.2.
	const accept = createHash('sha1').update(`${key}258EAFA5-E914-47DA-95CA-C5AB0DC85B11`).digest('base64');
	socket.write(`HTTP/1.1 101 Switching Protocols\r\nupgrade: websocket\r\nconnection: Upgrade\r\nsec-websocket-accept: ${accept}\r\n\r\n`);
	pages.add(socket);
	let unread = Buffer.alloc(0);
	socket.on('data', (chunk) => {
		unread = hear(socket, Buffer.concat([unread, chunk]));
	});
	socket.on('close', () => pages.delete(socket));
	look();
});

/** Reads the frames of a page, answers pings and closes, and gives back what is no whole frame yet. */
function hear(socket, bytes) {
	for (;;) {
		if (bytes.length < 2) return bytes;
		const [opcode, masked] = [bytes[0] & 0x0f, (bytes[1] & 0x80) !== 0];
		let [length, start] = [bytes[1] & 0x7f, 2];
		if (length === 126) {
			if (bytes.length < 4) return bytes;
			[length, start] = [bytes.readUInt16BE(2), 4];
		}
		// Frames of clients are masked (section 5.1); long ones have no business here.
		if (!masked || length > MAX_FRAME_BYTES || length === 127) {
			socket.end(frame(0x8, Buffer.from(masked ? [0x03, 0xf1] : [0x03, 0xea])));
			return Buffer.alloc(0);
		}
		if (bytes.length < start + 4 + length) return bytes;
		const mask = bytes.subarray(start, start + 4);
		const payload = Buffer.from(bytes.subarray(start + 4, start + 4 + length)).map((byte, at) => byte ^ mask[at % 4]);
		if (opcode === 0x8) {
			socket.end(frame(0x8, payload.subarray(0, 2)));
			return Buffer.alloc(0);
		}
		if (opcode === 0x9) socket.write(frame(0xa, payload.subarray(0, 125)));
		bytes = bytes.subarray(start + 4 + length);
	}
}

/** A frame with at most 125 bytes. */
function frame(opcode, payload) {
	return Buffer.concat([Buffer.from([0x80 | opcode, payload.length]), payload]);
}

let seen;
let looking = false;

/** Compares the files with how they were, as long as a page is open. */
async function look() {
	if (looking) return;
	looking = true;
	while (pages.size > 0) {
		const now = await state();
		if (seen !== undefined && now !== seen) {
			console.log('changed: reloading');
			for (const socket of pages) socket.write(frame(0x1, Buffer.from('reload')));
		}
		seen = now;
		await new Promise((done) => setTimeout(done, LOOK_MS));
	}
	seen = undefined;
	looking = false;
	// A page may have come between the last look and here.
	if (pages.size > 0) look();
}

/** Names, sizes and times of all files, as one text. */
async function state() {
	const lines = [];
	const folders = [ROOT];
	while (folders.length > 0 && lines.length < MAX_FILES) {
		const folder = folders.pop();
		for (const entry of await readdir(folder, { withFileTypes: true }).catch(() => [])) {
			if (entry.name.startsWith('.') || entry.name === 'node_modules') continue;
			const file = path.join(folder, entry.name);
			if (entry.isDirectory()) folders.push(file);
			else {
				const about = await stat(file).catch(() => undefined);
				if (about !== undefined) lines.push(`${file} ${about.size} ${about.mtimeMs}`);
			}
		}
	}
	return lines.sort().join('\n');
}

for (const signal of ['SIGINT', 'SIGTERM']) process.on(signal, () => process.exit(0));
server.listen(PORT, '127.0.0.1', () => console.log(`listening on http://127.0.0.1:${PORT}`));
