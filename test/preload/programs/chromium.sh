# SPDX-License-Identifier: MIT
# packages: chromium=chromium
# command: chromium
# locks: mutexes and condition variables of base::Lock and its pools of threads, in all its processes; a page with four workers, headless
# unit: s
# limit: 240
version() { chromium --version 2>/dev/null; }
prepare() {
	cat >"$DIR/page.html" <<'H'
<!DOCTYPE html><title>workers</title><pre id=p></pre><iframe id=f></iframe><script>
f.contentDocument.open();       // the page has been loaded, and is printed, when this is closed
const source = URL.createObjectURL(new Blob(['onmessage = (e) => { let s = 0; for (let i = 0; i < e.data; i++) s = (s * 31 + i) | 0; postMessage(s); }']));
const start = performance.now();
let sum = 0, left = 400;
for (let w = 0; w < 4; w++) {
	const worker = new Worker(source);
	worker.onmessage = (e) => {
		sum = (sum + e.data) | 0;
		if (--left > 0) return;
		p.textContent = `sum ${sum} in ${(performance.now() - start) / 1000} s`;
		f.contentDocument.close();
	};
	for (let i = 0; i < 100; i++) worker.postMessage(1000 + 100 * w + i);
}
</script>
H
}
page() {
	rm -rf "$DIR/profile"
	under chromium --headless --no-sandbox --disable-gpu --disable-quic --no-first-run --disable-background-networking --disable-component-update --disable-sync \
		--user-data-dir="$DIR/profile" --window-size=320,200 --timeout=60000 --dump-dom "file://$DIR/page.html" 2>"$DIR/log"
	local rc=$?
	rm -rf "$DIR/profile"
	return $rc
}
correct() { page | grep -oE 'sum -?[0-9]+'; }
speed() { page | sed -n 's/.*sum.* in \([0-9.]*\) s.*/\1/p'; }
