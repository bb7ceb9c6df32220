// SPDX-License-Identifier: MIT
// Workers that answer messages and hash in libuv's pool of threads: workers.js count N | seconds S.
const { Worker, isMainThread, parentPort } = require('worker_threads');
const crypto = require('crypto');

if (!isMainThread) {
	parentPort.on('message', (n) => crypto.pbkdf2('key', String(n), 20, 32, 'sha256', (_, key) => parentPort.postMessage(key.readUInt32LE(0))));
} else {
	const [how, n] = [process.argv[2], Number(process.argv[3])];
	let start, done = 0, sum = 0, live = 0;
	const elapsed = () => Number(process.hrtime.bigint() - start) / 1e9;
	const more = (sent) => (how === 'count' ? sent < n : elapsed() < n);
	const starts = [];
	for (let i = 0; i < 4; i++) {
		const worker = new Worker(__filename);
		let sent = 0;
		const next = () => worker.postMessage(sent++);
		worker.on('message', (hash) => {
			done++;
			sum += hash;
			if (more(sent)) {
				next();
			} else {
				worker.terminate();
				if (--live === 0)
					console.log(how === 'count' ? `${done} ${sum}` : done / elapsed());
			}
		});
		worker.on('online', () => {         // all of them first
			starts.push(next);
			if (++live === 4) {
				start = process.hrtime.bigint();
				starts.forEach((begin) => begin());
			}
		});
	}
}
