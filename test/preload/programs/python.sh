# SPDX-License-Identifier: MIT
# packages: python3.11
# command: /usr/bin/python3.11
# locks: a semaphore for each lock of the language, a mutex and condition variables for the interpreter's own; 8 threads over two queues
# unit: item/s
version() { /usr/bin/python3.11 --version; }
prepare() { :; }
queues() { under /usr/bin/python3.11 -B -E "$here/queues.py" "$@"; }
correct() { queues items 3000; }
speed() { queues seconds 1; }
