# SPDX-License-Identifier: MIT
# packages: x264=x264
# command: x264
# locks: mutexes and condition variables between the threads of successive frames, 4 threads
# unit: s
version() { x264 --version | head -n 1; }
prepare() { data 16; }
encode() { under x264 --quiet --no-progress --threads 4 --preset "$1" --demuxer raw --input-res 640x352 --fps 25 --frames "$2" -o "$3" "$(data 16)" 2>/dev/null; }
correct() { encode faster 24 "$DIR/movie.264" && cksum <"$DIR/movie.264"; }
speed() { seconds encode ultrafast 46 /dev/null; }
