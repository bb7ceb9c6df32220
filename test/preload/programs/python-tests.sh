# SPDX-License-Identifier: MIT
# packages: python3.11 libpython3.11-testsuite
# command: /usr/bin/python3.11 /usr/lib/python3.11/test/test_threading.py
# locks: as python: CPython's own tests of threads, their locals, signals and queues, and of concurrent.futures with threads
# unit: s
# bench: no
# limit: 590
version() { /usr/bin/python3.11 --version; }
prepare() { :; }
# Each test and how it ended.
tests() {
	rm -f "$DIR/result.xml"
	under /usr/bin/python3.11 -B -E -m test --junit-xml "$DIR/result.xml" "$@" >&2
	echo "status $?"
	sed 's/<testcase /\n&/g' "$DIR/result.xml" | sed -nE 's/^<testcase name="([^"]*)" status="([^"]*)" result="([^"]*)".*"(.*)/\1 \2 \3\4/p' |
		sed -E 's/ \/>.*//; s/<(failure|error).*/ \1/; s/<.*//' | sort
}
correct() {
	tests test_threading test_thread test_threadsignals test_threading_local test_queue
	tests -m '*ThreadPool*' -m '*FutureTests*' test_concurrent_futures
}
