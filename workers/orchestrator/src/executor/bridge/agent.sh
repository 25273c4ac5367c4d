# What the bridge does not do itself, done inside the container: runs that happen once, files that stay in the workspace,
# and how the container stands. Everything it says is one line of words; output and lists are base64.
#
# It lies in a folder of its own beside the workspace, together with what it knows. Both are gone with the container, so
# a container without this file is another one than the sandbox was made in, and nothing happens in it.
#
# Needs a POSIX shell and GNU coreutils, findutils and util-linux, as Debian and Ubuntu have them.

D=${0%/*}
ask=$1
shift
now() { date +%s%3N; }
say() { printf '%s\n' "$*"; }
stop() { say "$@"; exit 0; }

# Microseconds of CPU time: of the control group, or else of the machine that the container is.
cpu() {
    { sed -n 's/^usage_usec //p' /sys/fs/cgroup/cpu.stat 2>/dev/null | grep . \
        || awk '/^cpu /{printf "%.0f\n", ($2+$3+$4)*10000}' /proc/stat; } | head -n 1
}
memory() {
    cat /sys/fs/cgroup/memory.current 2>/dev/null \
        || awk '/^MemTotal/{t=$2}/^MemAvailable/{a=$2}END{printf "%.0f\n", (t-a)*1024}' /proc/meminfo
}

# begin EPOCH WORKSPACE: the run begins; again: it has begun.
begin() {
    if [ ! -e "$D/ready" ]; then
        mkdir -p "$D/execs" "$2" || exit 1
        realpath "$2" >"$D/workspace"
        say "$1" >"$D/epoch"
        cpu >"$D/cpu"
        : >"$D/used"
        now >"$D/started.$$"
        mv -n "$D/started.$$" "$D/started"
        : >"$D/ready"
    fi
    W=$(cat "$D/workspace")
    report
}

report() {
    say epoch "$(cat "$D/epoch")"
    say started "$(cat "$D/started")"
    say used "$(stat -c %Y "$D/used")"
    [ -e "$D/touched" ] || say blank
    say cpu "$(($(cpu) - $(cat "$D/cpu")))"
    say memory "$(memory)"
    say disk "$(timeout 2 du -skx "$W" 2>/dev/null | cut -f 1)"
    say ports $(awk '$4=="0A"{n=split($2,a,":");print a[n]}' /proc/net/tcp /proc/net/tcp6 2>/dev/null | sort -u)
    say ok
}

# The workspace is put to use.
touched() { : >"$D/touched"; : >"$D/used"; }

# epoch N: grows, never falls.
epoch() {
    [ "$1" -gt "$(cat "$D/epoch")" ] && { say "$1" >"$D/epoch.new"; mv "$D/epoch.new" "$D/epoch"; }
    say ok
}

# exec NAME SECONDS LOG PART...: starts the script of base64 parts, unless something has this name already. With a LOG it
# goes on in the background, else what it writes is told.
exec_() {
    name=$1 seconds=$2 log=$3
    shift 3
    E=$D/execs/$name
    touched
    if mkdir "$E" 2>/dev/null; then
        for part; do printf %s "$part"; done | base64 -d >"$E/script"
        if [ -n "$log" ]; then
            mkdir -p "$W/.slipway/logs"
            setsid sh "$0" behind "$name" "$W/.slipway/logs/$log" </dev/null >/dev/null 2>&1 &
        else
            setsid sh "$0" before "$name" "$seconds" </dev/null >/dev/null 2>&1 &
        fi
    fi
    [ -n "$log" ] && stop detached
    say begun
    follow "$name" 0 0
}

# behind NAME LOG: in the background. Its log holds the newest 512 KiB at most, `LOG.1` what was before.
behind() {
    say $$ >"$D/execs/$1/pid.new"
    mv "$D/execs/$1/pid.new" "$D/execs/$1/pid"
    sh "$D/execs/$1/script" "$W" </dev/null 2>&1 | while :; do
        unbuffered head -c 524288 >"$2"
        # A log that cannot be written ends it too.
        [ "$(stat -c %s "$2" 2>/dev/null || echo 0)" -ge 524288 ] || break
        mv "$2" "$2.1"
    done
}

# before NAME SECONDS: what it writes goes to two files, the rest of more than 4 MiB is only counted.
before() {
    E=$D/execs/$1
    say $$ >"$E/pid.new"
    mv "$E/pid.new" "$E/pid"
    mkfifo "$E/o" "$E/e"
    for one in o e; do
        { unbuffered head -c 4194304 >"$E/$one.text"; wc -c >"$E/$one.rest"; } <"$E/$one" &
    done
    begun=$(now)
    timeout -s KILL "$2" sh "$E/script" "$W" </dev/null >"$E/o" 2>"$E/e"
    code=$?
    took=$(($(now) - begun))
    # What it started may hold its output open; the command has ended all the same.
    tries=0
    until [ -s "$E/o.rest" ] && [ -s "$E/e.rest" ] || [ $tries -ge 10 ]; do
        sleep 0.05
        tries=$((tries + 1))
    done
    dropped=0
    for one in o e; do [ -s "$E/$one.rest" ] && dropped=$((dropped + $(cat "$E/$one.rest"))); done
    say "$code" "$took" "$dropped" >"$E/exit.new"
    mv "$E/exit.new" "$E/exit"
}

unbuffered() {
    if command -v stdbuf >/dev/null; then stdbuf -o0 "$@"; else "$@"; fi
}

# follow NAME O E: tells what it writes from these places on, to its end or for a minute.
follow() {
    E=$D/execs/$1
    o=$2 e=$3
    [ -d "$E" ] || stop none
    : >"$D/used"
    begun=$(now)
    heard=$begun
    while :; do
        ended='' dead=''
        # Asked in this order: what ends in between has written its end.
        pid=$(cat "$E/pid" 2>/dev/null)
        [ -z "$pid" ] || kill -0 "$pid" 2>/dev/null || dead=1
        [ -e "$E/exit" ] && ended=1
        told=''
        give o "$o" && o=$((o + length))
        give e "$e" && e=$((e + length))
        if [ -n "$told" ]; then
            heard=$(now)
            continue
        fi
        [ -n "$ended" ] && stop exit "$(cat "$E/exit")"
        time=$(now)
        # It takes a moment until it is there.
        [ -z "$pid" ] && [ $((time - begun)) -gt 5000 ] && dead=1
        [ -n "$dead" ] && stop lost
        [ $((time - begun)) -gt 60000 ] && stop more
        [ $((time - heard)) -gt 10000 ] && { say alive; heard=$time; }
        sleep 0.1
    done
}

# give WHICH FROM: tells a piece of it.
give() {
    [ -s "$E/$1.text" ] || return 1
    length=$(($(stat -c %s "$E/$1.text") - $2))
    [ "$length" -gt 0 ] || return 1
    [ "$length" -le 49152 ] || length=49152
    say "$1" "$(tail -c "+$(($2 + 1))" "$E/$1.text" | head -c "$length" | base64 -w 0)"
    told=1
}

# Where a path leads: R. The last part is not followed, with a second argument it is.
resolve() {
    if [ -n "$2" ] || [ -z "$1" ]; then
        R=$(realpath -m -- "$W/$1")
    else
        case ${1##*/} in '' | . | ..) stop outside ;; esac
        R=$(realpath -m -- "$(dirname -- "$W/$1")")/${1##*/}
    fi
    case $R in "$W" | "$W"/*) ;; *) stop outside ;; esac
}

# look PATH: what is there.
look() {
    resolve "$1" followed
    if [ -d "$R" ]; then
        say folder "$(find "$R" -mindepth 1 -maxdepth 1 -printf '%y %s %T@ %f\0' \
            | LC_ALL=C sort -z -k 4 | head -z -n 1001 | base64 -w 0)"
    elif [ -f "$R" ]; then
        say file "$(stat -c %s "$R")" "${R#"$W"/}"
    elif [ -e "$R" ]; then
        say other
    else
        say none
    fi
}

# place NAME PATH [first]: what was put into the workspace under a name of ours becomes this file. The first files leave
# the workspace unused, until all of them are there.
place() {
    resolve "$2"
    if [ -d "$R" ] && [ ! -L "$R" ]; then rm -f "$W/$1"; stop folder; fi
    [ -n "$3" ] || touched
    { mkdir -p "${R%/*}" && mv -fT "$W/$1" "$R"; } 2>/dev/null && stop ok
    rm -f "$W/$1"
    say failed
}

# remove PATH: a file, or a folder with all in it.
remove() {
    resolve "$1"
    [ "$R" != "$W" ] || stop outside
    [ -e "$R" ] || [ -L "$R" ] || stop none
    touched
    rm -rf "$R" 2>/dev/null && stop ok
    say failed
}

# pack NAME: the workspace as an archive of this name in it; how large it is.
pack() {
    # Of those who asked and did not come to an end.
    find "$W" -maxdepth 1 -name '.slipway-out-*' -mmin +60 -delete
    tar -C "$W" --exclude './.slipway-in-*' --exclude './.slipway-out-*' -czf "$W/$1" . 2>/dev/null
    # 1: something was written to meanwhile, which is nobody's fault.
    [ $? -le 1 ] || { rm -f "$W/$1"; stop failed; }
    say packed "$(stat -c %s "$W/$1")"
}

# unpack NAME [blank]: the workspace becomes what the archive of this name says; with `blank` only while it is unused.
unpack() {
    new=$W/.slipway-in-new.$$
    if [ -n "$2" ] && [ -e "$D/touched" ]; then rm -f "$W/$1"; stop ok; fi
    if ! { mkdir "$new" && tar -C "$new" -xzf "$W/$1"; } 2>/dev/null; then
        rm -rf "$new" "$W/$1"
        stop failed
    fi
    find "$W" -mindepth 1 -maxdepth 1 ! -path "$new" -exec rm -rf {} +
    find "$new" -mindepth 1 -maxdepth 1 -exec mv -t "$W" {} +
    rmdir "$new"
    # Not before: should it end in between, it is done again.
    touched
    say ok
}

# drop NAME: an archive was taken away.
drop() { rm -f "$W/$1"; say ok; }

if [ "$ask" = begin ]; then
    begin "$@"
    exit
fi
[ -e "$D/ready" ] || stop gone
W=$(cat "$D/workspace")
case $ask in
exec) exec_ "$@" ;;
touch) touched; say ok ;;
report | epoch | follow | before | behind | look | place | remove | pack | unpack | drop) "$ask" "$@" ;;
*) say unknown ;;
esac
