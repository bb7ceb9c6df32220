# SPDX-License-Identifier: MIT
# packages: libglib2.0-tests
# command: /usr/libexec/installed-tests/glib/rec-mutex
# locks: recursive mutexes, rwlocks and threads of its own tests (GMutex and GCond wait by themselves)
# unit: s
# bench: no
# limit: 590
version() { echo "GLib $(dpkg-query -W -f '${Version}' libglib2.0-tests 2>/dev/null)"; }
prepare() { :; }
correct() {
	local test
	for test in mutex rec-mutex rwlock cond once thread thread-pool threadtests asyncqueue bitlock thread-deprecated timeout task; do
		[ -x /usr/libexec/installed-tests/glib/$test ] || continue
		G_TEST_SRCDIR=/usr/libexec/installed-tests/glib G_TEST_BUILDDIR=/usr/libexec/installed-tests/glib \
			under /usr/libexec/installed-tests/glib/$test --tap 2>&1 | grep -oE '^(not )?ok [0-9]+ [^ ]*( # SKIP.*)?' | sed "s|^|$test: |"
		echo "$test: status ${PIPESTATUS[0]}"
	done
}
