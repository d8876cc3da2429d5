# shellcheck shell=bash
# SPDX-License-Identifier: Apache-2.0
# Sourced by the other scripts: where things are, locks, and processes known by number and start time.

scripts=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd -P)
root=$(dirname "$scripts")
local_dir=$root/.local
# Locks between clones: of the local Maven repository, and of choosing ports.
# shellcheck disable=SC2034
user_dir=${XDG_CACHE_HOME:-${HOME:-/var/tmp}/.cache}/daybook
# shellcheck disable=SC2034
kafka_home=$local_dir/kafka-jars

say() {
    printf '%s\n' "$*" >&2
}

fail() {
    say "error: $*"
    exit 1
}

# locked FILE WHAT COMMAND...: one at a time; says what it waits for.
locked() {
    local file=$1 what=$2
    shift 2
    mkdir -p "$(dirname "$file")"
    (
        exec 8>"$file"
        flock --nonblock 8 || {
            say "waiting for $what to end"
            flock 8
        }
        "$@" 8>&-
    )
}

# Numbers of processes are given again; number and start time are not. A zombie is no process.
process_start() {
    local stat fields
    { stat=$(<"/proc/$1/stat"); } 2>/dev/null || return 1
    read -ra fields <<<"${stat##*) }"
    [[ ${fields[0]} != [ZX] ]] && echo "${fields[19]}"
}

# process_record FILE PID
process_record() {
    echo "$2 $(process_start "$2")" >"$1"
}

# process_runs FILE: sets `pid` as well.
process_runs() {
    local start
    [ -f "$1" ] && read -r pid start <"$1" && [ -n "$start" ] && [ "$(process_start "$pid")" = "$start" ]
}

# process_stop FILE SIGNAL SECONDS: SIGKILL when the process outlives its time.
process_stop() {
    local tenths=$(($3 * 10)) pid
    if process_runs "$1"; then
        kill -s "$2" "$pid" 2>/dev/null || true
        while process_runs "$1"; do
            sleep 0.1
            if [ $((--tenths)) -eq 0 ]; then
                say "$(basename "$1") ($pid) did not end within $3 s of SIG$2, killing it"
                kill -s KILL "$pid" 2>/dev/null || true
            fi
        done
    fi
    rm -f "$1"
}

# processes_where FIELD VALUE: the numbers of those whose field of /proc/PID/stat, counted from the
# state, has the value: 1 is the parent, 3 the session.
processes_where() {
    local stat fields
    for stat in /proc/[0-9]*/stat; do
        { stat=$(<"$stat"); } 2>/dev/null || continue
        read -ra fields <<<"${stat##*) }"
        if [ "${fields[$1]}" = "$2" ] && [ "${fields[0]}" != Z ]; then
            echo "${stat%% *}"
        fi
    done
}

process_await_end() {
    while process_start "$1" >/dev/null; do
        sleep 0.05
    done
}

# processes_kill_in DIRECTORY PROGRAM: SIGKILL to all processes of this program that stand in it.
processes_kill_in() {
    local directory link pid
    [ -d "$1" ] || return 0
    directory=$(cd "$1" && pwd -P)
    for link in /proc/[0-9]*/cwd; do
        pid=${link//[!0-9]/}
        if [ "$(readlink "$link")" = "$directory" ] && [ "$(<"/proc/$pid/comm")" = "$2" ]; then
            kill -s KILL "$pid" 2>/dev/null || true
            process_await_end "$pid"
        fi
    done
}

# process_kill FILE: SIGKILL to the process and its children, and waits until all are gone.
process_kill() {
    local pid victims victim
    process_runs "$1" || return 0
    mapfile -t victims < <(echo "$pid" && processes_where 1 "$pid")
    kill -s KILL "${victims[@]}" 2>/dev/null || true
    for victim in "${victims[@]}"; do
        process_await_end "$victim"
    done
    rm -f "$1"
}

# process_signal FILE SIGNAL: to the process, then to its children.
process_signal() {
    local pid child
    process_runs "$1" || return 0
    kill -s "$2" "$pid"
    for child in $(processes_where 1 "$pid"); do
        kill -s "$2" "$child" 2>/dev/null || true
    done
}

# job_kill PID: ends a job of this script, and what that waits for.
job_kill() {
    local children child
    mapfile -t children < <(processes_where 1 "$1")
    kill "$1" 2>/dev/null || true
    for child in "${children[@]}"; do
        job_kill "$child"
    done
}

# session_stop FILE: ends the process and all others of its session, also when it is gone itself.
session_stop() {
    local session rest
    [ -f "$1" ] || return 0
    read -r session rest <"$1"
    process_stop "$1" TERM 15
    mapfile -t rest < <(processes_where 3 "$session")
    [ ${#rest[@]} -eq 0 ] || kill -s KILL "${rest[@]}" 2>/dev/null || true
}

# await SECONDS WHAT FILE CONDITION...: until the condition holds; fails when FILE's process ends before.
await() {
    local deadline=$((SECONDS + $1)) what=$2 file=$3
    shift 3
    until "$@" >/dev/null 2>&1; do
        process_runs "$file" || return 1
        [ $SECONDS -lt $deadline ] || {
            say "$what is still not there"
            return 1
        }
        sleep 0.1
    done
}

# port_free FIRST LAST: prints the first of these ports that nobody listens on.
port_free() {
    local port
    for ((port = $1; port <= $2; port++)); do
        if ! (exec 3<>"/dev/tcp/127.0.0.1/$port") 2>/dev/null; then
            echo "$port"
            return
        fi
    done
    fail "no free port from $1 to $2"
}
