# SPDX-License-Identifier: MIT
# packages: gdb=gdb gcc=gcc
# command: gdb gcc
# locks: mutexes and condition variables of its own threads; what it shows of a program that waits for a mutex on our locks
# unit: s
version() { gdb --version | head -n 1; }
prepare() {
	"${CC:-gcc}" -g -O1 -pthread -o "$DIR/held" -D_GNU_SOURCE -x c - <<'C'
#include <pthread.h>
#include <stdio.h>
static pthread_mutex_t mutex = PTHREAD_RECURSIVE_MUTEX_INITIALIZER_NP;
static void *work(void *arg)
{
	pthread_mutex_lock(&mutex);
	pthread_mutex_unlock(&mutex);
	return arg;
}
static void held(void)
{
	puts("held");
}
int main(void)
{
	pthread_t thread;

	pthread_mutex_lock(&mutex);
	pthread_create(&thread, NULL, work, NULL);
	held();
	pthread_mutex_unlock(&mutex);
	pthread_join(thread, NULL);
	return 3;
}
C
}
# The debugger and the program alike; the owner that the mutex names is the thread that holds it.
debug() {
	under gdb -q -batch -nx -ex 'break held' -ex run -ex 'print mutex.__data.__kind' \
		-ex 'python print("owner", gdb.parse_and_eval("mutex.__data.__owner") == gdb.selected_thread().ptid[1])' \
		-ex 'thread apply all -q bt 1' -ex continue -ex 'print $_exitcode' "$DIR/held" 2>&1
}
correct() { debug | grep -oE '^\$[0-9]+ = |^owner.*|^#0 .* held|exited with.*'; }
speed() { seconds debug; }
